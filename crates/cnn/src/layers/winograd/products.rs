//! Products of small matrices whose columns lie side by side.

use std::arch::x86_64::*;

use super::transforms::Vector;

/// Numbers in a vector.
pub(super) const LANES: usize = 16;
/// Rows of a block whose sums stay in registers.
const ROWS: usize = 8;

// The standard library's own loads and stores of whole vectors look for mistakes in a debug build, which costs more than the arithmetic;
// those under a mask do not.

/// Sixteen numbers from memory.
///
/// # Safety
/// The processor has AVX-512F, and they are there.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) unsafe fn load(from: *const f32) -> Vector {
    _mm512_maskz_loadu_ps(u16::MAX, from)
}

/// Sixteen numbers to memory.
///
/// # Safety
/// As for [`load`].
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) unsafe fn store(to: *mut f32, vector: Vector) {
    _mm512_mask_storeu_ps(to, u16::MAX, vector);
}

/// One number, sixteen times.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
unsafe fn broadcast(from: *const f32) -> Vector {
    _mm512_broadcastss_ps(_mm_maskz_loadu_ps(1, from))
}

/// A matrix in memory: where it begins, and how far apart its rows and its columns lie.
#[derive(Clone, Copy)]
pub(super) struct Strided {
    pub start: *const f32,
    pub row: usize,
    pub column: usize,
}

/// `c = a · b`, or with `add` `c += a · b`, for a `[rows, depth]`, b `[depth, columns]` and c `[rows, columns]`; those of b and c are
/// whole vectors side by side. Each sum goes from the first product to the last, wherever in a block it stands.
///
/// # Safety
/// The processor has AVX-512F, and the three have as much memory as that.
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) unsafe fn product(
    [rows, depth, columns]: [usize; 3],
    a: Strided,
    (b, b_row): (*const f32, usize),
    (c, c_row): (*mut f32, usize),
    add: bool,
) {
    let mut column = 0;
    while column < columns {
        let vectors = match (columns - column) / LANES {
            4 => 2,
            left => left.min(3),
        };
        let mut row = 0;
        while row < rows {
            let left = rows - row;
            let a = Strided { start: a.start.wrapping_add(row * a.row), ..a };
            let (b, c) = ((b.wrapping_add(column), b_row), (c.wrapping_add(row * c_row + column), c_row));
            row += match (vectors, left) {
                (3, ROWS..) => block_8x3(depth, a, b, c, add),
                (2, ROWS..) => block_8x2(depth, a, b, c, add),
                (_, ROWS..) => block_8x1(depth, a, b, c, add),
                (3, 4..) => block_4x3(depth, a, b, c, add),
                (2, 4..) => block_4x2(depth, a, b, c, add),
                (_, 4..) => block_4x1(depth, a, b, c, add),
                (3, _) => block_1x3(depth, a, b, c, add),
                (2, _) => block_1x2(depth, a, b, c, add),
                _ => block_1x1(depth, a, b, c, add),
            };
        }
        column += vectors * LANES;
    }
}

/// The product for so many rows and vectors of columns; gives back how many rows. Written out by a macro, so that the sums are in registers whatever the
/// compiler makes of loops.
macro_rules! block {
    ($name:ident, [$($row:literal)*], $vectors:tt) => {
        #[target_feature(enable = "avx512f,avx512vl")]
        unsafe fn $name(
            depth: usize,
            a: Strided,
            (b, b_row): (*const f32, usize),
            (c, c_row): (*mut f32, usize),
            add: bool,
        ) -> usize {
            const COUNT: usize = [$($row),*].len();
            let zero = [_mm512_setzero_ps(); block!(@count $vectors)];
            let mut sums = [zero; COUNT];
            let (mut a_at, mut b_at) = (a.start, b);
            for _ in 0..depth {
                block!(@step sums, a_at, a.row, b_at, [$($row)*], $vectors);
                a_at = a_at.wrapping_add(a.column);
                b_at = b_at.wrapping_add(b_row);
            }
            $(block!(@store sums, c, c_row, add, $row, $vectors);)*
            COUNT
        }
    };
    (@count [$($vector:literal)*]) => { [$($vector),*].len() };
    (@step $sums:ident, $a:ident, $a_row:expr, $b:ident, [$($row:literal)*], $vectors:tt) => {
        let b = block!(@load $b, $vectors);
        $({
            let a = broadcast($a.wrapping_add($a_row.wrapping_mul($row)));
            block!(@row $sums, a, b, $row, $vectors);
        })*
    };
    (@load $b:ident, [$($vector:literal)*]) => { [$(load($b.wrapping_add($vector * LANES))),*] };
    (@row $sums:ident, $a:ident, $loaded:ident, $row:literal, [$($vector:literal)*]) => {
        $($sums[$row][$vector] = _mm512_fmadd_ps($a, $loaded[$vector], $sums[$row][$vector]);)*
    };
    (@store $sums:ident, $c:ident, $c_row:ident, $add:ident, $row:literal, [$($vector:literal)*]) => {
        $({
            let to = $c.wrapping_add($c_row.wrapping_mul($row)).wrapping_add($vector * LANES);
            let sum = $sums[$row][$vector];
            store(to, if $add { _mm512_add_ps(load(to), sum) } else { sum });
        })*
    };
}

block!(block_8x3, [0 1 2 3 4 5 6 7], [0 1 2]);
block!(block_8x2, [0 1 2 3 4 5 6 7], [0 1]);
block!(block_8x1, [0 1 2 3 4 5 6 7], [0]);
block!(block_4x3, [0 1 2 3], [0 1 2]);
block!(block_4x2, [0 1 2 3], [0 1]);
block!(block_4x1, [0 1 2 3], [0]);
block!(block_1x3, [0], [0 1 2]);
block!(block_1x2, [0], [0 1]);
block!(block_1x1, [0], [0]);
