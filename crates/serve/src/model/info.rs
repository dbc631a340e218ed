//! What a client has to know of a model.

/// A model's name and shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The name in its address.
    pub name: String,
    /// Its version, from 1.
    pub version: i64,
    /// The shape of an image as the model takes it, for images `[channels, height, width]`.
    pub input_shape: Vec<usize>,
    /// The shape of an image's output, for a classifier `[classes]`.
    pub output_shape: Vec<usize>,
    /// Whether clients send `[height, width, channels]`, as Keras's models take them.
    pub channels_last: bool,
}

impl Info {
    /// The input's name, that of Keras's first layer.
    pub const INPUT: &'static str = "input_layer";
    /// The output's name, as Keras's export calls it.
    pub const OUTPUT: &'static str = "output_0";

    /// The shape of an image as clients send it.
    pub fn row_shape(&self) -> Vec<usize> {
        match (self.channels_last, self.input_shape.as_slice()) {
            (true, &[channels, height, width]) => vec![height, width, channels],
            (_, shape) => shape.to_vec(),
        }
    }

    /// Numbers for an image.
    pub fn inputs(&self) -> usize {
        self.input_shape.iter().product()
    }

    /// Numbers that the model gives out for an image.
    pub fn outputs(&self) -> usize {
        self.output_shape.iter().product()
    }

    /// Whether it takes images of MNIST's size, so that a picture can be prepared for it.
    pub fn reads_digits(&self) -> bool {
        self.input_shape == [1, 28, 28]
    }

    /// Images of shape `row` each, as clients send them, in the model's order.
    ///
    /// # Errors
    /// If the shape is not the model's; the message says what it should be.
    pub fn arranged(&self, row: &[usize], numbers: Vec<f32>) -> Result<Vec<f32>, String> {
        let wanted = self.row_shape();
        let one_channel = self.channels_last && wanted.len() == 3 && wanted[2] == 1 && *row == wanted[..2];
        if *row != *wanted && !one_channel {
            return Err(self.wrong_shape(row, &wanted));
        }
        let &[channels, height, width] = self.input_shape.as_slice() else { return Ok(numbers) };
        if !self.channels_last || channels == 1 {
            return Ok(numbers);
        }
        let pixels = height * width;
        let mut planes = Vec::with_capacity(numbers.len());
        for image in numbers.chunks_exact(channels * pixels) {
            for channel in 0..channels {
                planes.extend(image.iter().skip(channel).step_by(channels));
            }
        }
        Ok(planes)
    }

    fn wrong_shape(&self, row: &[usize], wanted: &[usize]) -> String {
        let list = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        let (found, wanted_list) = (list(row), list(wanted));
        let advice = match (self.channels_last, row, wanted) {
            (false, &[h, w, c], &[channels, height, width]) if [c, h, w] == [channels, height, width] => {
                "; these are Keras's channels last: start the server with --channels-last"
            }
            (false, &[h, w], &[1, height, width]) if [h, w] == [height, width] => {
                "; put each image into one more list, or start the server with --channels-last"
            }
            (true, &[c, h, w], &[height, width, channels]) if [h, w, c] == [height, width, channels] => {
                "; these are channels first: start the server without --channels-last"
            }
            (_, &[first, ref rest @ ..], wanted) if first == 1 && rest == wanted => {
                "; there is one list too many around each image"
            }
            _ => "",
        };
        format!(
            "Expecting images of shape [{wanted_list}] for input {:?} of model {} but got: [{found}]{advice}",
            Info::INPUT,
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(input_shape: &[usize], channels_last: bool) -> Info {
        let (name, input_shape) = ("m".to_string(), input_shape.to_vec());
        Info { name, version: 1, input_shape, output_shape: vec![10], channels_last }
    }

    #[test]
    fn channels_come_to_their_place() {
        let numbers = vec![0.0, 10.0, 1.0, 11.0, 2.0, 12.0, 3.0, 13.0];
        let last = info(&[2, 1, 2], true);
        assert_eq!(last.row_shape(), [1, 2, 2]);
        let planes = last.arranged(&[1, 2, 2], numbers.clone()).unwrap();
        assert_eq!(planes, [0.0, 1.0, 10.0, 11.0, 2.0, 3.0, 12.0, 13.0]);
        assert_eq!(info(&[2, 1, 2], false).arranged(&[2, 1, 2], numbers.clone()).unwrap(), numbers);
        for row in [&[28, 28, 1][..], &[28, 28]] {
            assert!(info(&[1, 28, 28], true).arranged(row, vec![0.0; 784]).is_ok());
        }
        assert!(info(&[4], true).arranged(&[4], vec![0.0; 4]).is_ok());
    }

    #[test]
    fn a_wrong_shape_is_named_with_what_to_do() {
        let says = |info: Info, row: &[usize], words: &str| {
            let message = info.arranged(row, Vec::new()).unwrap_err();
            assert!(message.contains(words), "{message}");
        };
        says(info(&[1, 28, 28], false), &[28, 28, 1], "with --channels-last");
        says(info(&[1, 28, 28], false), &[28, 28], "one more list");
        says(info(&[3, 2, 4], true), &[3, 2, 4], "without --channels-last");
        says(info(&[1, 28, 28], false), &[1, 1, 28, 28], "one list too many");
        says(
            info(&[1, 28, 28], false),
            &[784],
            "shape [1,28,28] for input \"input_layer\" of model m but got: [784]",
        );
    }
}
