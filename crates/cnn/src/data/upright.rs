//! Whether digits are stored transposed, as EMNIST's are: with rows as columns they can be learnt as well, and are hard to read.

use super::dataset::Part;

/// So many images are enough.
const LOOKED_AT: usize = 3000;
/// Fewer of a class tell nothing.
const FEWEST: usize = 20;

/// A sentence for the user if the digits seem to be transposed.
///
/// Upright digits are higher than wide: the ink of MNIST's ones lies 5.3 times as far from the centre (squared) along
/// the columns as along the rows, that of every other digit 1.1 to 2.4 times. Transposed, they are all wider
/// than high, ones by far. Fashion-MNIST's trousers (1) are high; had it been transposed, its shoes would be high.
pub(crate) fn hint(part: &Part) -> Option<String> {
    let mut spread = [(0, 0.0, 0.0); 10];
    let pixels = part.images.height * part.images.width;
    for (image, &label) in part.images.pixels.chunks_exact(pixels).zip(&part.labels).take(LOOKED_AT) {
        if let Some((count, down, across)) = spread.get_mut(usize::from(label)) {
            let image_spread = spread_of(image, part.images.width);
            *count += 1;
            *down += image_spread.0;
            *across += image_spread.1;
        }
    }
    let (ones, down, across) = spread[1];
    let wide = |&(count, down, across): &(usize, f64, f64)| count < FEWEST || down < across;
    let transposed = ones >= FEWEST && 3.0 * down < across && spread.iter().all(wide);
    transposed.then(|| {
        "its digits seem to be transposed (rows are columns), as EMNIST's are. If they are EMNIST's, give the files EMNIST's \
         names (emnist-digits-train-images-idx3-ubyte …) and load them with data::emnist::load_from; \
         else data.x_train.transpose(1, 2) turns them upright, and so for x_test"
            .to_string()
    })
}

/// The mean squared distance of an image's ink from its centre: along the columns, and along the rows.
fn spread_of(image: &[u8], width: usize) -> (f64, f64) {
    let (mut ink, mut sums, mut squares) = (0.0, [0.0; 2], [0.0; 2]);
    for (index, &pixel) in image.iter().enumerate() {
        let pixel = f64::from(pixel);
        ink += pixel;
        for (axis, at) in [index / width, index % width].into_iter().enumerate() {
            sums[axis] += pixel * at as f64;
            squares[axis] += pixel * (at * at) as f64;
        }
    }
    let [down, across] = [0, 1].map(|axis| match ink > 0.0 {
        true => squares[axis] / ink - (sums[axis] / ink).powi(2),
        false => 0.0,
    });
    (down, across)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::Images;
    use crate::data::synthetic::digits;

    #[test]
    fn only_transposed_digits_are_noticed() {
        let drawn = digits(1000, 1);
        let images = Images::grey(28, 28, drawn.images);
        let mut part = Part { images, labels: drawn.labels };
        assert_eq!(hint(&part), None);
        part.images.transpose();
        assert!(hint(&part).unwrap().contains("transposed"));
        // Things that are wide in one class alone are no digits.
        for label in &mut part.labels {
            *label = u8::from(*label == 1);
        }
        part.images.transpose();
        assert_eq!(hint(&part), None);
    }

    #[test]
    fn the_spread_is_measured_along_both_axes() {
        assert_eq!(spread_of(&[9, 0, 9, 0, 0, 0], 3), (0.0, 1.0));
        assert_eq!(spread_of(&[9, 0, 0, 9, 0, 0], 3), (0.25, 0.0));
        assert_eq!(spread_of(&[0; 6], 3), (0.0, 0.0));
    }
}
