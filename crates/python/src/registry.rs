//! The generated registry: protocols, kinds, fields.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use ringfence_dissect::registry::BUILTIN;
use ringfence_dissect::{Keep, Kind};

fn kind_row<'py>(py: Python<'py>, kind: &'static Kind) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("name", kind.name)?;
    row.set_item("doc", kind.doc)?;
    row.set_item("source", kind.source)?;
    let fields = PyList::empty(py);
    for field in kind.fields {
        let shown = PyDict::new(py);
        shown.set_item("name", field.name)?;
        shown.set_item("type", field.ty.name())?;
        shown.set_item("unit", field.unit)?;
        shown.set_item("doc", field.doc)?;
        shown.set_item("detail", field.keep == Keep::Detail)?;
        fields.append(shown)?;
    }
    row.set_item("fields", fields)?;
    Ok(row)
}

/// Every built-in protocol with its kinds, as dicts; last, the engine's own kinds under the name "flow".
#[pyfunction]
pub fn registry(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let out = PyList::empty(py);
    for protocol in BUILTIN {
        let row = PyDict::new(py);
        row.set_item("name", protocol.name)?;
        row.set_item("title", protocol.title)?;
        row.set_item("source", protocol.source)?;
        row.set_item("limits", protocol.limits)?;
        row.set_item("ports", protocol.ports)?;
        row.set_item("ethertypes", protocol.ethertypes)?;
        let carriers: Vec<&str> =
            [(protocol.tcp, "tcp"), (protocol.udp, "udp"), (!protocol.ethertypes.is_empty(), "ethernet")]
                .into_iter()
                .filter_map(|(rides, name)| rides.then_some(name))
                .collect();
        row.set_item("carriers", carriers)?;
        row.set_item("buffer", protocol.buffer)?;
        let kinds = protocol.kinds.iter().copied().chain(std::iter::once(protocol.malformed));
        row.set_item("kinds", kinds.map(|kind| kind_row(py, kind)).collect::<PyResult<Vec<_>>>()?)?;
        out.append(row)?;
    }
    let own = PyDict::new(py);
    own.set_item("name", "flow")?;
    own.set_item("title", "Facts of the engine itself")?;
    own.set_item("source", "contract §2")?;
    own.set_item("limits", PyList::empty(py))?;
    own.set_item("ports", PyList::empty(py))?;
    own.set_item("ethertypes", PyList::empty(py))?;
    own.set_item("carriers", PyList::empty(py))?;
    own.set_item("buffer", 0)?;
    let kinds = ringfence_flow::kinds::KINDS.iter().map(|kind| kind_row(py, kind)).collect::<PyResult<Vec<_>>>()?;
    own.set_item("kinds", kinds)?;
    out.append(own)?;
    Ok(out)
}
