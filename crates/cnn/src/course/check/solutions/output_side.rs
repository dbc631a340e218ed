fn output_side(side: i64, kernel: i64, stride: i64) -> i64 {
    (side - kernel) / stride + 1
}
