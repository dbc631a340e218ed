//! A model as a table.

use super::network::NamedLayer;
use super::sequential::Sequential;
use crate::engine::text::thousands;
use crate::show::Table;

impl Sequential {
    /// A line per layer: name and type, output shape, number of parameters.
    pub fn summary(&self) -> Table {
        let mut table = Table::new("Model: Sequential", ["Layer (type)", "Output Shape", "Param #"]);
        for NamedLayer { name, layer, output_shape } in &self.network.layers {
            let sides: Vec<String> = output_shape.iter().map(i64::to_string).collect();
            let weights = layer.weights().into_iter().chain(layer.non_trainable_weights());
            let params: usize = weights.map(|(_, weight)| weight.numel()).sum();
            table.row([
                format!("{name} ({})", layer.class_name()),
                format!("(None, {})", sides.join(", ")),
                thousands(params as i64),
            ]);
        }
        let count = self.count_params();
        let size = match count * 4 {
            bytes if bytes < 1 << 20 => format!("{:.1} KB", bytes as f64 / 1024.0),
            bytes => format!("{:.2} MB", bytes as f64 / (1 << 20) as f64),
        };
        table.note(&format!("Total params: {} ({size})", thousands(count)));
        let trainable: i64 = self.trainable_weights().iter().map(|(_, weight)| weight.numel() as i64).sum();
        if trainable < count {
            table.note(&format!("Trainable params: {}", thousands(trainable)));
            table.note(&format!("Non-trainable params: {}", thousands(count - trainable)));
        }
        table
    }
}
