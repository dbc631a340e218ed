fn lowest_epoch(val_loss: &[f64]) -> usize {
    let lowest = val_loss.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    lowest.map_or(0, |(place, _)| place + 1)
}
