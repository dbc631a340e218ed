//! The font for each letter of a figure: the crate's own where it has the letter, else one of the machine's.

use plotters::style::{FontDesc, FontFamily, FontStyle};
use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, MutexGuard};
use unicode_normalization::{char::is_combining_mark, UnicodeNormalization};
use unicode_width::UnicodeWidthChar;

use super::system_fonts::{Face, SystemFonts};

/// The font of every text in a figure. It comes with the crate: machines without fonts draw the same picture.
///
/// It has the letters of Latin, Greek, Cyrillic, Armenian and Georgian, and the signs of mathematics. Others, as Chinese, are
/// drawn with a font of the machine that has them; where there is none, as boxes, and a line says which they are.
pub const FONT: &str = "sans-serif";

/// A letter that no font has: the font's box.
const BOX: char = '\u{FFFF}';

/// A part of a text in one font.
pub(crate) struct Run {
    pub text: String,
    face: &'static Face,
    own: &'static Face,
    /// Whether it is an accent for the letter before it.
    accent: bool,
}

impl Run {
    /// The font for a text of this size.
    pub fn font(&self, size: f64) -> FontDesc<'static> {
        self.face.sized(size, self.own)
    }

    /// By how many pixels it is drawn beside its place: plotters would put an accent behind its letter.
    pub fn shift(&self, font: &FontDesc) -> i32 {
        match self.text.chars().next().filter(|_| self.accent) {
            Some(accent) => self.face.left(accent, font.get_size()).round() as i32,
            None => 0,
        }
    }
}

/// The fonts, and what could not be drawn with them.
pub(crate) struct Fonts {
    own: &'static Face,
    /// Looked up when a text first needs them.
    system: Option<SystemFonts>,
    installed: fn() -> SystemFonts,
    /// What is still to be said, and what has been.
    to_say: Vec<Lacking>,
    said: BTreeSet<Lacking>,
}

/// What a figure asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Lacking {
    Family(String),
    Letter(char),
    Shaping(char),
}

