fn separable_multiply_adds(channels: i64, filters: i64, kernel: i64, side: i64) -> i64 {
    let depthwise = kernel * kernel * channels;
    let pointwise = channels * filters;
    side * side * (depthwise + pointwise)
}
