fn running_mean(values: &[f64], beta: f64) -> f64 {
    let mut m = 0.0;
    for value in values {
        m = beta * m + (1.0 - beta) * value;
    }
    m / (1.0 - beta.powi(values.len() as i32))
}
