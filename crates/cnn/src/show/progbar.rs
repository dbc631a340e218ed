//! Keras's `Progbar`, for loops in a notebook.

use anyhow::Result;

use super::bar::Bar;

/// How far a loop of your own has come: a bar while it runs, as Keras's `Progbar`, that appears when it has taken half a second.
/// Where it goes out of scope, a line is left.
///
/// Source: `keras/src/utils/progbar.py`.
///
/// ```
/// # use cnn::Progbar;
/// let mut progress = Progbar::new("Random search", 20, "trials");
/// for trial in 0..20 {
///     // ... train a network ...
///     progress.add(1)?;
/// }
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub struct Progbar(Bar);

impl Progbar {
    /// For `target` rounds; `unit_name` says of what. Nothing is shown yet.
    pub fn new(title: &str, target: u64, unit_name: &'static str) -> Progbar {
        Progbar(Bar::new(title, target, unit_name))
    }

    /// So many rounds more are done.
    ///
    /// # Errors
    /// If the user has asked for a stop; with `?` the loop ends here, and what was made before it stays.
    pub fn add(&mut self, rounds: u64) -> Result<()> {
        self.0.advance(rounds);
        self.0.check()
    }
}
