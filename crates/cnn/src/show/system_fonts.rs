//! The machine's fonts: for letters that the crate's own font lacks, and for families that a figure asks for by name.

use ab_glyph::{Font, FontRef};
use fontdb::{Database, Family, Query, Style, Weight, ID};
use plotters::style::{register_font, FontDesc, FontFamily, FontStyle};
use std::collections::HashMap;

/// A font that plotters knows by a name.
pub(crate) struct Face {
    name: &'static str,
    font: FontRef<'static>,
}

impl Face {
    /// Makes the bytes of a font file known to plotters; `None` if they are no font.
    pub fn register(name: &'static str, bytes: &'static [u8]) -> Option<&'static Face> {
        register_font(name, FontStyle::Normal, bytes).ok()?;
        let font = FontRef::try_from_slice(bytes).ok()?;
        // plotters keeps a font for ever, too.
        Some(Box::leak(Box::new(Face { name, font })))
    }

    /// Whether it can draw the letter. A font of coloured pictures has letters without an outline, which it cannot.
    pub fn has(&self, letter: char) -> bool {
        let glyph = self.font.glyph_id(letter);
        glyph.0 != 0 && (letter.is_whitespace() || self.font.outline(glyph).is_some())
    }

    /// Where a letter's outline begins, in pixels from its place.
    pub fn left(&self, letter: char, size: f64) -> f64 {
        let outline = self.font.outline(self.font.glyph_id(letter));
        let left = outline.map_or(0.0, |outline| outline.bounds.min.x);
        f64::from(left / self.font.height_unscaled()) * size
    }

    /// The font for a text of this size beside `own`. plotters measures a font by the height of its lines, which differs
    /// between fonts whose letters are of one size.
    pub fn sized(&self, size: f64, own: &Face) -> FontDesc<'static> {
        let line = |face: &Face| {
            f64::from(face.font.height_unscaled()) / f64::from(face.font.units_per_em().unwrap_or(1000.0))
        };
        FontDesc::new(FontFamily::Name(self.name), size * (line(self) / line(own)), FontStyle::Normal)
    }
}

/// Fonts that are read as they are needed.
pub(crate) struct SystemFonts {
    database: Database,
    /// In the order in which they are asked for a letter.
    order: Vec<ID>,
    faces: HashMap<ID, Option<&'static Face>>,
    found: HashMap<char, Option<&'static Face>>,
}

impl SystemFonts {
    /// What is installed on this machine.
    pub fn installed() -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        SystemFonts::new(database)
    }

    pub fn new(mut database: Database) -> Self {
        // plotters reads the first font of a file alone. A name with a dot is macOS's mark for fonts that are no user's,
        // among them one with a picture of a missing letter for every letter.
        let hidden = |name: &str| name.starts_with('.');
        let of_no_use: Vec<ID> = database
            .faces()
            .filter(|face| face.index != 0 || face.families.iter().all(|(name, _)| hidden(name)))
            .map(|face| face.id)
            .collect();
        of_no_use.into_iter().for_each(|face| database.remove_face(face));
        // Upright and regular ones first, and Noto Sans, which is made to go with others; then by name, so that a machine
        // always draws the same picture.
        let mut ordered: Vec<_> = database
            .faces()
            .map(|face| {
                let family = face.families[0].0.clone();
                let irregular = face.style != Style::Normal || face.weight != Weight::NORMAL;
                let key =
                    (irregular, !family.starts_with("Noto Sans"), face.monospaced, family.contains("Serif"));
                (key, family, face.post_script_name.clone(), face.id)
            })
            .collect();
        ordered.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
        let order = ordered.into_iter().map(|(.., id)| id).collect();
        SystemFonts { database, order, faces: HashMap::new(), found: HashMap::new() }
    }

    /// The first font that has the letter.
    pub fn with(&mut self, letter: char) -> Option<&'static Face> {
        if let Some(&known) = self.found.get(&letter) {
            return known;
        }
        let mut places = 0..self.order.len();
        let face = places.find_map(|place| self.face(self.order[place]).filter(|face| face.has(letter)));
        self.found.insert(letter, face);
        face
    }

    /// The font of this family that comes nearest to the style.
    pub fn named(&mut self, family: &str, style: FontStyle) -> Option<&'static Face> {
        let weight = if matches!(style, FontStyle::Bold) { Weight::BOLD } else { Weight::NORMAL };
        let style = match style {
            FontStyle::Italic => Style::Italic,
            FontStyle::Oblique => Style::Oblique,
            FontStyle::Normal | FontStyle::Bold => Style::Normal,
        };
        let query = Query { families: &[Family::Name(family)], weight, style, ..Query::default() };
        let id = self.database.query(&query)?;
        self.face(id)
    }

    fn face(&mut self, id: ID) -> Option<&'static Face> {
        if let Some(&known) = self.faces.get(&id) {
            return known;
        }
        // SAFETY: the mapped file must not be written to. Installers put a new file in an old one's place, and leave the
        // old one to those who have it open.
        let data = unsafe { self.database.make_shared_face_data(id) };
        let name = self.database.face(id).map(|face| format!("system font {}", face.post_script_name));
        let face = data.zip(name).and_then(|((data, _), name)| {
            let bytes: &'static [u8] = (**Box::leak(Box::new(data))).as_ref();
            Face::register(name.leak(), bytes)
        });
        self.faces.insert(id, face);
        face
    }
}
