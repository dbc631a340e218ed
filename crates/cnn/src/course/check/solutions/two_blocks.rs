fn two_blocks() -> cnn::anyhow::Result<Sequential> {
    Sequential::input([1, 28, 28])
        .add(Conv2D::new(16, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Conv2D::new(32, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .build()
}
