//! What the tests of all exercises share.

use super::checked::Checked;

/// Whether a check ends without having passed, and says this.
pub(super) fn says(checked: Checked, word: &str) {
    assert!(!checked.has_passed() && checked.to_string().contains(word), "{checked}");
}

/// Compiles the solutions as cells, and makes `solutions::checked()`, with what their checks say.
macro_rules! solutions {
    ($($name:ident),+) => {
        #[allow(unused_imports)]
        mod solutions {
            use crate as cnn;
            use crate::prelude::*;
            $(include!(concat!("solutions/", stringify!($name), ".rs"));)+

            pub fn checked() -> Vec<check::Checked> {
                vec![$(check::$name($name)),+]
            }
        }
    };
}
pub(super) use solutions;
