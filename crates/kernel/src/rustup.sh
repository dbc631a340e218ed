#!/bin/sh
# evcxr asks rustup for its tools first. Without an answer it takes those on the PATH: the cargo beside this file, and
# the rustc that the kernelspec names.
exit 1
