fn smoothed(values: &[f64], window: usize) -> Vec<f64> {
    let mean = |i: usize| {
        let part = &values[(i + 1).saturating_sub(window)..=i];
        part.iter().sum::<f64>() / part.len() as f64
    };
    (0..values.len()).map(mean).collect()
}
