fn same_weights(a: &Sequential, b: &Sequential) -> bool {
    a.weights() == b.weights()
}
