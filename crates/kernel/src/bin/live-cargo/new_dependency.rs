//! A new dependency, for `:dep`, leaves those that are there as they are.
//!
//! evcxr asks cargo whether a dependency can be had by the Cargo.toml of a package that has it alone, written in the place of
//! the cells' own: cargo then forgets all other versions. So that question is answered in another folder.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::lock;
use crate::programs;
use crate::whole;

/// The name of the package that evcxr asks with.
const QUESTION: &str = "evcxr_dummy_validate_dep";
/// The packages that cells are compiled with, and their features.
const FEATURES: &str = ".live-cargo/features.json";
/// The file in which the kernel looks for what to say.
const NOTICE: &str = "LIVE_NOTICE";
/// So many names are said.
const NAMED: usize = 5;

type Features = BTreeMap<String, Package>;

#[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug, Clone, Default)]
struct Package {
    name: String,
    features: BTreeSet<String>,
    dependencies: BTreeSet<String>,
}

/// Does what `cargo metadata` is asked for.
pub fn answer(arguments: &[String]) -> Result<i32> {
    let build = std::env::current_dir()?;
    lock::fill(&build)?;
    let manifest = fs::read_to_string(build.join("Cargo.toml")).unwrap_or_default();
    if !manifest.contains(QUESTION) {
        return programs::go_on("cargo", arguments);
    }
    let folder = build.join(".live-cargo/question");
    fs::create_dir_all(&folder).context("the build folder cannot be written")?;
    fs::write(folder.join("Cargo.toml"), manifest).context("the build folder cannot be written")?;
    let _ = fs::copy(build.join("Cargo.lock"), folder.join("Cargo.lock"));
    let mut cargo = programs::cargo()?;
    let status = cargo.args(arguments).current_dir(&folder).status().context("cargo could not be started")?;
    Ok(status.code().unwrap_or(101))
}

/// Remembers the packages that cells are compiled with now.
pub fn remember(build: &Path) -> Result<()> {
    if programs::variable(NOTICE).is_none() {
        return Ok(());
    }
    let Some(features) = features(build) else { return Ok(()) };
    fs::write(build.join(FEATURES), serde_json::to_vec(&features)?)
        .context("the build folder cannot be written")
}

/// Says before it happens, in the file that [`NOTICE`] names, which packages are about to be compiled anew with other
/// features: variables of their types are lost by that.
pub fn announce(build: &Path) -> Result<()> {
    let Some(notice) = programs::variable(NOTICE) else { return Ok(()) };
    let before: Option<Features> =
        fs::read(build.join(FEATURES)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (Some(before), Some(after)) = (before, features(build)) else { return Ok(()) };
    if let Some(text) = what_changes(&before, &after) {
        whole::write(&notice, text).context("the notice cannot be written")?;
    }
    Ok(())
}

fn features(build: &Path) -> Option<Features> {
    let mut cargo = programs::cargo().ok()?;
    cargo
        .args(["metadata", "--format-version=1"])
        .current_dir(build)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let output = cargo.output().ok().filter(|output| output.status.success())?;
    Some(parse(&serde_json::from_slice(&output.stdout).ok()?))
}

fn parse(metadata: &Value) -> Features {
    let texts = |values: &Value| -> BTreeSet<String> {
        values
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|value| value.as_str().map(str::to_string))
            .collect()
    };
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let package = |node: &Value| {
        let id = node["id"].as_str()?;
        let name = names.get(id).filter(|name| **name != "ctx")?.to_string();
        let (features, dependencies) = (texts(&node["features"]), texts(&node["dependencies"]));
        Some((id.to_string(), Package { name, features, dependencies }))
    };
    nodes.filter_map(package).collect()
}

/// The sentence about packages that are there, and get other features, or depend on such.
fn what_changes(before: &Features, after: &Features) -> Option<String> {
    let changed = |id: &str, package: &Package| {
        before
            .get(id)
            .is_some_and(|old| old.features != package.features || old.dependencies != package.dependencies)
    };
    let mut anew: BTreeSet<&str> =
        after.iter().filter(|(id, package)| changed(id, package)).map(|(id, _)| id.as_str()).collect();
    let first: Vec<&str> = anew.iter().map(|id| after[*id].name.as_str()).collect();
    loop {
        let depends = |package: &Package| package.dependencies.iter().any(|id| anew.contains(id.as_str()));
        let more: Vec<&str> = after
            .iter()
            .filter(|(id, package)| {
                before.contains_key(*id) && !anew.contains(id.as_str()) && depends(package)
            })
            .map(|(id, _)| id.as_str())
            .collect();
        if more.is_empty() {
            break;
        }
        anew.extend(more);
    }
    // A version that is another one than before is missing here, and new there: nothing is compiled twice for that.
    if first.is_empty() {
        return None;
    }
    let names: BTreeSet<&str> = anew.iter().map(|id| after[*id].name.as_str()).collect();
    Some(format!(
        "The new dependency wants other features of {}: {} are compiled anew, and variables of their types are lost.\n",
        shortened(first.into_iter().collect()),
        shortened(names)
    ))
}

fn shortened(names: BTreeSet<&str>) -> String {
    let named: Vec<&str> = names.iter().copied().take(NAMED).collect();
    match names.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(itoa: &[&str], serde: &[&str]) -> Features {
        parse(&json!({
            "packages": [{"id": "c", "name": "ctx"}, {"id": "i", "name": "itoa"}, {"id": "s", "name": "serde"}, {"id": "j", "name": "serde_json"}],
            "resolve": {"nodes": [
                {"id": "c", "features": [], "dependencies": ["i", "j"]},
                {"id": "i", "features": itoa, "dependencies": []},
                {"id": "s", "features": serde, "dependencies": []},
                {"id": "j", "features": [], "dependencies": ["s"]}
            ]}
        }))
    }

    #[test]
    fn only_other_features_are_announced_with_all_that_is_compiled_anew() {
        let before = metadata(&[], &["std"]);
        assert_eq!(what_changes(&before, &before), None);
        let mut with_another = before.clone();
        with_another.insert("n".into(), Package { name: "new".into(), ..Package::default() });
        assert_eq!(what_changes(&before, &with_another), None);
        let said = what_changes(&before, &metadata(&[], &["std", "derive"])).unwrap();
        assert!(said.contains("features of serde: serde, serde_json are compiled anew"), "{said}");
    }
}
