fn softmax(logits: &Tensor) -> Tensor {
    let powers = (logits - logits.amax([1].as_slice(), true)).exp();
    let sums = powers.sum_dim_intlist(1, true, Kind::Float);
    powers / sums
}
