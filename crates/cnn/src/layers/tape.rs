//! What a training's forward pass computes in loops of the crate's own, for the way back.
//!
//! tch cannot define a gradient. So libtorch's graph ends before such a layer, and another begins behind it, with the layer's output for a
//! leaf. The tape notes what lies between; [`Tape::gradients`] goes back from one graph to the next.
//!
//! Nothing is noted outside of [`recorded`]: who calls `backward()` on a loss of their own, as notebooks do, has layers computed by libtorch, in
//! one graph.

use std::cell::RefCell;
use tch::{no_grad, Tensor};

use crate::engine::slices::memory_order;

thread_local! {
    static TAPE: RefCell<Option<Vec<Step>>> = const { RefCell::new(None) };
}

/// The steps of a forward pass that are not in libtorch's graphs, in their order.
#[derive(Default)]
pub(crate) struct Tape(Vec<Step>);

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

/// Ends a recording, also when libtorch panics.
struct Ends(Option<Vec<Step>>);

impl Drop for Ends {
    fn drop(&mut self) {
        TAPE.set(self.0.take());
    }
}

/// Does the work, and gives what its layers have noted on this thread.
pub(crate) fn recorded<T>(work: impl FnOnce() -> T) -> (T, Tape) {
    let _ends = Ends(TAPE.replace(Some(Vec::new())));
    let result = work();
    (result, Tape(TAPE.take().unwrap_or_default()))
}

/// Whether layers may note a step.
pub(super) fn is_recording() -> bool {
    TAPE.with_borrow(Option::is_some)
}

/// Whether a gradient of one of them is wanted, here: not within `no_grad`.
pub(super) fn wants_gradient(tensors: &[&Tensor]) -> bool {
    tensors.iter().any(|tensor| tensor.requires_grad() && tensor.view_as(tensor).requires_grad())
}

/// Notes a step, if steps are noted, and gives its output as the beginning of a new graph.
pub(crate) fn note(
    input: Option<&Tensor>,
    weights: &[&Tensor],
    output: &Tensor,
    backward: impl FnOnce(&Tensor) -> Gradients + 'static,
) -> Tensor {
    let output = output.detach().set_requires_grad(true);
    let step = Step {
        input: input.map(Tensor::shallow_clone),
        weights: weights.iter().map(|weight| weight.shallow_clone()).collect(),
        output: output.shallow_clone(),
        backward: Box::new(backward),
    };
    TAPE.with_borrow_mut(|tape| tape.as_mut().map(|steps| steps.push(step)));
    output
}

/// `x`, from which several ways go on: where steps are noted, a graph ends here, so that what comes before it is gone through once.
pub(super) fn parted(x: &Tensor) -> Tensor {
    if !is_recording() || x.is_leaf() || !wants_gradient(&[x]) {
        return x.shallow_clone();
    }
    note(Some(x), &[], x, |gradient| Gradients { input: Some(gradient.shallow_clone()), weights: Vec::new() })
}

impl Tape {
    /// The gradients of the loss, one per weight and of its shape. As `loss.backward()`, but they come back instead of being added to earlier
    /// ones.
    pub fn gradients(self, loss: &Tensor, weights: &[Tensor]) -> Vec<Tensor> {
        let Tape(mut steps) = self;
        let outputs = steps.iter().map(|step| &step.output);
        let mut leaves: Vec<Tensor> = weights.iter().chain(outputs).map(Tensor::shallow_clone).collect();
        let mut sums: Vec<Option<Tensor>> = leaves.iter().map(|_| None).collect();
        let is_last = !steps.iter().any(|step| step.input.is_some());
        back(loss, is_last, &leaves, &mut sums);
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
                None => back(&product(&input, &gradient), false, &leaves, &mut sums),
            }
        }
        let or_zeros = |(sum, weight): (Option<Tensor>, &Tensor)| sum.unwrap_or_else(|| weight.zeros_like());
        sums.into_iter().zip(weights).map(or_zeros).collect()
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Goes back through libtorch's graph, and adds the gradients of its leaves. Unless it is the last, the graph is kept, for steps that share a
/// part of it; it goes with them.
fn back(end: &Tensor, is_last: bool, leaves: &[Tensor], sums: &mut [Option<Tensor>]) {
    let gradients = Tensor::run_backward(&[end], leaves, !is_last, false);
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
