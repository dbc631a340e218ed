fn worth_believing(first: f64, second: f64, images: i64) -> bool {
    let noise = (first * (1.0 - first) / images as f64).sqrt();
    (first - second).abs() > 3.0 * noise
}
