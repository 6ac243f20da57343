//! Capture files and streams, read as one sequence of packets in time order.
//!
//! Rule 1: what can be read is read; what can't becomes a [`Problem`], never an error that ends the run.
//! Rule 2: of more than 32 files, each is open only from its first packet to its last, so that a folder of a thousand
//! captures needs neither a thousand descriptors nor a thousand buffers.

mod block;
mod compress;
mod digest;
mod error;
mod merge;
mod notes;
mod pcap;
mod pcapng;
mod pipe;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::{Problem, Raw};
use block::{Window, BLOCK};
use compress::{decompressed, Compression, Source};
use digest::digest_of_stream;
use merge::Merge;
use notes::Notes;
use pcap::Pcap;
use pcapng::Pcapng;

pub(crate) use pipe::Pipe;

pub use digest::digest;
pub use error::{OpenError, OpenReason};
pub use notes::InterfaceInfo;

/// Most captured bytes of one packet; a larger claim is taken as corruption.
pub const CAPTURED_LIMIT: u32 = 256 << 10;
/// How far a reader looks for the next plausible record after a corrupt one.
const RESYNC_SPAN: usize = 1 << 20;
/// Above this many inputs, files are closed until their turn comes.
const PARK_ABOVE: usize = 32;
/// In place of a frame number: no packet, but the time of a statistics block.
pub(crate) const TICK: u64 = 0;
/// Buffer of each input where there are several.
const SMALL_BLOCK: usize = 1 << 16;

/// One input, as it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputInfo {
    /// Path as given; `-` is standard input.
    pub path: PathBuf,
    /// What names this input in packet references; see [`digest`].
    pub digest: [u8; 32],
    /// Size on disk; 0 where it isn't known.
    pub bytes: u64,
    /// Format, with the compression: `pcap`, `pcapng+gzip`.
    pub format: &'static str,
}

/// A record's head: where its packet lies in the window, and what is known of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Head {
    time: i64,
    wire_length: u32,
    at: usize,
    length: usize,
    interface: u16,
    link: u16,
    /// No packet, but the time of a statistics block.
    tick: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

struct Reader {
    window: Window,
    format: Format,
}

enum State {
    Open(Reader),
    Parked,
    Finished,
}

struct Stream {
    state: State,
    head: Head,
    index: u64,
}

/// All inputs of a run.
pub struct Inputs {
    infos: Vec<InputInfo>,
    streams: Vec<Stream>,
    notes: Notes,
    merge: Merge,
    current: Option<u16>,
    read: Arc<AtomicU64>,
    block: usize,
    /// Tell the time of statistics blocks as packets with the frame number `TICK`.
    ticks: bool,
}

impl Inputs {
    /// Open captures by path; `-` is standard input and may stand once.
    ///
    /// # Errors
    /// Names the first path that can't be opened or holds no capture.
    pub fn open(paths: &[PathBuf]) -> Result<Inputs, OpenError> {
        let mut inputs = Inputs::empty(paths.len());
        if paths.len() > usize::from(u16::MAX) {
            return Err(OpenError::new(Path::new(""), OpenReason::TooMany));
        }
        let mut standard_input = false;
        for path in paths {
            if path.as_os_str() == "-" {
                if std::mem::replace(&mut standard_input, true) {
                    return Err(OpenError::new(path, OpenReason::StandardInputTwice));
                }
                inputs.add_stream(path, Box::new(io::stdin()))?;
            } else {
                inputs.add_path(path)?;
            }
        }
        Ok(inputs)
    }

    /// Read one capture from any stream, called `name` where it is spoken of.
    ///
    /// # Errors
    /// Where the stream can't be read or holds no capture.
    pub fn from_reader(name: &str, source: Box<dyn Read + Send>) -> Result<Inputs, OpenError> {
        let mut inputs = Inputs::empty(1);
        inputs.add_stream(Path::new(name), source)?;
        Ok(inputs)
    }

    /// Read one capture as it comes: nothing is waited for but the next packet, and statistics tell the time.
    ///
    /// # Errors
    /// Where the stream can't be read or holds no capture.
    pub(crate) fn live(name: &Path, source: Source) -> Result<Inputs, OpenError> {
        let mut inputs = Inputs::empty(1);
        inputs.ticks = true;
        let info = InputInfo { path: name.into(), digest: [0; 32], bytes: 0, format: "" };
        inputs.begin(info, Some(source))?;
        Ok(inputs)
    }

    /// The inputs, in the order given; a packet's `input` is a position here.
    pub fn infos(&self) -> &[InputInfo] {
        &self.infos
    }

    /// What could not be read so far: the first hundred.
    pub fn problems(&self) -> &[Problem] {
        &self.notes.problems
    }

    /// How many problems there were in all.
    pub fn problem_count(&self) -> u64 {
        self.notes.problem_count
    }

