// Cells report how they end. evcxr says nothing to Jupyter of an error that `?` returned, or of a panic, but the code that
// it puts around a cell prints a line for itself; these macros stand in for the standard ones and print another
// for the kernel before it.
#[allow(unused_macros)]
macro_rules! println {
    ("{}", evcxr_internal_runtime::USER_ERROR_OCCURRED) => {
        std::println!("\u{1f}live/1 {{\"op\":\"failed\"}}\n{}", evcxr_internal_runtime::USER_ERROR_OCCURRED)
    };
    ("EVCXR_PANIC_NOTIFICATION") => {
        std::println!("\u{1f}live/1 {{\"op\":\"panicked\"}}\nEVCXR_PANIC_NOTIFICATION")
    };
    ($($tokens:tt)*) => { std::println!($($tokens)*) };
}
// With its causes, for errors that have some.
#[allow(unused_macros)]
macro_rules! eprintln {
    ("{}", $error:ident) => { std::eprintln!("{:#}", $error) };
    ($($tokens:tt)*) => { std::eprintln!($($tokens)*) };
}
// How values show themselves, see shown.rs: in a file of its own, because evcxr takes errors about it for the user's otherwise.
mod shown;
use shown::Shown;
