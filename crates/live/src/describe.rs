//! What the panel of variables shows of a value.

/// What a kernel's panel of variables (`:variables`) shows of a value beside its name and type.
///
/// It is called while no cell runs. It should take no time, and wait for nothing: it looks at what is known of the value, not
/// at all of it. Numbers, texts, slices and the standard collections need no implementation.
///
/// ```
/// struct Grid { cells: Vec<f32>, width: usize }
///
/// impl live::Describe for Grid {
///     fn shape(&self) -> Option<String> {
///         Some(format!("[{}, {}]", self.cells.len() / self.width.max(1), self.width))
///     }
///     fn bytes(&self) -> Option<usize> {
///         Some(std::mem::size_of_val(self.cells.as_slice()))
///     }
/// }
/// let grid = Grid { cells: vec![0.0; 6], width: 3 };
/// assert_eq!(live::Describe::shape(&grid).as_deref(), Some("[2, 3]"));
/// ```
///
/// The notebook's kernel finds this trait by the section `[package.metadata.live]` of a library's `Cargo.toml`, as this crate and
/// those that pass it on have it. There, `known` may name a function for types of further crates, which looks at a
/// `&dyn Any` and returns an `Option<Description>`.
pub trait Describe {
    /// How large it is in its own terms, such as `[60000, 28, 28]`, or `693,962 weights`.
    fn shape(&self) -> Option<String> {
        None
    }

    /// Where it is, such as `Cpu`.
    fn device(&self) -> Option<String> {
        None
    }

    /// The memory that it takes, in bytes.
    fn bytes(&self) -> Option<usize> {
        None
    }
}

/// What [`Describe`] says of a value, for types that cannot implement it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// As [`Describe::shape`].
    pub shape: Option<String>,
    /// As [`Describe::device`].
    pub device: Option<String>,
    /// As [`Describe::bytes`].
    pub bytes: Option<usize>,
}
