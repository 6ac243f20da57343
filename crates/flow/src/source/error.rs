//! Why an input could not be opened, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An input that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    /// The path as given.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: OpenReason,
}

/// What can be wrong with an input before its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenReason {
    /// No such file.
    NotFound,
    /// The file may not be read.
    NotPermitted,
    /// It is a directory.
    Directory,
    /// It has no bytes.
    Empty,
    /// Its first bytes are those of no known capture format.
    NoCapture,
    /// It can't be read; the text says why.
    Unreadable(String),
    /// Standard input was named twice.
    StandardInputTwice,
    /// More than 65,535 inputs.
    TooMany,
}

impl OpenError {
    pub(crate) fn new(path: &Path, reason: OpenReason) -> OpenError {
        OpenError { path: path.into(), reason }
    }

    /// What the operator can do.
    pub fn remedy(&self) -> &'static str {
        match self.reason {
            OpenReason::NotFound => "check the path",
            OpenReason::NotPermitted => "let this user read the file",
            OpenReason::Directory => "name the captures in it",
            OpenReason::Empty => "capture again; the program that wrote it ended before its first packet",
            OpenReason::NoCapture => "give a pcap or pcapng file, plain or packed with gzip, zstd or lz4",
            OpenReason::Unreadable(_) => "copy the file again from where it was captured",
            OpenReason::StandardInputTwice => "name - once",
            OpenReason::TooMany => "split the run; 65,535 inputs are the most",
        }
    }
}

impl OpenReason {
    pub(crate) fn of(error: &io::Error) -> OpenReason {
        match error.kind() {
            io::ErrorKind::NotFound => OpenReason::NotFound,
            io::ErrorKind::PermissionDenied => OpenReason::NotPermitted,
            _ => OpenReason::Unreadable(error.to_string()),
        }
    }
}

impl fmt::Display for OpenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenReason::NotFound => f.write_str("no such file"),
            OpenReason::NotPermitted => f.write_str("permission denied"),
            OpenReason::Directory => f.write_str("it is a directory"),
            OpenReason::Empty => f.write_str("it is empty"),
            OpenReason::NoCapture => f.write_str("it is no capture of a known format"),
            OpenReason::Unreadable(why) => write!(f, "it can't be read: {why}"),
            OpenReason::StandardInputTwice => f.write_str("standard input is named twice"),
            OpenReason::TooMany => f.write_str("there are too many inputs"),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path.display(), self.reason, self.remedy())
    }
}

impl std::error::Error for OpenError {}
