fn percentile(waited: &[f64], share: f64) -> f64 {
    let mut sorted = waited.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}
