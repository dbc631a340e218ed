//! The scale of the images that a model was trained on, and of those that it is given later.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use tch::{Kind, Tensor};

use crate::preprocessing::{first_not_finite, PixelRange};

/// What a model remembers of its images' numbers.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub trained_on: Option<PixelRange>,
    /// The ranges of other scales that the user has been told of.
    #[serde(skip)]
    told: RefCell<Vec<PixelRange>>,
}

impl Scale {
    /// Remembers the range of the images of a training.
    pub fn remember(&mut self, range: PixelRange) {
        *self = Scale { trained_on: Some(range).filter(|range| range.is_finite()), ..Scale::default() };
    }

    /// Prints a line if images are on another scale than those of the training; once for each scale.
    pub fn remark_on(&self, x: &Tensor) {
        let range = PixelRange::of(x);
        let Some(remark) = self.remark("The images", x, range) else { return };
        let mut told = self.told.borrow_mut();
        if !told
            .iter()
            .any(|other| other.is_finite() == range.is_finite() && !range.is_of_other_scale(*other))
        {
            println!("{remark}");
            told.push(range);
        }
    }

    /// What images from 0 to 1 are multiplied by to be on the scale of the training, 1 or 255; none where that is not known.
    pub fn factor(&self) -> Option<f64> {
        let bytes = PixelRange::up_to(255.0);
        self.trained_on.map(|trained_on| if trained_on.is_of_other_scale(bytes) { 1.0 } else { 255.0 })
    }

    /// What there is to say of images with this range, if something is.
    pub fn remark(&self, what: &str, images: &Tensor, range: PixelRange) -> Option<String> {
        if !range.is_finite() {
            let first = first_not_finite(images)?;
            return Some(format!("{what} hold NaN or infinite numbers, for example image {first}."));
        }
        let kind = images.kind();
        let trained_on = self.trained_on.filter(|trained_on| range.is_of_other_scale(*trained_on))?;
        let (bytes, zero_to_one) = (PixelRange::up_to(255.0), PixelRange::up_to(1.0));
        // Standardised images go below 0: no factor alone makes them of others.
        let is = |one: PixelRange, other: PixelRange| !one.is_of_other_scale(other) && one.begins_at_0();
        let advice = match kind {
            Kind::Uint8 if is(trained_on, bytes) => "use x.to_kind(Kind::Float)",
            Kind::Float if is(trained_on, zero_to_one) && is(range, bytes) => "use x / 255.0",
            _ => "prepare them in the same way",
        };
        let divided = if kind == Kind::Uint8 { " (bytes are divided by 255)" } else { "" };
        Some(format!(
            "{what} go {range}{divided}, and the model was trained on images {trained_on}: {advice}."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn images_of_another_scale_than_the_trainings_are_named() {
        let remark = |trained_on: f64, kind, high| {
            let scale = Scale { trained_on: Some(PixelRange::up_to(trained_on)), ..Scale::default() };
            scale.remark("The images", &Tensor::zeros([1, 1], (kind, Device::Cpu)), PixelRange::up_to(high))
        };
        assert_eq!(
            remark(255.0, Kind::Uint8, 1.0).unwrap(),
            "The images go from 0 to 1 (bytes are divided by 255), and the model was trained on images from 0 to 255: \
             use x.to_kind(Kind::Float)."
        );
        assert_eq!(
            remark(1.0, Kind::Float, 255.0).unwrap(),
            "The images go from 0 to 255, and the model was trained on images from 0 to 1: use x / 255.0."
        );
        let darkened = remark(1.0, Kind::Float, 1.0 / 255.0).unwrap();
        assert!(darkened.ends_with("from 0 to 1: prepare them in the same way."), "{darkened}");
        let standardised = PixelRange::of(&Tensor::from_slice(&[-0.4_f32, 2.8]));
        let scale = Scale { trained_on: Some(standardised), ..Scale::default() };
        let given = Tensor::zeros([1, 1], (Kind::Float, Device::Cpu));
        let divided = scale.remark("The images", &given, PixelRange::up_to(255.0)).unwrap();
        assert!(divided.ends_with("from -0.40 to 2.8: prepare them in the same way."), "{divided}");
        assert_eq!(remark(1.0, Kind::Uint8, 1.0), None);
        assert_eq!(remark(1.0, Kind::Float, 2.8), None);
        assert_eq!(remark(1.0, Kind::Float, 0.0), None);
        let x = Tensor::from_slice(&[0.0_f32, 1.0, 255.0, f32::NAN]).reshape([2, 2]);
        assert_eq!(Scale::default().remark("The images", &x.narrow(0, 0, 1), PixelRange::up_to(255.0)), None);
        assert_eq!(
            Scale::default().remark("The images", &x, PixelRange::of(&x)).unwrap(),
            "The images hold NaN or infinite numbers, for example image 1."
        );
    }

    #[test]
    fn the_user_is_told_once_for_each_scale() {
        use crate::layers::{Dense, Flatten};
        use crate::Sequential;
        let mut model = Sequential::input([2]).add(Flatten).add(Dense::new(2)).build().unwrap();
        model.scale.remember(PixelRange::up_to(1.0));
        let x = Tensor::from_slice(&[0.0_f32, 1.0]).unsqueeze(0);
        for (factor, told) in
            [(1.0, 0), (255.0, 1), (250.0, 1), (0.004, 2), (255.0, 2), (f64::NAN, 3), (f64::NAN, 3)]
        {
            let _ = model.predict(&(&x * factor)).unwrap();
            assert_eq!(model.scale.told.borrow().len(), told, "{factor}");
        }
        model.scale.remember(PixelRange::up_to(255.0));
        let _ = model.predict(&(&x * 255.0)).unwrap();
        assert_eq!(model.scale.told.borrow().len(), 0);
    }
}
