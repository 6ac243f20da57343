//! File descriptors that Python hands over as numbers.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// A descriptor of our own for what `number` is open on; `number` itself stays its owner's.
///
/// # Errors
/// Where `number` is no open descriptor.
pub fn duplicate(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with F_DUPFD_CLOEXEC only reads its arguments; a number that is not open is answered with EBADF.
    let own = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if own < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}
