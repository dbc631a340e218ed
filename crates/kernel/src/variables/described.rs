// What can be told of a variable without taking it. A module of the cells, not of this program.

/// Shape, device, and bytes.
pub type Found = (Option<String>, Option<String>, Option<usize>);

/// A variable. The more `&` a trait below is for, the sooner the compiler takes it where it fits.
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// Whatever it is, it has a size.
pub trait BySize {
    fn described(&self) -> Found;
}

impl<T> BySize for Probe<'_, T> {
    fn described(&self) -> Found {
        (None, None, Some(::std::mem::size_of::<T>()))
    }
}

/// What has elements; their own parts are not counted.
pub trait Contents {
    fn shape(&self) -> String;
    fn bytes(&self) -> usize;
}

pub trait ByContents {
    fn described(&self) -> Found;
}

impl<T: Contents + ?Sized> ByContents for &Probe<'_, T> {
    fn described(&self) -> Found {
        (Some(self.0.shape()), None, Some(self.0.bytes()))
    }
}

impl Contents for str {
    fn shape(&self) -> String {
        let count = self.chars().count();
        ::std::format!("{count} character{}", if count == 1 { "" } else { "s" })
    }
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Contents for String {
    fn shape(&self) -> String {
        Contents::shape(self.as_str())
    }
    fn bytes(&self) -> usize {
        self.capacity()
    }
}

impl<T> Contents for [T] {
    fn shape(&self) -> String {
        ::std::format!("[{}]", self.len())
    }
    fn bytes(&self) -> usize {
        ::std::mem::size_of_val(self)
    }
}

impl<T, const N: usize> Contents for [T; N] {
    fn shape(&self) -> String {
        ::std::format!("[{N}]")
    }
    fn bytes(&self) -> usize {
        ::std::mem::size_of_val(self)
    }
}

impl<T> Contents for Vec<T> {
    fn shape(&self) -> String {
        ::std::format!("[{}]", self.len())
    }
    fn bytes(&self) -> usize {
        self.capacity() * ::std::mem::size_of::<T>()
    }
}

impl<K, V, S> Contents for ::std::collections::HashMap<K, V, S> {
    fn shape(&self) -> String {
        ::std::format!("[{}]", self.len())
    }
    fn bytes(&self) -> usize {
        self.capacity() * ::std::mem::size_of::<(K, V)>()
    }
}

impl<K, V> Contents for ::std::collections::BTreeMap<K, V> {
    fn shape(&self) -> String {
        ::std::format!("[{}]", self.len())
    }
    fn bytes(&self) -> usize {
        self.len() * ::std::mem::size_of::<(K, V)>()
    }
}

impl<T: Contents + ?Sized> Contents for &T {
    fn shape(&self) -> String {
        (**self).shape()
    }
    fn bytes(&self) -> usize {
        (**self).bytes()
    }
}

impl<T: Contents + ?Sized> Contents for Box<T> {
    fn shape(&self) -> String {
        (**self).shape()
    }
    fn bytes(&self) -> usize {
        (**self).bytes()
    }
}

/// Calls what others have written; a panic in it is nobody's business here.
pub fn quietly<T: Default>(describe: impl FnOnce() -> T) -> T {
    let hook = ::std::panic::take_hook();
    ::std::panic::set_hook(Box::new(|_| {}));
    let found = ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(describe));
    ::std::panic::set_hook(hook);
    found.unwrap_or_default()
}

/// `["shape",null,8]`
pub fn json((shape, device, bytes): Found) -> String {
    let text = |text: Option<String>| match text {
        Some(text) => {
            let escaped = text.chars().map(|c| match c {
                '"' | '\\' => ::std::format!("\\{c}"),
                c if (c as u32) < 32 => ::std::format!("\\u{:04x}", c as u32),
                c => c.to_string(),
            });
            ::std::format!("\"{}\"", escaped.collect::<String>())
        }
        None => "null".to_string(),
    };
    let bytes = bytes.map_or("null".to_string(), |bytes| bytes.to_string());
    ::std::format!("[{},{},{bytes}]", text(shape), text(device))
}
