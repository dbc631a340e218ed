//! The exercises of notebook 11: different data sets.

use tch::{Kind, Tensor};

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{list, numbers, same};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "channel_means",
        notebook: 11,
        hints: &[
            "A mean for red, one for green, one for blue: over all images and all their pixels.",
            "The channels are dimension 1, so the mean runs over the dimensions 0, 2 and 3.",
            "Bytes first become floats, `to_kind(Kind::Float)`, and divided by 255 they lie between 0 and 1. `try_into()` makes a `Vec`.",
        ],
        solution: include_str!("solutions/channel_means.rs"),
        why: "Only the channels are left as they are: what is named in mean_dim is averaged away.",
    },
    Exercise {
        name: "to_grey",
        notebook: 11,
        hints: &[
            "Grey is the mean of the three channels, pixel by pixel. Which dimension is averaged, and should it stay?",
            "Bytes have no mean: `to_kind(Kind::Float)` first. With `true`, `mean_dim` keeps the dimension, and one channel is left.",
            "`round()` and `to_kind(Kind::Uint8)` make bytes of it again.",
        ],
        solution: include_str!("solutions/to_grey.rs"),
        why: "The channel dimension stays, with one channel: the networks of this course want [n, channels, h, w].",
    },
    Exercise {
        name: "mirrored_too",
        notebook: 11,
        hints: &[
            "Two steps: mirrored copies of all images, and both sets, one behind the other.",
            "`flip` turns a dimension round. From left to right is the width: which dimension is that in `[n, channels, height, width]`?",
            "`Tensor::cat(&[…], 0)` puts tensors one behind the other along the images.",
        ],
        solution: include_str!("solutions/mirrored_too.rs"),
        why: "Width is the last dimension; along the first, the images, the two sets are put together.",
    },
];

/// A few images of bytes that no two channels, rows or columns share.
fn images(count: i64) -> Tensor {
    let options = (Kind::Int64, tch::Device::Cpu);
    let numbers = Tensor::arange(count * 3 * 2 * 4, options);
    (&numbers * &numbers * 7 + numbers * 3).remainder(251).to_kind(Kind::Uint8).reshape([count, 3, 2, 4])
}

