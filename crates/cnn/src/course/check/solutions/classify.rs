fn classify(model: &Sequential, image: &Tensor) -> cnn::anyhow::Result<i64> {
    let probabilities = model.predict(&image.reshape([1, 1, 28, 28]))?;
    Ok(probabilities.argmax(-1, false).int64_value(&[0]))
}
