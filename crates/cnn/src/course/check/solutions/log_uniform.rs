fn log_uniform(share: f64, low: f64, high: f64) -> f64 {
    low * (high / low).powf(share)
}
