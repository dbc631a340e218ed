//! The zip archive that `torch.save` writes since PyTorch 1.6: `data.pkl`, and a file for each storage.

use anyhow::{bail, ensure, Context, Result};
use std::borrow::Cow;

use super::pickle::load;
use super::rebuild::call;
use super::tensors::{Storages, Walk};
use super::value::Values;
use crate::budget::Budget;
use crate::bytes::Reader;
use crate::zipped::Archive;
use crate::Array;

pub(super) fn read(bytes: &[u8], budget: &Budget) -> Result<Vec<(String, Array)>> {
    let archive = Archive::open(bytes)?;
    let pickle = archive
        .names()
        .find_map(|name| name.strip_suffix("data.pkl").filter(|folder| folder.matches('/').count() <= 1));
    let Some(folder) = pickle else {
        let names: Vec<&str> = archive.names().take(5).collect();
        bail!("the zip archive is no file of PyTorch: it holds no data.pkl, only {}", names.join(", "));
    };
    let script = archive.names().any(|name| name.strip_prefix(folder) == Some("constants.pkl"));
    ensure!(
        !script,
        "the file holds a TorchScript program, which is not run. Save its weights in Python: \
         torch.save(torch.jit.load(\"file.pt\").state_dict(), \"weights.pt\")"
    );
    let order = format!("{folder}byteorder");
    let big_endian = archive.names().any(|name| name == order) && *archive.read(&order)? == *b"big";
    let mut values = Values::default();
    let pickle = archive.read(&format!("{folder}data.pkl"))?;
    let root = load(&mut Reader::new(&pickle), &mut values, budget, call)?;
    let storages = Files { archive: &archive, folder };
    let (read, found) = Default::default();
    Walk { values: &values, budget, big_endian, storages: &storages, read, found }.tensors(root)
}

struct Files<'f, 'a> {
    archive: &'f Archive<'a>,
    folder: &'f str,
}

impl<'a> Storages<'a> for Files<'_, 'a> {
    fn bytes(&self, key: &str) -> Result<Cow<'a, [u8]>> {
        self.archive.read(&format!("{}data/{key}", self.folder)).context("it is not in the file")
    }
}
