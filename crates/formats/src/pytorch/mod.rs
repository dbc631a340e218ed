//! PyTorch's files, `.pt` and `.pth`: what `torch.save(model.state_dict(), ...)` writes, as a zip archive or, before
//! PyTorch 1.6, as a row of pickles.
//!
//! A pickle is a small program. This reader knows what tensors and their containers need, and makes of anything else a
//! value without content: nothing that a file names is imported or run.

use anyhow::Result;

use crate::Array;

/// The tensors of a file, in its order. Where dictionaries or lists nest, names are joined with dots: the weights in
/// `{"state_dict": {"conv1.weight": ...}, "epoch": 3}` are called `state_dict.conv1.weight`. What is no tensor is passed over.
///
/// # Errors
/// If the file is of another kind, is damaged, is a TorchScript archive or holds a whole pickled `nn.Module`, if a tensor's numbers are
/// complex or quantised, or if there are no tensors in it.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    let _ = bytes;
    anyhow::bail!("to follow")
}
