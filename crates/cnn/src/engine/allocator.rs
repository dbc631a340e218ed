//! glibc's allocator, told what a training needs.
//!
//! Left alone, glibc gives large blocks back to the system when they are free, and fetches them again a moment later, page by
//! page: a deep network's activations are such blocks, and a training takes up to 40 % longer. Told to keep them always, it
//! hardly uses again what large tensors leave behind: a cell that makes the training images anew, executed twelve times, then
//! holds 3 GB. So blocks are kept while a training runs, which asks for the same sizes in every step, and given back after it.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::sync::{Mutex, MutexGuard};

    /// Outside of trainings, blocks from this size on are the system's own again as soon as they are free.
    const LARGE: i32 = 32 << 20;
    /// How many blocks glibc may take from the system one by one, if nobody changes it.
    const DEFAULT_MMAP_MAX: i32 = 65_536;

    /// Trainings under way, in all threads.
    static UNDER_WAY: Mutex<usize> = Mutex::new(0);

    // Locked until the allocator knows: else one thread's last training could take from another's first what it asked for.
    fn under_way() -> MutexGuard<'static, usize> {
        UNDER_WAY.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn keep() {
        let mut count = under_way();
        *count += 1;
        if *count == 1 {
            // SAFETY: numbers that glibc reads at its next allocation; it takes its own lock to change them.
            unsafe {
                libc::mallopt(libc::M_MMAP_MAX, 0);
                libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            }
        }
    }

    pub fn give_back() {
        let mut count = under_way();
        *count -= 1;
        if *count == 0 {
            // SAFETY: as above; what is trimmed is free.
            unsafe {
                libc::mallopt(libc::M_MMAP_MAX, DEFAULT_MMAP_MAX);
                libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
                libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
                libc::malloc_trim(0);
            }
        }
    }
}

/// While it lives, freed memory is kept for the next step of a training; when the last one goes, it is given back.
pub(crate) struct KeepsMemory(());

impl KeepsMemory {
    pub fn new() -> Self {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::keep();
        KeepsMemory(())
    }
}

impl Drop for KeepsMemory {
    fn drop(&mut self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::give_back();
    }
}
