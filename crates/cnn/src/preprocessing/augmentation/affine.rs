//! One random draw as a matrix.

/// Degrees, pixels and factors, named as in Keras's `apply_affine_transform`: x goes to the right, y down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    pub theta: f64,
    pub tx: f64,
    pub ty: f64,
    pub shear: f64,
    pub zx: f64,
    pub zy: f64,
}

impl Default for Affine {
    fn default() -> Self {
        Affine { theta: 0.0, tx: 0.0, ty: 0.0, shear: 0.0, zx: 1.0, zy: 1.0 }
    }
}

impl Affine {
    /// Where the output's pixel (x, y) comes from in the input, both counted from the image's centre:
    /// `m[0] · (x, y, 1)` to the right and `m[1] · (x, y, 1)` down. The product of rotation, shift, shear and zoom.
    pub fn matrix(&self) -> [[f64; 3]; 2] {
        let (sin, cos) = self.theta.to_radians().sin_cos();
        let (shear_sin, shear_cos) = self.shear.to_radians().sin_cos();
        let row = |x: f64, y: f64| {
            [x * self.zx, (-x * shear_sin + y * shear_cos) * self.zy, x * self.tx + y * self.ty]
        };
        [row(cos, -sin), row(sin, cos)]
    }
}
