//! gzip (RFC 1952), zstd (RFC 8878) and lz4 frames, told by their first bytes and decoded as a stream.
//!
//! Rule 1: no decoder holds more than its format's window (zstd: at most 128 MiB), so a bomb costs time, not memory.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// A stream of bytes that a worker may own.
pub(crate) type Source = Box<dyn Read + Send>;

/// Compressed bytes are read in pieces of this size.
const COMPRESSED_BLOCK: usize = 1 << 16;
const ZSTD_WINDOW_LIMIT: u64 = 1 << 27;

/// What an input is compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Lz4,
}

fn compression_of(first: &[u8]) -> Compression {
    match first {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        // The second form is the legacy frame.
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Compression::Lz4,
        _ => Compression::None,
    }
}

/// Look at the first bytes of `source` and put the right decoder around it.
pub(crate) fn decompressed(mut source: Source) -> io::Result<(Source, Compression)> {
    let mut first = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut first)?;
    let compression = compression_of(&first);
    let whole = Cursor::new(first).chain(source);
    let source: Source = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(COMPRESSED_BLOCK, whole))),
        Compression::Zstd => Box::new(Zstd::new(BufReader::with_capacity(COMPRESSED_BLOCK, whole))),
        Compression::Lz4 => {
            Box::new(Lz4 { decoder: Lz4Decoder::new(BufReader::with_capacity(COMPRESSED_BLOCK, whole)) })
        }
    };
    Ok((source, compression))
}

/// Frames of lz4, one after another; the decoder says that it is at the end after each of them.
struct Lz4<R: BufRead> {
    decoder: Lz4Decoder<R>,
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() || self.decoder.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
        }
    }
}

/// Frames of zstd, one after another.
///
/// The decoder keeps back a window's worth of bytes until a frame ends. Where the input ends first, an empty last block
/// is put in its place, so that a truncated capture yields all that was decoded; the error follows after that.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    inside: bool,
    failure: Option<String>,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Zstd<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_LIMIT);
        Zstd { source, decoder, inside: false, failure: None }
    }

    /// Decode one block; a failure ends the frame.
    fn decode(&mut self) {
        let one = BlockDecodingStrategy::UptoBlocks(1);
        let Err(error) = self.decoder.decode_blocks(&mut self.source, one) else { return };
        self.failure = Some(error.to_string());
        // A raw block of no bytes, marked as the last, and a checksum nobody looks at.
        const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        self.inside = self.decoder.decode_blocks(&LAST_BLOCK[..], BlockDecodingStrategy::UptoBlocks(1)).is_ok();
    }

    /// Begin the next frame; false at the end of the input.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.inside {
                while self.inside && self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    self.decode();
                }
                if self.decoder.can_collect() > 0 {
                    return self.decoder.read(buffer);
                }
                self.inside = false;
            }
            if let Some(failure) = &self.failure {
                return Err(io::Error::other(failure.clone()));
            }
            if !self.begin()? {
                return Ok(0);
            }
        }
    }
}
