//! Where the project is that this crate works for.

use std::env;
use std::path::{Path, PathBuf};

/// The folder that holds `data` and `artifacts`.
///
/// In notebook cells, and in this crate's own tests and examples, it is the course's checkout. In a program of one's
/// own it is that program's: the package that cargo runs, else the nearest folder with a `Cargo.toml` from the
/// current one upwards, else the current one.
pub(crate) fn project_folder() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    // evcxr sets the one for the process that runs the cells, cargo the other for what it runs.
    let in_cell = env::var_os("EVCXR_IS_RUNTIME").is_some();
    let run_by_cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let current = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    find(crate_folder, in_cell, run_by_cargo, &current)
}

fn find(crate_folder: &Path, in_cell: bool, run_by_cargo: Option<PathBuf>, current: &Path) -> PathBuf {
    let checkout = checkout(crate_folder);
    if let (true, Some(checkout)) = (in_cell, &checkout) {
        return checkout.clone();
    }
    let is_package = |folder: &&Path| folder.join("Cargo.toml").is_file();
    let package = run_by_cargo.or_else(|| current.ancestors().find(is_package).map(Path::to_path_buf));
    match (package, checkout) {
        (Some(package), Some(checkout)) if package == crate_folder => checkout,
        (Some(package), _) => package,
        (None, _) => current.to_path_buf(),
    }
}

/// The checkout of the course that the crate lies in, where a user has one: cargo's own copies of packages and
/// repositories, which are not for keeping anything in, are marked by a file `.cargo-ok`.
fn checkout(crate_folder: &Path) -> Option<PathBuf> {
    let folder = crate_folder.ancestors().nth(2)?;
    let of_a_user = crate_folder.ends_with("crates/cnn") && !folder.join(".cargo-ok").exists();
    (of_a_user && crate_folder.is_dir()).then(|| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with a course's checkout, cargo's copy of it, a package `digits`, and an empty folder.
    struct Folders(PathBuf);

    impl Folders {
        fn new(name: &str) -> Folders {
            let folders = Folders(env::temp_dir().join(format!("cnn-project-{name}-{}", std::process::id())));
            for package in ["course/crates/cnn", "git/checkouts/course-1a/2b/crates/cnn", "digits"] {
                folders.make(&format!("{package}/src"));
                fs::write(folders.at(package).join("Cargo.toml"), "").unwrap();
            }
            fs::write(folders.at("git/checkouts/course-1a/2b/.cargo-ok"), "").unwrap();
            folders.make("course/notebooks");
            folders.make("empty");
            folders
        }

        fn make(&self, folder: &str) {
            fs::create_dir_all(self.at(folder)).unwrap();
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.join(path)
        }
    }

    impl Drop for Folders {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn cells_and_the_crates_own_tests_work_in_the_checkout() {
        let folders = Folders::new("checkout");
        let at = |path| folders.at(path);
        let cnn = at("course/crates/cnn");
        assert_eq!(find(&cnn, true, None, &at("course/notebooks")), at("course"));
        assert_eq!(find(&cnn, true, None, &at("empty")), at("course"));
        assert_eq!(find(&cnn, false, Some(cnn.clone()), &cnn), at("course"), "cargo test");
        assert_eq!(find(&cnn, false, None, &cnn), at("course"), "a compiled test, started by hand");
    }

    #[test]
    fn a_program_of_ones_own_works_in_its_own_folder() {
        let folders = Folders::new("own");
        let at = |path| folders.at(path);
        for cnn in [at("course/crates/cnn"), at("git/checkouts/course-1a/2b/crates/cnn")] {
            assert_eq!(find(&cnn, false, Some(at("digits")), &at("empty")), at("digits"), "cargo run");
            assert_eq!(find(&cnn, false, None, &at("digits/src")), at("digits"), "started by hand");
            assert_eq!(find(&cnn, false, None, &at("empty")), at("empty"), "started from elsewhere");
        }
    }

    #[test]
    fn nothing_is_kept_in_cargos_copy_of_the_checkout() {
        let folders = Folders::new("copy");
        let at = |path| folders.at(path);
        let cnn = at("git/checkouts/course-1a/2b/crates/cnn");
        assert_eq!(find(&cnn, true, None, &at("digits/src")), at("digits"));
        assert_eq!(find(&cnn, true, None, &at("empty")), at("empty"));
    }

    #[test]
    fn a_checkout_that_is_gone_is_not_named() {
        let folders = Folders::new("gone");
        let gone = folders.at("moved/crates/cnn");
        assert_eq!(find(&gone, true, None, &folders.at("digits")), folders.at("digits"));
    }

    #[test]
    fn these_tests_belong_to_the_checkout() {
        assert!(project_folder().join("crates/cnn/src/engine/project.rs").is_file());
    }
}
