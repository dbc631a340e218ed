fn factor_to_halve(first: (f64, f64), second: (f64, f64)) -> f64 {
    let (images, errors) = (second.0 / first.0, first.1 / second.1);
    images.powf(2_f64.ln() / errors.ln())
}
