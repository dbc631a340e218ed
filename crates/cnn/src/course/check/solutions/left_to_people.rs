fn left_to_people(probabilities: &Tensor, least: f64) -> i64 {
    let confidence = probabilities.amax([-1_i64].as_slice(), false);
    confidence.lt(least).sum(Kind::Int64).int64_value(&[])
}
