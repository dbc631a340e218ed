//! What PyTorch's pickles call: the few functions that make tensors and dictionaries. They are known by their names.
//!
//! Source: PyTorch's `torch/_utils.py`, `torch/serialization.py` and `torch/storage.py`.

use anyhow::{Context, Result};

use super::value::{Id, Storage, Tensor, Value, Values};
use crate::Number;

const STORAGE: &str = "a storage is not described as PyTorch does it";
const TENSOR: &str = "a tensor is not described as PyTorch does it";

/// The result of a function, or an object of a class.
pub(super) fn call(values: &Values, function: Id, arguments: Id) -> Result<Value> {
    let name = values.global(function).unwrap_or("an unknown class");
    let items = values.items(arguments).unwrap_or_default();
    let rebuilt = name.strip_prefix("torch._utils._rebuild_");
    match name {
        "collections.OrderedDict" | "collections.defaultdict" | "builtins.dict" | "__builtin__.dict" => {
            // Old pickles give the pairs as an argument.
            let pairs = items.iter().filter_map(|&id| values.items(id)).flatten();
            let pair = |&id: &Id| values.items(id)?.try_into().ok().map(|[key, value]: [Id; 2]| (key, value));
            Ok(Value::Dict(pairs.filter_map(pair).collect()))
        }
        "torch._tensor._rebuild_from_type_v2" => match items {
            // A tensor with attributes, or of a class of its own: the function that makes it, and its arguments.
            &[inner, _, arguments, ..] if values.global(inner) != Some(name) => {
                call(values, inner, arguments)
            }
            _ => Ok(Value::Unreadable("a tensor of a class of its own".to_string())),
        },
        "copy_reg._reconstructor" | "copyreg._reconstructor" => {
            let class = items.first().and_then(|&id| values.global(id)).unwrap_or(name);
            Ok(Value::Object { class: class.to_string(), state: None })
        }
        _ => match rebuilt {
            Some("tensor" | "tensor_v2") => tensor(values, items, None),
            Some("tensor_v3") => {
                let dtype = items.get(6).and_then(|&id| values.global(id)).context(TENSOR)?;
                match number(dtype) {
                    Some(kind) => tensor(values, items, Some(kind)),
                    None => Ok(Value::Unreadable(format!("a tensor of {dtype}"))),
                }
            }
            Some("parameter" | "parameter_with_state") => match items.first().map(|&id| values.get(id)) {
                Some(Value::Tensor(tensor)) => Ok(Value::Tensor(tensor.clone())),
                Some(Value::Unreadable(what)) => Ok(Value::Unreadable(what.clone())),
                _ => anyhow::bail!(TENSOR),
            },
            Some(other) => {
                let what = match other {
                    "qtensor" => "a quantised tensor",
                    "sparse_tensor" | "sparse_csr_tensor" => "a sparse tensor",
                    "meta_tensor_no_storage" => "a tensor without numbers, of the device meta",
                    "nested_tensor" => "a nested tensor",
                    _ => "a tensor of a kind of its own",
                };
                Ok(Value::Unreadable(format!("{what} ({name})")))
            }
            None => Ok(Value::Object { class: name.to_string(), state: None }),
        },
    }
}

fn tensor(values: &Values, items: &[Id], kind: Option<Number>) -> Result<Value> {
    let &[storage, offset, shape, strides, ..] = items else {
        anyhow::bail!(TENSOR);
    };
    let Value::Storage(storage) = values.get(storage) else {
        anyhow::bail!(TENSOR);
    };
    let counts =
        |id: Id| -> Option<Vec<u64>> { values.items(id)?.iter().map(|&id| values.count(id)).collect() };
    let shape = counts(shape).context(TENSOR)?.into_iter().map(usize::try_from).collect::<Result<_, _>>()?;
    let strides = counts(strides).context(TENSOR)?;
    let offset = values.count(offset).context(TENSOR)?;
    Ok(Value::Tensor(Tensor { storage: storage.clone(), kind, offset, shape, strides }))
}

/// What a persistent name stands for: a storage, or (of a class with its source) what is there already.
pub(super) fn persistent(values: &Values, pid: Id) -> Result<Result<Value, Id>> {
    let items = values.items(pid).context(STORAGE)?;
    let text = |index: usize| items.get(index).and_then(|&id| values.text(id));
    match text(0) {
        Some("module") => Ok(Err(*items.get(1).context(STORAGE)?)),
        Some("storage") => {
            let class = items.get(1).and_then(|&id| values.global(id)).context(STORAGE)?;
            let number = items.get(2).and_then(|&id| values.count(id));
            let key =
                text(2).map(str::to_string).or(number.map(|number| number.to_string())).context(STORAGE)?;
            // A part of another storage: that one's key, then where it begins.
            let view = items.get(5).and_then(|&id| values.items(id));
            let start = view.and_then(|view| values.count(*view.get(1)?)).unwrap_or(0);
            let class = class.rsplit('.').next().unwrap_or(class).to_string();
            Ok(Ok(Value::Storage(Storage { class, key, start })))
        }
        _ => anyhow::bail!(STORAGE),
    }
}

fn number(dtype: &str) -> Option<Number> {
    Some(match dtype.strip_prefix("torch.")? {
        "float16" => Number::F16,
        "bfloat16" => Number::BF16,
        "float32" => Number::F32,
        "float64" => Number::F64,
        "int8" => Number::I8,
        "int16" => Number::I16,
        "int32" => Number::I32,
        "int64" => Number::I64,
        "uint8" => Number::U8,
        "uint16" => Number::U16,
        "uint32" => Number::U32,
        "uint64" => Number::U64,
        "bool" => Number::Bool,
        _ => return None,
    })
}

/// The numbers of a class of storages.
pub(super) fn kind(class: &str) -> Option<Number> {
    Some(match class.strip_suffix("Storage")? {
        "Half" => Number::F16,
        "BFloat16" => Number::BF16,
        "Float" => Number::F32,
        "Double" => Number::F64,
        "Char" => Number::I8,
        "Short" => Number::I16,
        "Int" => Number::I32,
        "Long" => Number::I64,
        "Byte" => Number::U8,
        "Bool" => Number::Bool,
        _ => return None,
    })
}

/// The size of a number in a storage, also in those that are not read.
pub(super) fn size(class: &str) -> Option<usize> {
    kind(class).map(Number::size).or(match class.strip_suffix("Storage")? {
        "Untyped" | "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => Some(1),
        "QInt32" => Some(4),
        "ComplexFloat" => Some(8),
        "ComplexDouble" => Some(16),
        _ => None,
    })
}
