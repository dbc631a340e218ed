//! HDF5 files that h5py and Keras wrote, and what is not read.

mod common;

use common::{as_json, compare, fixture};
use formats::hdf5::{self, Attribute, Group, Node};
use formats::zipped::Archive;
use formats::{Array, Number};
use serde_json::Value;
use std::collections::BTreeMap;

/// All of a file by path, as the fixtures' script writes it down.
fn content(root: &Group) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    visit(root, "", &mut found);
    found
}

fn visit(group: &Group, path: &str, found: &mut BTreeMap<String, Value>) {
    attributes(&group.attributes, path, found);
    for (name, node) in &group.members {
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        match node {
            Node::Group(group) => visit(group, &path, found),
            Node::Dataset(dataset) => {
                attributes(&dataset.attributes, &path, found);
                found.insert(path, value(&dataset.value));
            }
        }
    }
}

fn attributes(all: &[(String, Attribute)], path: &str, found: &mut BTreeMap<String, Value>) {
    found.extend(all.iter().map(|(name, attribute)| (format!("{path}@{name}"), value(attribute))));
}

fn value(value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => text.as_str().into(),
        Attribute::Texts(texts) => texts.as_slice().into(),
        Attribute::Numbers(array) => as_json(array),
        Attribute::Unreadable(_) => Value::Null,
    }
}

#[test]
fn what_h5py_writes_is_read() {
    for name in ["h5py_earliest.h5", "h5py_latest.h5"] {
        compare(name, content(&hdf5::read(&fixture(name)).unwrap()));
    }
}

#[test]
fn what_keras_writes_is_read() {
    for name in
        ["keras2.h5", "keras2.weights.h5", "keras3.h5", "keras3.weights.h5", "keras3_bfloat16.weights.h5"]
    {
        compare(name, content(&hdf5::read(&fixture(name)).unwrap()));
    }
    for name in ["keras2.keras", "keras3.keras"] {
        let file = fixture(name);
        let inner = Archive::open(&file).unwrap().read("model.weights.h5").unwrap();
        compare(name, content(&hdf5::read(&inner).unwrap()));
    }
}

#[test]
fn members_come_in_the_order_in_which_they_were_made_where_the_file_tells_it() {
    let root = hdf5::read(&fixture("h5py_ordered.h5")).unwrap();
    let names: Vec<&str> = root.members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ten", "nine", "eight", "one"]);
}

#[test]
fn a_file_may_stand_behind_other_bytes() {
    let moved = [vec![7; 1024], fixture("keras3.weights.h5")].concat();
    assert_eq!(hdf5::read(&moved).unwrap(), hdf5::read(&fixture("keras3.weights.h5")).unwrap());
}

