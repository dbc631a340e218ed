//! PyTorch's files, and what is not read of them.

mod common;

use common::{as_json, compare, fixture};
use formats::pytorch;

#[test]
fn what_pytorch_writes_is_read() {
    for name in [
        "pytorch.pt",
        "pytorch_legacy.pt",
        "pytorch_views.pt",
        "pytorch_views_legacy.pt",
        "pytorch_unsigned.pt",
        "pytorch_checkpoint.pt",
        "pytorch_checkpoint_legacy.pt",
    ] {
        let tensors = pytorch::read(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        compare(name, tensors.iter().map(|(path, array)| (path.clone(), as_json(array))).collect());
    }
}

#[test]
fn tensors_come_in_the_file_s_order() {
    for name in ["pytorch.pt", "pytorch_legacy.pt"] {
        let tensors = pytorch::read(&fixture(name)).unwrap();
        let names: Vec<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
        let norm = ["1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"];
        assert_eq!(names, [&["0.weight", "0.bias"][..], &norm, &["3.weight", "3.bias"]].concat());
    }
}

#[test]
fn what_is_not_read_is_named() {
    for (name, expected) in [
        ("pytorch_module.pt", "the file holds a whole network (torch.nn.modules.container.Sequential)"),
        ("pytorch_module_inside.pt", "model holds a whole network (torch.nn.modules.linear.Linear)"),
        ("pytorch_script.pt", "TorchScript"),
        ("pytorch_complex.pt", "the tensor c: its numbers are of a ComplexFloatStorage"),
        ("pytorch_quantised.pt", "q is a quantised tensor"),
        ("pytorch_sparse.pt", "s is a sparse tensor"),
        ("pytorch_empty.pt", "no tensors in it, only a dictionary of epoch"),
        ("numpy.npz", "it holds no data.pkl, only kernel.npy"),
        ("keras3.h5", "of another format"),
    ] {
        let message = format!("{:#}", pytorch::read(&fixture(name)).unwrap_err());
        assert!(message.contains(expected), "{name}: {message:?} does not say {expected:?}");
    }
    let pickle = format!("{:#}", pytorch::read(b"\x80\x02}q\0.").unwrap_err());
    assert!(pickle.contains("a pickle of another kind"), "{pickle}");
}