/// Whether `answer` gives the mean of each channel, of pixels from 0 to 1.
pub fn channel_means(answer: impl Fn(&Tensor) -> Vec<f64>) -> Checked {
    examine("channel_means", || {
        for count in [4, 1] {
            let images = images(count);
            let found = attempt(|| answer(&images))?;
            let over = |dimensions: &[i64]| {
                numbers(&(images.to_kind(Kind::Double) / 255.0).mean_dim(dimensions, false, Kind::Double))
            };
            let wanted = over(&[0, 2, 3]);
            let mistakes = [
                (
                    wanted.iter().map(|mean| 255.0 * mean).collect(),
                    "the pixels should lie between 0 and 1: divide by 255",
                ),
                (over(&[0, 1, 2, 3]), "that is one mean for all channels; each has its own"),
                (
                    over(&[0, 1, 2]),
                    "that is a mean for each column: the channels are dimension 1 here, not the last",
                ),
                (over(&[1, 2, 3]), "that is a mean for each image; the channels are dimension 1"),
                (vec![0.4914, 0.4822, 0.4465], "those are CIFAR-10's; these images have their own"),
                (wanted.iter().map(|mean| mean * count as f64).collect(), "divide by how many there are"),
            ];
            let what = format!("for images of shape {:?}", images.size());
            list(&what, &found, &wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` makes grey images of colour images.
pub fn to_grey(answer: impl Fn(&Tensor) -> Tensor) -> Checked {
    examine("to_grey", || {
        for count in [4, 1] {
            let images = images(count);
            let found = attempt(|| answer(&images))?;
            let over = |dimension: i64| images.to_kind(Kind::Float).mean_dim(dimension, false, Kind::Float);
            let wanted = over(1).unsqueeze(1);
            let what = format!("for images of shape {:?}", images.size());
            let (shape, right) = (found.size(), wanted.size());
            expect(shape == right, || {
                match () {
                _ if shape == over(1).size() => format!("{what} your tensor has the shape {shape:?}: the channels are gone; one should be left, {right:?}"),
                _ if shape == images.size() => format!("{what} your tensor has the shape {shape:?}: there are still three channels, and {right:?} is right"),
                _ => format!("{what} your tensor has the shape {shape:?}, and {right:?} is right"),
            }
            })?;
            let close = |other: &Tensor, by: f64| {
                numbers(&found).iter().zip(numbers(other)).all(|(a, b)| (a - b).abs() <= by)
            };
            expect(close(&wanted, 1.0), || match () {
                _ if close(&(&wanted / 255.0), 0.01) => {
                    format!("{what} your pixels lie between 0 and 1, and bytes from 0 to 255 are wanted")
                }
                _ if (0..3).any(|channel| close(&images.narrow(1, channel, 1), 0.0)) => {
                    format!("{what} that is one of the channels; the mean of all three is wanted")
                }
                _ if close(&(&wanted * 3.0), 3.0) || close(&(&wanted * 3.0).remainder(256.0), 1.0) => {
                    format!("{what} that is the sum of the channels, not their mean")
                }
                _ => {
                    let ([a, b, c], mine) = (
                        [0, 1, 2].map(|channel| images.int64_value(&[0, channel, 0, 1])),
                        numbers(&found)[1],
                    );
                    format!(
                        "{what} a pixel of {a}, {b} and {c} becomes {mine:.0}, and their mean is {:.0}",
                        wanted.double_value(&[0, 0, 0, 1])
                    )
                }
            })?;
            let kind = attempt(|| found.kind())?;
            expect(kind == Kind::Uint8, || {
                format!("{what} your tensor is of kind {kind:?}; Kind::Uint8, bytes, is wanted, as data sets have them")
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` puts mirrored copies behind the images.
pub fn mirrored_too(answer: impl Fn(&Tensor) -> Tensor) -> Checked {
    examine("mirrored_too", || {
        for count in [3, 1] {
            let images = images(count);
            let found = attempt(|| answer(&images))?;
            let with = |flipped: Tensor| Tensor::cat(&[images.shallow_clone(), flipped], 0);
            let mirrored = images.flip([3]);
            let what = format!("for images of shape {:?}", images.size());
            let known = [
                (mirrored.copy(), "your images are mirrored; the unchanged ones belong before them"),
                (with(images.flip([2])), "your copies are upside down; left and right are to be exchanged"),
                (
                    with(images.flip([1])),
                    "your copies have other colours: you have turned the channels round",
                ),
                (with(images.flip([0])), "your copies are in another order, and not mirrored"),
                (with(images.copy()), "your copies are not mirrored"),
                (Tensor::cat(&[&mirrored, &images], 0), "the unchanged images come first"),
                (
                    Tensor::cat(&[&images, &mirrored], 3),
                    "you have put them beside each other; they belong behind each other, along dimension 0",
                ),
                (with(images.flip([2, 3])), "your copies are turned by 180°; exchange left and right alone"),
            ];
            let wanted = with(mirrored);
            let why = known.iter().find(|(tensor, _)| same(&found, tensor)).map(|(_, why)| *why);
            expect(same(&found, &wanted), || match why {
                Some(why) => format!("{what} {why}"),
                None if found.size() != wanted.size() => format!(
                    "{what} your tensor has the shape {:?}, and {:?} is right",
                    found.size(),
                    wanted.size()
                ),
                None => format!(
                    "{what} the shape is right, and the pixels are not: each row backwards, nothing else"
                ),
            })?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;

    solutions!(channel_means, to_grey, mirrored_too);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(channel_means(|_| todo!()), "not attempted");
        says(to_grey(|_| todo!()), "not attempted");
        says(mirrored_too(|_| todo!()), "not attempted");
    }

    fn means(x: &Tensor, over: &[i64]) -> Vec<f64> {
        numbers(&x.to_kind(Kind::Float).mean_dim(over, false, Kind::Float))
    }

    fn scaled(x: &Tensor, over: &[i64]) -> Vec<f64> {
        means(&(x.to_kind(Kind::Float) / 255.0), over)
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let by_channel = |x: &Tensor| {
            (0..3)
                .map(|c| x.select(1, c).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]) / 255.0)
                .collect()
        };
        assert!(channel_means(by_channel).has_passed());
        let added = |x: &Tensor| {
            let sum = x.to_kind(Kind::Int64).sum_dim_intlist(1, true, Kind::Int64);
            sum.floor_divide_scalar(3).to_kind(Kind::Uint8)
        };
        assert!(to_grey(added).has_passed());
        let reversed = Tensor::from_slice(&[3_i64, 2, 1, 0]);
        assert!(mirrored_too(|x| Tensor::cat(&[x, &x.index_select(3, &reversed)], 0)).has_passed());
    }

    #[test]
    fn means_that_people_give() {
        says(channel_means(|x| means(x, &[0, 2, 3])), "divide by 255");
        says(channel_means(|x| scaled(x, &[0, 1, 2, 3])), "one mean for all channels");
        says(channel_means(|x| scaled(x, &[0, 1, 2])), "a mean for each column");
        says(channel_means(|x| scaled(x, &[1, 2, 3])), "a mean for each image");
        says(channel_means(|_| vec![0.4914, 0.4822, 0.4465]), "CIFAR-10's");
        says(channel_means(|x| scaled(x, &[2, 3])), "is right");
        says(channel_means(|x| numbers(&x.mean(Kind::Uint8))), "it panicked");
    }

    #[test]
    fn greys_that_people_give() {
        let mean = |x: &Tensor, keep: bool| x.to_kind(Kind::Float).mean_dim(1, keep, Kind::Float);
        says(to_grey(|x| mean(x, false).to_kind(Kind::Uint8)), "one should be left");
        says(to_grey(|x| x.copy()), "still three channels");
        says(to_grey(|x| mean(x, true) / 255.0), "between 0 and 1");
        says(to_grey(|x| x.narrow(1, 0, 1)), "one of the channels");
        says(to_grey(|x| x.sum_dim_intlist(1, true, Kind::Int64)), "the sum of the channels");
        says(to_grey(|x| x.sum_dim_intlist(1, true, Kind::Uint8)), "the sum of the channels");
        says(to_grey(|x| mean(x, true)), "is of kind Float");
        says(to_grey(|x| x.amax([1_i64].as_slice(), true)), "and their mean is");
        says(to_grey(|x| x.mean_dim(1, true, Kind::Uint8)), "it panicked");
        says(to_grey(|_| Tensor::new()), "not yet");
    }

    #[test]
    fn mirrors_that_people_give() {
        let with = |x: &Tensor, dimensions: &[i64]| Tensor::cat(&[x.shallow_clone(), x.flip(dimensions)], 0);
        says(mirrored_too(|x| x.flip([3])), "the unchanged ones belong before");
        says(mirrored_too(|x| with(x, &[2])), "upside down");
        says(mirrored_too(|x| with(x, &[1])), "other colours");
        says(mirrored_too(|x| with(x, &[0])), "another order");
        says(mirrored_too(|x| with(x, &[])), "not mirrored");
        says(mirrored_too(|x| Tensor::cat(&[x.flip([3]), x.shallow_clone()], 0)), "come first");
        says(mirrored_too(|x| Tensor::cat(&[x.shallow_clone(), x.flip([3])], 3)), "beside each other");
        says(mirrored_too(|x| with(x, &[2, 3])), "180°");
        says(mirrored_too(|x| with(x, &[4])), "it panicked");
    }
}
