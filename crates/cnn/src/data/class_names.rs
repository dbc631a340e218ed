//! What labels stand for.

use super::dataset::Part;

/// Fashion-MNIST's classes, as Keras's and its own documentation name them.
pub(crate) const FASHION: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// CIFAR-10's classes, as `batches.meta.txt` names them.
pub(crate) const CIFAR_10: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// The classes of a split of EMNIST, as torchvision has them; none of a split that it has not.
pub(crate) fn of_emnist(split: &str) -> Vec<String> {
    let (digits, capitals, small) = ('0'..='9', 'A'..='Z', 'a'..='z');
    let classes: Vec<char> = match split {
        "byclass" => digits.chain(capitals).chain(small).collect(),
        "bymerge" | "balanced" => digits.chain(capitals).chain("abdefghnqrt".chars()).collect(),
        "letters" => return ["N/A".to_string()].into_iter().chain(small.map(String::from)).collect(),
        "digits" | "mnist" => digits.collect(),
        _ => Vec::new(),
    };
    classes.into_iter().map(String::from).collect()
}

/// The names of the classes of a set that is called so; of an unknown one, or if there are other labels, the numbers.
pub(crate) fn of_set(name: &str, parts: [&Part; 2]) -> Vec<String> {
    let name = name.to_lowercase().replace(['-', '_', ' '], "");
    let known = match name.strip_prefix("emnist") {
        Some(split) => of_emnist(split),
        None if name == "fashionmnist" => of(FASHION),
        None => Vec::new(),
    };
    let numbers = numbers(parts);
    if known.len() < numbers.len() {
        numbers
    } else {
        known
    }
}

/// Names as a data set has them.
pub(crate) fn of(names: [&str; 10]) -> Vec<String> {
    names.map(String::from).to_vec()
}

/// The digits' own names.
pub(crate) fn of_digits() -> Vec<String> {
    of(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
}

/// Names for classes that have none: their numbers, up to the largest label.
pub(crate) fn numbers(parts: [&Part; 2]) -> Vec<String> {
    let largest = parts.iter().flat_map(|part| &part.labels).max();
    (0..=*largest.unwrap_or(&0)).map(|label| label.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::Images;

    #[test]
    fn known_sets_have_names_where_the_labels_fit() {
        let part = |labels: &[u8]| Part {
            images: Images::grey(1, 1, vec![0; labels.len()]),
            labels: labels.to_vec(),
        };
        let (few, many) = (part(&[0, 1]), part(&[2, 10]));
        for name in ["fashion-mnist", "FashionMNIST", "fashion_mnist"] {
            assert_eq!(of_set(name, [&few, &few])[9], "Ankle boot");
            assert_eq!(of_set(name, [&few, &many]).len(), 11);
        }
        assert_eq!(of_set("emnist-letters", [&few, &many])[26], "z");
        assert_eq!(of_set("mine", [&few, &few]), ["0", "1"]);
        assert_eq!(of_set("mine", [&few, &many])[10], "10");
    }
}
