//! A file descriptor that delivers slowly and may never end: what is there is handed on, and the wait can be ended.
//!
//! Rule 1: before it waits it says so (`idle`), so that packets read so far are not held back.

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// How often a wait looks whether it is to end: nanoseconds.
const LOOK_EVERY: i64 = 100_000_000;

/// The readable end.
pub(crate) struct Pipe<F> {
    descriptor: OwnedFd,
    stop: Arc<AtomicBool>,
    idle: F,
}

impl<F: FnMut()> Pipe<F> {
    /// `stop` ends the stream as if it had ended by itself; `idle` is called before each wait.
    pub fn new(descriptor: OwnedFd, stop: Arc<AtomicBool>, idle: F) -> Self {
        Pipe { descriptor, stop, idle }
    }

    /// True once there are bytes or the end; false where it is to stop.
    fn wait(&mut self) -> io::Result<bool> {
        let mut told = false;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let patience = Timespec { tv_sec: 0, tv_nsec: if told { LOOK_EVERY } else { 0 } };
            let mut wanted = [PollFd::new(&self.descriptor, PollFlags::IN)];
            match poll(&mut wanted, Some(&patience)) {
                Ok(0) if !told => {
                    told = true;
                    (self.idle)();
                }
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<F: FnMut()> Read for Pipe<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.wait()? {
                return Ok(0);
            }
            match rustix::io::read(self.descriptor.as_fd(), &mut *buffer) {
                // Somebody else reads from it too, or it was made not to block.
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }
}
