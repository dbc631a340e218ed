fn standardise(images: &Tensor) -> Tensor {
    (images - images.mean(Kind::Float)) / images.std(false)
}
