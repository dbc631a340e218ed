//! The programs that the formats are made for, in environments of their own.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Copy)]
pub enum Peer {
    Keras,
    PyTorch,
    Onnx,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Peer::Keras => "keras",
            Peer::PyTorch => "pytorch",
            Peer::Onnx => "onnx",
        }
    }

    /// The Python that has it, or None, which is told.
    pub fn python(self) -> Option<PathBuf> {
        let folder = std::env::var_os("CNN_CACHE").map(PathBuf::from).or_else(|| {
            let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let cache =
                cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
            Some(cache?.join("cnn-course"))
        })?;
        let python = folder.join(format!("peer-{}", self.name())).join("bin").join("python");
        if !python.exists() {
            println!(
                "not compared with {}: {} is not there; scripts/test formats makes it",
                self.name(),
                python.display()
            );
            return None;
        }
        Some(python)
    }

    /// Lets it open and write all models of a folder.
    pub fn run(self, python: &Path, folder: &Folder) {
        self.ask(python, folder, self.name());
        let errors = std::fs::read_to_string(folder.file(&format!("{}.json", self.name()))).unwrap();
        let errors: Value = serde_json::from_str(&errors).unwrap();
        assert!(errors.as_object().unwrap().is_empty(), "{} cannot open: {errors:#}", self.name());
    }

    /// Lets it train on each model of a folder, once and twice.
    pub fn train(self, python: &Path, folder: &Folder) {
        self.ask(python, folder, "training");
    }

    fn ask(self, python: &Path, folder: &Folder, what: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/peers/travel_peer.py");
        let mut command = Command::new(python);
        // libtorch's own folder is on the path of this process, and PyTorch brings its own.
        command.env_remove("LD_LIBRARY_PATH").env_remove("DYLD_LIBRARY_PATH");
        let done = command.arg(script).arg(what).arg(&folder.0).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A folder that is removed at the end of its test, if that ends well.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("cnn-travel-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
