//! Gives up every way to send, for good, and looks whether that is so.
//!
//! The steps of [`seal`]:
//! 1. the output is a pipe, a file or /dev/null, never a socket or another device, for writing to these may be sending;
//! 2. all other descriptors but the packet socket and the standard ones are closed;
//! 3. root becomes nobody; every capability is dropped, also from the bounding set; none can come back (no_new_privs);
//! 4. a system call filter lets through what the loop needs, writes to the output among it, and answers all else with
//!    EPERM: send, sendto, sendmsg, sendmmsg, write to anything else, sendfile, splice, io_uring, socket, ioctl …;
//! 5. what was given up is looked at and tried.

use crate::bpf::{kernel_form, Instruction, JUMP_ANY_BIT, JUMP_EQUAL, JUMP_GREATER_OR_EQUAL, LOAD_WORD, RETURN};
use crate::prove::ways;
use libc::{c_long, c_ulong};
use std::io;
use std::mem::zeroed;
use std::os::fd::RawFd;

/// Why the process could not be sealed.
#[derive(Debug)]
pub enum SealError {
    /// The output is something by which one could send.
    Output(&'static str),
    /// A step failed: which, and the kernel's answer.
    Step(&'static str, io::Error),
    /// After all steps this was still possible.
    Open(&'static str),
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
/// Numbers from here on are those of another calling convention.
const OTHER_CONVENTION: u32 = 0x4000_0000;
const NOBODY: u32 = 65_534;
const LAST_CAPABILITY: c_ulong = 63;

/// Where things lie in what the filter is asked about.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const fn low(argument: u32) -> u32 {
    16 + 8 * argument
}
const fn high(argument: u32) -> u32 {
    20 + 8 * argument
}

/// Calls that are let through whatever their arguments; none of them can reach anybody.
const ALLOWED: &[c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_getsockopt,
    libc::SYS_getsockname,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_getrandom,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

fn program(output: RawFd) -> Vec<Instruction> {
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let allow = (RETURN, 0, 0, libc::SECCOMP_RET_ALLOW);
    let mut out = vec![
        (LOAD_WORD, 0, 0, MACHINE),
        (JUMP_EQUAL, 1, 0, ARCHITECTURE),
        (RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        (LOAD_WORD, 0, 0, NUMBER),
        (JUMP_GREATER_OR_EQUAL, 0, 1, OTHER_CONVENTION),
        (RETURN, 0, 0, refuse),
    ];
    for number in ALLOWED {
        out.extend([(JUMP_EQUAL, 0, 1, *number as u32), allow]);
    }
    // Writes to the output alone.
    out.extend([
        (JUMP_EQUAL, 0, 6, libc::SYS_write as u32),
        (LOAD_WORD, 0, 0, low(0)),
        (JUMP_EQUAL, 0, 3, output as u32),
        (LOAD_WORD, 0, 0, high(0)),
        (JUMP_EQUAL, 0, 1, 0),
        allow,
        (RETURN, 0, 0, refuse),
    ]);
    // Memory of our own that cannot be executed.
    out.extend([
        (JUMP_EQUAL, 0, 6, libc::SYS_mmap as u32),
        (LOAD_WORD, 0, 0, low(4)),
        (JUMP_EQUAL, 0, 3, u32::MAX),
        (LOAD_WORD, 0, 0, low(2)),
        (JUMP_ANY_BIT, 1, 0, libc::PROT_EXEC as u32),
        allow,
        (RETURN, 0, 0, refuse),
    ]);
    out.extend([
        (JUMP_EQUAL, 0, 4, libc::SYS_mprotect as u32),
        (LOAD_WORD, 0, 0, low(2)),
        (JUMP_ANY_BIT, 1, 0, libc::PROT_EXEC as u32),
        allow,
        (RETURN, 0, 0, refuse),
    ]);
    out.extend([(JUMP_EQUAL, 0, 1, libc::SYS_mremap as u32), allow, (RETURN, 0, 0, refuse)]);
    out
}

fn step(what: &'static str, answer: c_long) -> Result<(), SealError> {
    if answer < 0 {
        return Err(SealError::Step(what, io::Error::last_os_error()));
    }
    Ok(())
}

/// Give up every way to send; from now on only `output` can be written to, and `socket` only be read from.
///
/// # Errors
/// Where a step failed or something is still possible: the caller must not go on then.
pub fn seal(socket: RawFd, output: RawFd) -> Result<(), SealError> {
    harmless(output)?; // 1
    close_others(socket, output)?; // 2
    drop_privileges()?; // 3
    let mut filter = kernel_form(&program(output)); // 4
    let wish = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program is alive; of several threads all get the filter, or none does.
    step("install the system call filter", unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC | libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
            &raw const wish,
        )
    })?;
    match ways(socket).iter().find(|way| way.errno != libc::EPERM) {
        None => Ok(()), // 5
        Some(way) => Err(SealError::Open(way.name)),
    }
}

/// Refuse an output by which one could send.
fn harmless(output: RawFd) -> Result<(), SealError> {
    // SAFETY: all zeros are a valid stat.
    let mut found: libc::stat = unsafe { zeroed() };
    // SAFETY: the pointer is to a live value.
    step("look at the output", unsafe { libc::fstat(output, &raw mut found) }.into())?;
    let null = libc::makedev(1, 3);
    match found.st_mode & libc::S_IFMT {
        libc::S_IFIFO | libc::S_IFREG => Ok(()),
        libc::S_IFCHR if found.st_rdev == null => Ok(()),
        libc::S_IFSOCK => Err(SealError::Output("a socket")),
        _ => Err(SealError::Output("a device")),
    }
}

fn close_others(socket: RawFd, output: RawFd) -> Result<(), SealError> {
    let (first, second) = (socket.min(output).max(2) as u32, socket.max(output) as u32);
    for (from, to) in [(3, first.saturating_sub(1)), (first + 1, second.saturating_sub(1)), (second + 1, u32::MAX)] {
        if from.max(3) <= to {
            // SAFETY: no pointers are passed; the descriptors are used by nobody: this process does nothing else.
            step("close other descriptors", unsafe { libc::syscall(libc::SYS_close_range, from.max(3), to, 0) })?;
        }
    }
    // A standard descriptor may be a socket by which to send.
    for number in 0..3 {
        if number != output
            && number != socket
            && harmless(number).is_err_and(|e| matches!(e, SealError::Output("a socket")))
        {
            // SAFETY: no pointers are passed.
            step("close a standard descriptor", unsafe { libc::close(number) }.into())?;
        }
    }
    Ok(())
}

fn drop_privileges() -> Result<(), SealError> {
    // SAFETY: none of these calls takes a pointer but setgroups, which is given none, and capset and capget, which are
    // given live values of the form they ask for.
    unsafe {
        for capability in 0..=LAST_CAPABILITY {
            // What the kernel does not know, or was not ours to drop, is looked at below.
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        // Root that has no capability left may not become anybody else.
        if libc::geteuid() == 0 && libc::setgroups(0, std::ptr::null()) == 0 {
            step("leave root's group", libc::setresgid(NOBODY, NOBODY, NOBODY).into())?;
            step("become nobody", libc::setresuid(NOBODY, NOBODY, NOBODY).into())?;
        }
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        // Version 3: two words each of effective, permitted and inheritable.
        let head = [0x2008_0522_u32, 0];
        let none = [0_u32; 6];
        step("drop the capabilities", libc::syscall(libc::SYS_capset, head.as_ptr(), none.as_ptr()))?;
        step("renounce new privileges", libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).into())?;
        step("be closed to debuggers", libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0).into())?;
        let mut left = [u32::MAX; 6];
        step("look at the capabilities", libc::syscall(libc::SYS_capget, head.as_ptr(), left.as_mut_ptr()))?;
        if left != none {
            return Err(SealError::Open("a capability"));
        }
        if libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 {
            return Err(SealError::Open("new privileges"));
        }
    }
    Ok(())
}
