fn freeze_all_but_the_head(model: &mut Sequential) -> cnn::anyhow::Result<()> {
    let head = model.layers().last().map(|(name, _)| name.to_string()).unwrap_or_default();
    model.set_all_trainable(false);
    model.set_trainable(&head, true)
}
