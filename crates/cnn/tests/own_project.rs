//! What README.md tells those who use the crate in a project of their own.

#[test]
fn the_readme_shows_the_example_as_it_is_compiled() {
    let (readme, program) = (include_str!("../README.md"), include_str!("../examples/train_mnist.rs"));
    assert!(
        readme.contains(&format!("```rust\n{program}```\n")),
        "README.md shows another program than examples/train_mnist.rs: copy the file into it"
    );
}
