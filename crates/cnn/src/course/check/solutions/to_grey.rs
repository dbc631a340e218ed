fn to_grey(images: &Tensor) -> Tensor {
    let mean = images.to_kind(Kind::Float).mean_dim([1].as_slice(), true, Kind::Float);
    mean.round().to_kind(Kind::Uint8)
}
