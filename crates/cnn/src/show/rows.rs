//! Pictures in rows: beside each other where there is room, one below the other where there is not.

use std::borrow::Cow;

use super::html::escape;
use super::pixels::Pixels;

/// The images of a row share its width; one that would be smaller than this share of its own goes below the others.
const SMALLEST: f64 = 0.6;
/// JupyterLab takes no words for missing ones.
const CONTINUED: &str = "continued";
const ROW: &str = "display:flex;flex-wrap:wrap;align-items:flex-start";

/// A picture, and what is to be seen on it.
type Picture = (Pixels, String);

/// Rows of pictures from top to bottom, each from left to right; none is empty.
#[derive(Clone)]
pub(crate) struct Rows(Vec<Vec<Picture>>);

impl Rows {
    pub fn one(pixels: Pixels, words: &str) -> Rows {
        Rows(vec![vec![(pixels, words.to_string())]])
    }

    /// These with `right` to the right. A part that has several rows is one picture from then on.
    pub fn beside(&self, right: &Rows) -> Rows {
        let row = |rows: &Rows| match rows.0.as_slice() {
            [row] => row.clone(),
            _ => vec![(rows.whole().into_owned(), rows.words())],
        };
        Rows(vec![[row(self), row(right)].concat()])
    }

    pub fn above(&self, lower: &Rows) -> Rows {
        Rows([self.0.as_slice(), &lower.0].concat())
    }

    fn words(&self) -> String {
        self.0.iter().flatten().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The same pictures with other words: the first has them all.
    pub fn described(mut self, words: &str) -> Rows {
        for (number, picture) in self.0.iter_mut().flatten().enumerate() {
            picture.1 = if number == 0 { words } else { CONTINUED }.to_string();
        }
        self
    }

    /// All as a single picture, on white.
    pub fn whole(&self) -> Cow<'_, Pixels> {
        if let [row] = self.0.as_slice() {
            if let [(picture, _)] = row.as_slice() {
                return Cow::Borrowed(picture);
            }
        }
        let (mut parts, mut right, mut bottom) = (Vec::new(), 0, 0);
        for row in &self.0 {
            let (mut left, top) = (0, bottom);
            for (picture, _) in row {
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
        let width = |row: &Vec<Picture>| row.iter().map(|(picture, _)| picture.width).sum::<u32>();
        let height = |row: &Vec<Picture>| row.iter().map(|(picture, _)| picture.height).max().unwrap_or(0);
        (self.0.iter().map(width).max().unwrap_or(0), self.0.iter().map(height).sum())
    }

    /// Whether a narrow page may show something below that a wide one shows beside.
    pub fn can_stack(&self) -> bool {
        self.0.iter().any(|row| row.len() > 1)
    }

    /// As HTML.
    pub fn html(&self) -> String {
        let row = |row: &Vec<Picture>| row.iter().map(image).collect::<String>();
        self.0.iter().map(row).map(|images| format!("<div style=\"{ROW}\">{images}</div>")).collect()
    }
}

fn image((picture, words): &Picture) -> String {
    let (width, data) = (picture.width, picture.base64());
    let least = (SMALLEST * f64::from(width)).round();
    let fits = format!("flex:1 1 {least}px;min-width:0;max-width:{width}px;height:auto");
    format!("<img alt=\"{}\" style=\"{fits}\" src=\"data:image/png;base64,{data}\"/>", escape(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, level: u8) -> Rows {
        let rgb = vec![level; (width * height * 3) as usize];
        Rows::one(Pixels { width, height, rgb }, &format!("<{level}>"))
    }

    fn words(rows: &Rows) -> Vec<String> {
        let html = rows.html();
        html.split("alt=\"").skip(1).map(|rest| rest[..rest.find('"').unwrap()].to_string()).collect()
    }

    #[test]
    fn rows_are_one_picture_or_several_images() {
        let rows = picture(2, 1, 0).beside(&picture(1, 2, 9)).above(&picture(1, 1, 7));
        assert_eq!(rows.size(), (3, 3));
        let whole = rows.whole();
        let reds: Vec<u8> = whole.rgb.iter().step_by(3).copied().collect();
        assert_eq!(reds, [0, 0, 9, 255, 255, 9, 7, 255, 255]);
        assert_eq!(rows.html().matches("<div").count(), 2);
        assert_eq!(words(&rows), ["&lt;0&gt;", "&lt;9&gt;", "&lt;7&gt;"]);
        assert!(rows.can_stack() && !picture(1, 1, 0).above(&picture(1, 1, 0)).can_stack());
        // What has two rows stays together when something comes beside it.
        let two = rows.beside(&picture(1, 1, 5));
        assert_eq!((two.size(), words(&two).len()), ((4, 3), 2));
        assert_eq!(words(&two)[0], "&lt;0&gt; &lt;9&gt; &lt;7&gt;");
        assert_eq!(words(&rows.described("all")), ["all", "continued", "continued"]);
    }
}