    /// The interfaces met so far.
    pub fn interfaces(&self) -> &[InterfaceInfo] {
        &self.notes.interfaces
    }

    /// Bytes read of the files so far, and their sizes' sum (0 where one isn't known).
    pub fn position(&self) -> (u64, u64) {
        let unknown = self.infos.iter().any(|info| info.bytes == 0);
        let total = if unknown { 0 } else { self.infos.iter().map(|info| info.bytes).sum() };
        (self.read.load(Ordering::Relaxed), total)
    }

    /// The next packet over all inputs in time order; an input whose own packets go backwards keeps its order.
    #[inline]
    #[allow(clippy::should_implement_trait)] // The packet borrows the buffer, which an Iterator can't say.
    pub fn next(&mut self) -> Option<Raw<'_>> {
        let which = self.advance()?;
        let stream = self.streams.get_mut(usize::from(which))?;
        let State::Open(reader) = &stream.state else { return None };
        let head = &stream.head;
        stream.index += u64::from(!head.tick);
        Some(Raw {
            input: which,
            interface: head.interface,
            link: head.link,
            index: if head.tick { TICK } else { stream.index },
            time: head.time,
            wire_length: head.wire_length,
            data: reader.window.part(head.at, head.length),
        })
    }

    /// Where the packet that `next` gave lies: who keeps the buffer keeps the packet.
    pub(crate) fn place(&self) -> Option<(&Arc<Vec<u8>>, usize)> {
        let stream = self.streams.get(usize::from(self.current?))?;
        let State::Open(reader) = &stream.state else { return None };
        let (buffer, start) = reader.window.shared();
        Some((buffer, start + stream.head.at))
    }

    /// Move on; the input whose head is next.
    #[inline]
    fn advance(&mut self) -> Option<u16> {
        if let Some(which) = self.current {
            let stream = self.streams.get_mut(usize::from(which))?;
            if let State::Open(reader) = &mut stream.state {
                if let Some(head) = reader.step(which, &mut self.notes) {
                    let time = head.time;
                    stream.head = head;
                    if self.merge.is_first(time, which) {
                        return Some(which);
                    }
                    self.merge.wait(time, which);
                } else {
                    stream.state = State::Finished;
                }
            }
        }
        self.change()
    }

    /// Turn to the input whose packet is the earliest.
    #[inline(never)]
    fn change(&mut self) -> Option<u16> {
        loop {
            self.current = self.merge.earliest();
            let which = self.current?;
            let place = usize::from(which);
            if !matches!(self.streams[place].state, State::Parked) {
                return self.current;
            }
            match self.reopen(which) {
                Ok(reader) => {
                    self.streams[place].state = State::Open(reader);
                    return self.current;
                }
                Err(reason) => {
                    self.streams[place].state = State::Finished;
                    self.notes.problem(which, 0, format!("the file could not be opened again: {reason}"));
                }
            }
        }
    }

    fn empty(count: usize) -> Inputs {
        Inputs {
            infos: Vec::with_capacity(count),
            streams: Vec::with_capacity(count),
            notes: Notes::default(),
            merge: Merge::default(),
            current: None,
            read: Arc::default(),
            block: if count <= 4 { BLOCK } else { SMALL_BLOCK },
            ticks: false,
        }
    }

    fn add_path(&mut self, path: &Path) -> Result<(), OpenError> {
        let wrong = |error: io::Error| OpenError::new(path, OpenReason::of(&error));
        let meta = std::fs::metadata(path).map_err(wrong)?;
        if meta.is_dir() {
            return Err(OpenError::new(path, OpenReason::Directory));
        }
        if !meta.is_file() {
            return self.add_stream(path, Box::new(File::open(path).map_err(wrong)?));
        }
        let info = InputInfo { path: path.into(), digest: digest(path).map_err(wrong)?, bytes: meta.len(), format: "" };
        self.begin(info, None)
    }

    fn add_stream(&mut self, path: &Path, mut source: Source) -> Result<(), OpenError> {
        let mut head = Vec::new();
        let wrong = |error: io::Error| OpenError::new(path, OpenReason::of(&error));
        source.by_ref().take(digest::HEAD).read_to_end(&mut head).map_err(wrong)?;
        let info = InputInfo { path: path.into(), digest: digest_of_stream(&head), bytes: 0, format: "" };
        self.begin(info, Some(Box::new(Cursor::new(head).chain(source))))
    }

    /// Open an input (a file where no stream is given) and read its first packet's head.
    fn begin(&mut self, mut info: InputInfo, source: Option<Source>) -> Result<(), OpenError> {
        let which = u16::try_from(self.streams.len()).map_err(|_| OpenError::new(&info.path, OpenReason::TooMany))?;
        let wrong = |error: io::Error| OpenError::new(&info.path, OpenReason::of(&error));
        let may_park = source.is_none() && self.infos.capacity() > PARK_ABOVE;
        let (read_before, problems_before) = (self.read.load(Ordering::Relaxed), self.notes.problem_count);
        let source = match source {
            Some(source) => source,
            None => Box::new(File::open(&info.path).map_err(wrong)?),
        };
        let (reader, format) = self.reader(which, source).map_err(|reason| OpenError::new(&info.path, reason))?;
        info.format = format;
        self.infos.push(info);
        let mut stream = Stream { state: State::Finished, head: Head::default(), index: 0 };
        if let Some(mut reader) = reader {
            if let Some(head) = reader.step(which, &mut self.notes) {
                self.merge.wait(head.time, which);
                stream.head = head;
                stream.state = State::Open(reader);
                if may_park {
                    stream.state = State::Parked;
                    self.read.store(read_before, Ordering::Relaxed);
                    self.notes.forget_since(problems_before);
                }
            }
        }
        self.streams.push(stream);
        Ok(())
    }

    /// A reader at the start of `source`; None where it is a capture without any packet that can be read.
    fn reader(&mut self, which: u16, source: Source) -> Result<(Option<Reader>, &'static str), OpenReason> {
        let packed = Arc::new(AtomicU64::new(0));
        let counted = Counted { source, read: Arc::clone(&self.read), own: Arc::clone(&packed) };
        let (plain, compression) = decompressed(Box::new(counted)).map_err(|error| OpenReason::of(&error))?;
        let plain = if compression == Compression::None { plain } else { Box::new(Unpacked::new(plain, packed)) };
        let mut window = Window::new(plain, self.block);
        if !window.ensure(4) {
            return Err(match window.failure() {
                Some(failure) => OpenReason::Unreadable(failure.to_owned()),
                None if window.bytes().is_empty() => OpenReason::Empty,
                None => OpenReason::NoCapture,
            });
        }
        let first = window.part(0, 4);
        let magic = [first[0], first[1], first[2], first[3]];
        if pcap::recognises(magic) {
            let format = Pcap::open(&mut window, which, &mut self.notes).map(Format::Pcap);
            Ok((format.map(|format| Reader { window, format }), format_name("pcap", compression)))
        } else if pcapng::recognises(magic) {
            let format = Format::Pcapng(Pcapng::new(self.ticks));
            Ok((Some(Reader { window, format }), format_name("pcapng", compression)))
        } else {
            Err(OpenReason::NoCapture)
        }
    }

    fn reopen(&mut self, which: u16) -> Result<Reader, String> {
        let place = usize::from(which);
        let file = File::open(&self.infos[place].path).map_err(|error| error.to_string())?;
        let (reader, _) = self.reader(which, Box::new(file)).map_err(|reason| reason.to_string())?;
        let mut reader = reader.ok_or("it has changed")?;
        self.streams[place].head = reader.step(which, &mut self.notes).ok_or("it has changed")?;
        Ok(reader)
    }
}

