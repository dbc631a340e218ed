fn mean_confidence(probabilities: &Tensor) -> f64 {
    let confidence = probabilities.amax([-1_i64].as_slice(), false);
    confidence.mean(Kind::Double).double_value(&[])
}
