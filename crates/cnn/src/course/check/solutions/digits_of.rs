fn digits_of(answer: &str) -> cnn::anyhow::Result<Vec<i64>> {
    let answer: cnn::serde_json::Value = cnn::serde_json::from_str(answer)?;
    let rows: Vec<Vec<f64>> = cnn::serde_json::from_value(answer["predictions"].clone())?;
    Ok(rows.iter().map(|row| Tensor::from_slice(row).argmax(-1, false).int64_value(&[])).collect())
}
