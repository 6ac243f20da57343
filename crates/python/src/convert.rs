//! The core's values as Python's.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use ringfence_dissect::{walk, Kind, Value};
use ringfence_flow::{decode::LINKS, show, source::OpenError, Reference, Report};
use ringfence_wire::Place;

/// `ringfence.model.errors.RingfenceError(code, culprit, detail)`: Python owns the exception classes.
pub fn raise(code: &str, culprit: &str, detail: &str) -> PyErr {
    Python::attach(|py| {
        let made = py
            .import("ringfence.model.errors")
            .and_then(|module| module.getattr("RingfenceError"))
            .and_then(|class| class.call1((code, culprit, detail)));
        match made {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        }
    })
}

/// The error of an input that can't be opened.
pub fn raise_open(error: &OpenError) -> PyErr {
    use ringfence_flow::source::OpenReason::{Empty, NoCapture};
    let code = match error.reason {
        Empty | NoCapture => "input-not-a-capture",
        _ => "input-not-found",
    };
    raise(code, &error.path.to_string_lossy(), &format!("{}; {}", error.reason, error.remedy()))
}

/// (kind, text).
pub fn place<'py>(py: Python<'py>, place: &Place) -> PyResult<Bound<'py, PyTuple>> {
    (PyString::intern(py, place.kind()), place.to_string()).into_pyobject(py)
}

/// Tuples (time, input, index, interface, length).
pub fn references<'py>(py: Python<'py>, packets: &[Reference]) -> PyResult<Bound<'py, PyTuple>> {
    let rows = packets.iter().map(|at| (at.time, at.input, at.index, at.interface, at.length).into_pyobject(py));
    PyTuple::new(py, rows.collect::<PyResult<Vec<_>>>()?)
}

fn value<'py>(py: Python<'py>, value: &Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Uint(number) => number.into_pyobject(py)?.into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::Real(number) => number.into_pyobject(py)?.into_any(),
        Value::Bool(truth) => pyo3::types::PyBool::new(py, *truth).to_owned().into_any(),
        Value::Text(text) => PyString::new(py, &String::from_utf8_lossy(text)).into_any(),
        Value::Bytes(bytes) => PyString::new(py, &show::hexadecimal(bytes)).into_any(),
        Value::Mac(mac) => PyString::new(py, &Place::Mac(*mac).to_string()).into_any(),
        Value::Ip(bytes) => PyString::new(py, &show::ip(bytes)).into_any(),
    })
}

/// The fields of a record as a dict; list fields are lists.
pub fn fields<'py>(py: Python<'py>, kind: &'static Kind, sides: &[&[u8]]) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    for (field, content) in sides.iter().flat_map(|side| walk(kind, side)) {
        let row = &kind.fields[field as usize];
        let name = PyString::intern(py, row.name);
        let shown = value(py, &content)?;
        if !row.ty.is_list() {
            out.set_item(name, shown)?;
            continue;
        }
        match out.get_item(&name)? {
            Some(list) => list.cast_into::<PyList>()?.append(shown)?,
            None => out.set_item(name, PyList::new(py, [shown])?)?,
        }
    }
    Ok(out)
}

/// The observations of a report: tuples (kind, domain, subject, object, value, count, first, last, packets).
pub fn observations<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for observation in &report.observations {
        let object = observation.object.map(|object| place(py, &object)).transpose()?;
        let row = (
            PyString::intern(py, observation.kind.name),
            observation.domain,
            place(py, &observation.subject)?,
            object,
            fields(py, observation.kind, &[&observation.value])?,
            observation.seen.count,
            observation.seen.first,
            observation.seen.last,
            references(py, observation.seen.references())?,
        );
        out.append(row)?;
    }
    Ok(out)
}

/// The conversations of a report: tuples (domain, client, server, transport, protocol, port, answered, flows, packets,
/// bytes, first, last).
pub fn conversations<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for (key, sums) in &report.conversations {
        let elements: [Bound<'py, PyAny>; 12] = [
            key.domain.into_pyobject(py)?.into_any(),
            place(py, &key.client)?.into_any(),
            place(py, &key.server)?.into_any(),
            key.carried.name().into_pyobject(py)?.into_any(),
            key.protocol.into_pyobject(py)?,
            key.port.into_pyobject(py)?.into_any(),
            pyo3::types::PyBool::new(py, key.answered).to_owned().into_any(),
            sums.flows.into_pyobject(py)?.into_any(),
            sums.packets.into_pyobject(py)?.into_any(),
            sums.bytes.into_pyobject(py)?.into_any(),
            sums.first.into_pyobject(py)?.into_any(),
            sums.last.into_pyobject(py)?.into_any(),
        ];
        out.append(PyTuple::new(py, elements)?)?;
    }
    Ok(out)
}

