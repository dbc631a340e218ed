fn survivors(accuracies: &[f64], keep: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..accuracies.len()).collect();
    places.sort_by(|&a, &b| accuracies[b].total_cmp(&accuracies[a]));
    places.truncate(keep);
    places
}
