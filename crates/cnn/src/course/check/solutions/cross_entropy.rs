fn cross_entropy(probabilities: &Tensor, labels: &Tensor) -> f64 {
    let of_truth = probabilities.gather(1, &labels.unsqueeze(1), false); // [n, 1]
    -of_truth.log().mean(Kind::Float).double_value(&[])
}