#[test]
fn what_is_not_read_is_named() {
    let message = |bytes: &[u8]| format!("{:#}", hdf5::read(bytes).unwrap_err());
    for (name, expected) in [
        ("soft.h5", "b: it is a soft link to /a"),
        ("external.h5", "b: it is a link into another file"),
        ("circle.h5", "a: b: the group contains itself"),
        ("doubling.h5", "more than a file of its size can hold"),
    ] {
        let message = message(&fixture(name));
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
    let root = hdf5::read(&fixture("lzf.h5")).unwrap();
    let why = root.dataset("packed").unwrap().numbers().unwrap_err().to_string();
    assert!(why.contains("filter 32000 (lzf)"), "{why}");
    assert!(message(b"{}").contains("does not begin as an HDF5 file"));
    let file = fixture("keras3.weights.h5");
    assert!(message(&file[..file.len() - 1]).contains("cut off"), "{}", message(&file[..file.len() - 1]));
}

#[test]
fn a_dataset_larger_than_its_file_is_refused() {
    // Its shape, 7 x 5 x 3, is made larger in the header: a byte in the middle of the first side's eight.
    let mut file = fixture("h5py_earliest.h5");
    let shape: Vec<u8> = [7_u64, 5, 3].iter().flat_map(|side| side.to_le_bytes()).collect();
    let places: Vec<usize> =
        file.windows(24).enumerate().filter(|(_, window)| *window == shape).map(|(place, _)| place).collect();
    assert!(!places.is_empty());
    for place in places {
        file[place + 4] = 1;
    }
    let message = format!("{:#}", hdf5::read(&file).unwrap_err());
    assert!(message.starts_with("the root group: layouts: "), "{message}");
    assert!(message.contains("the file describes more than"), "{message}");
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let root = hdf5::read(&fixture("h5py_latest.h5")).unwrap();
    let message = |error: anyhow::Error| format!("{error:#}");
    assert!(message(root.group("kindes").unwrap_err()).contains("no member kindes, only"));
    assert!(message(root.dataset("layouts").unwrap_err()).contains("is a group"));
    assert!(message(root.group("kinds/int8").unwrap_err()).contains("int8 is a dataset"));
    assert!(message(root.dataset("kinds/int9").unwrap_err()).contains("no member int9"));
    assert!(message(root.attribute("x").unwrap_err()).contains("nor any other"));
    assert!(message(root.dataset("texts/variable").unwrap().numbers().unwrap_err()).contains("it is a text"));
    assert!(root.get("kinds/int8").is_some() && root.get("kinds/int8/x").is_none());
}

#[test]
fn what_is_written_is_read_back() {
    for name in ["h5py_earliest.h5", "h5py_latest.h5", "keras2.h5", "keras3.h5", "keras3.weights.h5"] {
        let mut root = hdf5::read(&fixture(name)).unwrap();
        forget_what_is_unreadable(&mut root);
        let written = hdf5::write(&root).unwrap();
        assert_eq!(content(&hdf5::read(&written).unwrap()), content(&root), "{name}");
        assert_eq!(hdf5::write(&root).unwrap(), written, "{name}: the same tree gives the same bytes");
    }
}

fn forget_what_is_unreadable(group: &mut Group) {
    let readable = |node: &Node| !matches!(node, Node::Dataset(dataset) if matches!(dataset.value, Attribute::Unreadable(_)));
    group.members.retain(|(_, node)| readable(node));
    for (_, node) in &mut group.members {
        if let Node::Group(group) = node {
            forget_what_is_unreadable(group);
        }
    }
}

fn array(value: f32) -> Array {
    Array::from_f32([], &[value]).unwrap()
}

#[test]
fn many_members_and_long_texts_are_written() {
    let mut root = Group::default();
    let names: Vec<String> = (0..3000).map(|index| format!("member_{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        root.add(name, array(index as f32));
    }
    let long = "ä".repeat(200_000);
    root.attributes.push(("model_config".to_string(), Attribute::Text(long.clone())));
    root.attributes.push(("größe".to_string(), Attribute::Text(String::new())));
    root.attributes.push(("names".to_string(), Attribute::Texts(names.clone())));
    root.attributes.push(("none".to_string(), Attribute::Texts(vec![])));
    let read = hdf5::read(&hdf5::write(&root).unwrap()).unwrap();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(read.members.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), sorted);
    assert_eq!(read.dataset("member_2999").unwrap().numbers().unwrap().to_f32(), [2999.0]);
    assert_eq!(read.attributes, root.attributes);
}

#[test]
fn what_cannot_be_written_is_named() {
    let message = |root: &Group| format!("{:#}", hdf5::write(root).unwrap_err());
    let member = |name: &str| {
        let mut root = Group::default();
        root.add(name, array(0.0));
        root
    };
    for name in ["", ".", "a/b", "a\0"] {
        assert!(message(&member(name)).contains("is no name for a member"), "{name:?}");
    }
    let mut twice = member("kernel");
    twice.add("bias", array(0.0));
    twice.add("kernel", array(1.0));
    assert!(message(&twice).contains("two members are called kernel"));

    let attribute = |value| Group { attributes: vec![("names".to_string(), value)], members: vec![] };
    let large = message(&attribute(Attribute::Texts(vec![String::new(); 4096])));
    assert!(large.contains("the attribute names: it takes 65600 bytes"), "{large}");
    let brain = Array::new(Number::BF16, [1], vec![0; 2]).unwrap();
    assert!(message(&attribute(Attribute::Numbers(brain))).contains("BF16"));
    assert!(message(&attribute(Attribute::Unreadable("x".to_string()))).contains("not read"));
    let mut deep = Group::default();
    for _ in 0..64 {
        deep = Group { attributes: vec![], members: vec![("g".to_string(), Node::Group(deep))] };
    }
    assert!(message(&deep).contains("more than 64 groups"));
}
