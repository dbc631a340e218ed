//! Layers that change images at random while training, as Keras's augmentation layers; they do nothing when predicting.
//!
//! They draw from libtorch's generator, as dropout does, always on the CPU: one seed gives the same images on any number of
//! threads and on every device.

mod factor;
mod moved;
mod random_contrast;
mod random_flip;
mod random_rotation;
mod random_translation;
mod random_zoom;

pub use factor::Factor;
pub use random_contrast::RandomContrast;
pub use random_flip::{FlipMode, RandomFlip};
pub use random_rotation::RandomRotation;
pub use random_translation::RandomTranslation;
pub use random_zoom::RandomZoom;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Interpolation, Layer};
    use crate::preprocessing::augmentation::FillMode;
    use serde_json::Value;
    use tch::{Device, Kind, Tensor};

    fn tensor(value: &Value) -> Tensor {
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let shape: Vec<i64> = numbers(&value["shape"]).into_iter().map(|side| side as i64).collect();
        let tensor = Tensor::from_slice(&numbers(&value["data"])).to_kind(Kind::Float).reshape(shape);
        match tensor.dim() {
            4 => tensor.permute([0, 3, 1, 2]),
            _ => tensor,
        }
    }

    #[test]
    fn images_move_as_in_keras() {
        let fixture: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/keras.json")).unwrap();
        let fixture = &fixture["augmentation_layers"];
        let [x, angles, height, width] =
            ["image", "angles", "height", "width"].map(|name| tensor(&fixture[name]));
        let close = |case: &Value, ours: Tensor, keras: &Value| {
            // Of numbers from 0 to 255; places are computed in 32 bits.
            let difference = (ours - tensor(keras)).abs().max().double_value(&[]);
            assert!(
                difference < 5e-3,
                "{} {} {}: {difference}",
                case["name"],
                case["fill_mode"],
                case["interpolation"]
            );
        };
        for case in fixture["cases"].as_array().unwrap() {
            let fill_mode: FillMode = serde_json::from_value(case["fill_mode"].clone()).unwrap();
            let interpolation: Interpolation = serde_json::from_value(case["interpolation"].clone()).unwrap();
            let fill_value = case["fill_value"].as_f64().unwrap();
            let ours = match case["name"].as_str().unwrap() {
                "rotation" => RandomRotation::new(0.5)
                    .fill_mode(fill_mode)
                    .interpolation(interpolation)
                    .fill_value(fill_value)
                    .turned(&x, &angles.deg2rad()),
                "zoom" => RandomZoom::new(0.5)
                    .fill_mode(fill_mode)
                    .interpolation(interpolation)
                    .fill_value(fill_value)
                    .zoomed(&x, &height + 1.0, &width + 1.0),
                _ => RandomTranslation::new(0.5, 0.5)
                    .fill_mode(fill_mode)
                    .interpolation(interpolation)
                    .fill_value(fill_value)
                    .shifted(&x, &(&height * 7.0), &(&width * 6.0)),
            };
            close(case, ours, &case["output"]);
        }
        let contrast = RandomContrast::new(0.5).value_range((20.0, 200.0));
        close(&Value::Null, contrast.changed(&x, &(&height + 1.0)), &fixture["contrast"]);
    }

    #[test]
    fn draws_fill_their_range() {
        for (factor, lower, upper) in [(Factor::from(0.2), -0.2, 0.2), (Factor::from((0.3, -0.1)), -0.1, 0.3)]
        {
            let drawn = factor.draw(10_000);
            let (least, most) = (drawn.min().double_value(&[]), drawn.max().double_value(&[]));
            assert!(least >= lower && least < lower + 0.001, "{factor:?}: {least}");
            assert!(most <= upper && most > upper - 0.001, "{factor:?}: {most}");
            let mean = drawn.mean(Kind::Float).double_value(&[]);
            assert!((mean - (lower + upper) / 2.0).abs() < 0.01, "{factor:?}: {mean}");
        }
    }

    #[test]
    fn half_of_the_images_are_mirrored_in_each_direction() {
        let image = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).reshape([1, 1, 2, 2]);
        let x = image.expand([4000, 1, 2, 2], false);
        // What stands in the first pixel tells how an image was mirrored.
        let share = |mode: FlipMode, first: f64| {
            let flipped = RandomFlip::new(mode).forward(&x, true);
            let corner = flipped.select(3, 0).select(2, 0).select(1, 0);
            corner.eq(first).to_kind(Kind::Float).mean(Kind::Float).double_value(&[])
        };
        use FlipMode::*;
        let expected = [
            (Horizontal, [0.5, 0.5, 0.0, 0.0]),
            (Vertical, [0.5, 0.0, 0.5, 0.0]),
            (HorizontalAndVertical, [0.25; 4]),
        ];
        for (mode, shares) in expected {
            for (first, expected) in [1.0, 2.0, 3.0, 4.0].into_iter().zip(shares) {
                let share = share(mode, first);
                assert!((share - expected).abs() < 0.04, "{mode:?}, {first}: {share}");
            }
        }
    }

    #[test]
    fn contrast_is_changed_around_the_mean() {
        let x = Tensor::from_slice(&[0.4_f32, 0.6]).reshape([1, 1, 1, 2]).expand([2000, 1, 1, 2], false);
        let spread = |factor: Factor| {
            let y = RandomContrast::new(factor).value_range((0.0, 1.0)).forward(&x, true);
            let spread = (y.select(3, 1) - y.select(3, 0)) / 0.2;
            (spread.min().double_value(&[]), spread.max().double_value(&[]))
        };
        for (factor, lower, upper) in [(Factor::from(0.2), 0.8, 1.2), (Factor::from((0.1, 0.3)), 0.9, 1.3)] {
            let (least, most) = spread(factor);
            assert!(
                (least - lower).abs() < 0.01 && (most - upper).abs() < 0.01,
                "{factor:?}: {least}, {most}"
            );
        }
    }

    #[test]
    fn images_that_need_a_gradient_have_one() {
        let x = Tensor::rand([2, 1, 6, 6], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let layers: [Box<dyn Layer>; 5] = [
            Box::new(RandomFlip::default()),
            Box::new(RandomRotation::new(0.1)),
            Box::new(RandomZoom::new(0.1)),
            Box::new(RandomTranslation::new(0.1, 0.1)),
            Box::new(RandomContrast::new(0.1)),
        ];
        for layer in layers {
            let sum = layer.forward(&x, true).square().sum(Kind::Float);
            let gradient = Tensor::run_backward(&[sum], &[&x], false, false).remove(0);
            assert!(gradient.abs().sum(Kind::Float).double_value(&[]) > 0.1, "{}", layer.class_name());
        }
    }
}
