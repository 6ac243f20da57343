//! `_core.run` and `_core.trace`: a run over captures, and what Python gets to see of it.

use crate::batches::{flows_schema, transactions_schema, Flows, Transactions};
use crate::convert::{self, fields, place, raise_open};
use crate::ids::Ids;
use crate::output::{Observations, Table};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use pyo3_arrow::PyTable;
use ringfence_dissect::{walk, Emitted, Kind, Secrets};
use ringfence_flow::source::Inputs;
use ringfence_flow::{
    run as run_core, show, Domain, Domains, Environment, FlowRow, Observation, Options, Progress, Reference, Report,
    RowSink, TransactionRow,
};
use ringfence_wire::Place;
use std::path::PathBuf;
use std::sync::Arc;

/// One worker's rows: batches kept, written or only built.
struct Rows {
    ids: Ids,
    flows: Flows,
    transactions: Transactions,
    flow_table: Arc<Table>,
    transaction_table: Arc<Table>,
    observations: Option<Arc<Observations>>,
    flow_rows: u64,
    transaction_rows: u64,
}

impl RowSink for Rows {
    fn flow(&mut self, row: &FlowRow) {
        self.flow_rows += 1;
        if let Some(batch) = self.flows.add(row, &mut self.ids) {
            self.flow_table.take(batch);
        }
    }

    fn transaction(&mut self, row: &TransactionRow<'_>) {
        self.transaction_rows += 1;
        if let Some(batch) = self.transactions.add(row, &mut self.ids) {
            self.transaction_table.take(batch);
        }
    }

    fn observation(&mut self, observation: &Observation) {
        if let Some(out) = &self.observations {
            out.write(observation, &mut self.ids);
        }
    }

    fn trace(&mut self, _emitted: &Emitted<'_>, _domain: Domain, _at: &Reference) {}
}

/// What a run found.
#[pyclass(frozen)]
pub struct CoreRun {
    report: Report,
    flows: Vec<RecordBatch>,
    transactions: Vec<RecordBatch>,
    flow_rows: u64,
    transaction_rows: u64,
}

pub(crate) fn table(batches: &[RecordBatch], schema: SchemaRef) -> PyResult<PyTable> {
    PyTable::try_new(batches.to_vec(), schema)
}

#[pymethods]
impl CoreRun {
    /// Everything counted: capture, inputs, problems, quality, bounds.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        crate::convert::summary(py, &self.report, self.flow_rows, self.transaction_rows)
    }

    /// The observations of the whole run, sorted: tuples (kind, domain, subject, object, value, count, first, last, packets).
    ///
    /// An address is (kind, text); a packet is (time, input, index, interface, length).
    fn observations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        convert::observations(py, &self.report)
    }

    /// How much was observed, by kind in the order of their names: tuples (kind, observations, records, transactions).
    ///
    /// A sum of what `observations` lists, without making Python's rows of it.
    fn counts(&self) -> Vec<(&'static str, u64, u64, u64)> {
        let mut out: Vec<(&'static str, u64, u64, u64)> = Vec::new();
        for observation in &self.report.observations {
            let kind = observation.kind;
            let operation = kind.transaction.operation;
            let asks = operation.is_some() && walk(kind, &observation.value).any(|(field, _)| Some(field) == operation);
            let transactions = if asks { observation.seen.count } else { 0 };
            match out.last_mut().filter(|row| row.0 == kind.name) {
                Some(row) => {
                    row.1 += 1;
                    row.2 += observation.seen.count;
                    row.3 += transactions;
                }
                None => out.push((kind.name, 1, observation.seen.count, transactions)),
            }
        }
        out
    }

    /// The conversations, sorted: tuples (domain, client, server, transport, protocol, port, answered, flows, packets,
    /// bytes, first, last).
    fn conversations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        convert::conversations(py, &self.report)
    }

    /// Totals per protocol: tuples (name, flows, packets, bytes, mean confidence 0 to 1).
    fn protocols(&self) -> Vec<(&'static str, i64, i64, i64, f64)> {
        convert::protocols(&self.report)
    }

    /// `flows.v1` as an Arrow table (PyCapsule interface); empty unless the run kept them.
    fn flows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(table(&self.flows, flows_schema())?.into_pyobject(py)?.into_any())
    }

    /// `transactions.v1` as an Arrow table (PyCapsule interface); empty unless the run kept them.
    fn transactions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(table(&self.transactions, transactions_schema())?.into_pyobject(py)?.into_any())
    }
}

fn open(paths: &[PathBuf]) -> PyResult<Inputs> {
    Inputs::open(paths).map_err(|error| raise_open(&error))
}

/// Run over `paths`.
///
/// `flows` and `transactions`: "drop" (built, then dropped), "keep", or "write:PATH" (Parquet). `observations`: a path
/// for the windows' observations as JSON lines. `defaults`: default credentials as (user, secret). `progress(packets,
/// position, total)` is called now and then; answering False stops the run.
#[pyfunction]
#[pyo3(signature = (paths, *, workers=1, per_input=false, site_key, defaults, flows="drop", transactions="drop",
                    observations=None, progress=None, progress_every=1_000_000))]
