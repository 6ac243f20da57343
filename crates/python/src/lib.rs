//! The one crate that knows Python: it converts between the core's types and Python's, nothing else.

use pyo3::prelude::*;

mod batches;
mod capture;
mod convert;
mod frame;
mod ids;
mod live;
mod output;
mod patterns;
mod registry;
mod run;
mod words;

/// The compiled core of Ringfence.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::capture::{capture, prove};
    #[pymodule_export]
    use crate::frame::frame;
    #[pymodule_export]
    use crate::live::{live, CoreBatch, LiveStop};
    #[pymodule_export]
    use crate::patterns::Patterns;
    #[pymodule_export]
    use crate::registry::registry;
    #[pymodule_export]
    use crate::run::{run, trace, CoreRun};
}
