//! JSON as clients of TensorFlow Serving write and read it: that server uses rapidjson, with NaN and Infinity, and floats of six or
//! nine digits.
//!
//! `serde_json` refuses NaN and text after the object, and of equal keys takes the last; and lists of numbers, which nearly all of a
//! request is, come out of it number by number. So requests are read here, straight into floats and a shape.

mod float;
mod number;
mod parse;
mod pretty;
mod strings;
mod value;

pub use float::{push_f32, push_f32_list};
pub use parse::{parse, ParseError, DEEPEST};
pub use pretty::shortened;
pub use strings::push_string;
pub use value::{Kind, Numbers, Value};
