//! Handwritten digits: MNIST from a directory, or the part of it that is embedded here.

pub mod idx;

use idx::Claim;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::{error, fmt};

/// Digits for training, and others for testing.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// The training examples.
    pub train: Examples,
    /// The test examples, with images of the same size.
    pub test: Examples,
}

/// Images with their labels. There is at least one.
#[derive(Clone, Debug)]
pub struct Examples {
    pixels: usize,
    images: Vec<f32>,
    labels: Vec<u32>,
}

/// A file that cannot be used, and the reason.
#[derive(Debug)]
pub struct Error {
    /// Its path, or its name if it is embedded.
    pub file: PathBuf,
    /// The reason.
    pub fault: Fault,
}

/// The reason why a file cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// There is no regular file with this name.
    Missing {
        /// The other names that were tried.
        others: [String; 3],
    },
    /// The file cannot be read, or its gzip stream is damaged.
    Unreadable(io::Error),
    /// The magic number is that of another kind of file.
    Magic {
        /// The magic number of the requested file.
        expected: u32,
        /// The magic number found.
        found: u32,
    },
    /// The file ends within its header.
    Header {
        /// The number of bytes in the header.
        expected: usize,
        /// The number of bytes in the file.
        found: usize,
    },
    /// An image has no pixels, or more than [`idx::MAX_SIDE`] rows or columns.
    Size {
        /// Rows of an image.
        rows: u32,
        /// Columns of an image.
        columns: u32,
    },
    /// The header declares no images or labels.
    Empty,
    /// The file is shorter than its header declares.
    Truncated {
        /// The contents that the header declares.
        claim: Claim,
        /// The number of bytes after the header.
        found: u64,
    },
    /// The file is longer than its header declares.
    TooLong {
        /// The contents that the header declares.
        claim: Claim,
    },
    /// A label is not less than [`idx::CLASSES`].
    Label {
        /// Its index, from 0.
        index: usize,
        /// The label.
        found: u8,
    },
    /// The numbers of labels and images differ.
    Count {
        /// The number of images.
        images: usize,
        /// The number of labels.
        labels: usize,
    },
    /// The test images and the training images differ in size.
    OtherSize {
        /// The number of pixels in a training image.
        train: usize,
        /// The number of pixels in a test image.
        test: usize,
    },
}

/// A file to read, and its name in messages.
struct Source<R> {
    file: PathBuf,
    bytes: R,
}

impl DataSet {
    /// The first 5,000 training and 1,000 test images of MNIST.
    pub fn embedded() -> Self {
        macro_rules! source {
            ($file:literal) => {
                Source { file: $file.into(), bytes: &include_bytes!(concat!("../data/", $file))[..] }
            };
        }
        let train = Examples::read(source!("train-images-idx3-ubyte.gz"), source!("train-labels-idx1-ubyte.gz"));
        let test = Examples::read(source!("t10k-images-idx3-ubyte.gz"), source!("t10k-labels-idx1-ubyte.gz"));
        let whole = "the embedded digits are whole";
        Self { train: train.expect(whole), test: test.expect(whole) }
    }

    /// Reads `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each plain or
    /// gzipped, with or without `.gz`, and also with `.idx` instead of `-idx`. The first regular file is used: in the directory, or
    /// otherwise in a subdirectory that has one of the file's names.
    ///
    /// # Errors
    /// If a file is missing or damaged, or does not fit the others.
    pub fn from_directory(directory: &Path) -> Result<Self, Error> {
        let read = |part: &str| {
            let images = Source::find(directory, &format!("{part}-images"), "idx3-ubyte")?;
            let labels = Source::find(directory, &format!("{part}-labels"), "idx1-ubyte")?;
            let file = images.file.clone();
            Ok((Examples::read(images, labels)?, file))
        };
        let (train, _) = read("train")?;
        let (test, file) = read("t10k")?;
        if train.pixels != test.pixels {
            let fault = Fault::OtherSize { train: train.pixels, test: test.pixels };
            return Err(Error { file, fault });
        }
        Ok(Self { train, test })
    }
}