impl Reader {
    #[inline]
    fn step(&mut self, input: u16, notes: &mut Notes) -> Option<Head> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.step(&mut self.window, input, notes),
            Format::Pcapng(pcapng) => pcapng.step(&mut self.window, input, notes),
        }
    }
}

/// Counts the bytes read of a file, for the time that is left.
struct Counted {
    source: Source,
    read: Arc<AtomicU64>,
    /// Of this input alone.
    own: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        self.own.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Gives up a packed input that is a bomb: captures pack to a hundredth at best.
struct Unpacked {
    source: Source,
    packed: Arc<AtomicU64>,
    count: u64,
}

impl Unpacked {
    /// What is unpacked before the ratio counts: bytes.
    const FREE: u64 = 1 << 30;
    const RATIO: u64 = 2000;

    fn new(source: Source, packed: Arc<AtomicU64>) -> Unpacked {
        Unpacked { source, packed, count: 0 }
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.count += count as u64;
        if self.count > Unpacked::FREE && self.count / Unpacked::RATIO > self.packed.load(Ordering::Relaxed) {
            return Err(io::Error::other("it unpacks to more than 2000 times its size"));
        }
        Ok(count)
    }
}

fn format_name(format: &'static str, compression: Compression) -> &'static str {
    match (format, compression) {
        ("pcap", Compression::Gzip) => "pcap+gzip",
        ("pcap", Compression::Zstd) => "pcap+zstd",
        ("pcap", Compression::Lz4) => "pcap+lz4",
        ("pcapng", Compression::Gzip) => "pcapng+gzip",
        ("pcapng", Compression::Zstd) => "pcapng+zstd",
        ("pcapng", Compression::Lz4) => "pcapng+lz4",
        (plain, _) => plain,
    }
}
