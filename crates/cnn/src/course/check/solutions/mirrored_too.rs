fn mirrored_too(images: &Tensor) -> Tensor {
    Tensor::cat(&[images.shallow_clone(), images.flip([3])], 0)
}
