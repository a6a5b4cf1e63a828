//! The file format of MNIST: a magic number and the sizes, each a big-endian `u32`, then one byte per pixel or label.
//!
//! | file | header | then |
//! |---|---|---|
//! | images | `0x00000803`, count, rows, columns | count × rows × columns pixels |
//! | labels | `0x00000801`, count | count labels |
//!
//! A file may be gzipped as a whole; consecutive gzip members are one stream, as for `gzip`. The header is never trusted: memory grows
//! with the bytes decoded, and decoding ends one byte after the declared end.

use super::Fault;
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, Read};

/// The maximum number of rows or columns of an image. A header that declares more is treated as damaged.
pub const MAX_SIDE: u32 = 1024;
/// The number of classes of MNIST: its labels are 0 to 9.
pub const CLASSES: usize = 10;

/// The images of a file, one byte per pixel.
#[derive(Clone, Debug)]
pub struct Images {
    /// The number of images, at least 1.
    pub count: usize,
    /// Rows of each image.
    pub rows: usize,
    /// Columns of each image.
    pub columns: usize,
    /// Pixels, count × rows × columns.
    pub pixels: Vec<u8>,
}

/// Reads a file of images.
///
/// # Errors
/// If the bytes are not exactly such a file.
pub fn read_images(source: impl BufRead) -> Result<Images, Fault> {
    let mut source = decoded(source)?;
    let [count, rows, columns] = header(&mut source, 0x0803)?;
    if ![rows, columns].iter().all(|side| (1..=MAX_SIDE).contains(side)) {
        return Err(Fault::Size { rows, columns });
    }
    let claim = Claim { count, size: Some((rows, columns)) };
    let pixels = content(source, claim)?;
    Ok(Images { count: count as usize, rows: rows as usize, columns: columns as usize, pixels })
}

/// Reads a file of labels, each less than [`CLASSES`].
///
/// # Errors
/// If the bytes are not exactly such a file.
pub fn read_labels(source: impl BufRead) -> Result<Vec<u8>, Fault> {
    let mut source = decoded(source)?;
    let [count] = header(&mut source, 0x0801)?;
    let labels = content(source, Claim { count, size: None })?;
    match labels.iter().position(|&label| usize::from(label) >= CLASSES) {
        Some(index) => Err(Fault::Label { index, found: labels[index] }),
        None => Ok(labels),
    }
}

/// The contents that a header declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The number of images or labels.
    pub count: u32,
    /// Rows and columns of each image; `None` for labels.
    pub size: Option<(u32, u32)>,
}

impl Claim {
    /// The number of bytes after the header, at most 2³² · [`MAX_SIDE`]².
    pub fn bytes(self) -> u64 {
        let (rows, columns) = self.size.unwrap_or((1, 1));
        u64::from(self.count) * u64::from(rows) * u64::from(columns)
    }
}

/// The source itself, or its decompressed contents if it is gzipped.
fn decoded<'a>(mut source: impl BufRead + 'a) -> Result<Box<dyn Read + 'a>, Fault> {
    let gzipped = source.fill_buf().map_err(Fault::Unreadable)?.starts_with(&[0x1f, 0x8b]);
    Ok(if gzipped { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) })
}

/// Checks the magic number and returns the sizes after it.
fn header<const SIZES: usize>(source: &mut impl Read, magic: u32) -> Result<[u32; SIZES], Fault> {
    let expected = 4 * (1 + SIZES);
    let mut bytes = Vec::new();
    source.take(expected as u64).read_to_end(&mut bytes).map_err(Fault::Unreadable)?;
    let mut words = bytes.as_chunks::<4>().0.iter().map(|&word| u32::from_be_bytes(word));
    if let Some(found) = words.next().filter(|&found| found != magic) {
        return Err(Fault::Magic { expected: magic, found });
    }
    if bytes.len() < expected {
        return Err(Fault::Header { expected, found: bytes.len() });
    }
    Ok(std::array::from_fn(|_| words.next().unwrap_or_default()))
}

/// Returns the bytes after the header: exactly the declared number, and at least one.
fn content(source: impl Read, claim: Claim) -> Result<Vec<u8>, Fault> {
    if claim.count == 0 {
        return Err(Fault::Empty);
    }
    let mut bytes = Vec::new();
    source.take(claim.bytes() + 1).read_to_end(&mut bytes).map_err(Fault::Unreadable)?;
    match bytes.len() as u64 {
        found if found < claim.bytes() => Err(Fault::Truncated { claim, found }),
        found if found > claim.bytes() => Err(Fault::TooLong { claim }),
        _ => Ok(bytes),
    }
}
