//! Where the weights start.

use rand::{rngs::StdRng, Rng, SeedableRng};
use tch::{Device, Tensor};

/// Draws initial weights from one seeded generator, so that a seed gives the same model on every device.
pub struct Initializer {
    random: StdRng,
    device: Device,
    /// How many more numbers there may be; below 0 once there were too many.
    room: i64,
    /// Whether weights are drawn; those of a file come instead otherwise, and begin as 0.
    draws: bool,
}

impl Initializer {
    pub(crate) fn new(seed: u64, device: Device, most_weights: usize) -> Self {
        Initializer { random: StdRng::seed_from_u64(seed), device, room: most_weights as i64, draws: true }
    }

    /// For a model that gets its weights from a file.
    pub(crate) fn for_loading(device: Device, most_weights: usize) -> Self {
        Initializer { draws: false, ..Initializer::new(0, device, most_weights) }
    }

    /// Whether more weights were asked for than there may be; some of them are then empty.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.room < 0
    }

    /// `shape` if there is room for as many numbers, else that of an empty tensor.
    fn fitting<'a>(&mut self, shape: &'a [i64]) -> &'a [i64] {
        let count = shape.iter().try_fold(1, |count: i64, &side| count.checked_mul(side));
        self.room = count.map_or(-1, |count| self.room.saturating_sub(count));
        if self.is_exhausted() {
            &[0]
        } else {
            shape
        }
    }

    /// Keras's default for kernels: uniform in ±sqrt(6 / (fan_in + fan_out)).
    ///
    /// `fan_in` and `fan_out` count the connections into one output and out of one input.
    /// Source: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural
    /// networks*, 2010; `keras/src/initializers/random_initializers.py`.
    pub fn glorot_uniform(&mut self, shape: &[i64], fan_in: i64, fan_out: i64) -> Tensor {
        if !self.draws {
            return self.zeros(shape);
        }
        let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
        let shape = self.fitting(shape);
        let count = shape.iter().product::<i64>();
        let values: Vec<f32> = (0..count).map(|_| self.random.gen_range(-limit..limit)).collect();
        Tensor::from_slice(&values).reshape(shape).to_device(self.device)
    }

    /// Keras's default for biases.
    pub fn zeros(&mut self, shape: &[i64]) -> Tensor {
        Tensor::zeros(self.fitting(shape), (tch::Kind::Float, self.device))
    }
}
