//! The models that travel: one for each layer and its arguments, and some that are drawn at random.

use cnn::layers::{FlipMode, Interpolation};
use cnn::{prelude::*, tch};
use rand::{rngs::StdRng, seq::SliceRandom, Rng, SeedableRng};

/// So many models are drawn.
const DRAWN: u64 = 50;

pub struct Travelling {
    pub name: String,
    pub model: Sequential,
    pub x: Tensor,
    /// Whether PyTorch's `nn` has modules for all of it.
    pub pytorch: bool,
}

/// 100 images of this shape, from 0 to 1.
pub fn images(shape: &[i64], seed: i64) -> Tensor {
    tch::manual_seed(seed);
    Tensor::rand([&[100], shape].concat(), (Kind::Float, Device::Cpu))
}

/// Weights as after a training: none of them 0 or 1, biases and running means included.
fn trained(mut model: Sequential, seed: i64) -> Sequential {
    tch::manual_seed(seed);
    let changed = |(name, weight): (String, Tensor)| {
        let noise = weight.randn_like();
        let weight = if name.ends_with("variance") { weight + noise.abs() } else { weight + noise * 0.1 };
        (name, weight)
    };
    let weights: Vec<_> =
        model.weights().into_iter().map(|(name, weight)| changed((name, weight.detach()))).collect();
    model.set_weights(&weights).unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    model
}

fn travelling(name: &str, builder: cnn::SequentialBuilder, input: &[i64], pytorch: bool) -> Travelling {
    let model = builder.add(Dense::new(5).activation(Softmax)).device(Device::Cpu).build();
    let model = trained(model.unwrap_or_else(|error| panic!("{name}: {error}")), 1);
    Travelling { name: name.to_string(), model, x: images(input, 2), pytorch }
}

pub fn models() -> Vec<Travelling> {
    let mut all = each_layer();
    all.extend((0..DRAWN).map(drawn));
    all
}

