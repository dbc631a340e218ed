//! What an HDF5 file holds: groups of groups and datasets, with attributes.

use anyhow::{bail, Context, Result};

use crate::Array;

/// A group: a folder of groups and datasets, with attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its attributes, in the file's order.
    pub attributes: Vec<(String, Attribute)>,
    /// Its members: in the order in which they were made where the file tells it, otherwise in the file's order, which is
    /// that of the names' bytes (0, 1, 10, 2).
    pub members: Vec<(String, Node)>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A folder.
    Group(Group),
    /// Numbers or text.
    Dataset(Dataset),
}

/// Numbers or text, with attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its attributes, in the file's order.
    pub attributes: Vec<(String, Attribute)>,
    /// What it holds.
    pub value: Attribute,
}

/// A value: of an attribute, or of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// One text.
    Text(String),
    /// Several texts, row by row.
    Texts(Vec<String>),
    /// Numbers; one number has the shape `[]`, an empty value `[0]`.
    Numbers(Array),
    /// What this crate does not read, and why.
    Unreadable(String),
}

impl Attribute {
    /// The text.
    ///
    /// # Errors
    /// If it is something else.
    pub fn text(&self) -> Result<&str> {
        match self {
            Attribute::Text(text) => Ok(text),
            other => other.refused("a text"),
        }
    }

    /// The texts; one text is a list of one, and an empty array, as Keras writes no names, a list of none.
    ///
    /// # Errors
    /// If it is something else.
    pub fn texts(&self) -> Result<&[String]> {
        match self {
            Attribute::Text(text) => Ok(std::slice::from_ref(text)),
            Attribute::Texts(texts) => Ok(texts),
            Attribute::Numbers(array) if array.count() == 0 => Ok(&[]),
            other => other.refused("a list of texts"),
        }
    }

    /// The numbers.
    ///
    /// # Errors
    /// If it is something else.
    pub fn numbers(&self) -> Result<&Array> {
        match self {
            Attribute::Numbers(array) => Ok(array),
            other => other.refused("numbers"),
        }
    }

    fn refused<T>(&self, expected: &str) -> Result<T> {
        match self {
            Attribute::Text(_) => bail!("it is a text, and {expected} expected"),
            Attribute::Texts(texts) => bail!("it is {} texts, and {expected} expected", texts.len()),
            Attribute::Numbers(array) => {
                bail!("it is {:?} of the shape {:?}, and {expected} expected", array.kind(), array.shape())
            }
            Attribute::Unreadable(why) => bail!("{why}"),
        }
    }
}

impl Dataset {
    /// A dataset without attributes.
    pub fn new(array: Array) -> Dataset {
        Dataset { attributes: Vec::new(), value: Attribute::Numbers(array) }
    }

    /// Its numbers.
    ///
    /// # Errors
    /// If it holds text, or what this crate does not read.
    pub fn numbers(&self) -> Result<&Array> {
        self.value.numbers()
    }

    /// An attribute by its name.
    ///
    /// # Errors
    /// If there is none; the message lists those that there are.
    pub fn attribute(&self, name: &str) -> Result<&Attribute> {
        find(&self.attributes, name).with_context(|| lacks("attribute", name, &self.attributes))
    }
}

impl Group {
    /// Adds a dataset without attributes.
    pub fn add(&mut self, name: impl Into<String>, array: Array) {
        self.members.push((name.into(), Node::Dataset(Dataset::new(array))));
    }

    /// A member by its path, `model_weights/conv2d`, or None.
    pub fn get(&self, path: &str) -> Option<&Node> {
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        match (find(&self.members, name)?, rest) {
            (node, "") => Some(node),
            (Node::Group(group), rest) => group.get(rest),
            (Node::Dataset(_), _) => None,
        }
    }

    /// A group by its path.
    ///
    /// # Errors
    /// If there is none; the message lists the members that there are on the way.
    pub fn group(&self, path: &str) -> Result<&Group> {
        path.split('/').try_fold(self, |group, name| match find(&group.members, name) {
            Some(Node::Group(group)) => Ok(group),
            Some(Node::Dataset(_)) => bail!("{path}: {name} is a dataset, and a group is expected"),
            None => bail!("{path}: {}", lacks("member", name, &group.members)),
        })
    }

    /// A dataset by its path.
    ///
    /// # Errors
    /// If there is none; the message lists the members that there are on the way.
    pub fn dataset(&self, path: &str) -> Result<&Dataset> {
        let (group, name) = match path.rsplit_once('/') {
            Some((folder, name)) => (self.group(folder)?, name),
            None => (self, path),
        };
        let node = find(&group.members, name)
            .with_context(|| format!("{path}: {}", lacks("member", name, &group.members)))?;
        match node {
            Node::Dataset(dataset) => Ok(dataset),
            Node::Group(_) => bail!("{path} is a group, and a dataset is expected"),
        }
    }

    /// An attribute by its name.
    ///
    /// # Errors
    /// If there is none; the message lists those that there are.
    pub fn attribute(&self, name: &str) -> Result<&Attribute> {
        find(&self.attributes, name).with_context(|| lacks("attribute", name, &self.attributes))
    }
}

fn find<'a, T>(all: &'a [(String, T)], name: &str) -> Option<&'a T> {
    all.iter().find(|(there, _)| there == name).map(|(_, value)| value)
}

/// At most so many names are listed in a message.
const MOST_LISTED: usize = 20;

fn lacks<T>(what: &str, name: &str, there: &[(String, T)]) -> String {
    let names: Vec<&str> = there.iter().take(MOST_LISTED).map(|(name, _)| name.as_str()).collect();
    let more = if there.len() > MOST_LISTED { " and others" } else { "" };
    match names.is_empty() {
        true => format!("there is no {what} {name}, nor any other"),
        false => format!("there is no {what} {name}, only {}{more}", names.join(", ")),
    }
}

/// Two of one name would hide each other.
pub(super) fn check_names<T>(what: &str, all: &[(String, T)]) -> Result<()> {
    let mut names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("two {what} are called {}; give one of them another name", pair[0]);
    }
    Ok(())
}
