//! `_core.capture` and `_core.prove`: a capture in this process, which can send nothing from then on.

use crate::convert::raise;
use pyo3::prelude::*;
use ringfence_capture::bpf::Instruction;
use ringfence_capture::{descriptor, CaptureError, Ended, OpenError, Options, SealError, Socket};
use std::time::Duration;

/// The error of an interface that can't be opened or of a process that can't be sealed.
fn raise_capture(interface: &str, error: &CaptureError) -> PyErr {
    let (code, detail) = match error {
        CaptureError::Open(OpenError::NoInterface(name)) => {
            ("interface-not-found", format!("{name:?} is no interface here"))
        }
        CaptureError::Open(OpenError::NotPermitted) => ("capture-not-permitted", "CAP_NET_RAW is missing".to_owned()),
        CaptureError::Open(OpenError::Link(kind)) => {
            ("interface-not-found", format!("its link is of type {kind}, which is not read"))
        }
        CaptureError::Open(OpenError::NoPacketSocket) => {
            ("interface-not-found", "what was handed over is no packet socket on an interface".to_owned())
        }
        CaptureError::Open(OpenError::Kernel(what, error)) => {
            ("capture-not-permitted", format!("cannot {what}: {error}"))
        }
        CaptureError::Seal(SealError::Output(what)) => {
            ("capture-not-sealed", format!("the output is {what}, and writing to it could be sending"))
        }
        CaptureError::Seal(SealError::Step(what, error)) => ("capture-not-sealed", format!("cannot {what}: {error}")),
        CaptureError::Seal(SealError::Open(what)) => {
            ("capture-not-sealed", format!("{what} was still possible after everything was given up"))
        }
    };
    raise(code, interface, &detail)
}

/// A socket on the interface called `interface`, or the one handed over as `number`.
fn open(interface: &str, number: Option<i32>) -> PyResult<Socket> {
    let opened = match number {
        None => Socket::open(interface),
        Some(number) => descriptor::duplicate(number)
            .map_err(|_| OpenError::NoPacketSocket)
            .and_then(|own| Socket::adopt(own, interface)),
    };
    opened.map_err(|error| raise_capture(interface, &CaptureError::Open(error)))
}

/// Capture on `interface` (or on the packet socket `descriptor`) and write pcapng to the descriptor `output`.
///
/// The process gives up every way to send before the first frame is read, for good: the caller does nothing afterwards
/// but end. Answers how it ended ("limit", "output", "full" or "interface") with packets received and dropped.
#[pyfunction]
#[pyo3(signature = (interface, *, output, descriptor=None, ring=64, snap_length=262_144, own=false, group=None,
                    filter=None, seconds=None))]
#[allow(clippy::too_many_arguments)] // They are keyword arguments in Python.
pub fn capture(
    py: Python<'_>,
    interface: &str,
    output: i32,
    descriptor: Option<i32>,
    ring: usize,
    snap_length: u32,
    own: bool,
    group: Option<u16>,
    filter: Option<Vec<Instruction>>,
    seconds: Option<f64>,
) -> PyResult<(&'static str, u64, u64)> {
    let socket = open(interface, descriptor)?;
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let options = Options { output, ring, snap_length, own, group, filter, limit };
    let ended = py.detach(|| ringfence_capture::capture(socket, &options));
    let (ended, counts) = ended.map_err(|error| raise_capture(interface, &error))?;
    let word = match ended {
        Ended::Limit => "limit",
        Ended::Output => "output",
        Ended::Full => "full",
        Ended::Interface => "interface",
    };
    Ok((word, counts.received, counts.dropped))
}

/// Give up every way to send as `capture` does, try all of them, and answer each with the kernel's error number.
#[pyfunction]
#[pyo3(signature = (interface, *, output, descriptor=None))]
pub fn prove(interface: &str, output: i32, descriptor: Option<i32>) -> PyResult<Vec<(&'static str, i32)>> {
    let socket = open(interface, descriptor)?;
    let options = Options { output, ring: 2, snap_length: 262_144, own: false, group: None, filter: None, limit: None };
    let ways = ringfence_capture::prove(&socket, &options).map_err(|error| raise_capture(interface, &error))?;
    Ok(ways.into_iter().map(|way| (way.name, way.errno)).collect())
}
