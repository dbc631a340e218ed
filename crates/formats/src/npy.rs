//! NumPy's `.npy`: one array, after a header that describes it.
