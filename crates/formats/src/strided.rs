//! Numbers that stand in another order than row by row.

use anyhow::{ensure, Context, Result};

/// The numbers of a view, row by row: `width` bytes each, of which the first is number `start`, and one step along a side goes as many
/// numbers on as its stride. The view's own size must be known to be possible.
pub(crate) fn gather(
    bytes: &[u8],
    width: usize,
    start: u64,
    shape: &[usize],
    strides: &[u64],
) -> Result<Vec<u8>> {
    if shape.contains(&0) {
        return Ok(Vec::new());
    }
    let sides = || shape.iter().zip(strides);
    let step = |last: u64, (&side, &stride): (&usize, &u64)| {
        last.checked_add((side as u64 - 1).checked_mul(stride)?)
    };
    let count = bytes.len() / width;
    let cut = "it reaches beyond its storage";
    ensure!(
        sides().try_fold(start, step).is_some_and(|last| last < count as u64),
        "{cut}, which has {count} numbers: the file is damaged or cut off. Copy or download it again"
    );
    // What is read now lies before `last`, so that nothing is too large for a usize.
    let start = start as usize * width;
    let size = shape.iter().product::<usize>() * width;

    // It may stand row by row already: then each side has the stride of what is inside it, unless it has one number alone.
    let mut inner = 1;
    let in_order = sides().rev().all(|(&side, &stride)| {
        let fits = side == 1 || stride == inner;
        inner = inner.saturating_mul(side as u64);
        fits
    });
    if in_order {
        return Ok(bytes.get(start..start + size).context(cut)?.to_vec());
    }
    let mut gathered = Vec::with_capacity(size);
    let mut index = vec![0; shape.len()];
    let mut place = start;
    loop {
        gathered.extend(bytes.get(place..place + width).context(cut)?);
        // The last index runs fastest; one that is at its end begins again, and the one before it goes on.
        let mut side = shape.len();
        loop {
            let Some(before) = side.checked_sub(1) else {
                return Ok(gathered);
            };
            side = before;
            index[side] += 1;
            if index[side] < shape[side] {
                place += strides[side] as usize * width;
                break;
            }
            index[side] = 0;
            place -= strides[side] as usize * width * (shape[side] - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_put_in_order() {
        let bytes = [0, 1, 2, 3, 4, 5];
        assert_eq!(gather(&bytes, 1, 0, &[2, 3], &[3, 1]).unwrap(), bytes);
        assert_eq!(gather(&bytes, 1, 0, &[3, 2], &[1, 3]).unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(gather(&bytes, 1, 1, &[2], &[3]).unwrap(), [1, 4]);
        assert_eq!(gather(&bytes, 2, 2, &[2, 1], &[0, 7]).unwrap(), [4, 5, 4, 5]);
        assert_eq!(gather(&bytes, 1, 5, &[], &[]).unwrap(), [5]);
        assert_eq!(gather(&bytes, 1, 99, &[0, 3], &[3, 1]).unwrap(), [0; 0]);
    }

    #[test]
    fn views_beyond_their_storage_are_refused() {
        for (start, shape, strides) in
            [(6, [1, 1], [1, 1]), (0, [3, 3], [3, 1]), (u64::MAX, [2, 1], [1, 1]), (0, [3, 1], [u64::MAX, 1])]
        {
            assert!(gather(&[0; 6], 1, start, &shape, &strides).is_err());
        }
    }
}
