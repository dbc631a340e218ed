fn one_cycle(step: i64, steps: i64, peak: f64) -> f64 {
    let share = step as f64 / steps as f64;
    let factor = if share < 0.3 { share / 0.3 } else { (1.0 - share) / 0.7 };
    peak * factor
}
