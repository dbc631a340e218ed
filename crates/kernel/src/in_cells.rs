// What cells have from the kernel: how values show themselves, in a file of its own, because evcxr takes errors about it for
// the user's otherwise.
#[path = "shown.rs"]
mod __live_shown;
#[allow(unused_imports)]
use __live_shown::Shown as __LiveShown;
