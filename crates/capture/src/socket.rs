//! The packet socket: opened by name or handed over, with its ring, filter and statistics.

use crate::bpf::{kernel_form, Instruction};
use crate::pcapng::Counts;
use libc::{c_int, c_void, socklen_t};
use std::ffi::CString;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Why no socket could be had.
#[derive(Debug)]
pub enum OpenError {
    /// No such interface.
    NoInterface(String),
    /// This process may not open packet sockets.
    NotPermitted,
    /// The link is of a kind that is not read: ARPHRD number.
    Link(u16),
    /// What was handed over is no packet socket on an interface.
    NoPacketSocket,
    /// Anything else: what was done, and the kernel's answer.
    Kernel(&'static str, io::Error),
}

/// A bound packet socket.
pub struct Socket {
    descriptor: OwnedFd,
    /// The interface's name.
    pub name: String,
    /// Its LINKTYPE.
    pub link: u16,
    index: c_int,
}

fn failed(what: &'static str) -> OpenError {
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => OpenError::NotPermitted,
        _ => OpenError::Kernel(what, error),
    }
}

fn link_of(hardware: u16) -> Result<u16, OpenError> {
    match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Ok(1),
        // Frames begin with the IP header.
        libc::ARPHRD_NONE | libc::ARPHRD_TUNNEL | libc::ARPHRD_TUNNEL6 | libc::ARPHRD_SIT | libc::ARPHRD_PPP => Ok(101),
        libc::ARPHRD_IEEE80211 => Ok(105),
        libc::ARPHRD_IEEE80211_RADIOTAP => Ok(127),
        other => Err(OpenError::Link(other)),
    }
}

impl Socket {
    /// Open a socket on the interface called `name`, which receives nothing yet.
    ///
    /// # Errors
    /// See `OpenError`.
    pub fn open(name: &str) -> Result<Socket, OpenError> {
        let missing = || OpenError::NoInterface(name.to_owned());
        let text = CString::new(name).map_err(|_| missing())?;
        // SAFETY: `text` is a string that ends with NUL and outlives the call.
        let index = unsafe { libc::if_nametoindex(text.as_ptr()) };
        if index == 0 || name.is_empty() {
            return Err(missing());
        }
        // Protocol 0: nothing comes before the ring is there and the socket is bound.
        // SAFETY: no pointers are passed.
        let number = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if number < 0 {
            return Err(failed("open a packet socket"));
        }
        // SAFETY: the kernel has just made this descriptor and nobody else knows it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        let mut socket = Socket { descriptor, name: name.to_owned(), link: 0, index: index as c_int };
        socket.bind(0)?;
        socket.link = link_of(socket.address()?.sll_hatype)?;
        Ok(socket)
    }

    /// Take over a packet socket that is bound to an interface, which is called `name` from now on: the socket may be of
    /// another namespace, where its interface's number means another one.
    ///
    /// # Errors
    /// Where it is none.
    pub fn adopt(descriptor: OwnedFd, name: &str) -> Result<Socket, OpenError> {
        let mut socket = Socket { descriptor, name: name.to_owned(), link: 0, index: 0 };
        let address = socket.address()?;
        if c_int::from(address.sll_family) != libc::AF_PACKET || address.sll_ifindex <= 0 {
            return Err(OpenError::NoPacketSocket);
        }
        socket.index = address.sll_ifindex;
        socket.link = link_of(address.sll_hatype)?;
        Ok(socket)
    }

    fn address(&self) -> Result<libc::sockaddr_ll, OpenError> {
        // SAFETY: all zeros are a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        let mut length = size_of::<libc::sockaddr_ll>() as socklen_t;
        // SAFETY: both pointers are to live values, and `length` is the first one's size.
        let done = unsafe { libc::getsockname(self.number(), (&raw mut address).cast(), &raw mut length) };
        if done < 0 {
            return Err(OpenError::NoPacketSocket);
        }
        Ok(address)
    }

