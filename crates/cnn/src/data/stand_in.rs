//! What takes a data set's place where it cannot be had: pictures that this crate draws itself, with a banner that says so.

use anyhow::Result;

use super::certificates::is_about_certificates;
use super::dataset::{Dataset, Images, Part};
use super::place::Known;
use crate::show::Bar;

/// Draws so many pictures, from a seed, and reports how many more there are: their pixels and their labels.
pub(crate) type Draw = fn(usize, u64, &mut dyn FnMut(usize) -> Result<()>) -> Result<(Vec<u8>, Vec<u8>)>;

/// Pictures that stand in for a data set.
pub(crate) struct StandIn {
    /// The data set whose place they take.
    pub of: Known,
    /// Their own name as a data set.
    pub name: &'static str,
    /// What they are, in the plural.
    pub pictures: &'static str,
    /// Which files a learner has to get.
    pub files: &'static str,
    /// Channels, height and width.
    pub sides: [usize; 3],
    /// How many training and test pictures the data set has.
    pub counts: [usize; 2],
    pub class_names: fn() -> Vec<String>,
    pub draw: Draw,
}

impl StandIn {
    /// Says loudly that the data set is not there, and draws instead. The interrupt button ends the work.
    pub fn take_its_place(&self, reasons: &str) -> Result<Dataset> {
        println!("{}\n{reasons}", self.banner(reasons));
        self.drawn(self.counts, 42, |bar| bar.check())
    }

    /// Training and test pictures, so many; a seed always gives the same.
    pub fn pictures(&self, counts: [usize; 2], seed: u64) -> Dataset {
        self.drawn(counts, seed, |_bar| Ok(())).expect("nothing ends the work early")
    }

    fn drawn(
        &self,
        [train, test]: [usize; 2],
        seed: u64,
        check: impl Fn(&mut Bar) -> Result<()>,
    ) -> Result<Dataset> {
        let mut bar = Bar::new(&format!("drawing {}", self.pictures), (train + test) as u64, "images");
        let (mut pixels, mut labels) = (self.draw)(train + test, seed, &mut |more| {
            bar.advance(more as u64);
            check(&mut bar)
        })?;
        let [channels, height, width] = self.sides;
        let part = |pixels, labels| Part { images: Images { channels, height, width, pixels }, labels };
        let test = part(pixels.split_off(train * channels * height * width), labels.split_off(train));
        Ok(Dataset::new(self.name, (self.class_names)(), part(pixels, labels), test))
    }

    /// What is wrong, and what to do about it.
    fn banner(&self, reasons: &str) -> String {
        let StandIn { of: Known { title, .. }, name, pictures, .. } = self;
        let (why, remedy) = self.why_and_remedy(reasons);
        let what = format!(
            "THIS IS NOT {title}. {why}, so {pictures} that this program draws itself take its place: the data set \"{name}\"."
        );
        let effect =
            format!("Everything works with them, but accuracies differ from those of {title}. {remedy}");
        let bar = "█".repeat(78);
        format!("{bar}\n██\n{}██\n{}██\n{bar}", lines(&what), lines(&effect))
    }

    fn why_and_remedy(&self, reasons: &str) -> (&'static str, String) {
        let StandIn { of: Known { title, .. }, files, .. } = self;
        match is_about_certificates(reasons) {
            true => (
                "A mirror's certificate was not believed",
                format!(
                    "Your network may have a certificate authority of its own, which looks into what is encrypted: name its file \
                     (PEM) in the environment variable SSL_CERT_FILE, and restart the kernel. Or put {files} into a folder, and \
                     name that in CNN_DATA_DIR."
                ),
            ),
            false => (
                "No mirror could be reached",
                format!(
                    "To use {title}, put {files} into a folder, name it in the environment variable CNN_DATA_DIR, and restart the \
                     kernel; or connect to the internet."
                ),
            ),
        }
    }
}

/// A paragraph in lines that fit into the banner.
fn lines(paragraph: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in paragraph.split(' ') {
        if line.len() + 1 + word.len() > 74 {
            lines += &format!("██ {line}\n");
            line.clear();
        }
        line += &format!(" {word}");
    }
    lines + &format!("██ {line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::class_names;
    use crate::data::place::FASHION_MNIST;

    fn stand_in() -> StandIn {
        StandIn {
            of: FASHION_MNIST,
            name: "synthetic-fashion",
            pictures: "clothes",
            files: "Fashion-MNIST's four files",
            sides: [3, 1, 2],
            counts: [2, 1],
            class_names: || class_names::of(class_names::FASHION),
            draw: |count, seed, report| {
                report(count)?;
                let pixels = (0..6 * count).map(|place| place as u8 + seed as u8);
                Ok((pixels.collect(), (0..count as u8).collect()))
            },
        }
    }

    #[test]
    fn pictures_are_divided_into_training_and_test() {
        let data = stand_in().pictures([2, 1], 100);
        assert_eq!((data.name.as_str(), data.class_names[1].as_str()), ("synthetic-fashion", "Trouser"));
        assert_eq!((data.x_train.size(), data.x_test.size()), (vec![2, 3, 1, 2], vec![1, 3, 1, 2]));
        assert_eq!((data.y_train.int64_value(&[1]), data.y_test.int64_value(&[0])), (1, 2));
        assert_eq!(data.x_test.int64_value(&[0, 0, 0, 1]), 113);
    }

    #[test]
    fn the_banner_says_what_can_be_done() {
        let network = stand_in().banner("https://a/: io: Connection refused");
        assert!(
            network.contains("No mirror could be reached") && !network.contains("certificate"),
            "{network}"
        );
        let tls = stand_in().banner("https://a/: io: invalid peer certificate: UnknownIssuer");
        assert!(tls.contains("certificate was not believed") && tls.contains("SSL_CERT_FILE"), "{tls}");
        assert!(!tls.contains("No mirror could be reached"), "{tls}");
    }

    #[test]
    fn the_banner_is_as_wide_as_its_frame() {
        let banner = stand_in().banner("no certificate");
        assert!(banner.lines().all(|line| line.chars().count() <= 78), "{banner}");
        assert!(banner.contains("██  THIS IS NOT Fashion-MNIST. A mirror's certificate"), "{banner}");
    }
}
