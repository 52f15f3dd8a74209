//! What the fuzz targets use: the laws, which they share with `tests/mutations.rs`.

#[path = "../../harmless.rs"]
pub mod harmless;
#[path = "../laws/mod.rs"]
pub mod laws;
