//! Data sets of four files in MNIST's format that are known by their hashes: MNIST itself, and Fashion-MNIST.

use anyhow::{anyhow, ensure, Result};
use std::path::Path;

use super::checksum::sha256;
use super::dataset::Dataset;
use super::download::{download, mirrors, PATIENCE};
use super::folder::{find, Files, Found, Wanted, FILES};
use super::formats::idx::{images_header, labels_header};
use super::idx::{self, Parts};
use super::stand_in::StandIn;
use super::upright;
use crate::engine::error::Context;

/// A data set, and how it is known.
pub(crate) struct FourFiles {
    /// How its files are called.
    pub wanted: Wanted<'static>,
    /// SHA-256 of the uncompressed files, in the order of [`FILES`]: mirrors compress them in their own ways.
    pub hashes: [&'static str; 4],
    /// Where the four files lie, gzipped.
    pub mirrors: &'static [&'static str],
    /// Whether other formats than the four files have the images in the same order, so that the hashes fit; and whether files
    /// that name no set, as `train.csv`, are its own.
    pub is_mnist: bool,
    /// What takes its place.
    pub stand_in: StandIn,
}

impl FourFiles {
    /// Loads it from the folder that `CNN_DATA_DIR` names, else from the project's, else from a mirror.
    pub fn load_data(&self) -> Result<Dataset> {
        let known = &self.stand_in.of;
        if let Some(folder) = known.named_folder(|folder| self.is_in(folder))? {
            return self.load_from(&folder).with_context(|| format!("CNN_DATA_DIR is {}", folder.display()));
        }
        let folder = known.folder();
        if self.find(&folder).is_err() {
            let mirrors = mirrors(known.name, self.mirrors);
            let verify = |position: usize, content: &[u8]| self.verify(position, &[content]);
            if let Err(reasons) = download(&mirrors, PATIENCE, &folder, &FILES, &verify)? {
                return self.stand_in.take_its_place(&reasons);
            }
        }
        self.load_from(&folder)
    }

    /// Loads it from a folder, and checks that it is the one.
    pub fn load_from(&self, folder: &Path) -> Result<Dataset> {
        let found = self.find(folder)?;
        // A damaged file is better explained by what is wrong in it than by its hash.
        let parts = idx::read(&found)?;
        let name = match &parts.divided {
            Some(file) => self.of_its_form(&found, &parts, file)?,
            None if matches!(found.files, Files::Csv { .. }) && !self.is_mnist => {
                self.of_its_form(&found, &parts, &found.files.of(0)[0].name())?
            }
            None => self.verified(&found, &parts)?,
        };
        Ok(Dataset::new(&name, (self.stand_in.class_names)(), parts.train, parts.test))
    }

    fn find(&self, folder: &Path) -> Result<Found> {
        let found = find(folder, &self.wanted)?;
        let (title, file) = (self.stand_in.of.title, found.files.of(0)[0]);
        ensure!(
            self.is_mnist || !found.set.is_empty() || matches!(found.files, Files::Idx(_)),
            "{file} does not tell that it is of {title}, whose files are {} or {}_train.csv. Check the path",
            FILES.join(", "),
            self.stand_in.of.name
        );
        Ok(found)
    }

    /// The name of a set whose hashes are right.
    fn verified(&self, found: &Found, parts: &Parts) -> Result<String> {
        let hint = || upright::hint(&parts.train).map_or(String::new(), |hint| format!(". Also, {hint}"));
        for (first, part) in [(0, &parts.train), (2, &parts.test)] {
            let [images, labels] = found.files.of(first);
            let header = images_header(&part.images);
            self.verify(first, &[&header, &part.images.pixels])
                .with_context(|| images.to_string())
                .map_err(|error| anyhow!("{error}{}", hint()))?;
            self.verify(first + 1, &[&labels_header(&part.labels), &part.labels])
                .with_context(|| labels.to_string())?;
        }
        Ok(self.stand_in.of.name.to_string())
    }

    /// The name of a set with its images in another order: of it only the form can be checked.
    fn of_its_form(&self, found: &Found, parts: &Parts, file: &str) -> Result<String> {
        let known = &self.stand_in.of;
        let (width, largest) =
            (parts.train.images.width, parts.train.labels.iter().chain(&parts.test.labels).max());
        ensure!(
            width == 28 && largest.is_some_and(|&label| label < 10),
            "{} is no file of {}: its images have {width}×{width} pixels, and its labels go up to {}, where 28×28 and 9 are \
             expected. Check the path; data::idx::load_folder(\"folder\", \"name\") loads other data sets",
            found.files.of(0)[0],
            known.title,
            largest.unwrap_or(&0)
        );
        if let Some(hint) = upright::hint(&parts.train) {
            println!("{file}: {hint}");
        }
        Ok(format!("{} ({file})", known.name))
    }

    /// Checks one of the four files, which may be given in pieces, by its hash.
    fn verify(&self, position: usize, content: &[&[u8]]) -> Result<()> {
        let (title, found) = (self.stand_in.of.title, sha256(content.iter().copied()));
        ensure!(
            found == self.hashes[position],
            "this is not {title}'s file: its SHA-256 is {found}, {title}'s {}. It is damaged (delete it and download it \
             again), or of another data set whose files have the same names; \
             data::idx::load_folder(\"folder\", \"name\") loads such a set on purpose",
            self.hashes[position]
        );
        Ok(())
    }

    /// Whether the files in a folder are this set's, by their names, or by the training labels where names do not tell.
    fn is_in(&self, folder: &Path) -> bool {
        let Ok(found) = self.find(folder) else {
            return false;
        };
        match &found.files {
            Files::Idx([_, labels, ..]) if found.set.is_empty() => {
                labels.read().is_ok_and(|bytes| sha256([bytes.as_slice()]) == self.hashes[1])
            }
            _ => true,
        }
    }
}
