fn one_hot(labels: &Tensor, classes: i64) -> Tensor {
    let all = Tensor::arange(classes, (Kind::Int64, labels.device()));
    labels.unsqueeze(1).eq_tensor(&all).to_kind(Kind::Float)
}
