//! What labels stand for.

use super::dataset::Part;
use super::emnist;

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

/// The names of the classes of a set that is called so; of an unknown one, or if there are other labels, the numbers.
pub(crate) fn of_set(name: &str, parts: [&Part; 2]) -> Vec<String> {
    let name = name.to_lowercase().replace(['-', '_', ' '], "");
    let known = match name.strip_prefix("emnist") {
        Some(split) => emnist::classes(split).ok(),
        None => (name == "fashionmnist").then(|| FASHION.map(String::from).to_vec()),
    };
    let numbers = numbers(parts);
    known.filter(|names| names.len() >= numbers.len()).unwrap_or(numbers)
}

/// The digits' own names.
pub(crate) fn of_digits() -> Vec<String> {
    (0..10).map(|digit| digit.to_string()).collect()
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
