fn stopping_epoch(val_loss: &[f64], patience: usize) -> usize {
    let (mut best, mut waited) = (f64::INFINITY, 0);
    for (place, &loss) in val_loss.iter().enumerate() {
        waited = if loss < best { 0 } else { waited + 1 };
        best = best.min(loss);
        if waited >= patience {
            return place + 1;
        }
    }
    val_loss.len()
}
