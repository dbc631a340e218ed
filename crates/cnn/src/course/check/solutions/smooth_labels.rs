fn smooth_labels(one_hot: &Tensor, smoothing: f64) -> Tensor {
    let classes = one_hot.size()[1];
    one_hot * (1.0 - smoothing) + smoothing / classes as f64
}
