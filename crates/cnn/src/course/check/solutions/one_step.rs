fn one_step(weight: &Tensor, gradient: &Tensor, rate: f64) -> Tensor {
    weight - gradient * rate
}
