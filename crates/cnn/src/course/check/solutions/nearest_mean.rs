fn nearest_mean(image: &Tensor, means: &Tensor) -> i64 {
    let squares = (means - image).square().flatten(1, -1);
    squares.sum_dim_intlist(1, false, Kind::Float).argmin(0, false).int64_value(&[])
}
