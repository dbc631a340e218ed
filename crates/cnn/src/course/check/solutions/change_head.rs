fn change_head(model: &mut Sequential, classes: i64) -> cnn::anyhow::Result<()> {
    model.pop()?;
    model.add(Dense::new(classes).activation(Softmax))
}
