fn channel_means(images: &Tensor) -> Vec<f64> {
    let pixels = images.to_kind(Kind::Float) / 255.0;
    let means = pixels.mean_dim([0, 2, 3].as_slice(), false, Kind::Double);
    means.try_into().expect("a list of numbers")
}
