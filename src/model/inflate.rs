//! Bodies that a server compresses unasked. The limit on size counts inflated bytes and stops the inflating.

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};
use std::io::{self, ErrorKind, Write};

/// Size of brotli's buffer, in bytes.
const PIECE: usize = 4096;

/// A body, inflated as its pieces arrive.
pub(super) enum Body {
    Plain(Sink),
    Gzip(GzDecoder<Sink>),
    /// `deflate` before its first byte, which decides between the two forms in use.
    Deflate(u64),
    Zlib(ZlibDecoder<Sink>),
    Raw(DeflateDecoder<Sink>),
    Brotli(Box<DecompressorWriter<Sink>>),
}

/// The inflated bytes so far.
#[derive(Default)]
pub(super) struct Sink {
    bytes: Vec<u8>,
    limit: u64,
}

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() as u64 + piece.len() as u64 > self.limit {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Body {
    /// Creates an empty body of at most `limit` bytes; `None` for an unknown `Content-Encoding`.
    pub(super) fn new(encoding: &str, limit: u64) -> Option<Self> {
        let sink = Sink { limit, ..Sink::default() };
        Some(match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Plain(sink),
            "gzip" | "x-gzip" => Self::Gzip(GzDecoder::new(sink)),
            "deflate" => Self::Deflate(limit),
            "br" => Self::Brotli(Box::new(DecompressorWriter::new(sink, PIECE))),
            _ => return None,
        })
    }

    /// Adds a received piece. The error has the kind `FileTooLarge` over the limit.
    pub(super) fn add_piece(&mut self, piece: &[u8]) -> io::Result<()> {
        if let (Self::Deflate(limit), Some(first)) = (&self, piece.first()) {
            let sink = Sink { limit: *limit, ..Sink::default() };
            let is_zlib = first & 0x0f == 8;
            *self = if is_zlib { Self::Zlib(ZlibDecoder::new(sink)) } else { Self::Raw(DeflateDecoder::new(sink)) };
        }
        let writer: &mut dyn Write = match self {
            Self::Plain(sink) => sink,
            Self::Gzip(inner) => inner,
            Self::Zlib(inner) => inner,
            Self::Raw(inner) => inner,
            Self::Brotli(inner) => inner,
            Self::Deflate(_) => return Ok(()),
        };
        let mut rest = piece;
        // Bytes behind the end of the compressed text are not read.
        while let Some(after) = rest.get(writer.write(rest)?..)
            && after.len() < rest.len()
        {
            rest = after;
        }
        writer.flush()
    }

    /// Returns the inflated bytes so far.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(sink) => &sink.bytes,
            Self::Gzip(inner) => &inner.get_ref().bytes,
            Self::Zlib(inner) => &inner.get_ref().bytes,
            Self::Raw(inner) => &inner.get_ref().bytes,
            Self::Brotli(inner) => &inner.get_ref().bytes,
            Self::Deflate(_) => &[],
        }
    }
}
