//! From the loss back to the weights.

use tch::{no_grad, Kind, Tensor};

use super::fit::Fit;
use crate::layers::Pooled;
use crate::optimizers::Trained;

/// The gradients of the loss, one per weight and of its shape. As `loss.backward()`, but they come back instead of
/// being added to earlier ones. For layers that were computed in one go, libtorch's part ends at their output.
pub(super) fn backward(loss: &Tensor, weights: &[Trained], pooled: Option<&Pooled>) -> Vec<Tensor> {
    let tensors = |weights: &[Trained]| -> Vec<Tensor> {
        weights.iter().map(|trained| trained.weight.shallow_clone()).collect()
    };
    let Some(pooled) = pooled else {
        return gradients(loss, &tensors(weights));
    };
    let [_kernel, _bias, later @ ..] = weights else { unreachable!("the first layer has two weights") };
    let mut leaves = vec![pooled.output.shallow_clone()];
    leaves.extend(tensors(later));
    let mut gradients = gradients(loss, &leaves);
    let of_output = gradients.remove(0);
    pooled.gradients(&of_output).into_iter().chain(gradients).collect()
}

fn gradients(loss: &Tensor, weights: &[Tensor]) -> Vec<Tensor> {
    let mut gradients = Tensor::run_backward(&[loss], weights, false, false);
    let pairs = gradients.iter_mut().zip(weights);
    for (gradient, weight) in pairs.filter(|(gradient, _)| !gradient.defined()) {
        *gradient = weight.zeros_like(); // the loss does not depend on this weight
    }
    gradients
}

/// Makes gradients shorter that are too long.
///
/// Source: Pascanu et al., *On the difficulty of training recurrent neural networks*, 2013; `clip_by_global_norm` in
/// `keras/src/optimizers/base_optimizer.py`.
pub(super) fn clip(settings: &Fit, gradients: &[Tensor]) {
    no_grad(|| {
        if let Some(limit) = settings.clipvalue {
            for gradient in gradients {
                let _ = gradient.shallow_clone().clamp_(-limit, limit);
            }
        }
        if let Some(limit) = settings.global_clipnorm {
            let squares: Vec<Tensor> =
                gradients.iter().map(|gradient| gradient.square().sum(Kind::Float)).collect();
            let norm = Tensor::stack(&squares, 0).sum(Kind::Float).sqrt();
            let factor = limit / norm.clamp_min(limit);
            for gradient in gradients {
                let _ = gradient.shallow_clone().g_mul_(&factor);
            }
        }
    });
}
