//! 3×3 convolutions with a quarter of the multiplications, and their gradients: Winograd's way.
//!
//! libtorch computes convolutions as they are defined, at nearly the speed of the processor's multiplications; fewer of them is all that
//! goes beyond. From a tile of 6×6 pixels, transforms make 36 numbers, these are multiplied by 36 of a transformed kernel, and another transform
//! makes 4×4 outputs of them: 36 multiplications instead of 144, for each pair of a channel and a filter.
//!
//! `transforms.rs` has the transforms, `products.rs` the multiplications, `passes.rs` both for some images, and `convolution.rs` shares images among
//! threads. They are written for processors with AVX-512, in their instructions; on others, convolutions are libtorch's. A notebook's
//! kernel compiles with checks and in many small units: so hot loops have pointers and macros where otherwise slices, iterators and
//! closures would stand.

#[cfg(target_arch = "x86_64")]
mod convolution;
#[cfg(not(target_arch = "x86_64"))]
mod elsewhere;
#[cfg(target_arch = "x86_64")]
mod passes;
#[cfg(target_arch = "x86_64")]
mod products;
#[cfg(target_arch = "x86_64")]
mod transforms;

#[cfg(target_arch = "x86_64")]
pub(super) use convolution::Winograd;
#[cfg(not(target_arch = "x86_64"))]
pub(super) use elsewhere::Winograd;