impl Examples {
    fn read(images: Source<impl BufRead>, labels: Source<impl BufRead>) -> Result<Self, Error> {
        let read = idx::read_images(images.bytes).map_err(|fault| Error { file: images.file, fault })?;
        let fail = |fault| Error { file: labels.file, fault };
        let labels = match idx::read_labels(labels.bytes) {
            Ok(labels) if labels.len() == read.count => labels,
            Ok(labels) => return Err(fail(Fault::Count { images: read.count, labels: labels.len() })),
            Err(fault) => return Err(fail(fault)),
        };
        Ok(Self {
            pixels: read.rows * read.columns,
            images: read.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect(),
            labels: labels.into_iter().map(u32::from).collect(),
        })
    }

    /// The number of examples.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// The number of pixels in an image: its rows times its columns.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// The images, count × pixels, each pixel in [0, 1].
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// The pixels of one image.
    pub fn image(&self, index: usize) -> &[f32] {
        &self.images[index * self.pixels..][..self.pixels]
    }

    /// The labels, each less than [`idx::CLASSES`].
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
}

impl Source<BufReader<File>> {
    fn find(directory: &Path, stem: &str, kind: &str) -> Result<Self, Error> {
        let names = ["-", "."].map(|dot| [format!("{stem}{dot}{kind}"), format!("{stem}{dot}{kind}.gz")]);
        let names = names.as_flattened();
        let here = names.iter().map(|name| directory.join(name));
        let folders = names.iter().map(|name| directory.join(name)).filter(|folder| folder.is_dir());
        let in_folders = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
        let mut unreadable = None;
        for file in here.chain(in_folders) {
            // Opening a pipe could block forever.
            match fs::metadata(&file) {
                Ok(metadata) if metadata.is_file() => {
                    return match File::open(&file) {
                        Ok(bytes) => Ok(Self { file, bytes: BufReader::new(bytes) }),
                        Err(error) => Err(Error { file, fault: Fault::Unreadable(error) }),
                    };
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    unreadable.get_or_insert(Error { file, fault: Fault::Unreadable(error) });
                }
            }
        }
        let others = std::array::from_fn(|other| names[1 + other].clone());
        Err(unreadable.unwrap_or(Error { file: directory.join(&names[0]), fault: Fault::Missing { others } }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.fault)
    }
}

impl error::Error for Error {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { others: [a, b, c] } => {
                write!(f, "there is no such file, nor {a}, {b} or {c}, nor any of these in a folder of such a name")
            }
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::Magic { expected, found } => {
                write!(f, "the magic number is {found:#010x}, expected {expected:#010x}")
            }
            Self::Header { expected, found } => {
                write!(f, "the header takes {expected} bytes, the file holds {found} in all")
            }
            Self::Size { rows, columns } => {
                let most = idx::MAX_SIDE;
                write!(f, "the header claims images of {rows}×{columns}, expected 1×1 to {most}×{most}")
            }
            Self::Empty => write!(f, "the header claims no images or labels, expected at least one"),
            Self::Truncated { claim, found } => {
                write!(f, "the header claims {claim} in {} bytes, the file holds {found} after it", claim.bytes())
            }
            Self::TooLong { claim } => {
                write!(f, "the header claims {claim} in {} bytes, the file holds more after it", claim.bytes())
            }
            Self::Label { index, found } => {
                write!(f, "label {index}, counted from 0, is {found}, expected less than {}", idx::CLASSES)
            }
            Self::Count { images, labels } => write!(f, "there are {labels} labels for {images} images"),
            Self::OtherSize { train, test } => {
                write!(f, "the images have {test} pixels, the training images {train}")
            }
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            Some((rows, columns)) => write!(f, "{} images of {rows}×{columns}", self.count),
            None => write!(f, "{} labels", self.count),
        }
    }
}
