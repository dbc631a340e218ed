//! The published networks: with published weights, where these lie beside the checkout, and by their numbers.

use cnn::prelude::*;
use std::path::PathBuf;

/// A file beside the checkout, on machines that have it.
fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    match path.exists() {
        true => Some(path),
        false => {
            println!("skipped: there is no {}", path.display());
            None
        }
    }
}

/// Test images of CIFAR-10, normalised as ResNet-20's were, and their labels.
fn cifar10_test() -> Option<(Tensor, Tensor)> {
    let data = cifar10::load_from(shared("cifar-10/subset")?).unwrap();
    let of_channels = |numbers: [f32; 3]| Tensor::from_slice(&numbers).reshape([3, 1, 1]);
    let x = normalize(&data.x_test.narrow(0, 0, 1000)).unwrap() - of_channels([0.485, 0.456, 0.406]);
    Some((x / of_channels([0.229, 0.224, 0.225]), data.y_test.narrow(0, 0, 1000)))
}

#[test]
fn resnet20_with_published_weights_is_right_915_times_of_1000() {
    let (Some((x, y)), Some(weights)) = (cifar10_test(), shared("weights/resnet20-cifar10.safetensors"))
    else {
        return;
    };
    assert_eq!(x.size(), [1000, 3, 32, 32]);
    let mut model = architectures::resnet20([3, 32, 32], 10).build().unwrap();
    // The file's order is the alphabet's, and its names are the modules'.
    model.load_weights(weights).unwrap();
    let right =
        |model: &Sequential| model.predict(&x).unwrap().argmax(-1, false).eq_tensor(&y).sum(Kind::Int64);
    assert_eq!(right(&model).int64_value(&[]), 915);
    // The same weights as PyTorch wrote them long ago, under a prefix.
    let mut other = architectures::resnet20([3, 32, 32], 10).seed(2).build().unwrap();
    other.load_weights(shared("weights/resnet20-cifar10.th").unwrap()).unwrap();
    for ((name, weight), (_, other)) in model.weights().into_iter().zip(other.weights()) {
        assert_eq!(weight, other, "{name}");
    }
}

#[test]
fn pretrained_networks_are_found_in_the_named_folder() {
    let Some(weights) = shared("weights") else { return };
    std::env::set_var("CNN_WEIGHTS_DIR", weights); // no other test here reads it
                                                   // It normalises bytes by itself.
    let data = cifar10::load_from(shared("cifar-10/subset").unwrap()).unwrap();
    let mut model = architectures::pretrained::resnet20().unwrap();
    model.compile(Adam::default(), Loss::CategoricalCrossentropy).unwrap();
    let accuracy = model.evaluate(&data.x_test, &data.y_test).unwrap().accuracy;
    assert!((accuracy - 0.915).abs() < 1e-9, "{accuracy}");
    let features = architectures::pretrained::mobilenet_v2([3, 64, 64]).unwrap();
    assert_eq!(
        features.predict(&Tensor::zeros([1, 3, 64, 64], (Kind::Uint8, Device::Cpu))).unwrap().size(),
        [1, 1280]
    );
}

#[test]
fn mobilenet_without_its_classifier_fits_the_network_without_one() {
    let Some(weights) = shared("weights/mobilenet_v2-imagenet-no-classifier.safetensors") else { return };
    let mut features = architectures::mobilenet_v2_features([3, 96, 96]).build().unwrap();
    features.load_weights(&weights).unwrap();
    let mut whole = architectures::mobilenet_v2([3, 96, 96], 1000).build().unwrap();
    let before = whole.weight("features.0.0/kernel").unwrap();
    let message = format!("{:#}", whole.load_weights(&weights).unwrap_err());
    assert!(message.contains("the file has no classifier.1.weight"), "{message}");
    assert_eq!(whole.weight("features.0.0/kernel").unwrap(), before);
}

#[test]
fn weights_of_another_architecture_are_refused_by_their_first_tensor() {
    let Some(weights) = shared("weights/resnet20-cifar10.safetensors") else { return };
    let mut model = architectures::resnet18([3, 64, 64], 10).build().unwrap();
    let message = format!("{:#}", model.load_weights(weights).unwrap_err());
    assert!(message.contains("conv1.weight") && message.contains("[16, 3, 3, 3]"), "{message}");
}

#[test]
fn the_networks_have_as_many_numbers_as_published() {
    let trainable = |model: Sequential| -> usize {
        model
            .weights()
            .iter()
            .filter(|(_, weight)| weight.requires_grad())
            .map(|(_, weight)| weight.numel())
            .sum()
    };
    let large = [3, 224, 224];
    // The figures of torchvision's documentation.
    assert_eq!(trainable(architectures::resnet18(large, 1000).build().unwrap()), 11_689_512);
    assert_eq!(trainable(architectures::resnet50(large, 1000).build().unwrap()), 25_557_032);
    let mobile = architectures::mobilenet_v2(large, 1000).build().unwrap();
    assert_eq!(mobile.multiply_adds(), 300_774_272);
    assert_eq!(trainable(mobile), 3_504_872);
    // Without the dense layers, which are most of it.
    assert_eq!(trainable(architectures::vgg16([3, 32, 32], 10).build().unwrap()), 33_638_218);
    assert_eq!(trainable(architectures::resnet20([3, 32, 32], 10).build().unwrap()), 269_722);
}

#[test]
fn a_model_keeps_its_answers_when_it_is_saved_and_loaded() {
    let path = std::env::temp_dir().join(format!("cnn-architectures-{}.safetensors", std::process::id()));
    let x = Tensor::rand([2, 3, 32, 32], (Kind::Float, Device::Cpu));
    for model in [architectures::resnet20([3, 32, 32], 10), architectures::mobilenet_v2([3, 32, 32], 4)] {
        let model = model.build().unwrap();
        model.save(&path).unwrap();
        assert_eq!(Sequential::load(&path).unwrap().forward(&x).unwrap(), model.forward(&x).unwrap());
    }
    std::fs::remove_file(path).unwrap();
}
