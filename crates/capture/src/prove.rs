//! Every way to send or to get at one, tried: with the seal each is answered by EPERM.
//!
//! Rule 1: without the seal no try reaches anybody: nothing is sent for want of an address, a buffer or a peer.

use libc::{c_int, c_long};
use std::os::fd::RawFd;
use std::ptr::{null, null_mut};

/// A way and how it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The system call, and to what.
    pub name: &'static str,
    /// The kernel's answer; 0 where it did what was asked.
    pub errno: c_int,
}

/// Try all of them; `socket` is the packet socket.
pub fn ways(socket: RawFd) -> Vec<Way> {
    let mut out = Vec::new();
    let mut tried = |name: &'static str, answer: c_long| {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        out.push(Way { name, errno: if answer < 0 { errno } else { 0 } });
    };
    let fd = c_long::from(socket);
    let nothing: *const u8 = null();
    // Loopback's discard port: a try that got through would stay on this host.
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: 9_u16.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    // SAFETY: pointers are null with a length of nothing, or to live values of the form the call asks for. A call that
    // creates something is answered with a descriptor that nobody uses.
    unsafe {
        tried("send", libc::send(socket, nothing.cast(), 0, 0) as c_long);
        tried("sendto", libc::sendto(socket, nothing.cast(), 0, 0, null(), 0) as c_long);
        tried("sendmsg", libc::syscall(libc::SYS_sendmsg, fd, nothing, 0));
        tried("sendmmsg", libc::syscall(libc::SYS_sendmmsg, fd, nothing, 0, 0));
        tried("write to the packet socket", libc::write(socket, nothing.cast(), 0) as c_long);
        tried("write to standard error", libc::write(2, nothing.cast(), 0) as c_long);
        tried("writev", libc::writev(socket, null(), 0) as c_long);
        tried("pwrite64", libc::syscall(libc::SYS_pwrite64, fd, nothing, 0, 0));
        tried("pwritev2", libc::syscall(libc::SYS_pwritev2, fd, nothing, 0, 0, 0, 0));
        tried("sendfile", libc::sendfile(socket, -1, null_mut(), 0) as c_long);
        tried("splice", libc::syscall(libc::SYS_splice, -1, nothing, fd, nothing, 0, 0));
        tried("tee", libc::syscall(libc::SYS_tee, -1, fd, 0, 0));
        tried("vmsplice", libc::syscall(libc::SYS_vmsplice, -1, nothing, 0, 0));
        tried("copy_file_range", libc::syscall(libc::SYS_copy_file_range, -1, nothing, fd, nothing, 0, 0));
        tried("io_uring_setup", libc::syscall(libc::SYS_io_uring_setup, 0, nothing));
        tried("io_uring_enter", libc::syscall(libc::SYS_io_uring_enter, -1, 0, 0, 0, nothing, 0));
        tried("io_submit", libc::syscall(libc::SYS_io_submit, 0, 0, nothing));
        tried("socket", libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0));
        let length = size_of::<libc::sockaddr_in>();
        tried("connect", libc::syscall(libc::SYS_connect, fd, &raw const address, length));
        tried("bind", libc::syscall(libc::SYS_bind, fd, nothing, 0));
        tried(
            "setsockopt",
            libc::syscall(libc::SYS_setsockopt, fd, libc::SOL_PACKET, libc::PACKET_TX_RING, nothing, 0),
        );
        tried("ioctl", libc::syscall(libc::SYS_ioctl, fd, libc::SIOCSIFFLAGS as c_long, nothing));
        tried("bpf", libc::syscall(libc::SYS_bpf, -1, nothing, 0));
        tried("open", libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/proc/self/mem".as_ptr(), libc::O_RDONLY));
        tried("execve", libc::syscall(libc::SYS_execve, nothing, nothing, nothing));
        tried("ptrace", libc::syscall(libc::SYS_ptrace, -1, 0, nothing, nothing));
        tried("process_vm_writev", libc::syscall(libc::SYS_process_vm_writev, 0, nothing, 0, nothing, 0, 0));
        tried("pidfd_getfd", libc::syscall(libc::SYS_pidfd_getfd, -1, 0, 0));
        tried("recvmsg", libc::syscall(libc::SYS_recvmsg, -1, nothing, 0));
        let executable = libc::PROT_READ | libc::PROT_EXEC;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        tried("mmap of code", libc::syscall(libc::SYS_mmap, nothing, 4096, executable, flags, -1, 0));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::ways;
    use std::os::fd::AsRawFd;

    #[test]
    fn without_a_seal_hardly_a_way_is_refused() {
        let (_read, write) = std::io::pipe().unwrap();
        let refused: Vec<_> =
            ways(write.as_raw_fd()).into_iter().filter(|way| way.errno == libc::EPERM).map(|way| way.name).collect();
        // A container may refuse some of them for its own reasons.
        assert!(refused.len() <= 6, "{refused:?}");
        assert!(!refused.contains(&"write to standard error") && !refused.contains(&"socket"), "{refused:?}");
    }
}
