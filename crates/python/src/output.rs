//! Where batches and observations of a run go: nowhere, memory, or a file.

use crate::convert::raise;
use crate::ids::Ids;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use pyo3::PyResult;
use ringfence_flow::{show, Observation};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

enum Way {
    Drop,
    Keep(Vec<RecordBatch>),
    Write { path: PathBuf, writer: Option<Box<ArrowWriter<File>>>, failure: Option<String> },
}

/// Takes batches from several workers.
pub struct Table(Mutex<Way>);

fn unwritable(path: &Path, why: &dyn std::fmt::Display) -> pyo3::PyErr {
    raise("output-not-writable", &path.to_string_lossy(), &why.to_string())
}

impl Table {
    /// `way`: "drop", "keep" or "write:PATH".
    pub fn open(way: &str, schema: SchemaRef) -> PyResult<Self> {
        let way = match way.strip_prefix("write:") {
            None if way == "keep" => Way::Keep(Vec::new()),
            None => Way::Drop,
            Some(path) => {
                let path = PathBuf::from(path);
                let file = File::create(&path).map_err(|error| unwritable(&path, &error))?;
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let writer =
                    ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| unwritable(&path, &error))?;
                Way::Write { path, writer: Some(Box::new(writer)), failure: None }
            }
        };
        Ok(Table(Mutex::new(way)))
    }

    /// Take a batch.
    pub fn take(&self, batch: RecordBatch) {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Way::Drop => {}
            Way::Keep(batches) => batches.push(batch),
            Way::Write { writer, failure, .. } => {
                if let Some(open) = writer {
                    if let Err(error) = open.write(&batch) {
                        *failure = Some(error.to_string());
                        *writer = None;
                    }
                }
            }
        }
    }

    /// End the file; answers what was kept.
    pub fn close(&self) -> PyResult<Vec<RecordBatch>> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Way::Drop => Ok(Vec::new()),
            Way::Keep(batches) => Ok(std::mem::take(batches)),
            Way::Write { path, writer, failure } => {
                if let Some(why) = failure {
                    return Err(unwritable(path, why));
                }
                if let Some(writer) = writer.take() {
                    writer.close().map_err(|error| unwritable(path, &error))?;
                }
                Ok(Vec::new())
            }
        }
    }
}

/// The observations of closed windows as JSON lines.
pub struct Observations {
    path: PathBuf,
    out: Mutex<(BufWriter<File>, Option<String>)>,
}

impl Observations {
    /// Create the file.
    pub fn create(path: &Path) -> PyResult<Self> {
        let file = File::create(path).map_err(|error| unwritable(path, &error))?;
        Ok(Observations { path: path.into(), out: Mutex::new((BufWriter::new(file), None)) })
    }

    /// Write one line.
    pub fn write(&self, observation: &Observation, ids: &mut Ids) {
        let mut line = String::with_capacity(256);
        let input = observation.seen.references().first().map_or(0, |packet| packet.input);
        let _ = write!(
            line,
            "{{\"sensor\":\"file\",\"epoch\":\"{}\",\"window\":{},",
            ids.epoch(input),
            observation.window.unwrap_or(0).saturating_mul(ringfence_flow::WINDOW)
        );
        for (name, place) in [("subject", Some(observation.subject)), ("object", observation.object)] {
            let _ = match place {
                None => write!(line, "\"{name}\":null,"),
                Some(place) => write!(
                    line,
                    "\"{name}\":{{\"part\":\"p-{}\",\"kind\":\"{}\",\"address\":\"{place}\"}},",
                    show::hexadecimal(&ids.part(observation.domain, &place)),
                    place.kind()
                ),
            };
        }
        let _ = write!(line, "\"kind\":\"{}\",\"value\":", observation.kind.name);
        show::fields(&mut line, observation.kind, &[&observation.value]);
        line.push(',');
        show::seen(&mut line, &observation.seen);
        line.push_str("}\n");
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.1.is_none() {
            if let Err(error) = out.0.write_all(line.as_bytes()) {
                out.1 = Some(error.to_string());
            }
        }
    }

    /// Flush and say what went wrong, if anything did.
    pub fn close(&self) -> PyResult<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &out.1 {
            return Err(unwritable(&self.path, why));
        }
        out.0.flush().map_err(|error| unwritable(&self.path, &error))
    }
}