fn each_layer() -> Vec<Travelling> {
    let image = [3, 11, 9];
    let start = || Sequential::input(image);
    let same = Padding::Same;
    let mut all = vec![];
    // On images, and what is left is flattened.
    macro_rules! on_images {
        ($name:literal, $pytorch:literal, $($layer:expr),+) => {
            all.push(travelling($name, start()$(.add($layer))+.add(Flatten), &image, $pytorch));
        };
    }
    on_images!("conv", true, Conv2D::new(4, (3, 3)).activation(Relu));
    on_images!(
        "named",
        true,
        Conv2D::new(4, (3, 3)).name("erste"),
        MaxPooling2D::new((2, 2)).name("kleiner")
    );
    on_images!("conv_same", true, Conv2D::new(4, (3, 2)).padding(same).activation(Tanh));
    on_images!("conv_strides", true, Conv2D::new(4, (3, 3)).strides((2, 2)));
    on_images!("conv_same_strides", true, Conv2D::new(4, (4, 3)).strides((2, 3)).padding(same));
    on_images!("conv_groups", true, Conv2D::new(6, (3, 3)).groups(3));
    on_images!("conv_softmax", true, Conv2D::new(4, (1, 1)).activation(Softmax));
    on_images!("max_pooling", true, MaxPooling2D::new((2, 3)));
    on_images!("max_pooling_same", true, MaxPooling2D::new((3, 3)).strides((2, 2)).padding(same));
    on_images!("average_pooling", true, AveragePooling2D::new((2, 2)));
    on_images!("average_pooling_same", false, AveragePooling2D::new((3, 2)).strides((2, 2)).padding(same));
    on_images!(
        "batch_normalization",
        true,
        Conv2D::new(4, (3, 3)),
        BatchNormalization::new().momentum(0.9).epsilon(0.01),
        Relu
    );
    on_images!("dropout", true, Dropout::new(0.5), Conv2D::new(2, (3, 3)));
    on_images!(
        "residual",
        true,
        Conv2D::new(4, (3, 3)),
        Residual::new()
            .add(Conv2D::new(4, (3, 3)).padding(same).activation(Relu))
            .add(BatchNormalization::new())
            .add(Conv2D::new(4, (3, 3)).padding(same))
            .activation(Relu)
    );
    on_images!(
        "residual_projection",
        true,
        Residual::new()
            .add(Conv2D::new(6, (3, 3)).padding(same).strides((2, 2)).activation(Relu))
            .add(Conv2D::new(6, (3, 3)).padding(same)),
        Residual::new().add(Conv2D::new(6, (3, 3)).padding(same)).activation(Elu)
    );
    on_images!(
        "conv_dilation",
        true,
        Conv2D::new(4, (3, 3)).dilation_rate((2, 2)).padding(same).use_bias(false)
    );
    on_images!("depthwise", true, DepthwiseConv2D::new((3, 3)).depth_multiplier(2).activation(Relu));
    on_images!(
        "depthwise_strides",
        true,
        DepthwiseConv2D::new((3, 2)).strides((2, 2)).padding(same).use_bias(false)
    );
    on_images!(
        "separable",
        true,
        SeparableConv2D::new(5, (3, 3)).depth_multiplier(2).padding(same).activation(Relu)
    );
    on_images!("separable_strides", true, SeparableConv2D::new(5, (3, 3)).strides((2, 2)).use_bias(false));
    on_images!("zero_padding", true, ZeroPadding2D::new(((1, 2), (0, 3))), Conv2D::new(2, (3, 3)));
    on_images!("cropping", false, Cropping2D::new(((1, 2), (0, 3))), Conv2D::new(2, (3, 3)));
    on_images!("up_sampling", true, UpSampling2D::new((2, 3)));
    on_images!(
        "up_sampling_bilinear",
        true,
        UpSampling2D::new((2, 2)).interpolation(Interpolation::Bilinear)
    );
    on_images!("relu", true, Conv2D::new(3, (3, 3)), ReLU::new());
    on_images!("relu6", true, Conv2D::new(3, (3, 3)), ReLU::new().max_value(0.6));
    on_images!("relu_slope", true, Conv2D::new(3, (3, 3)), ReLU::new().negative_slope(0.1));
    on_images!(
        "relu_all",
        false,
        Conv2D::new(3, (3, 3)),
        ReLU::new().negative_slope(0.1).max_value(0.5).threshold(0.1)
    );
    on_images!("leaky_relu", true, Conv2D::new(3, (3, 3)), LeakyReLU::new().negative_slope(0.4));
    on_images!("elu", true, Conv2D::new(3, (3, 3)), ELU::new().alpha(0.7), ELU::new());
    on_images!("softmax", true, Conv2D::new(3, (3, 3)), cnn::layers::Softmax::new());
    on_images!("layer_normalization", false, Conv2D::new(3, (3, 3)), LayerNormalization::new());
    on_images!("batch_normalization_bare", true, BatchNormalization::new().center(false).scale(false));
    on_images!("rescaling", false, Rescaling::new(2.0).offset(-1.0), Conv2D::new(3, (3, 3)));
    on_images!(
        "normalization",
        true,
        Normalization::new(&[0.1, 0.5, 0.3], &[0.04, 0.01, 0.09]),
        Conv2D::new(3, (3, 3)),
        Normalization::new(&[0.5], &[0.25])
    );
    on_images!("reshape", false, Reshape::new([9, 11, 3]), Conv2D::new(3, (3, 3)));
    on_images!("permute", false, Permute::new([3, 1, 2]), Conv2D::new(3, (3, 3)));
    on_images!(
        "noise",
        false,
        GaussianNoise::new(0.1),
        SpatialDropout2D::new(0.2),
        GaussianDropout::new(0.2),
        Conv2D::new(3, (3, 3))
    );
    on_images!(
        "augmentation",
        true,
        RandomFlip::new(FlipMode::Horizontal),
        RandomRotation::new(0.1),
        RandomZoom::new(0.1),
        RandomTranslation::new(0.1, 0.2)
    );
    on_images!(
        "shortcut",
        true,
        Residual::new()
            .add(Conv2D::new(6, (3, 3)).padding(same).strides((2, 2)).use_bias(false))
            .add(BatchNormalization::new())
            .shortcut(Conv2D::new(6, (1, 1)).strides((2, 2)).use_bias(false))
            .shortcut(BatchNormalization::new())
            .activation(Relu)
    );
    on_images!(
        "blocks_in_blocks",
        true,
        Residual::new()
            .add(Residual::new().add(Conv2D::new(3, (3, 3)).padding(same)).activation(Relu).name("inner"))
            .add(Conv2D::new(3, (3, 3)).padding(same))
    );
    on_images!("global_max_pooling", true, Conv2D::new(4, (3, 3)), GlobalMaxPooling2D.keepdims(true));
    all.push(travelling(
        "image_of_a_vector",
        Sequential::input([48]).add(Reshape::new([3, 4, 4])).add(Conv2D::new(2, (3, 3))).add(Flatten),
        &[48],
        false,
    ));
    for activation in Activation::ALL {
        let name = format!("activation_{}", activation.name());
        let builder = start()
            .add(Conv2D::new(3, (3, 3)).activation(activation))
            .add(activation)
            .add(Flatten)
            .add(Dense::new(4).activation(activation));
        all.push(travelling(&name, builder, &image, true));
    }
    all.push(travelling(
        "global_pooling",
        start().add(Conv2D::new(4, (3, 3))).add(GlobalAveragePooling2D),
        &image,
        true,
    ));
    let mut frozen = travelling(
        "frozen",
        start()
            .add(Conv2D::new(4, (3, 3)))
            .add(Residual::new().add(Conv2D::new(4, (3, 3)).padding(same)).add(BatchNormalization::new()))
            .add(Flatten),
        &image,
        true,
    );
    frozen.model.set_trainable_from("dense").unwrap();
    all.push(frozen);
    all.push(travelling(
        "vectors",
        Sequential::input([7]).add(Dense::new(6)).add(BatchNormalization::new()).add(Relu),
        &[7],
        true,
    ));
    all.push(travelling(
        "rows",
        Sequential::input([6, 4]).add(Flatten).add(Dense::new(3).activation(Sigmoid)),
        &[6, 4],
        true,
    ));
    let course = Sequential::input([1, 28, 28])
        .add(Conv2D::new(32, (3, 3)).activation(Relu))
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten)
        .add(Dense::new(128).activation(Relu));
    all.push(travelling("course", course, &[1, 28, 28], true));
    all
}

