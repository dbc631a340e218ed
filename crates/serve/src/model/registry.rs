//! All models by name and version.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::owner::Served;
use crate::failure::Failure;

/// Which version of a model is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The highest number.
    Latest,
    /// This number.
    Version(i64),
    /// The number that has this label.
    Label(String),
}

/// Whether a version answers, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The version.
    pub version: i64,
    /// The reason, where its file could not be loaded.
    pub refused: Option<String>,
}

type Versions = BTreeMap<i64, Result<Arc<Served>, String>>;

/// The models that are served.
#[derive(Debug, Default)]
pub struct Registry {
    models: RwLock<BTreeMap<String, Versions>>,
    labels: HashMap<(String, String), i64>,
}

impl Registry {
    /// With labels for versions: of a model's name and a label, the version.
    pub fn new(labels: HashMap<(String, String), i64>) -> Registry {
        Registry { models: RwLock::default(), labels }
    }

    /// The version that is asked for.
    ///
    /// # Errors
    /// If there is none, with TensorFlow Serving's words.
    pub fn get(&self, name: &str, choice: &Choice) -> Result<Arc<Served>, Failure> {
        let version = self.version(name, choice)?;
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let versions = models.get(name);
        let found = match version {
            Some(version) => versions.and_then(|versions| versions.get(&version)?.as_ref().ok()),
            None => versions
                .and_then(|versions| versions.values().rev().find_map(|version| version.as_ref().ok())),
        };
        found.cloned().ok_or_else(|| {
            let request =
                version.map_or(format!("Latest({name})"), |version| format!("Specific({name}, {version})"));
            Failure::not_found(format!("Servable not found for request: {request}"))
        })
    }

    /// The state of one version, or of all, the highest first.
    ///
    /// # Errors
    /// If there is no such model or version, with TensorFlow Serving's words.
    pub fn status(&self, name: &str, choice: &Choice) -> Result<Vec<Status>, Failure> {
        let version = self.version(name, choice)?;
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let versions = models.get(name).into_iter().flatten().rev();
        let asked = versions.filter(|(&number, _)| version.is_none_or(|version| version == number));
        let status: Vec<Status> = asked
            .map(|(&version, state)| Status { version, refused: state.as_ref().err().cloned() })
            .collect();
        match (status.is_empty(), version) {
            (false, _) => Ok(status),
            (true, Some(version)) => {
                Err(Failure::not_found(format!("Could not find version {version} of model {name}")))
            }
            (true, None) => Err(Failure::not_found(format!("Could not find any versions of model {name}"))),
        }
    }

    /// The names of all models.
    pub fn names(&self) -> Vec<String> {
        self.models.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Puts a model in the place of an earlier one, which answers what it was asked and then ends.
    pub fn put(&self, served: Served) {
        let (name, version) = (served.info.name.clone(), served.info.version);
        self.change(name, |versions| drop(versions.insert(version, Ok(Arc::new(served)))));
    }

    /// A version could not be loaded. An earlier one that answers goes on doing so.
    pub fn refuse(&self, name: &str, version: i64, reason: String) {
        self.change(name.to_string(), |versions| {
            let state = versions.entry(version).or_insert_with(|| Err(String::new()));
            if let Err(earlier) = state {
                *earlier = reason;
            }
        });
    }

    /// Takes a version away.
    pub fn remove(&self, name: &str, version: i64) {
        self.change(name.to_string(), |versions| drop(versions.remove(&version)));
    }

    fn change(&self, name: String, change: impl FnOnce(&mut Versions)) {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        change(models.entry(name).or_default());
    }

    fn version(&self, name: &str, choice: &Choice) -> Result<Option<i64>, Failure> {
        match choice {
            Choice::Latest => Ok(None),
            Choice::Version(version) => Ok(Some(*version)),
            Choice::Label(label) => match self.labels.get(&(name.to_string(), label.clone())) {
                Some(version) => Ok(Some(*version)),
                None => Err(Failure::invalid(format!("Unrecognized servable version label: {label}"))),
            },
        }
    }
}
