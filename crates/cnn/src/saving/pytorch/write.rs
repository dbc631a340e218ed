//! A model for PyTorch: a `.safetensors` file with its names and layouts, and the Python that builds the model around it.

use anyhow::Result;
use std::path::Path;
use tch::Tensor;

use super::modules::Modules;
use crate::Sequential;

/// What a block is in Python: PyTorch has no module for it.
const RESIDUAL: &str = r#"
class Residual(nn.Module):
    def __init__(self, inside, shortcut=None):
        super().__init__()
        self.inside, self.shortcut = inside, shortcut

    def forward(self, x):
        return self.inside(x) + (x if self.shortcut is None else self.shortcut(x))

"#;

/// What PyTorch has no module for either. Its numbers are no weights, so that files of weights stay as they are.
const NORMALIZATION: &str = r#"
class Normalization(nn.Module):
    def __init__(self, mean, deviation, sides):
        super().__init__()
        for name, numbers in [("mean", mean), ("deviation", deviation)]:
            by_channel = torch.tensor(numbers).reshape([-1] + [1] * (sides - 1))
            self.register_buffer(name, by_channel, persistent=False)

    def forward(self, x):
        return (x - self.mean) / self.deviation

"#;

/// The weights by PyTorch's names, and the Python for a file called `path`.
pub(in crate::saving) fn for_pytorch(
    model: &Sequential,
    path: &Path,
) -> Result<(Vec<(String, Tensor)>, String)> {
    let network = &model.network;
    let mut modules = Modules::default();
    let layers = network.layers.iter().map(|named| (named.name.clone(), named.layer.as_ref()));
    modules.add_layers(layers, network.input_shape.clone())?;
    let lines: String =
        modules.lines.iter().map(|line| format!("    {},\n", line.replace('\n', "\n    "))).collect();
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let block = if modules.has_blocks { RESIDUAL } else { "" };
    let (torch, normalization) = match modules.has_normalization {
        true => ("import torch\n", NORMALIZATION),
        false => ("", ""),
    };
    let python = format!(
        "{torch}from safetensors.torch import load_file\nfrom torch import nn\n{block}{normalization}\nmodel = nn.Sequential(\n{lines})\n\
         model.load_state_dict(load_file({file:?}))\nmodel.eval()  # predicts from now on: no dropout\n"
    );
    Ok((modules.weights, python))
}
