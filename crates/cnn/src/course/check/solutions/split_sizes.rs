fn split_sizes(samples: i64, validation_split: f64) -> (i64, i64) {
    let train = (samples as f64 * (1.0 - validation_split)).floor() as i64;
    (train, samples - train)
}
