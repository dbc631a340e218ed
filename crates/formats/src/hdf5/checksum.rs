//! The two checksums of HDF5: Jenkins's lookup3 over its structures, Fletcher's over chunks of data.

/// Bob Jenkins's `hashlittle` of lookup3.c, with the initial value 0.
pub(super) fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    // The last 1 to 12 bytes are mixed in another way than those before them.
    let split = bytes.len().saturating_sub(1) / 12 * 12;
    let (blocks, last) = bytes.split_at(split);
    let word = |bytes: &[u8], at: usize| {
        (0..4)
            .map(|i| u32::from(bytes.get(at + i).copied().unwrap_or(0)) << (8 * i))
            .fold(0, |all, part| all | part)
    };
    for block in blocks.chunks(12) {
        a = a.wrapping_add(word(block, 0));
        b = b.wrapping_add(word(block, 4));
        c = c.wrapping_add(word(block, 8));
        (a, c) = ((a.wrapping_sub(c)) ^ c.rotate_left(4), c.wrapping_add(b));
        (b, a) = ((b.wrapping_sub(a)) ^ a.rotate_left(6), a.wrapping_add(c));
        (c, b) = ((c.wrapping_sub(b)) ^ b.rotate_left(8), b.wrapping_add(a));
        (a, c) = ((a.wrapping_sub(c)) ^ c.rotate_left(16), c.wrapping_add(b));
        (b, a) = ((b.wrapping_sub(a)) ^ a.rotate_left(19), a.wrapping_add(c));
        (c, b) = ((c.wrapping_sub(b)) ^ b.rotate_left(4), b.wrapping_add(a));
    }
    if last.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(last, 0));
    b = b.wrapping_add(word(last, 4));
    c = c.wrapping_add(word(last, 8));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// Fletcher's checksum of 32 bits as HDF5 computes it: over words of 16 bits, the higher byte first.
pub(super) fn fletcher32(bytes: &[u8]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0_u32, 0_u32);
    // After 360 words the sums must be folded, or they overflow.
    for block in bytes.chunks(720) {
        for pair in block.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            first += u32::from(pair[0]) << 8 | u32::from(low);
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    (first, second) = (fold(first), fold(second));
    second << 16 | first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup3_is_that_of_its_author() {
        // From the comments at the end of lookup3.c.
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn fletcher_sums_words() {
        // Sums by hand: 0x0102, 0x0102 + 0x0402; a last odd byte is the higher one of its word.
        assert_eq!(fletcher32(&[1, 2, 3]), 0x0504_0402);
    }
}
