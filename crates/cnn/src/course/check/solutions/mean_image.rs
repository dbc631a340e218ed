fn mean_image(images: &Tensor, labels: &Tensor, digit: i64) -> Tensor {
    let places = labels.eq(digit).nonzero().flatten(0, -1);
    images.index_select(0, &places).mean_dim([0].as_slice(), false, Kind::Float)
}
