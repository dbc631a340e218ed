//! Shows what a cell ends with. A module of the cells, not of this program.
//!
//! evcxr compiles a cell that ends with a value twice: first for a value that can show itself, then, if it cannot, to print
//! it with `{:?}`. With this the standard types can show themselves, so once is enough.

use std::fmt::Debug;
use std::io::Write;
use std::time::Duration;

/// Sends what the cell has printed without a newline; live-cells calls this when the cell ends, and before it asks.
#[unsafe(no_mangle)]
pub extern "C" fn live_flush() {
    let _ = std::io::stdout().flush();
}

pub trait Shown: Debug {
    fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/plain\n{self:?}\nEVCXR_END_CONTENT");
    }
}

macro_rules! shown {
    ($($type:ty)*) => { $(impl Shown for $type {})* };
}

shown!(bool char str String Duration f32 f64);
shown!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
impl<T: Debug> Shown for [T] {}
impl<T: Debug, const N: usize> Shown for [T; N] {}
impl<T: Debug> Shown for Vec<T> {}
impl<T: Debug> Shown for Option<T> {}
impl<T: Debug, E: Debug> Shown for Result<T, E> {}
impl<A: Debug, B: Debug> Shown for (A, B) {}
impl<A: Debug, B: Debug, C: Debug> Shown for (A, B, C) {}
impl<A: Debug, B: Debug, C: Debug, D: Debug> Shown for (A, B, C, D) {}

/// The value of a loop, for example, which nobody wants to see.
impl Shown for () {
    fn evcxr_display(&self) {}
}
