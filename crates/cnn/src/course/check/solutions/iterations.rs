fn iterations(samples: i64, batch_size: i64) -> i64 {
    let full = samples / batch_size;
    if samples % batch_size == 0 { full } else { full + 1 }
}
