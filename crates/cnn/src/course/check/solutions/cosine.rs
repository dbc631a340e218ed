fn cosine(a: &Tensor, b: &Tensor) -> f64 {
    let product = a.dot(b) / (a.norm() * b.norm());
    product.double_value(&[])
}