    /// Begin to receive.
    ///
    /// # Errors
    /// Where the interface is gone.
    pub fn start(&self) -> Result<(), OpenError> {
        self.bind(libc::ETH_P_ALL as u16)
    }

    fn bind(&self, protocol: u16) -> Result<(), OpenError> {
        // SAFETY: all zeros are a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol.to_be();
        address.sll_ifindex = self.index;
        let length = size_of::<libc::sockaddr_ll>() as socklen_t;
        // SAFETY: the pointer is to a live value of this length.
        let done = unsafe { libc::bind(self.number(), (&raw const address).cast(), length) };
        if done < 0 {
            return Err(failed("bind the socket to the interface"));
        }
        Ok(())
    }

    pub(crate) fn number(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Set an option of the packet level.
    pub(crate) fn set<T>(&self, option: c_int, value: &T, what: &'static str) -> Result<(), OpenError> {
        self.set_at(libc::SOL_PACKET, option, value, what)
    }

    fn set_at<T>(&self, level: c_int, option: c_int, value: &T, what: &'static str) -> Result<(), OpenError> {
        let length = size_of::<T>() as socklen_t;
        let value: *const c_void = std::ptr::from_ref(value).cast();
        // SAFETY: the pointer is to a live value of this length.
        if unsafe { libc::setsockopt(self.number(), level, option, value, length) } < 0 {
            return Err(failed(what));
        }
        Ok(())
    }

    /// Receive what is not addressed to this host too.
    ///
    /// # Errors
    /// Where the interface refuses it.
    pub fn everything(&self) -> Result<(), OpenError> {
        let wish = libc::packet_mreq {
            mr_ifindex: self.index,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::PACKET_ADD_MEMBERSHIP, &wish, "make the interface promiscuous")
    }

    /// Share the frames with the other sockets of `group`: each conversation goes to one of them.
    ///
    /// # Errors
    /// Where the group has other settings.
    pub fn share(&self, group: u16) -> Result<(), OpenError> {
        let how = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
        self.set(libc::PACKET_FANOUT, &(u32::from(group) | how << 16), "join the group of sockets")
    }

    /// Keep only what `program` keeps, from now on.
    ///
    /// # Errors
    /// Where the kernel finds fault with it.
    pub fn filter(&self, program: &[Instruction]) -> Result<(), OpenError> {
        let mut program = kernel_form(program);
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        self.set_at(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter, "attach the filter")?;
        // Nobody may exchange it later.
        self.set_at(libc::SOL_SOCKET, libc::SO_LOCK_FILTER, &1_i32, "lock the filter")
    }

    /// What was counted since the last time; the kernel forgets it then.
    pub fn counts(&self) -> io::Result<Counts> {
        let mut stats = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        let mut length = size_of::<libc::tpacket_stats_v3>() as socklen_t;
        // SAFETY: both pointers are to live values, and `length` is the first one's size.
        let done = unsafe {
            let stats: *mut c_void = (&raw mut stats).cast();
            libc::getsockopt(self.number(), libc::SOL_PACKET, libc::PACKET_STATISTICS, stats, &raw mut length)
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Counts { received: u64::from(stats.tp_packets), dropped: u64::from(stats.tp_drops) })
    }

    /// True while the interface is there.
    pub(crate) fn is_bound(&self) -> bool {
        self.address().is_ok_and(|address| address.sll_ifindex > 0)
    }

    /// The error that waits at the socket; it is taken from there.
    pub(crate) fn error(&self) -> c_int {
        let mut error: c_int = 0;
        let mut length = size_of::<c_int>() as socklen_t;
        // SAFETY: both pointers are to live values, and `length` is the first one's size.
        unsafe {
            let error: *mut c_void = (&raw mut error).cast();
            libc::getsockopt(self.number(), libc::SOL_SOCKET, libc::SO_ERROR, error, &raw mut length);
        }
        error
    }
}
