//! `_core.live`: batches of a live read or of a replay, as Python gets to see them.
//!
//! Rule 1: Python runs only while a batch is handed over and, several times a second, to look for signals.

use crate::batches::{flows_schema, transactions_schema, Flows, Transactions};
use crate::convert::{self, raise, raise_open};
use crate::ids::Ids;
use crate::run::table;
use arrow_array::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use ringfence_capture::descriptor::duplicate;
use ringfence_dissect::{Emitted, Secrets};
use ringfence_flow::source::digest;
use ringfence_flow::{
    live as live_core, show, Batch, Domain, Domains, Environment, FlowRow, LiveOptions, LiveSink, Observation,
    Reference, RowSink, Source, TransactionRow,
};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// `O_NONBLOCK`: a FIFO is opened before anybody writes to it.
const NO_WAIT: i32 = 0o4000;
const SECOND: i64 = 1_000_000_000;

/// Ends a live read from another thread.
#[pyclass(frozen)]
pub struct LiveStop(Arc<AtomicBool>);

#[pymethods]
impl LiveStop {
    #[new]
    fn new() -> Self {
        LiveStop(Arc::default())
    }

    /// End the read soon; its last batch is handed over.
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What came since the batch before.
#[pyclass(frozen)]
pub struct CoreBatch {
    batch: Batch,
    rows: Kept,
}

/// Rows of one batch.
#[derive(Default)]
struct Kept {
    flows: Vec<RecordBatch>,
    transactions: Vec<RecordBatch>,
    counts: (u64, u64),
}

#[pymethods]
impl CoreBatch {
    /// Number of the window since 1970.
    #[getter]
    fn window(&self) -> i64 {
        self.batch.window
    }

    /// Number of the batch, from 0.
    #[getter]
    fn part(&self) -> u64 {
        self.batch.part
    }

    /// True where nothing more of this window follows.
    #[getter]
    fn closed(&self) -> bool {
        self.batch.closed
    }

    /// True where nothing more follows at all.
    #[getter]
    fn last(&self) -> bool {
        self.batch.last
    }

    /// Packets since the batch before.
    #[getter]
    fn packets(&self) -> u64 {
        self.batch.packets
    }

    /// Capture time at which it was handed over: nanoseconds since 1970, UTC.
    #[getter]
    fn now(&self) -> i64 {
        self.batch.now
    }

    /// Everything counted since the read began, as `CoreRun.summary`; rows are those of this batch.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        convert::summary(py, &self.batch.report, self.rows.counts.0, self.rows.counts.1)
    }

    /// As `CoreRun.observations`.
    fn observations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        convert::observations(py, &self.batch.report)
    }

    /// As `CoreRun.conversations`.
    fn conversations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        convert::conversations(py, &self.batch.report)
    }

    /// As `CoreRun.protocols`.
    fn protocols(&self) -> Vec<(&'static str, i64, i64, i64, f64)> {
        convert::protocols(&self.batch.report)
    }

    /// `flows.v1` as an Arrow table (PyCapsule interface).
    fn flows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(table(&self.rows.flows, flows_schema())?.into_pyobject(py)?.into_any())
    }

    /// `transactions.v1` as an Arrow table (PyCapsule interface).
    fn transactions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(table(&self.rows.transactions, transactions_schema())?.into_pyobject(py)?.into_any())
    }
}

/// Rows as they come, and the callable that takes batches.
struct Handing {
    ids: Ids,
    flows: Flows,
    transactions: Transactions,
    open: Kept,
    sealed: Kept,
    take: Py<PyAny>,
    stop: Arc<AtomicBool>,
    failure: Option<PyErr>,
}

impl Handing {
    /// The rows since the last time.
    fn rows(&mut self) -> Kept {
        let mut rows = std::mem::take(&mut self.open);
        rows.flows.extend(self.flows.rest());
        rows.transactions.extend(self.transactions.rest());
        rows
    }
}

impl RowSink for Handing {
    fn flow(&mut self, row: &FlowRow) {
        self.open.counts.0 += 1;
        self.open.flows.extend(self.flows.add(row, &mut self.ids));
    }

    fn transaction(&mut self, row: &TransactionRow<'_>) {
        self.open.counts.1 += 1;
        self.open.transactions.extend(self.transactions.add(row, &mut self.ids));
    }

    fn observation(&mut self, _observation: &Observation) {}

    fn trace(&mut self, _emitted: &Emitted<'_>, _domain: Domain, _at: &Reference) {}
}

impl LiveSink for Handing {
    fn seal(&mut self) {
        self.sealed = self.rows();
    }

