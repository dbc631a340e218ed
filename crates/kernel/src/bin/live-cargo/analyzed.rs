//! What rust-analyzer reads of the libraries, to know the types of a notebook's variables: not all, but those that cells can name.
//!
//! It asks cargo for all packages, and reads each that it is told of. Of 125 packages a course's notebook can name eight; the
//! others took half of a start and of a kernel's memory. It is answered here, since the kernel tells it by the variable CARGO that
//! this program is cargo, and by CARGO_HOME that there is no other.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cargo_variables::{CARGO, FOLDER};
use crate::programs;

/// Of the standard library, what its own types are made of.
const LIBRARY: [&str; 10] = [
    "alloc",
    "cfg-if",
    "core",
    "hashbrown",
    "proc_macro",
    "rustc-std-workspace-alloc",
    "rustc-std-workspace-core",
    "std",
    "sysroot",
    "test",
];
/// So many steps below a notebook's own dependencies types can be named, unless their packages say which.
const STEPS: usize = 2;

/// Whether it was rust-analyzer that has called this program.
pub fn is_asked(name: &Path) -> bool {
    programs::variable(FOLDER).is_some_and(|folder| name.starts_with(folder))
}

/// Answers as cargo does, and to `metadata` with what cells can name.
pub fn answer(arguments: &[String]) -> Result<i32> {
    let cargo = programs::variable(CARGO).context("the kernel has named no cargo")?;
    let mut cargo = Command::new(cargo);
    cargo.args(arguments);
    if arguments.first().is_none_or(|command| command != "metadata") {
        return Err(cargo.exec()).context("cargo could not be started");
    }
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.context("cargo could not be started")?;
    let shorter = serde_json::from_slice(&output.stdout).ok().map(|metadata| shortened(metadata).to_string());
    std::io::stdout().write_all(shorter.as_deref().map_or(&output.stdout, str::as_bytes))?;
    Ok(output.status.code().unwrap_or(101))
}

struct Package<'a> {
    name: &'a str,
    /// Those of its dependencies that stand in its interface, where it says so.
    public: Option<BTreeSet<&'a str>>,
    dependencies: Vec<&'a str>,
}

/// The same with fewer packages; as it is, where it says nothing of dependencies.
fn shortened(mut metadata: Value) -> Value {
    let Some(kept) = kept(&metadata) else { return metadata };
    let is_kept = |id: &Value| id.as_str().is_some_and(|id| kept.contains(id));
    let retain = |values: &mut Value, id: fn(&Value) -> &Value| {
        if let Some(values) = values.as_array_mut() {
            values.retain(|value| is_kept(id(value)));
        }
    };
    retain(&mut metadata["packages"], |package| &package["id"]);
    retain(&mut metadata["workspace_members"], |id| id);
    if metadata.get("workspace_default_members").is_some() {
        retain(&mut metadata["workspace_default_members"], |id| id);
    }
    retain(&mut metadata["resolve"]["nodes"], |node| &node["id"]);
    for node in metadata["resolve"]["nodes"].as_array_mut().into_iter().flatten() {
        retain(&mut node["deps"], |dependency| &dependency["pkg"]);
        retain(&mut node["dependencies"], |id| id);
    }
    metadata
}

