//! The machine that a pickle is a program for: a stack of values, and a memo of those that are needed again.
//!
//! Source: CPython's `Lib/pickletools.py`, protocols 0 to 5.

use anyhow::{bail, ensure, Context, Result};
use std::collections::HashMap;

use super::rebuild::persistent;
use super::scalars::{line, other, scalar};
use super::value::{Id, Value, Values};
use crate::budget::Budget;
use crate::bytes::Reader;

/// The result of a function or a class that a pickle calls, from its place and that of its arguments: which of them are
/// known, and what they stand for, is up to the reader of a format.
pub(crate) type Call = fn(&Values, Id, Id) -> Result<Value>;

/// Reads a pickle up to its end, and returns the place of what it builds.
pub(crate) fn load(reader: &mut Reader, values: &mut Values, budget: &Budget, call: Call) -> Result<Id> {
    let start = reader.rest().len();
    let (stack, marks, memo) = Default::default();
    let mut machine = Machine { values, budget, call, stack, marks, memo };
    loop {
        let at = start - reader.rest().len();
        let next = reader.u8().and_then(|code| machine.step(code, reader));
        if let Some(id) = next.with_context(|| format!("the pickle, at its byte {at}"))? {
            return Ok(id);
        }
    }
}

struct Machine<'v> {
    values: &'v mut Values,
    budget: &'v Budget,
    call: Call,
    stack: Vec<Id>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl Machine<'_> {
    /// Does what a code says. The last one tells what was built.
    fn step(&mut self, code: u8, reader: &mut Reader) -> Result<Option<Id>> {
        match code {
            b'.' => return self.pop().map(Some),
            // Protocol and frames say nothing about values.
            0x80 => _ = reader.take(1)?,
            0x95 => _ = reader.take(8)?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' => _ = self.pop()?,
            b'1' => _ = self.marked()?,
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id| self.values.text(id).context("a class's name is no text");
                let name = format!("{}.{}", text(module)?, text(name)?);
                self.push(Value::Global(name))?;
            }
            _ => match scalar(code, reader)? {
                Some(value) => self.push(value)?,
                None => self.container(code, reader)?,
            },
        }
        Ok(None)
    }

    fn container(&mut self, code: u8, reader: &mut Reader) -> Result<()> {
        match code {
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            0x8f => self.push(other("set")),
            b'l' => self.marked().and_then(|items| self.push(Value::List(items))),
            b't' => self.marked().and_then(|items| self.push(Value::Tuple(items))),
            b'd' => {
                let pairs = pairs(&self.marked()?);
                self.push(Value::Dict(pairs))
            }
            0x85..=0x87 => {
                let from = self
                    .stack
                    .len()
                    .checked_sub(usize::from(code - 0x84))
                    .context("the stack is too short")?;
                let items = self.stack.split_off(from);
                self.push(Value::Tuple(items))
            }
            0x91 => self.marked().and_then(|_| self.push(other("frozenset"))),
            b'a' => self.pop().and_then(|item| self.extend(&[item])),
            b'e' => self.marked().and_then(|items| self.extend(&items)),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])
            }
            b'u' => self.marked().and_then(|items| self.set(&items)),
            0x90 => self.marked().map(|_| ()),
            _ => self.object(code, reader),
        }
    }

    fn object(&mut self, code: u8, reader: &mut Reader) -> Result<()> {
        match code {
            b'P' => {
                let pid = self.add(Value::Text(line(reader)?))?;
                self.persistent(pid)
            }
            b'Q' => self.pop().and_then(|pid| self.persistent(pid)),
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let built = (self.call)(self.values, function, arguments)?;
                self.push(built)
            }
            0x92 => {
                let (_, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                let built = (self.call)(self.values, class, arguments)?;
                self.push(built)
            }
            b'o' => {
                let items = self.marked()?;
                let class =
                    items.first().and_then(|&id| self.values.global(id)).unwrap_or_default().to_string();
                self.push(Value::Object { class, state: None })
            }
            b'i' => {
                let class = format!("{}.{}", line(reader)?, line(reader)?);
                self.marked()?;
                self.push(Value::Object { class, state: None })
            }
            b'b' => {
                let (given, object) = (self.pop()?, self.top()?);
                if let Some(Value::Object { state, .. }) = self.values.get_mut(object) {
                    *state = Some(given);
                }
                Ok(())
            }
            b'p' | b'g' => {
                let number = line(reader)?.parse().context("a number in the memo")?;
                self.memo(code == b'p', number)
            }
            b'q' | b'h' => reader.u8().and_then(|number| self.memo(code == b'q', number.into())),
            b'r' | b'j' => reader.u32().and_then(|number| self.memo(code == b'r', number.into())),
            0x94 => self.memo(true, self.memo.len() as u64),
            _ => bail!("the code {code:#04x} is not known: it is no pickle, or a damaged one"),
        }
    }

    fn add(&mut self, value: Value) -> Result<Id> {
        let length = match &value {
            Value::Text(text) | Value::Global(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.budget.spend(96 + length)?;
        Ok(self.values.add(value))
    }

    fn push(&mut self, value: Value) -> Result<()> {
        let id = self.add(value)?;
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id> {
        ensure!(
            self.marks.last().is_none_or(|&mark| self.stack.len() > mark),
            "a value is taken from below a mark"
        );
        self.stack.pop().context("the stack is empty")
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().context("the stack is empty")
    }

    /// What was pushed after the last mark.
    fn marked(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().context("there is no mark")?;
        ensure!(mark <= self.stack.len(), "a mark lies above the stack");
        let items = self.stack.split_off(mark);
        self.budget.spend(8 * items.len())?;
        Ok(items)
    }

    fn memo(&mut self, put: bool, number: u64) -> Result<()> {
        if put {
            self.budget.spend(32)?;
            self.memo.insert(number, self.top()?);
        } else {
            self.stack
                .push(*self.memo.get(&number).with_context(|| format!("the memo has no number {number}"))?);
            self.budget.spend(8)?;
        }
        Ok(())
    }

    /// Adds to the list on top of the stack. Lists of other classes are passed over.
    fn extend(&mut self, items: &[Id]) -> Result<()> {
        match self.values.get_mut(self.top()?) {
            Some(Value::List(list)) => list.extend(items),
            Some(Value::Object { .. }) => {}
            _ => bail!("something is added to what is no list"),
        }
        self.budget.spend(8 * items.len())
    }

    fn set(&mut self, items: &[Id]) -> Result<()> {
        match self.values.get_mut(self.top()?) {
            Some(Value::Dict(dict)) => dict.extend(pairs(items)),
            Some(Value::Object { .. }) => {}
            _ => bail!("a key is set in what is no dictionary"),
        }
        self.budget.spend(8 * items.len())
    }

    fn persistent(&mut self, pid: Id) -> Result<()> {
        match persistent(self.values, pid)? {
            Ok(value) => self.push(value)?,
            Err(there) => self.stack.push(there),
        }
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.as_chunks().0.iter().map(|&[key, value]| (key, value)).collect()
}
