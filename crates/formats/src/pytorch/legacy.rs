//! The row of pickles that `torch.save` wrote before PyTorch 1.6, and writes still if it is asked to: a number that marks the
//! file, a version, the machine, the content, the storages' keys; then the storages, each behind its count of numbers.

use anyhow::{ensure, Context, Result};
use std::borrow::Cow;
use std::collections::HashMap;

use super::pickle::load;
use super::rebuild::{call, size};
use super::tensors::{Storages, Walk};
use super::value::Values;
use crate::budget::Budget;
use crate::bytes::Reader;
use crate::Array;

/// The number that marks the file, 0x1950a86a20f9469cfc6c, as it stands in a pickle.
const MARK: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

pub(super) fn is_such(bytes: &[u8]) -> bool {
    bytes
        .get(..32.min(bytes.len()))
        .is_some_and(|start| start.windows(MARK.len()).any(|window| window == MARK))
}

pub(super) fn read<'a>(bytes: &'a [u8], budget: &Budget) -> Result<Vec<(String, Array)>> {
    let mut reader = Reader::new(bytes);
    let mut values = Values::default();
    for part in ["mark", "version", "machine"] {
        load(&mut reader, &mut values, budget, call).with_context(|| format!("the file's {part}"))?;
    }
    let mut values = Values::default();
    let root = load(&mut reader, &mut values, budget, call).context("the file's content")?;
    let mut listed = Values::default();
    let keys = load(&mut reader, &mut listed, budget, call).context("the list of the storages")?;
    let keys = listed.items(keys).context("the list of the storages is no list")?;
    let classes = values.storages();
    let mut storages: HashMap<String, &'a [u8]> = HashMap::new();
    for &key in keys {
        let number = listed.count(key).map(|number| number.to_string());
        let key = listed.text(key).map(str::to_string).or(number).context("a storage's key is no text")?;
        let class = classes.get(key.as_str()).with_context(|| format!("no tensor has the storage {key}"))?;
        let size =
            size(class).with_context(|| format!("the storage {key} is a {class}, which is not known"))?;
        let count = usize::try_from(reader.u64()?).ok().and_then(|count| count.checked_mul(size));
        let bytes = count.context("it is too large").and_then(|count| reader.take(count));
        storages.insert(key.clone(), bytes.with_context(|| format!("the storage {key}"))?);
    }
    ensure!(
        reader.is_empty(),
        "{} bytes follow after the last storage: the file is damaged",
        reader.rest().len()
    );
    let storages = Slices(storages);
    let (read, found) = Default::default();
    // Such files are little-endian on all machines.
    Walk { values: &values, budget, big_endian: false, storages: &storages, read, found }.tensors(root)
}

struct Slices<'a>(HashMap<String, &'a [u8]>);

impl<'a> Storages<'a> for Slices<'a> {
    fn bytes(&self, key: &str) -> Result<Cow<'a, [u8]>> {
        self.0.get(key).map(|bytes| Cow::Borrowed(*bytes)).context("it is not in the file")
    }
}
