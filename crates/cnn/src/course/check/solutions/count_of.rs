fn count_of(labels: &Tensor, digit: i64) -> i64 {
    labels.eq(digit).sum(Kind::Int64).int64_value(&[])
}
