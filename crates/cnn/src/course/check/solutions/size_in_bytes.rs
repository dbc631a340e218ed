fn size_in_bytes(model: &Sequential) -> i64 {
    4 * model.count_params()
}
