//! Alone in its process, since it changes the environment.

use cnn::prelude::*;

#[test]
fn a_device_that_is_none_or_not_there_is_an_error() {
    for (named, expected) in [
        ("gpu", "CNN_DEVICE is \"gpu\"; it can be cpu, cuda, or cuda:1 and so on"),
        ("cuda:x", "it can be cpu, cuda, or cuda:1"),
        ("cuda:-1", "it can be cpu, cuda, or cuda:1"),
        ("cuda:999", "or set CNN_DEVICE=cpu"),
    ] {
        std::env::set_var("CNN_DEVICE", named);
        let message = device().unwrap_err().to_string();
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        assert_eq!(course::model(1).unwrap_err().to_string(), message);
    }
    let elsewhere = Sequential::input([4]).add(Dense::new(2)).device(Device::Cuda(999));
    let message = elsewhere.build().unwrap_err().to_string();
    assert!(message.starts_with("the model is to be on Cuda(999), and libtorch sees"), "{message}");
    std::env::set_var("CNN_DEVICE", "cpu");
    assert_eq!(device().unwrap(), Device::Cpu);
}