/// Totals per protocol: tuples (name, flows, packets, bytes, mean confidence 0 to 1).
pub fn protocols(report: &Report) -> Vec<(&'static str, i64, i64, i64, f64)> {
    let mean = |confidence: i64, flows: i64| confidence as f64 / flows.max(1) as f64 / 100.0;
    let rows = report.protocols.iter();
    rows.map(|(name, sums)| (*name, sums.flows, sums.packets, sums.bytes, mean(sums.confidence, sums.flows))).collect()
}

/// Everything counted, as one dict.
pub fn summary<'py>(
    py: Python<'py>,
    report: &Report,
    flow_rows: u64,
    transaction_rows: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let quality = &report.quality;
    out.set_item("packets", quality.packets)?;
    out.set_item("bytes", quality.bytes)?;
    out.set_item("first", quality.first)?;
    out.set_item("last", quality.last)?;
    out.set_item("records", report.records)?;
    out.set_item("flow_rows", flow_rows)?;
    out.set_item("transaction_rows", transaction_rows)?;
    out.set_item("domains", &report.domains)?;
    let inputs = PyList::empty(py);
    for (at, input) in report.inputs.iter().enumerate() {
        let row = PyDict::new(py);
        row.set_item("path", input.path.to_string_lossy())?;
        row.set_item("format", input.format)?;
        row.set_item("digest", show::hexadecimal(&input.digest))?;
        row.set_item("packets", quality.input_packets.get(at).copied().unwrap_or(0))?;
        row.set_item("bytes", quality.input_bytes.get(at).copied().unwrap_or(0))?;
        inputs.append(row)?;
    }
    out.set_item("inputs", inputs)?;
    let interfaces = PyList::empty(py);
    for interface in &report.interfaces {
        let row = PyDict::new(py);
        row.set_item("input", interface.input)?;
        row.set_item("interface", interface.interface)?;
        row.set_item("name", &interface.name)?;
        row.set_item("link", interface.link)?;
        row.set_item("snap_length", interface.snap_length)?;
        row.set_item("dropped", interface.dropped)?;
        interfaces.append(row)?;
    }
    out.set_item("interfaces", interfaces)?;
    let problems: Vec<(u16, u64, &str)> =
        report.problems.iter().map(|p| (p.input, p.offset, p.reason.as_str())).collect();
    out.set_item("problems", problems)?;
    out.set_item("problem_count", report.problem_count)?;
    out.set_item("bounds", report.bounds.iter().copied().collect::<std::collections::BTreeMap<_, _>>())?;
    out.set_item("counters", counters(py, report)?)?;
    out.set_item("faults", report.decoder.faults.iter().copied().collect::<std::collections::BTreeMap<_, _>>())?;
    Ok(out)
}

fn counters<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let (quality, flows, decoder) = (&report.quality, &report.flows, &report.decoder);
    let rows: [(&str, u64); 27] = [
        ("snapped", quality.snapped),
        ("backwards", quality.backwards),
        ("jumps", quality.jumps),
        ("before_2000", quality.before_2000),
        ("oversized", quality.oversized),
        ("checksums", quality.checksums),
        ("checksums_bad", quality.checksums_bad),
        ("faults", quality.faults),
        ("undecoded", quality.undecoded),
        ("tagged", quality.tagged),
        ("tunnelled", quality.tunnelled),
        ("duplicates", report.duplicates),
        ("flows", flows.flows),
        ("tcp", flows.tcp),
        ("tcp_one_sided", flows.tcp_one_sided),
        ("tcp_mid_stream", flows.tcp_mid_stream),
        ("tcp_gaps", flows.tcp_gaps),
        ("retransmissions", flows.retransmissions),
        ("fragments", decoder.fragments),
        ("reassembled", decoder.reassembled),
        ("fragments_expired", decoder.expired),
        ("fragments_overflow", decoder.overflow),
        ("fragments_overlapping", decoder.overlapping),
        ("unknown_link", decoder.by_link[LINKS.len()]),
        ("observations", report.observations.len() as u64),
        ("conversations", report.conversations.len() as u64),
        ("evicted", flows.evicted),
    ];
    for (name, count) in rows {
        out.set_item(name, count)?;
    }
    Ok(out)
}
