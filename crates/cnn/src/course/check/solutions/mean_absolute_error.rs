fn mean_absolute_error(predicted: &Tensor, wanted: &Tensor) -> f64 {
    (predicted - wanted).abs().mean(Kind::Float).double_value(&[])
}
