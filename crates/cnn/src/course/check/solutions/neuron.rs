fn neuron(x: &[f64], w: &[f64], b: f64) -> f64 {
    let sum: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
    (sum + b).max(0.0)
}
