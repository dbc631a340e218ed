//! Links `live-cells` so that the cells that it loads find its `read`; see `src/bin/live-cells/input.rs`.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-link-arg-bin=live-cells=-Wl,--export-dynamic-symbol=read");
    }
}
