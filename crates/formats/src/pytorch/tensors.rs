//! From what a pickle built to tensors by name, each in one piece.

use anyhow::{bail, ensure, Context, Result};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::rebuild;
use super::value::{Id, Tensor, Value, Values};
use crate::array::bytes_of;
use crate::budget::Budget;
use crate::strided::gather;
use crate::Array;

/// Containers in each other.
const MOST_DEPTH: usize = 64;
const ADVICE: &str = "Save its weights alone: torch.save(model.state_dict(), \"model.pt\")";

/// Where the bytes of storages are, by key.
pub(super) trait Storages<'a> {
    fn bytes(&self, key: &str) -> Result<Cow<'a, [u8]>>;
}

/// What is needed on the way through the values.
pub(super) struct Walk<'w, 'a> {
    pub values: &'w Values,
    pub budget: &'w Budget,
    pub big_endian: bool,
    pub storages: &'w dyn Storages<'a>,
    /// Storages that were read, as many tensors may have one.
    pub read: HashMap<String, Cow<'a, [u8]>>,
    pub found: Vec<(String, Array)>,
}

impl Walk<'_, '_> {
    /// All tensors of a file.
    pub fn tensors(mut self, root: Id) -> Result<Vec<(String, Array)>> {
        self.visit(root, "", 0)?;
        if self.found.is_empty() {
            bail!("there are no tensors in it, only {}. {ADVICE}", self.describe(root));
        }
        let mut names = HashSet::new();
        for (name, _) in &self.found {
            ensure!(
                names.insert(name),
                "two tensors are called {name}. Save them without dictionaries in each other"
            );
        }
        Ok(self.found)
    }

    fn visit(&mut self, id: Id, path: &str, depth: usize) -> Result<()> {
        ensure!(depth <= MOST_DEPTH, "{path}: there are more than {MOST_DEPTH} containers in each other");
        self.budget.spend(64 + path.len())?;
        let inner = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        match self.values.get(id) {
            Value::Tensor(tensor) => {
                let array = self.array(tensor).with_context(|| format!("the tensor {path}"))?;
                self.found.push((path.to_string(), array));
            }
            Value::Unreadable(what) => {
                bail!("{path} is {what}, which is not read; tensors of numbers in one piece are")
            }
            Value::Dict(pairs) => {
                for (index, (key, value)) in pairs.iter().enumerate() {
                    let name = match self.values.get(*key) {
                        Value::Text(text) => text.clone(),
                        Value::Int(number) => number.to_string(),
                        _ => index.to_string(),
                    };
                    self.visit(*value, &inner(&name), depth + 1)?;
                }
            }
            Value::List(items) | Value::Tuple(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(*item, &inner(&index.to_string()), depth + 1)?;
                }
            }
            Value::Object { class, state: Some(state) } if self.is_module(*state) => {
                // A loss is a module, too, and may stand beside the weights: it has none.
                let whole = path.is_empty() || self.holds_tensor(*state, 0)?;
                let place = if path.is_empty() { "the file" } else { path };
                ensure!(
                    !whole,
                    "{place} holds a whole network ({class}), which only Python could rebuild. {ADVICE}"
                );
            }
            _ => {}
        }
        Ok(())
    }

    fn is_module(&self, state: Id) -> bool {
        match self.values.get(state) {
            Value::Dict(pairs) => pairs.iter().any(|(key, _)| self.values.text(*key) == Some("_parameters")),
            _ => false,
        }
    }

    fn holds_tensor(&self, id: Id, depth: usize) -> Result<bool> {
        self.budget.spend(64)?;
        let any = |ids: &mut dyn Iterator<Item = Id>| -> Result<bool> {
            for id in ids {
                if depth < MOST_DEPTH && self.holds_tensor(id, depth + 1)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match self.values.get(id) {
            Value::Tensor(_) | Value::Unreadable(_) => Ok(true),
            Value::Dict(pairs) => any(&mut pairs.iter().map(|(_, value)| *value)),
            Value::List(items) | Value::Tuple(items) => any(&mut items.iter().copied()),
            Value::Object { state: Some(state), .. } => any(&mut std::iter::once(*state)),
            _ => Ok(false),
        }
    }

    fn describe(&self, root: Id) -> String {
        match self.values.get(root) {
            Value::Dict(pairs) => {
                let keys: Vec<&str> =
                    pairs.iter().filter_map(|(key, _)| self.values.text(*key)).take(20).collect();
                format!(
                    "a dictionary of {}",
                    if keys.is_empty() { "nothing".to_string() } else { keys.join(", ") }
                )
            }
            Value::Object { class, .. } => class.clone(),
            Value::Text(_) => "a text".to_string(),
            Value::List(_) | Value::Tuple(_) => "a list".to_string(),
            _ => "a single value".to_string(),
        }
    }

    /// A tensor's numbers, row by row.
    fn array(&mut self, tensor: &Tensor) -> Result<Array> {
        let class = &tensor.storage.class;
        let kind = tensor.kind.or_else(|| rebuild::kind(class)).with_context(|| {
            format!("its numbers are of a {class}, which is not read; convert it in Python first, with .to(torch.float32)")
        })?;
        ensure!(tensor.shape.len() == tensor.strides.len(), "its shape and its strides do not fit");
        let size = bytes_of(&tensor.shape, kind.size())?;
        self.budget.spend(size)?;
        let mut bytes = if size == 0 {
            Vec::new()
        } else {
            let key = &tensor.storage.key;
            if !self.read.contains_key(key) {
                let storage = self.storages.bytes(key).with_context(|| format!("its storage, {key}"))?;
                self.read.insert(key.clone(), storage);
            }
            let storage = self.read.get(key).map_or(&[][..], |storage| storage);
            let start = tensor.offset.saturating_add(tensor.storage.start);
            gather(storage, kind.size(), start, &tensor.shape, &tensor.strides)?
        };
        if self.big_endian {
            bytes.chunks_mut(kind.size()).for_each(<[u8]>::reverse);
        }
        Array::new(kind, tensor.shape.clone(), bytes)
    }
}
