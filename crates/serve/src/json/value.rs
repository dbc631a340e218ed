//! What a JSON text holds.

use std::ops::Range;

/// A value, and where in the text it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// The bytes of the text that it was read from; empty for the first elements of a ragged list.
    pub span: Range<usize>,
}

/// The kinds of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number that stands alone.
    Number(f64),
    /// A string, its escapes resolved.
    String(String),
    /// A list, or lists of lists, of numbers alone, the same number in each.
    Numbers(Numbers),
    /// Any other list.
    List(Vec<Value>),
    /// Names and values in the text's order; equal names stay.
    Object(Vec<(String, Value)>),
}

/// Numbers with a shape, as a tensor has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// From the outermost list to the innermost.
    pub shape: Vec<usize>,
    /// The last index runs fastest.
    pub values: Vec<f32>,
}

impl Value {
    /// The member of an object; of equal names the first counts, as in rapidjson.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Kind::Object(members) = &self.kind else { return None };
        members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The same, taken out of the object.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let Kind::Object(members) = &mut self.kind else { return None };
        let place = members.iter().position(|(key, _)| key == name)?;
        Some(members.swap_remove(place).1)
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object(_))
    }

    /// What stands in `{"b64": "…"}`, an object with that one member.
    pub fn as_base64(&self) -> Option<&str> {
        match &self.kind {
            Kind::Object(members) if members.len() == 1 && members[0].0 == "b64" => members[0].1.as_str(),
            _ => None,
        }
    }

    /// rapidjson's name of the kind.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "Null",
            Kind::Bool(false) => "False",
            Kind::Bool(true) => "True",
            Kind::Number(_) => "Number",
            Kind::String(_) => "String",
            Kind::Numbers(_) | Kind::List(_) => "Array",
            Kind::Object(_) => "Object",
        }
    }
}
