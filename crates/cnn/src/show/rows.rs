//! Pictures in rows: beside each other where there is room, one below the other where there is not.

use std::borrow::Cow;

use super::html::escape;
use super::pixels::Pixels;

/// The images of a row share its width; one that would be smaller than this share of its own goes below the others.
const SMALLEST: f64 = 0.6;
const ROW: &str = "display:flex;flex-wrap:wrap;align-items:flex-start";

/// Rows of pictures from top to bottom, each from left to right; none is empty.
#[derive(Clone)]
pub(crate) struct Rows(Vec<Vec<Pixels>>);

impl Rows {
    pub fn one(picture: Pixels) -> Rows {
        Rows(vec![vec![picture]])
    }

    /// These with `right` to the right. A part that has several rows is one picture from then on.
    pub fn beside(&self, right: &Rows) -> Rows {
        let row = |rows: &Rows| match rows.0.as_slice() {
            [row] => row.clone(),
            _ => vec![rows.whole().into_owned()],
        };
        Rows(vec![[row(self), row(right)].concat()])
    }

    pub fn above(&self, lower: &Rows) -> Rows {
        Rows([self.0.as_slice(), &lower.0].concat())
    }

    /// All as a single picture, on white.
    pub fn whole(&self) -> Cow<'_, Pixels> {
        if let [row] = self.0.as_slice() {
            if let [picture] = row.as_slice() {
                return Cow::Borrowed(picture);
            }
        }
        let (mut parts, mut right, mut bottom) = (Vec::new(), 0, 0);
        for row in &self.0 {
            let (mut left, top) = (0, bottom);
            for picture in row {
                parts.push((picture, (left, top)));
                left += picture.width;
                bottom = bottom.max(top + picture.height);
            }
            right = right.max(left);
        }
        Cow::Owned(Pixels::composed((right, bottom), &parts))
    }

    /// (width, height) of the whole, in pixels.
    pub fn size(&self) -> (u32, u32) {
        let width = |row: &Vec<Pixels>| row.iter().map(|picture| picture.width).sum::<u32>();
        let height = |row: &Vec<Pixels>| row.iter().map(|picture| picture.height).max().unwrap_or(0);
        (self.0.iter().map(width).max().unwrap_or(0), self.0.iter().map(height).sum())
    }

    /// Whether a narrow page may show something below that a wide one shows beside.
    pub fn can_stack(&self) -> bool {
        self.0.iter().any(|row| row.len() > 1)
    }

    /// As HTML. The first picture has the words for all.
    pub fn html(&self, words: &str) -> String {
        let mut alt = escape(words);
        let mut image = |picture: &Pixels| {
            let (width, data) = (picture.width, picture.base64());
            let least = (SMALLEST * f64::from(width)).round();
            let fits = format!("flex:1 1 {least}px;min-width:0;max-width:{width}px;height:auto");
            let image = format!("<img alt=\"{alt}\" style=\"{fits}\" src=\"data:image/png;base64,{data}\"/>");
            alt.clear();
            image
        };
        let row = |row: &Vec<Pixels>| row.iter().map(&mut image).collect::<String>();
        self.0.iter().map(row).map(|images| format!("<div style=\"{ROW}\">{images}</div>")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, level: u8) -> Rows {
        Rows::one(Pixels { width, height, rgb: vec![level; (width * height * 3) as usize] })
    }

    #[test]
    fn rows_are_one_picture_or_several_images() {
        let rows = picture(2, 1, 0).beside(&picture(1, 2, 9)).above(&picture(1, 1, 7));
        assert_eq!(rows.size(), (3, 3));
        let whole = rows.whole();
        let reds: Vec<u8> = whole.rgb.iter().step_by(3).copied().collect();
        assert_eq!(reds, [0, 0, 9, 255, 255, 9, 7, 255, 255]);
        let html = rows.html("<a>");
        assert_eq!((html.matches("<div").count(), html.matches("<img").count()), (2, 3));
        assert_eq!((html.matches("alt=\"&lt;a&gt;\"").count(), html.matches("alt=\"\"").count()), (1, 2));
        assert!(rows.can_stack() && !picture(1, 1, 0).above(&picture(1, 1, 0)).can_stack());
        // What has two rows stays together when something comes beside it.
        let three = rows.beside(&picture(1, 1, 5));
        assert_eq!((three.size(), three.html("").matches("<img").count()), ((4, 3), 2));
    }
}
