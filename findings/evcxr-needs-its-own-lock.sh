#!/usr/bin/env bash
# evcxr 0.22.0 as a library: resolved anew, as `cargo add evcxr` does, it no longer compiles.
#
# Its rust-analyzer (ra_ap_* 0.0.347) asks for salsa "0.28.2" and is written for that one; salsa 0.28.5, which Cargo takes for
# the same requirement, has other signatures (`intern` takes three arguments, not four). What one would guess: patch releases
# fit, and a crate that was published builds. `cargo install --locked evcxr_jupyter` builds, because --locked takes the
# versions that were published with it; a program that uses the library needs such a Cargo.lock of its own.
#
# Seen with rustc 1.95.0, November 2026: with salsa 0.28.5 "error[E0061]: this method takes 3 arguments but 4 arguments were
# supplied" in ra_ap_span and "could not compile `ra_ap_span`"; with salsa 0.28.2 it compiles.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
touch src/lib.rs
cat > Cargo.toml <<'MANIFEST'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
# evcxr 0.22.0 depends on this; alone, it is compiled in a minute.
ra_ap_span = "=0.0.347"
MANIFEST

check() {
    cargo update --quiet --package salsa --precise "$1"
    cargo update --quiet --package salsa-macros --precise "$1"
    cargo update --quiet --package salsa-macro-rules --precise "$1"
    timeout 900 cargo check --quiet 2> "$folder/errors"
}

cargo generate-lockfile --quiet
if check 0.28.5; then
    echo "changed: ra_ap_span 0.0.347 compiles with salsa 0.28.5"
    exit 1
fi
grep -m 1 'error\[E0061\]' "$folder/errors"
grep 'could not compile `ra_ap_span`' "$folder/errors"
if ! check 0.28.2; then
    echo "changed: ra_ap_span 0.0.347 does not compile with salsa 0.28.2 either"
    cat "$folder/errors"
    exit 1
fi
echo "as described: salsa 0.28.5 fits the requirement and not the code, 0.28.2 fits both"
