//! What a training's forward pass computes in loops of the crate's own, for the way back.
//!
//! tch cannot define a gradient. So libtorch's graph ends before such a layer, and another begins behind it, with the layer's output for a
//! leaf. The tape notes what lies between; [`Tape::gradients`] goes back from one graph to the next.
//!
//! The tape is handed from layer to layer ([`Layer::noted`](super::Layer::noted)): a notebook's cells each have a copy of this crate, so that a
//! global one would not be that of a layer made in another cell. Who calls `forward` and `backward()` alone, as notebooks do, has layers
//! computed by libtorch, in one graph.

use std::cell::RefCell;
use tch::{no_grad, Tensor};

use crate::engine::slices::memory_order;

/// The steps of a forward pass that are not in libtorch's graphs, in their order.
#[derive(Default)]
pub struct Tape(RefCell<Vec<Step>>);

struct Step {
    /// Where gradients go on, the end of an earlier graph; none for a step whose input needs none.
    input: Option<Tensor>,
    weights: Vec<Tensor>,
    /// Where the next graph begins.
    output: Tensor,
    /// From the gradient of the output to the others.
    backward: Box<dyn FnOnce(&Tensor) -> Gradients>,
}

/// What comes of a step's way back.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Gradients {
    pub input: Option<Tensor>,
    /// One for each of its weights; none, if none is trained.
    pub weights: Vec<Tensor>,
}

/// Whether a gradient of one of them is wanted, here: not within `no_grad`.
pub(super) fn wants_gradient(tensors: &[&Tensor]) -> bool {
    tensors.iter().any(|tensor| tensor.requires_grad() && tensor.view_as(tensor).requires_grad())
}

impl Tape {
    /// Notes a step, and gives its output as the beginning of a new graph.
    pub(super) fn note(
        &self,
        input: Option<&Tensor>,
        weights: &[&Tensor],
        output: &Tensor,
        backward: impl FnOnce(&Tensor) -> Gradients + 'static,
    ) -> Tensor {
        let output = output.detach().set_requires_grad(true);
        self.0.borrow_mut().push(Step {
            input: input.map(Tensor::shallow_clone),
            weights: weights.iter().map(|weight| weight.shallow_clone()).collect(),
            output: output.shallow_clone(),
            backward: Box::new(backward),
        });
        output
    }

    /// `x`, from which several ways go on: a graph ends here, so that what comes before it is gone through once.
    pub(super) fn parted(&self, x: &Tensor) -> Tensor {
        if x.is_leaf() || !wants_gradient(&[x]) {
            return x.shallow_clone();
        }
        self.note(Some(x), &[], x, |gradient| Gradients {
            input: Some(gradient.shallow_clone()),
            weights: Vec::new(),
        })
    }

    /// The gradients of the loss, one per weight and of its shape. As `loss.backward()`, but they come back instead of being added to earlier
    /// ones.
    pub(crate) fn gradients(self, loss: &Tensor, weights: &[Tensor]) -> Vec<Tensor> {
        let mut steps = self.0.into_inner();
        let outputs = steps.iter().map(|step| &step.output);
        let mut leaves: Vec<Tensor> = weights.iter().chain(outputs).map(Tensor::shallow_clone).collect();
        let mut sums: Vec<Option<Tensor>> = leaves.iter().map(|_| None).collect();
        back(loss, &leaves, &mut sums);
        while let Some(Step { input, weights: own, output, backward }) = steps.pop() {
            leaves.pop();
            let Some(gradient) = sums.pop().flatten() else {
                continue; // the loss does not depend on it
            };
            drop(output);
            let gradients = backward(&gradient);
            for (weight, gradient) in own.iter().zip(gradients.weights) {
                let index = weights.iter().position(|other| other.data_ptr() == weight.data_ptr());
                if let Some(index) = index {
                    add(&mut sums[index], gradient);
                }
            }
            let Some((input, gradient)) = input.zip(gradients.input) else { continue };
            // Another step's output: there is no graph between them.
            let is_input = |step: &Step| {
                input.is_leaf()
                    && step.output.data_ptr() == input.data_ptr()
                    && step.output.size() == input.size()
            };
            let before = steps.iter().rposition(is_input);
            match before {
                Some(before) => add(&mut sums[weights.len() + before], gradient),
                None => back(&product(&input, &gradient), &leaves, &mut sums),
            }
        }
        let or_zeros = |(sum, weight): (Option<Tensor>, &Tensor)| sum.unwrap_or_else(|| weight.zeros_like());
        sums.into_iter().zip(weights).map(or_zeros).collect()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

/// Goes back through libtorch's graph, and adds the gradients of its leaves.
fn back(end: &Tensor, leaves: &[Tensor], sums: &mut [Option<Tensor>]) {
    let gradients = Tensor::run_backward(&[end], leaves, false, false);
    for (sum, gradient) in sums.iter_mut().zip(gradients) {
        if gradient.defined() {
            add(sum, gradient);
        }
    }
}

fn add(sum: &mut Option<Tensor>, gradient: Tensor) {
    *sum = Some(match sum.take() {
        Some(sum) => no_grad(|| sum + gradient),
        None => gradient,
    });
}

/// A number whose gradient at `x` is this one: that is how libtorch is told where to go on.
fn product(x: &Tensor, gradient: &Tensor) -> Tensor {
    let order = memory_order(x);
    let [x, gradient] = [x, gradient].map(|tensor| tensor.permute(&order).reshape([-1]));
    x.dot(&gradient)
}
