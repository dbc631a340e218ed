fn receptive_field(kernels: &[i64]) -> i64 {
    1 + kernels.iter().map(|kernel| kernel - 1).sum::<i64>()
}
