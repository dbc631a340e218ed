fn recall_of(truth: &Tensor, predicted: &Tensor, class: i64) -> f64 {
    let there = truth.eq(class);
    let right = there.logical_and(&predicted.eq(class));
    right.sum(Kind::Double).double_value(&[]) / there.sum(Kind::Double).double_value(&[])
}
