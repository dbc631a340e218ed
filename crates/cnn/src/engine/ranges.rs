//! Batches as ranges of indices.

/// (start, length) of consecutive batches that together cover `count` samples; the last may be shorter.
pub(crate) fn batches(count: i64, batch_size: i64) -> impl Iterator<Item = (i64, i64)> {
    let starts = (0..count).step_by(batch_size as usize);
    starts.map(move |start| (start, batch_size.min(count - start)))
}