#[allow(clippy::too_many_arguments)] // They are keyword arguments in Python.
pub fn run(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    workers: usize,
    per_input: bool,
    site_key: &Bound<'_, PyBytes>,
    defaults: Vec<(Vec<u8>, Vec<u8>)>,
    flows: &str,
    transactions: &str,
    observations: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
    progress_every: u64,
) -> PyResult<CoreRun> {
    let inputs = open(&paths)?;
    let domains = if per_input { Domains::PerInput } else { Domains::Joined };
    let names = Arc::new(domains.names(inputs.infos().len()));
    let epochs = Arc::new(inputs.infos().iter().map(|info| show::hexadecimal(&info.digest)).collect::<Vec<_>>());
    let flow_table = Arc::new(Table::open(flows, flows_schema())?);
    let transaction_table = Arc::new(Table::open(transactions, transactions_schema())?);
    let windowed = observations.is_some();
    let observations = observations.map(|path| Observations::create(&path)).transpose()?.map(Arc::new);
    let environment = Environment::new(Secrets::new(site_key.as_bytes(), defaults), false, true);
    let options = Options { workers: workers.clamp(1, 64), domains, windowed, progress_every: progress_every.max(1) };
    let mut sinks: Vec<Rows> = (0..options.workers)
        .map(|_| Rows {
            ids: Ids::new(names.clone(), epochs.clone()),
            flows: Flows::new("file"),
            transactions: Transactions::new(),
            flow_table: flow_table.clone(),
            transaction_table: transaction_table.clone(),
            observations: observations.clone(),
            flow_rows: 0,
            transaction_rows: 0,
        })
        .collect();
    let tell = |at: Progress| match &progress {
        None => true,
        Some(callable) => Python::attach(|py| {
            py.check_signals().is_ok()
                && callable
                    .call1(py, (at.packets, at.position, at.total))
                    .and_then(|answer| answer.is_truthy(py))
                    .unwrap_or(false)
        }),
    };
    let report = py.detach(|| run_core(inputs, &options, &environment, &mut sinks, &tell));
    if report.stopped {
        py.check_signals()?;
        return Err(pyo3::exceptions::PyKeyboardInterrupt::new_err("stopped"));
    }
    let (mut flow_rows, mut transaction_rows) = (0, 0);
    for mut sink in sinks {
        flow_rows += sink.flow_rows;
        transaction_rows += sink.transaction_rows;
        sink.flows.rest().into_iter().for_each(|batch| flow_table.take(batch));
        sink.transactions.rest().into_iter().for_each(|batch| transaction_table.take(batch));
    }
    if let Some(out) = observations {
        out.close()?;
    }
    Ok(CoreRun {
        report,
        flows: flow_table.close()?,
        transactions: transaction_table.close()?,
        flow_rows,
        transaction_rows,
    })
}

struct Traced {
    at: Reference,
    kind: &'static Kind,
    subject: Place,
    object: Option<Place>,
    key: Vec<u8>,
    detail: Vec<u8>,
}

struct Tracing {
    first: u64,
    last: u64,
    records: Vec<Traced>,
}

impl RowSink for Tracing {
    fn flow(&mut self, _row: &FlowRow) {}
    fn transaction(&mut self, _row: &TransactionRow<'_>) {}
    fn observation(&mut self, _observation: &Observation) {}

    fn trace(&mut self, emitted: &Emitted<'_>, _domain: Domain, at: &Reference) {
        if at.index < self.first || at.index > self.last {
            return;
        }
        self.records.push(Traced {
            at: *at,
            kind: emitted.kind,
            subject: emitted.subject,
            object: emitted.object,
            key: emitted.record.key().to_vec(),
            detail: emitted.record.detail().to_vec(),
        });
    }
}

/// Every record of the frames `first` to `last` of one capture, with all details: tuples (frame, time, kind, subject,
/// object, value). Secrets are sealed with `site_key` here as everywhere.
#[pyfunction]
#[pyo3(signature = (path, *, site_key, first=1, last=u64::MAX, defaults=Vec::new()))]
pub fn trace<'py>(
    py: Python<'py>,
    path: PathBuf,
    site_key: &Bound<'_, PyBytes>,
    first: u64,
    last: u64,
    defaults: Vec<(Vec<u8>, Vec<u8>)>,
) -> PyResult<Bound<'py, PyList>> {
    let inputs = open(&[path])?;
    let environment = Environment::new(Secrets::new(site_key.as_bytes(), defaults), true, false);
    let options = Options { workers: 1, domains: Domains::Joined, windowed: false, progress_every: 1 << 20 };
    let mut sinks = [Tracing { first, last, records: Vec::new() }];
    py.detach(|| run_core(inputs, &options, &environment, &mut sinks, &|_| true));
    let out = PyList::empty(py);
    for record in &sinks[0].records {
        let object = record.object.map(|object| place(py, &object)).transpose()?;
        out.append((
            record.at.index,
            record.at.time,
            record.kind.name,
            place(py, &record.subject)?,
            object,
            fields(py, record.kind, &[&record.key, &record.detail])?,
        ))?;
    }
    Ok(out)
}