/// The fonts of all figures.
pub(crate) fn fonts() -> MutexGuard<'static, Fonts> {
    static FONTS: LazyLock<Mutex<Fonts>> = LazyLock::new(|| Mutex::new(Fonts::new(SystemFonts::installed)));
    FONTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Fonts {
    fn new(installed: fn() -> SystemFonts) -> Self {
        let own = Face::register(FONT, include_bytes!("../../assets/DejaVuSans.ttf"));
        let own = own.expect("the crate's own font is a font");
        Fonts { own, system: None, installed, to_say: Vec::new(), said: BTreeSet::new() }
    }

    /// The text's parts, each with its font. `None` for a family that the user has registered with plotters, which draws it.
    pub fn runs(&mut self, text: &str, family: &str, style: FontStyle) -> Option<Vec<Run>> {
        let first = match family {
            FONT => self.own,
            _ if FontDesc::new(FontFamily::Name(family), 1.0, style).layout_box("").is_ok() => return None,
            _ => self.system().named(family, style).unwrap_or_else(|| {
                self.note(Lacking::Family(family.to_string()));
                self.own
            }),
        };
        let mut runs: Vec<Run> = Vec::new();
        // An accent after its letter becomes one letter with it, where there is one.
        let letters = match text.chars().any(is_combining_mark) {
            true => text.nfc().collect(),
            false => text.to_string(),
        };
        for letter in letters.chars() {
            let Some((face, letter)) = self.drawn(letter, first) else { continue };
            let accent = is_combining_mark(letter);
            match runs.last_mut().filter(|run| !accent && !run.accent && std::ptr::eq(run.face, face)) {
                Some(run) => run.text.push(letter),
                None => runs.push(Run { text: letter.to_string(), face, own: self.own, accent }),
            }
        }
        Some(runs)
    }

    /// What is drawn for a letter, and with which font; `None` for a letter without width, as the joiners in emoji.
    fn drawn(&mut self, letter: char, first: &'static Face) -> Option<(&'static Face, char)> {
        if needs_shaping(letter) {
            self.note(Lacking::Shaping(letter));
            return Some((self.own, BOX));
        }
        if let Some(face) = [first, self.own].into_iter().find(|face| face.has(letter)) {
            return Some((face, letter));
        }
        if letter.is_whitespace() || letter.is_control() {
            return Some((self.own, ' '));
        }
        let selects_a_form = matches!(letter, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}');
        if letter.width() == Some(0) && (selects_a_form || !is_combining_mark(letter)) {
            return None;
        }
        Some(match self.system().with(letter) {
            Some(face) => (face, letter),
            None => {
                self.note(Lacking::Letter(letter));
                (self.own, BOX)
            }
        })
    }

    fn system(&mut self) -> &mut SystemFonts {
        self.system.get_or_insert_with(self.installed)
    }

    fn note(&mut self, lacking: Lacking) {
        if self.said.insert(lacking.clone()) {
            self.to_say.push(lacking);
        }
    }

    /// Lines about what could not be drawn since the last call, each of it once.
    pub fn notes(&mut self) -> Vec<String> {
        let (mut notes, mut letters, mut unshaped) = (Vec::new(), Vec::new(), Vec::new());
        for lacking in self.to_say.drain(..) {
            match lacking {
                Lacking::Family(family) => notes.push(format!(
                    "This machine has no font {family:?}: the figure is drawn with FONT, the font that cnn brings along."
                )),
                Lacking::Letter(letter) => letters.push(letter),
                Lacking::Shaping(letter) => unshaped.push(letter),
            }
        }
        if !letters.is_empty() {
            let packages: BTreeSet<&str> = letters.iter().map(|&letter| package(letter)).collect();
            let packages = packages.into_iter().collect::<Vec<_>>().join(" ");
            notes.push(format!(
                "No font of this machine can draw {}; the figure has boxes there. Install one that can (on Debian and \
                 Ubuntu: sudo apt install {packages}), and draw the figure again.",
                listed(&letters)
            ));
        }
        if !unshaped.is_empty() {
            notes.push(format!(
                "Figures cannot draw {}: scripts that run from right to left or join their letters. The figure has boxes \
                 there; tables can show them.",
                listed(&unshaped)
            ));
        }
        notes
    }
}

/// Scripts that run from right to left, or whose letters change beside others: plotters draws letter by letter from left to
/// right, which would be wrong. By the blocks of Unicode 17.
fn needs_shaping(letter: char) -> bool {
    matches!(letter,
        '\u{0590}'..='\u{08FF}' // Hebrew to Arabic Extended-A
        | '\u{0900}'..='\u{109F}' // Devanagari to Myanmar: India, Thailand, Laos, Tibet
        | '\u{1700}'..='\u{18AF}' // Philippine scripts, Khmer, Mongolian
        | '\u{1900}'..='\u{1C7F}' // Limbu to Ol Chiki
        | '\u{1CC0}'..='\u{1CFF}' // Sundanese, Vedic
        | '\u{A800}'..='\u{A8FF}' // Syloti Nagri to Devanagari Extended
        | '\u{A900}'..='\u{A95F}' // Kayah Li, Rejang
        | '\u{A980}'..='\u{AAFF}' // Javanese to Meetei Mayek
        | '\u{ABC0}'..='\u{ABFF}' // Meetei Mayek
        | '\u{FB1D}'..='\u{FDFF}' // Hebrew and Arabic forms
        | '\u{FE70}'..='\u{FEFC}'
        | '\u{10800}'..='\u{11FFF}' // right to left; further scripts of India
        | '\u{1E800}'..='\u{1EFFF}') // right to left
}

/// The package of Debian and Ubuntu that has the letter.
fn package(letter: char) -> &'static str {
    match letter {
        '\u{1F000}'..='\u{1FAFF}' => "fonts-symbola", // Noto's emoji are coloured pictures
        _ if letter.width() == Some(2) => "fonts-noto-cjk",
        _ => "fonts-noto-core",
    }
}

