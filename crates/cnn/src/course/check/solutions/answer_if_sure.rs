fn answer_if_sure(probabilities: &Tensor, least: f64) -> Option<i64> {
    if probabilities.max().double_value(&[]) < least {
        return None;
    }
    Some(probabilities.argmax(-1, false).int64_value(&[]))
}
