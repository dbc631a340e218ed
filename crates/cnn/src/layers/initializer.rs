//! Where the weights start.

use rand::{rngs::StdRng, Rng, SeedableRng};
use tch::{Device, Tensor};

/// Draws initial weights from one seeded generator, so that a seed gives the same model on every device.
pub struct Initializer {
    random: StdRng,
    device: Device,
}

impl Initializer {
    pub(crate) fn new(seed: u64, device: Device) -> Self {
        Initializer { random: StdRng::seed_from_u64(seed), device }
    }

    /// Keras's default for kernels: uniform in ±sqrt(6 / (fan_in + fan_out)).
    ///
    /// `fan_in` and `fan_out` count the connections into one output and out of one input.
    /// Source: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural
    /// networks*, 2010; `keras/src/initializers/random_initializers.py`.
    pub fn glorot_uniform(&mut self, shape: &[i64], fan_in: i64, fan_out: i64) -> Tensor {
        let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
        let count = shape.iter().product::<i64>();
        let values: Vec<f32> = (0..count).map(|_| self.random.gen_range(-limit..limit)).collect();
        Tensor::from_slice(&values).reshape(shape).to_device(self.device)
    }

    /// Keras's default for biases.
    pub fn zeros(&mut self, shape: &[i64]) -> Tensor {
        Tensor::zeros(shape, (tch::Kind::Float, self.device))
    }
}
