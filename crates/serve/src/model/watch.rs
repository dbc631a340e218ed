//! Loads models, and looks each second whether their files have changed.

use cnn::anyhow::{anyhow, bail, Result};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::{error, info, warn};

use super::network::Network;
use super::owner::{Served, Settings};
use super::registry::Registry;
use super::source::{Found, Source, Stamp};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// The thread that looks; it ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Loads all models, then goes on looking for changes.
    ///
    /// # Errors
    /// If there is a model of which no version can be loaded.
    pub fn start(sources: Vec<Source>, registry: Arc<Registry>, settings: Settings) -> Result<Watcher> {
        let mut loader = Loader { sources, registry, settings, seen: HashMap::new() };
        loader.load_all()?;
        let (end, is_over) = channel();
        let watch = move || {
            while is_over.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                loader.look();
            }
        };
        let thread = std::thread::Builder::new().name("model files".to_string()).spawn(watch)?;
        Ok(Watcher { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Loader {
    sources: Vec<Source>,
    registry: Arc<Registry>,
    settings: Settings,
    /// The files that were loaded, or found to be damaged.
    seen: HashMap<(String, i64), Option<(PathBuf, Stamp)>>,
}

impl Loader {
    fn load_all(&mut self) -> Result<()> {
        for source in self.sources.clone() {
            let (mut errors, mut loaded) = (Vec::new(), 0);
            for (version, found) in source.versions()? {
                match self.load(&source.name, version, found) {
                    Ok(()) => loaded += 1,
                    Err(error) => errors.push(error),
                }
            }
            if loaded == 0 {
                bail!(errors.pop().unwrap_or_else(|| anyhow!("{} has no versions", source.path.display())));
            }
        }
        Ok(())
    }

    /// Loads what has changed, and takes away versions that are gone.
    fn look(&mut self) {
        for source in self.sources.clone() {
            // What is gone altogether is served on: it may be about to come back.
            let Ok(versions) = source.versions() else { continue };
            let known: Vec<i64> = self
                .seen
                .keys()
                .filter(|(name, _)| *name == source.name)
                .map(|(_, version)| *version)
                .collect();
            for version in known.into_iter().filter(|version| !versions.contains_key(version)) {
                self.seen.remove(&(source.name.clone(), version));
                self.registry.remove(&source.name, version);
                info!(model = source.name, version, "the version is gone, and no longer served");
            }
            for (version, found) in versions {
                let now = found.as_ref().ok().cloned();
                if self.seen.get(&(source.name.clone(), version)) != Some(&now) {
                    let _ = self.load(&source.name, version, found);
                }
            }
        }
    }

    fn load(&mut self, name: &str, version: i64, found: Result<Found>) -> Result<()> {
        self.seen.insert((name.to_string(), version), found.as_ref().ok().cloned());
        let begin = Instant::now();
        let loaded = found.and_then(|(path, _)| {
            let served = Served::start(name, version, &self.settings, {
                let path = path.clone();
                move || Network::load(&path)
            })?;
            Ok((path, served))
        });
        self.settings.metrics.loaded(name, version, loaded.is_ok());
        match loaded {
            Ok((path, served)) => {
                let ms = begin.elapsed().as_millis() as u64;
                info!(model = name, version, file = %path.display(), ms, shape = ?served.info.row_shape(), "loaded");
                self.registry.put(served);
                Ok(())
            }
            Err(error) => {
                let text = format!("{error:#}");
                let serving = self.registry.get(name, &super::Choice::Version(version)).is_ok();
                match serving {
                    true => warn!(model = name, version, "refused, and the earlier one is served on: {text}"),
                    false => error!(model = name, version, "refused: {text}"),
                }
                self.registry.refuse(name, version, text);
                Err(error)
            }
        }
    }
}
