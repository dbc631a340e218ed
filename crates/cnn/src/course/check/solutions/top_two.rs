fn top_two(probabilities: &Tensor) -> (i64, i64) {
    let places = probabilities.argsort(-1, true); // true: the largest first
    (places.int64_value(&[0]), places.int64_value(&[1]))
}
