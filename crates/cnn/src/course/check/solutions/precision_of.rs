fn precision_of(truth: &Tensor, predicted: &Tensor, class: i64) -> f64 {
    let said = predicted.eq(class);
    let right = said.logical_and(&truth.eq(class));
    right.sum(Kind::Double).double_value(&[]) / said.sum(Kind::Double).double_value(&[])
}
