//! Work shared among threads, for the loops that libtorch has no operation for.

/// How many threads libtorch uses.
pub(crate) fn count() -> usize {
    tch::get_num_threads().max(1) as usize
}

/// Does the work for each part at the same time: for the first on this thread, and for each other on one of its own.
pub(crate) fn on_each<T: Send>(mut parts: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let (first, work) = (parts.next(), &work);
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || work(part));
        }
        first.map(work);
    });
}
