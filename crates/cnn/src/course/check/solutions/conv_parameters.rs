fn conv_parameters(channels: i64, filters: i64, kernel: i64) -> i64 {
    (kernel * kernel * channels + 1) * filters
}
