//! A model as a table.

use super::network::NamedLayer;
use super::sequential::Sequential;
use crate::engine::text::thousands;
use crate::show::Table;

impl Sequential {
    /// A line per layer: name and type, output shape, number of parameters, and how many multiplications, each with an
    /// addition, its kernels cost for one image.
    pub fn summary(&self) -> Table {
        let columns = ["Layer (type)", "Output Shape", "Param #", "Multiply-adds"];
        let mut table = Table::new("Model: Sequential", columns);
        for (NamedLayer { name, layer, output_shape }, cost) in self.network.layers.iter().zip(self.costs()) {
            let sides: Vec<String> = output_shape.iter().map(i64::to_string).collect();
            let weights = layer.weights().into_iter().chain(layer.non_trainable_weights());
            let params: usize = weights.map(|(_, weight)| weight.numel()).sum();
            table.row([
                format!("{name} ({})", layer.class_name()),
                format!("(None, {})", sides.join(", ")),
                thousands(params as i64),
                thousands(cost),
            ]);
        }
        let count = self.count_params();
        let size = match count * 4 {
            bytes if bytes < 1 << 20 => format!("{:.1} KB", bytes as f64 / 1024.0),
            bytes => format!("{:.2} MB", bytes as f64 / (1 << 20) as f64),
        };
        table.note(&format!("Total params: {} ({size})", thousands(count)));
        let trainable = self.count_trainable_params();
        if trainable < count {
            table.note(&format!("Trainable params: {}", thousands(trainable)));
            table.note(&format!("Non-trainable params: {}", thousands(count - trainable)));
        }
        table.note(&format!("Total multiply-adds: {}", thousands(self.multiply_adds())));
        table
    }

    /// How many multiplications, each with an addition, the kernels of all layers cost for one image. Training costs about
    /// three times as much: once forward, and twice back.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// // A 3×3 kernel on 26·26 places 32 times, 5,408 numbers times 128, and 128 times 10.
    /// assert_eq!(course::model(1)?.multiply_adds(), 9 * 26 * 26 * 32 + 5408 * 128 + 128 * 10);
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn multiply_adds(&self) -> i64 {
        self.costs().iter().sum()
    }

    /// The multiply-adds of each layer.
    fn costs(&self) -> Vec<i64> {
        let layers = &self.network.layers;
        let inputs =
            std::iter::once(&self.network.input_shape).chain(layers.iter().map(|named| &named.output_shape));
        layers.iter().zip(inputs).map(|(named, input)| named.layer.multiply_adds(input)).collect()
    }
}
