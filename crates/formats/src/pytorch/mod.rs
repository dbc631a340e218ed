//! PyTorch's files, `.pt` and `.pth`: what `torch.save(model.state_dict(), ...)` writes, as a zip archive or, before
//! PyTorch 1.6, as a row of pickles.
//!
//! A pickle is a small program. This reader knows what tensors and their containers need, and makes of anything else a
//! value without content: nothing that a file names is imported or run.

mod archive;
mod legacy;
pub(crate) mod pickle;
mod rebuild;
mod scalars;
mod tensors;
pub(crate) mod value;

use anyhow::{ensure, Result};

use crate::budget::Budget;
use crate::Array;

/// The tensors of a file, in its order. Where dictionaries or lists nest, names are joined with dots: the weights in
/// `{"state_dict": {"conv1.weight": ...}, "epoch": 3}` are called `state_dict.conv1.weight`. What is no tensor is passed over.
///
/// # Errors
/// If the file is of another kind, is damaged, is a TorchScript archive or holds a whole pickled `nn.Module`, if a tensor's
/// numbers are complex or quantised, or if there are no tensors in it.
///
/// ```no_run
/// for (name, array) in formats::pytorch::read(&std::fs::read("model.pt")?)? {
///     println!("{name}: {:?} of the shape {:?}", array.kind(), array.shape());
/// }
/// # anyhow::Ok(())
/// ```
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    let budget = Budget::of_file(bytes.len());
    if bytes.starts_with(b"PK") {
        return archive::read(bytes, &budget);
    }
    ensure!(
        legacy::is_such(bytes),
        "it is no file that torch.save writes: {}",
        match bytes {
            [] => "it is empty. Copy or download it again",
            [0x80, ..] =>
                "it is a pickle of another kind. Load it in Python, and save its tensors with torch.save",
            _ => "it is of another format, or damaged. Copy or download it again",
        }
    );
    legacy::read(bytes, &budget)
}
