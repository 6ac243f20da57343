//! Live sources: a packet socket read in a process that can send nothing.
//!
//! The order of a capture: open or take over a socket, give it its ring and filter, begin to receive, give up every way
//! to send (`seal`), and only then read the first frame.

pub mod bpf;
pub mod descriptor;
mod pcapng;
mod prove;
mod ring;
mod seal;
mod socket;

pub use pcapng::Counts;
pub use prove::Way;
pub use seal::SealError;
pub use socket::{OpenError, Socket};

use bpf::Instruction;
use pcapng::Blocks;
use ring::Ring;
use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often statistics are written: they are the clock of a quiet network.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// So many bytes wait at most before they are written.
const WAITING: usize = 1 << 20;

/// How to capture.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where pcapng is written: a pipe or a file.
    pub output: RawFd,
    /// Size of the ring in MiB.
    pub ring: usize,
    /// Most bytes kept of a frame.
    pub snap_length: u32,
    /// Keep what this host itself sends on the interface.
    pub own: bool,
    /// Share the interface's frames with the other captures of this group.
    pub group: Option<u16>,
    /// A filter of the user's in place of the built-in one.
    pub filter: Option<Vec<Instruction>>,
    /// End after so long.
    pub limit: Option<Duration>,
}

/// Why a capture did not come about.
#[derive(Debug)]
pub enum CaptureError {
    /// The socket could not be had.
    Open(OpenError),
    /// The process could not give up sending.
    Seal(SealError),
}

impl From<OpenError> for CaptureError {
    fn from(error: OpenError) -> CaptureError {
        CaptureError::Open(error)
    }
}

impl From<SealError> for CaptureError {
    fn from(error: SealError) -> CaptureError {
        CaptureError::Seal(error)
    }
}

/// How a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The time is up.
    Limit,
    /// Nobody reads the output any more.
    Output,
    /// The output can't be written.
    Full,
    /// The interface is gone.
    Interface,
}

/// Capture until the output closes, the interface goes or the time is up. The process is sealed then, for good.
///
/// # Errors
/// Where there is no socket or no seal; nothing was captured then.
pub fn capture(socket: Socket, options: &Options) -> Result<(Ended, Counts), CaptureError> {
    let mut ring = prepare(&socket, options)?;
    seal::seal(socket.number(), options.output)?;
    let mut writer = Writer { blocks: Blocks::default(), output: options.output, counts: Counts::default() };
    writer.blocks.begin(&socket.name, socket.link, options.snap_length);
    let ended = follow(&socket, &mut ring, &mut writer, options).err().unwrap_or(Ended::Limit);
    Ok((ended, writer.counts))
}

/// Seal the process and try every way to send.
///
/// # Errors
/// As `capture`.
pub fn prove(socket: &Socket, options: &Options) -> Result<Vec<Way>, CaptureError> {
    let _ring = prepare(socket, options)?;
    seal::seal(socket.number(), options.output)?;
    Ok(prove::ways(socket.number()))
}

fn prepare(socket: &Socket, options: &Options) -> Result<Ring, OpenError> {
    let ring = Ring::new(socket, options.ring)?;
    let built_in = if options.own { bpf::everything } else { bpf::not_our_own };
    socket.filter(options.filter.as_deref().unwrap_or(&built_in(options.snap_length)))?;
    socket.everything()?;
    socket.start()?;
    if let Some(group) = options.group {
        socket.share(group)?;
    }
    Ok(ring)
}

struct Writer {
    blocks: Blocks,
    output: RawFd,
    counts: Counts,
}

impl Writer {
    fn flush(&mut self) -> Result<(), Ended> {
        let mut left = self.blocks.bytes.as_slice();
        while !left.is_empty() {
            // SAFETY: the pointer and the length are those of a live slice.
            let count = unsafe { libc::write(self.output, left.as_ptr().cast(), left.len()) };
            if count >= 0 {
                left = left.get(count as usize..).unwrap_or_default();
                continue;
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN) => {
                    wait(self.output, libc::POLLOUT, TELL_EVERY);
                }
                Some(libc::EPIPE) => return Err(Ended::Output),
                _ => return Err(Ended::Full),
            }
        }
        self.blocks.bytes.clear();
        Ok(())
    }

    fn statistics(&mut self, socket: &Socket) -> Result<(), Ended> {
        if let Ok(counts) = socket.counts() {
            self.counts.received += counts.received;
            self.counts.dropped += counts.dropped;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.blocks.statistics(now.as_nanos() as u64, self.counts);
        self.flush()
    }
}

fn follow(socket: &Socket, ring: &mut Ring, writer: &mut Writer, options: &Options) -> Result<(), Ended> {
    let began = Instant::now();
    let mut tell_at = began;
    loop {
        let now = Instant::now();
        if options.limit.is_some_and(|limit| now - began >= limit) {
            while ring.read(|frame| writer.blocks.packet(frame.time, frame.bytes, frame.wire, frame.tag)) {
                writer.flush()?;
            }
            return writer.statistics(socket);
        }
        if now >= tell_at {
            tell_at = now + TELL_EVERY;
            writer.statistics(socket)?;
            if !socket.is_bound() {
                return Err(Ended::Interface);
            }
        }
        if ring.read(|frame| writer.blocks.packet(frame.time, frame.bytes, frame.wire, frame.tag)) {
            if writer.blocks.bytes.len() >= WAITING || !ring.is_ready() {
                writer.flush()?;
            }
            continue;
        }
        let limit = options.limit.map_or(TELL_EVERY, |limit| (began + limit).saturating_duration_since(now));
        if wait(socket.number(), libc::POLLIN, tell_at.saturating_duration_since(now).min(limit)) & libc::POLLERR != 0 {
            // An interface that is down may come up again; to ask for the error takes it away.
            socket.error();
        }
    }
}

/// Wait for events; what came.
fn wait(descriptor: RawFd, events: i16, patience: Duration) -> i16 {
    let mut wanted = libc::pollfd { fd: descriptor, events, revents: 0 };
    let milliseconds = patience.as_millis().min(1000) as i32 + 1;
    // SAFETY: the pointer is to one live value.
    unsafe { libc::poll(&raw mut wanted, 1, milliseconds) };
    wanted.revents
}