/// A model of a few layers after each other, as somebody might try them.
fn drawn(seed: u64) -> Travelling {
    let random = &mut StdRng::seed_from_u64(seed);
    let mut shape = vec![*[1, 3].choose(random).unwrap(), random.gen_range(9..17), random.gen_range(9..17)];
    let input = shape.clone();
    let mut builder = Sequential::input(shape.clone());
    let mut pytorch = true;
    macro_rules! add {
        ($layer:expr) => {{
            let layer = $layer;
            if let Ok(output) = layer.output_shape(&shape) {
                shape = output;
                builder = builder.add(layer);
            }
        }};
    }
    for _ in 0..random.gen_range(2..7) {
        let padding = *[Padding::Valid, Padding::Same].choose(random).unwrap();
        let activation = *Activation::ALL.choose(random).unwrap();
        let strides = (random.gen_range(1..3), random.gen_range(1..3));
        let window = (random.gen_range(1..4), random.gen_range(1..4));
        match random.gen_range(0..7) {
            0 | 1 => add!(Conv2D::new(random.gen_range(1..7), window)
                .strides(strides)
                .padding(padding)
                .activation(activation)),
            2 => add!(MaxPooling2D::new(window).strides(strides).padding(padding)),
            3 => {
                pytorch &= padding == Padding::Valid;
                add!(AveragePooling2D::new(window).strides(strides).padding(padding));
            }
            4 => add!(BatchNormalization::new()),
            5 => add!(activation),
            _ => {
                let block = Residual::new()
                    .add(Conv2D::new(random.gen_range(2..6), (3, 3)).padding(Padding::Same).activation(Relu))
                    .add(Conv2D::new(random.gen_range(2..6), window).padding(Padding::Same))
                    .activation(activation);
                add!(block);
            }
        }
    }
    let builder = match random.gen_range(0..3) {
        0 => builder.add(GlobalAveragePooling2D),
        _ => builder
            .add(Flatten)
            .add(Dense::new(random.gen_range(2..20)).activation(Relu))
            .add(Dropout::new(0.3)),
    };
    travelling(&format!("drawn_{seed}"), builder, &input, pytorch)
}
