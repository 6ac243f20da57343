//! Packets of live sources: a thread for each descriptor and one for all files, whose packets come by one channel.
//!
//! Rule 1: what a source has delivered is handed on before it is waited for.
//! Rule 2: files keep their time order among each other; sources that are live are taken as they come, for the quiet one
//! must not hold back the others.

use crate::packet::{Problem, Raw};
use crate::source::{InputInfo, Inputs, InterfaceInfo, OpenError, Pipe, TICK};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

/// Most packets of a chunk.
const CHUNK_PACKETS: usize = 1024;
/// A chunk ends once it holds so many captured bytes.
const CHUNK_BYTES: usize = 128 << 10;
/// Most chunks that wait for the engine.
const AHEAD: usize = 16;

/// What a live read reads.
pub enum Source {
    /// A regular file.
    File(PathBuf),
    /// An open descriptor, called by this name.
    Descriptor(PathBuf, OwnedFd),
}

impl Source {
    fn name(&self) -> &PathBuf {
        match self {
            Source::File(path) | Source::Descriptor(path, _) => path,
        }
    }
}

/// A packet of a chunk, or the time of a statistics block.
#[derive(Clone, Copy)]
struct Item {
    index: u64,
    time: i64,
    wire_length: u32,
    at: usize,
    length: usize,
    input: u16,
    interface: u16,
    link: u16,
}

/// What a source tells of itself so far.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    /// Its inputs, by their number in the whole read.
    pub inputs: Vec<(u16, InputInfo)>,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceInfo>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// How often that was.
    pub problem_count: u64,
}

/// Packets that follow one another in one source.
#[derive(Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// Which source.
    pub source: usize,
    /// What it tells of itself, where that has changed.
    pub notes: Option<Notes>,
}

impl Chunk {
    /// The packets; those with the frame number `TICK` only tell the time.
    pub fn packets(&self) -> impl Iterator<Item = Raw<'_>> {
        self.items.iter().map(|item| Raw {
            input: item.input,
            interface: item.interface,
            link: item.link,
            index: item.index,
            time: item.time,
            wire_length: item.wire_length,
            data: self.bytes.get(item.at..item.at + item.length).unwrap_or_default(),
        })
    }
}

/// What a source sends.
pub(crate) enum Message {
    /// Packets.
    Packets(Chunk),
    /// It holds no capture.
    Failed(OpenError),
}

/// Collects the packets of one source and sends them on.
struct Sender {
    chunk: Chunk,
    to: SyncSender<Message>,
    numbers: Vec<u16>,
    told: (usize, u64),
}

impl Sender {
    fn new(source: usize, numbers: Vec<u16>, to: SyncSender<Message>) -> Sender {
        Sender { chunk: Chunk { source, ..Chunk::default() }, to, numbers, told: (0, 0) }
    }

    fn push(&mut self, raw: &Raw<'_>) {
        let input = self.numbers.get(usize::from(raw.input)).copied().unwrap_or(0);
        let Raw { index, time, wire_length, interface, link, .. } = *raw;
        let (at, length) = (self.chunk.bytes.len(), raw.data.len());
        self.chunk.bytes.extend_from_slice(raw.data);
        self.chunk.items.push(Item { index, time, wire_length, at, length, input, interface, link });
    }

    fn is_full(&self) -> bool {
        self.chunk.items.len() >= CHUNK_PACKETS || self.chunk.bytes.len() >= CHUNK_BYTES
    }

    fn note(&mut self, inputs: &Inputs, anyway: bool) {
        let now = (inputs.interfaces().len(), inputs.problem_count());
        if now == self.told && !anyway {
            return;
        }
        self.told = now;
        let number = |input: u16| self.numbers.get(usize::from(input)).copied().unwrap_or(0);
        let mut notes = Notes {
            inputs: inputs.infos().iter().zip(0..).map(|(info, at)| (number(at), info.clone())).collect(),
            interfaces: inputs.interfaces().to_vec(),
            problems: inputs.problems().to_vec(),
            problem_count: inputs.problem_count(),
        };
        notes.interfaces.iter_mut().for_each(|interface| interface.input = number(interface.input));
        notes.problems.iter_mut().for_each(|problem| problem.input = number(problem.input));
        self.chunk.notes = Some(notes);
    }

    /// Send what there is; false where nobody takes it any more.
    fn flush(&mut self) -> bool {
        if self.chunk.items.is_empty() && self.chunk.notes.is_none() {
            return true;
        }
        let source = self.chunk.source;
        let next = Chunk { source, ..Chunk::default() };
        self.to.send(Message::Packets(std::mem::replace(&mut self.chunk, next))).is_ok()
    }
}

fn lock(sender: &Mutex<Sender>) -> std::sync::MutexGuard<'_, Sender> {
    sender.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Read `inputs` to the end.
fn pass_on(mut inputs: Inputs, sender: &Mutex<Sender>) {
    lock(sender).note(&inputs, true);
    while let Some(raw) = inputs.next() {
        let tick = raw.index == TICK;
        let mut open = lock(sender);
        open.push(&raw);
        open.note(&inputs, tick);
        if (tick || open.is_full()) && !open.flush() {
            return;
        }
    }
    let mut open = lock(sender);
    open.note(&inputs, true);
    open.flush();
}

/// The names and kinds of all sources, as an engine begins with them.
pub(crate) fn infos(sources: &[Source]) -> Vec<InputInfo> {
    let info = |source: &Source| InputInfo { path: source.name().clone(), digest: [0; 32], bytes: 0, format: "" };
    sources.iter().map(info).collect()
}

/// Start a thread for each descriptor and one for the files; answers where their packets arrive and how many there are.
///
/// # Errors
/// Names the first file that can't be opened or holds no capture.
pub(crate) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    sources: Vec<Source>,
    stop: &Arc<AtomicBool>,
) -> Result<(Receiver<Message>, usize), OpenError> {
    let (to, from) = std::sync::mpsc::sync_channel(AHEAD);
    let (mut files, mut numbers, mut live) = (Vec::new(), Vec::new(), Vec::new());
    for (source, number) in sources.into_iter().zip(0_u16..) {
        match source {
            Source::File(path) => {
                files.push(path);
                numbers.push(number);
            }
            Source::Descriptor(name, descriptor) => live.push((number, name, descriptor)),
        }
    }
    let mut count = 0;
    if !files.is_empty() {
        let inputs = Inputs::open(&files)?;
        let sender = Mutex::new(Sender::new(count, numbers, to.clone()));
        scope.spawn(move || pass_on(inputs, &sender));
        count += 1;
    }
    for (number, name, descriptor) in live {
        let sender = Arc::new(Mutex::new(Sender::new(count, vec![number], to.clone())));
        let (stop, waiting) = (Arc::clone(stop), Arc::clone(&sender));
        scope.spawn(move || {
            let idle = move || {
                lock(&waiting).flush();
            };
            match Inputs::live(&name, Box::new(Pipe::new(descriptor, stop, idle))) {
                Ok(inputs) => pass_on(inputs, &sender),
                Err(error) => {
                    let _ = lock(&sender).to.send(Message::Failed(error));
                }
            }
        });
        count += 1;
    }
    Ok((from, count))
}