    fn batch(&mut self, batch: Batch) -> bool {
        let rows = if batch.closed { std::mem::take(&mut self.sealed) } else { self.rows() };
        let answer = Python::attach(|py| {
            let answer = self.take.call1(py, (CoreBatch { batch, rows },))?;
            answer.is_truthy(py)
        });
        answer.unwrap_or_else(|error| {
            self.failure = Some(error);
            false
        })
    }

    fn goes_on(&mut self) -> bool {
        if let Err(error) = Python::attach(|py| py.check_signals()) {
            self.failure = Some(error);
        }
        self.failure.is_none() && !self.stop.load(Ordering::Relaxed)
    }
}

/// A source as Python names it: a path, or a number of an open descriptor.
#[derive(FromPyObject)]
pub enum Named {
    /// A descriptor.
    Descriptor(i32),
    /// A path.
    Path(PathBuf),
}

fn open(named: Named) -> PyResult<Source> {
    let missing = |path: &Path, error: &std::io::Error| {
        raise("input-not-found", &path.to_string_lossy(), &format!("{error}; check that it is there and may be read"))
    };
    match named {
        Named::Descriptor(number) => {
            let name = PathBuf::from(format!("descriptor {number}"));
            let own = duplicate(number).map_err(|error| missing(&name, &error))?;
            Ok(Source::Descriptor(name, own))
        }
        Named::Path(path) if path.as_os_str() == "-" => {
            let own = duplicate(0).map_err(|error| missing(&path, &error))?;
            Ok(Source::Descriptor(path, own))
        }
        Named::Path(path) => {
            let meta = std::fs::metadata(&path).map_err(|error| missing(&path, &error))?;
            if meta.is_file() || meta.is_dir() {
                return Ok(Source::File(path));
            }
            let file = OpenOptions::new().read(true).custom_flags(NO_WAIT).open(&path);
            let file = file.map_err(|error| missing(&path, &error))?;
            Ok(Source::Descriptor(path, file.into()))
        }
    }
}

fn epoch_of(source: &Source, epoch: &str) -> String {
    match source {
        Source::File(path) => digest(path).map_or_else(|_| epoch.to_owned(), |sum| show::hexadecimal(&sum)),
        Source::Descriptor(..) => epoch.to_owned(),
    }
}

/// Read `sources` (paths of captures, or numbers of open descriptors) and hand over batches.
///
/// `batch(CoreBatch)` is called for each window of five minutes of capture time once it has closed, and every `every`
/// seconds of capture time for what has come so far; answering False ends the read. A window closes `grace` seconds
/// after its end. `sensor` and `epoch` go into the tables; a file's epoch is its digest.
#[pyfunction]
#[pyo3(signature = (sources, *, site_key, defaults, batch, stop=None, per_input=false, every=300, grace=10,
                    sensor="file", epoch=""))]
#[allow(clippy::too_many_arguments)] // They are keyword arguments in Python.
pub fn live(
    py: Python<'_>,
    sources: Vec<Named>,
    site_key: &Bound<'_, PyBytes>,
    defaults: Vec<(Vec<u8>, Vec<u8>)>,
    batch: Py<PyAny>,
    stop: Option<&Bound<'_, LiveStop>>,
    per_input: bool,
    every: i64,
    grace: i64,
    sensor: &str,
    epoch: &str,
) -> PyResult<()> {
    let sources: Vec<Source> = sources.into_iter().map(open).collect::<PyResult<_>>()?;
    let domains = if per_input { Domains::PerInput } else { Domains::Joined };
    let epochs = sources.iter().map(|source| epoch_of(source, epoch)).collect();
    let environment = Environment::new(Secrets::new(site_key.as_bytes(), defaults), false, true);
    let options = LiveOptions { domains, every: every.saturating_mul(SECOND), grace: grace.saturating_mul(SECOND) };
    let mut handing = Handing {
        ids: Ids::new(Arc::new(domains.names(sources.len())), Arc::new(epochs)),
        flows: Flows::new(sensor),
        transactions: Transactions::new(),
        open: Kept::default(),
        sealed: Kept::default(),
        take: batch,
        stop: stop.map_or_else(Arc::default, |stop| Arc::clone(&stop.get().0)),
        failure: None,
    };
    let ended = py.detach(|| live_core(sources, &options, &environment, &mut handing));
    match handing.failure.take() {
        Some(failure) => Err(failure),
        None => ended.map_err(|error| raise_open(&error)),
    }
}