/// The ids of the packages that cells can name something of.
fn kept(metadata: &Value) -> Option<BTreeSet<String>> {
    let packages = packages(metadata)?;
    let owned = |ids: BTreeSet<&str>| ids.into_iter().map(str::to_string).collect();
    if packages.values().any(|package| package.name == "core") {
        let of_library = packages.iter().filter(|(_, package)| LIBRARY.contains(&package.name));
        return Some(owned(of_library.map(|(id, _)| *id).collect()));
    }
    let members: Vec<&str> =
        metadata["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
    let own: Vec<&str> =
        members.iter().filter_map(|id| packages.get(id)).flat_map(|it| it.dependencies.clone()).collect();
    let mut kept: BTreeSet<&str> = members.iter().chain(&own).copied().collect();
    for id in own {
        let Some(package) = packages.get(id) else { continue };
        let mut below = package.dependencies.clone();
        if let Some(public) = &package.public {
            kept.extend(
                below.iter().filter(|id| packages.get(*id).is_some_and(|it| public.contains(it.name))),
            );
            continue;
        }
        for _ in 0..STEPS {
            kept.extend(&below);
            below = below
                .iter()
                .filter_map(|id| packages.get(id))
                .flat_map(|it| it.dependencies.clone())
                .collect();
        }
    }
    Some(owned(kept))
}

/// All packages by their ids, with the dependencies that a program is made of. Macros are programs of the compiler's: nobody
/// executes those for rust-analyzer here.
fn packages(metadata: &Value) -> Option<BTreeMap<&str, Package<'_>>> {
    let is_macro = |package: &Value| package["targets"].to_string().contains("proc-macro");
    let described: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()?
        .iter()
        .filter(|package| !is_macro(package))
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let is_normal = |dependency: &&Value| {
        dependency["dep_kinds"].as_array().is_none_or(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let package = |node| -> Option<(&str, Package)> {
        let node: &Value = node;
        let (id, own) = described.get_key_value(node["id"].as_str()?)?;
        let dependencies = node["deps"].as_array()?.iter().filter(is_normal);
        let dependencies = dependencies.filter_map(|dependency| dependency["pkg"].as_str());
        let public = own["metadata"]["live"]["public"].as_array();
        Some((
            id,
            Package {
                name: own["name"].as_str()?,
                public: public.map(|names| names.iter().filter_map(Value::as_str).collect()),
                dependencies: dependencies.filter(|id| described.contains_key(id)).collect(),
            },
        ))
    };
    Some(metadata["resolve"]["nodes"].as_array()?.iter().filter_map(package).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is kept of packages with these dependencies; those of the first are a notebook's.
    fn kept_of(packages: &[(&str, &[&str])], change: impl FnOnce(&mut Value)) -> String {
        let described = packages.iter().map(
            |(name, _)| json!({"id": name, "name": name, "targets": [{"kind": ["lib"]}], "metadata": null}),
        );
        let dependency = |id: &&str| json!({"name": id, "pkg": id, "dep_kinds": [{"kind": null}]});
        let nodes = packages.iter().map(|(id, dependencies)| {
            json!({"id": id, "dependencies": dependencies, "deps": dependencies.iter().map(dependency).collect::<Vec<_>>()})
        });
        let mut metadata = json!({
            "packages": described.collect::<Vec<_>>(), "workspace_members": [packages[0].0],
            "resolve": {"nodes": nodes.collect::<Vec<_>>(), "root": packages[0].0},
        });
        change(&mut metadata);
        let shorter = shortened(metadata);
        let names = |values: &Value, key: &str| -> Vec<String> {
            values.as_array().unwrap().iter().map(|value| value[key].as_str().unwrap().to_string()).collect()
        };
        assert_eq!(names(&shorter["packages"], "id"), names(&shorter["resolve"]["nodes"], "id"));
        for node in shorter["resolve"]["nodes"].as_array().unwrap() {
            let of_node = names(&node["deps"], "pkg");
            assert!(of_node.iter().all(|id| names(&shorter["packages"], "id").contains(id)), "{node}");
        }
        names(&shorter["packages"], "name").join(" ")
    }

    const CHAIN: [(&str, &[&str]); 5] =
        [("ctx", &["a"]), ("a", &["b", "x"]), ("b", &["c"]), ("c", &["d"]), ("d", &[])];

    #[test]
    fn what_is_far_below_is_left_out() {
        assert_eq!(kept_of(&CHAIN, |_| {}), "ctx a b c");
    }

    #[test]
    fn a_package_says_what_stands_in_its_interface() {
        let packages: [(&str, &[&str]); 4] = [("ctx", &["a"]), ("a", &["b", "c"]), ("b", &["c"]), ("c", &[])];
        let public = |names: Value| {
            move |metadata: &mut Value| {
                metadata["packages"][1]["metadata"] = json!({"live": {"public": names}})
            }
        };
        assert_eq!(kept_of(&packages, public(json!(["b"]))), "ctx a b");
        assert_eq!(kept_of(&packages, public(json!([]))), "ctx a");
        assert_eq!(kept_of(&packages, |_| {}), "ctx a b c");
    }

    #[test]
    fn macros_and_what_builds_are_left_out() {
        let is_macro =
            |metadata: &mut Value| metadata["packages"][2]["targets"] = json!([{"kind": ["proc-macro"]}]);
        assert_eq!(kept_of(&CHAIN, is_macro), "ctx a");
        let builds = |metadata: &mut Value| {
            metadata["resolve"]["nodes"][1]["deps"][0]["dep_kinds"] = json!([{"kind": "build"}])
        };
        assert_eq!(kept_of(&CHAIN, builds), "ctx a");
    }

    #[test]
    fn of_the_library_its_own_packages_stay() {
        let packages: [(&str, &[&str]); 4] =
            [("std", &["core", "gimli"]), ("core", &[]), ("gimli", &[]), ("alloc", &["core"])];
        assert_eq!(kept_of(&packages, |_| {}), "std core alloc");
    }

    #[test]
    fn without_dependencies_it_stays_as_it_is() {
        let metadata = json!({"packages": [{"id": "a", "name": "a", "targets": []}], "resolve": null});
        assert_eq!(shortened(metadata.clone()), metadata);
    }
}
