//! How wide a text is where every letter has its column: in a terminal, or in a notebook's plain output.

use unicode_width::UnicodeWidthStr;

/// The columns that a text takes: Chinese letters and emoji take two, an accent that stands above another letter none.
pub(crate) fn text_width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

#[cfg(test)]
mod tests {
    use super::text_width;

    #[test]
    fn letters_are_as_wide_as_a_terminal_shows_them() {
        let texts =
            ["", "kočka", "котка", "con mèo", "cafe\u{301}", "猫", "ｶﾞ", "고양이", "😀", "👩\u{200D}🔬"];
        assert_eq!(texts.map(text_width), [0, 5, 5, 7, 4, 2, 2, 6, 2, 2]);
    }
}
