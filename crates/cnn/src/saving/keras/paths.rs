//! The numbers of an HDF5 file by their paths, for files whose groups are named by the layers' classes.

use formats::hdf5::{Attribute, Dataset, Group, Node};
use formats::Array;
use std::collections::BTreeMap;

/// All numbers of a file by their paths. Windows has left `\` in some, and Keras 2 called the first group otherwise.
pub(super) fn paths(root: &Group) -> BTreeMap<String, Array> {
    fn walk(group: &Group, path: &str, all: &mut BTreeMap<String, Array>) {
        for (name, node) in &group.members {
            let path = format!("{path}{}", name.replace('\\', "/"));
            match node {
                Node::Group(group) => walk(group, &format!("{path}/"), all),
                Node::Dataset(Dataset { value: Attribute::Numbers(array), .. }) => {
                    let path = path.replace("_layer_checkpoint_dependencies/", "layers/");
                    all.insert(path, array.clone());
                }
                Node::Dataset(_) => {}
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(root, "", &mut all);
    all
}