/// Letters for a line: the first ten, with their numbers.
fn listed(letters: &[char]) -> String {
    let first = letters.iter().take(10).map(|&letter| format!("{letter} (U+{:04X})", u32::from(letter)));
    let first = first.collect::<Vec<_>>().join(", ");
    match letters.len().saturating_sub(10) {
        0 => first,
        more => format!("{first} and {more} more letters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fontdb::Database;

    /// A machine with one font, "DejaVu Sans": the own one's letters, with lines twice as high, and its last 20 emoji as the
    /// Chinese letters from U+2B700 on.
    fn one_font() -> SystemFonts {
        let mut file = include_bytes!("../../assets/DejaVuSans.ttf").to_vec();
        let place =
            |file: &[u8], bytes: &[u8]| file.windows(bytes.len()).position(|part| part == bytes).unwrap();
        let emoji = place(&file, &[0, 1, 0xF6, 0x2D, 0, 1, 0xF6, 0x40]);
        file[emoji..][..8].copy_from_slice(&[0, 2, 0xB7, 0x00, 0, 2, 0xB7, 0x13]);
        let entry = place(&file, b"hhea");
        let table = u32::from_be_bytes(file[entry + 8..][..4].try_into().unwrap()) as usize;
        let [ascent, descent] = [2 * 1901_i16, 2 * -483].map(i16::to_be_bytes);
        file[table + 4..][..4].copy_from_slice(&[ascent, descent].concat());
        let mut database = Database::new();
        database.load_font_data(file);
        SystemFonts::new(database)
    }

    fn texts(fonts: &mut Fonts, text: &str, family: &str) -> Vec<String> {
        let runs = fonts.runs(text, family, FontStyle::Normal).unwrap();
        runs.into_iter().map(|run| run.text).collect()
    }

    #[test]
    fn a_machine_without_fonts_has_boxes_and_says_so() {
        let mut fonts = Fonts::new(|| SystemFonts::new(Database::new()));
        assert_eq!(texts(&mut fonts, "Ошибка α\n猫, 👍\u{FE0F}", FONT), [format!("Ошибка α {BOX}, {BOX}")]);
        assert_eq!(texts(&mut fonts, "שלום", "Papyrus"), [BOX.to_string().repeat(4)]);
        let notes = fonts.notes();
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[0].starts_with("This machine has no font \"Papyrus\""), "{notes:?}");
        assert!(notes[1].contains("draw 猫 (U+732B), 👍 (U+1F44D); "), "{notes:?}");
        assert!(notes[1].contains("apt install fonts-noto-cjk fonts-symbola)"), "{notes:?}");
        assert!(
            notes[2].contains("ש (U+05E9), ל (U+05DC), ו (U+05D5), ם (U+05DD): scripts that"),
            "{notes:?}"
        );
        // An accent that no font has is not left out in silence.
        assert_eq!(texts(&mut fonts, "a\u{1AB0}", FONT), [format!("a{BOX}")]);
        assert_eq!(fonts.notes().len(), 1);
        assert_eq!(texts(&mut fonts, "猫", FONT), [BOX.to_string()]);
        assert!(fonts.notes().is_empty(), "once");
    }

    #[test]
    fn the_machines_font_draws_what_the_own_one_lacks() {
        let mut fonts = Fonts::new(one_font);
        assert_eq!(texts(&mut fonts, "猫a𫜀𫜁b😭", FONT), [&format!("{BOX}a"), "𫜀𫜁", "b😭"]);
        assert_eq!(texts(&mut fonts, "a𫜀b😭c", "DejaVu Sans"), ["a𫜀b", "😭", "c"], "asked for by name");
        let notes = fonts.notes();
        assert!(notes.len() == 1 && notes[0].contains("draw 猫 (U+732B); "), "{notes:?}");
    }

    #[test]
    fn letters_of_two_fonts_are_of_one_size() {
        let mut fonts = Fonts::new(one_font);
        let runs = fonts.runs("😭𫜀", FONT, FontStyle::Normal).unwrap();
        let [own, other] = [0, 1].map(|run| runs[run].font(40.0).layout_box(&runs[run].text).unwrap());
        assert!(own.1 .0 > 30 && own.1 .0 == other.1 .0, "{own:?} {other:?}");
    }
}
