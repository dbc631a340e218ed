fn mean_squared_error(predicted: &Tensor, wanted: &Tensor) -> f64 {
    (predicted - wanted).square().mean(Kind::Float).double_value(&[])
}
