//! The digest that names an input (contract §2, `epoch`): SHA-256 over a fixed sample of the file.
//!
//! Rule 1: hashing all of a large capture would cost more than dissecting it, so the sample is: the length (8 bytes,
//! little endian), the first MiB, 64 evenly spread blocks of 4 KiB, the last 64 KiB. A file of up to 1 MiB is hashed
//! whole. Two captures that differ only outside the sample share a digest; two of different length never do.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes hashed from the start; of a stream that has no known length, these alone are hashed.
pub(crate) const HEAD: u64 = 1 << 20;
const TAIL: u64 = 64 << 10;
const SAMPLES: u64 = 64;
const SAMPLE: u64 = 4 << 10;

/// The digest of a regular file.
///
/// # Errors
/// Where the file can't be opened or read.
pub fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut hash = Sha256::new();
    hash.update(length.to_le_bytes());
    let mut buffer = Vec::with_capacity(HEAD as usize);
    let mut take = |at: u64, count: u64| -> io::Result<()> {
        buffer.clear();
        file.seek(SeekFrom::Start(at))?;
        file.by_ref().take(count).read_to_end(&mut buffer)?;
        hash.update(&buffer);
        Ok(())
    };
    take(0, HEAD)?;
    if length > HEAD {
        let rest = length - HEAD;
        for sample in 0..SAMPLES {
            take(HEAD + (u128::from(rest) * u128::from(sample) / u128::from(SAMPLES)) as u64, SAMPLE)?;
        }
        take(length.saturating_sub(TAIL).max(HEAD), TAIL)?;
    }
    Ok(hash.finalize().into())
}

/// The digest of a stream of which `head` are the first bytes.
pub(crate) fn digest_of_stream(head: &[u8]) -> [u8; 32] {
    Sha256::digest(head).into()
}
