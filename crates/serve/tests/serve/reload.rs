//! Models whose files change while they are served.

use serve::limits::Limits;
use serve::model::{Registry, Settings, Source, Watcher};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{settings, LONG};
use crate::models::{digits, outputs};

struct Watched {
    registry: Arc<Registry>,
    settings: Settings,
    _watcher: Watcher,
}

fn watch(path: &Path) -> Watched {
    let settings = settings(&Limits::default(), &Arc::default());
    let labels = [(("m".to_string(), "stable".to_string()), 1)];
    let registry = Arc::new(Registry::new(labels.into_iter().collect()));
    let source = Source { name: "m".to_string(), path: path.to_path_buf() };
    let watcher = Watcher::start(vec![source], registry.clone(), settings.clone()).unwrap();
    Watched { registry, settings, _watcher: watcher }
}

use serve::model::Choice;

impl Watched {
    /// The first output for a grey image.
    fn output(&self, choice: &Choice) -> f32 {
        let served = self.registry.get("m", choice).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(served.predict(vec![0.5; 784], 1)).unwrap()[0]
    }

    fn until(&self, what: impl Fn() -> bool) {
        let begin = Instant::now();
        while !what() {
            assert!(begin.elapsed() < LONG, "{}", self.settings.metrics.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn refused(&self) -> bool {
        self.settings.metrics.text().contains("result=\"refused\"")
    }
}

fn own(seed: u64) -> f32 {
    outputs(&digits(seed), &[0.5; 784], &[1, 1, 28, 28])[0]
}

#[test]
fn a_replaced_file_is_served_and_half_a_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    digits(1).save(&path).unwrap();
    let watched = watch(&path);
    assert_eq!(watched.output(&Choice::Latest), own(1));
    digits(2).save(&path).unwrap();
    watched.until(|| watched.output(&Choice::Latest) == own(2));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    watched.until(|| watched.refused());
    assert_eq!(watched.output(&Choice::Latest), own(2));
    assert_eq!(watched.registry.status("m", &Choice::Latest).unwrap()[0].refused, None);
    fs::remove_file(&path).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(watched.output(&Choice::Latest), own(2), "what is gone is served on");
    digits(3).save(&path).unwrap();
    watched.until(|| watched.output(&Choice::Latest) == own(3));
}

#[test]
fn versions_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = |version: i64| folder.path().join(version.to_string()).join("model.safetensors");
    digits(1).save(path(1)).unwrap();
    let watched = watch(folder.path());
    digits(2).save(path(2)).unwrap();
    watched.until(|| watched.output(&Choice::Latest) == own(2));
    assert_eq!(watched.output(&Choice::Label("stable".to_string())), own(1));
    fs::create_dir(folder.path().join("3")).unwrap();
    fs::write(path(3), "no model").unwrap();
    watched.until(|| watched.refused());
    assert_eq!(watched.output(&Choice::Latest), own(2));
    let states = watched.registry.status("m", &Choice::Latest).unwrap();
    assert!(states[0].version == 3 && states[0].refused.as_ref().unwrap().contains("model.safetensors"));
    fs::remove_dir_all(folder.path().join("2")).unwrap();
    watched.until(|| watched.registry.get("m", &Choice::Version(2)).is_err());
    assert_eq!(watched.output(&Choice::Latest), own(1));
}

#[test]
fn a_model_that_cannot_be_loaded_at_first_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.keras");
    fs::write(&path, "no model").unwrap();
    let settings = settings(&Limits::default(), &Arc::default());
    let source = Source::read(path.to_str().unwrap()).unwrap();
    let error = Watcher::start(vec![source], Arc::default(), settings).unwrap_err().to_string();
    assert!(error.contains("m.keras"), "{error}");
}
