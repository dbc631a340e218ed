//! What a pickle builds.

use std::collections::HashMap;

use crate::Number;

/// A value's place in [`Values`].
pub(crate) type Id = usize;

/// Values, of which some hold others. One value may be held by many.
#[derive(Default)]
pub(crate) struct Values(Vec<Value>);

/// A value, as far as tensors, arrays and their containers need it.
#[derive(Debug)]
pub(crate) enum Value {
    None,
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or a function, by its full name. It is never looked up.
    Global(String),
    Storage(Storage),
    Tensor(Tensor),
    /// A tensor that is not read, and what it is.
    Unreadable(String),
    /// Anything else: the name of its class, and the state that it was given.
    Object {
        class: String,
        state: Option<Id>,
    },
}

/// The numbers behind one or more tensors.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    /// The class's name, as FloatStorage.
    pub class: String,
    /// Under this name it stands in the file.
    pub key: String,
    /// Of a part of another storage: where it begins, in numbers.
    pub start: u64,
}

/// A view of a storage.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub storage: Storage,
    /// None: that of the storage.
    pub kind: Option<Number>,
    pub offset: u64,
    pub shape: Vec<usize>,
    pub strides: Vec<u64>,
}

impl Values {
    pub fn add(&mut self, value: Value) -> Id {
        self.0.push(value);
        self.0.len() - 1
    }

    pub fn get(&self, id: Id) -> &Value {
        self.0.get(id).unwrap_or(&Value::None)
    }

    pub fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.0.get_mut(id)
    }

    pub fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn global(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Global(name) => Some(name),
            _ => None,
        }
    }

    pub fn count(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// All storages that the values name: the class by key.
    pub fn storages(&self) -> HashMap<&str, &str> {
        let storage = |value| match value {
            &Value::Storage(Storage { ref class, ref key, .. }) => Some((key.as_str(), class.as_str())),
            _ => None,
        };
        self.0.iter().filter_map(storage).collect()
    }
}
