//! The one crate that knows Python: it converts between the core's types and Python's, nothing else.

use pyo3::prelude::*;

mod patterns;

/// The compiled core of Ringfence.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::patterns::Patterns;
}
