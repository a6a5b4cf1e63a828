//! Every fault of an IDX file is found and named, plain and gzipped, and none costs memory that the file does not pay for.

use flate2::{Compression, write::GzEncoder};
use lanegrad_verify::data::{DataSet, Error, Fault, idx};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn images(count: u32, rows: u32, columns: u32, pixels: &[u8]) -> Vec<u8> {
    let header = [0x0803, count, rows, columns].map(u32::to_be_bytes);
    [header.as_flattened(), pixels].concat()
}

fn labels(count: u32, labels: &[u8]) -> Vec<u8> {
    let header = [0x0801, count].map(u32::to_be_bytes);
    [header.as_flattened(), labels].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes everything")
}

/// The fault of a file of images, the same whether it is plain or gzipped.
fn image_fault(bytes: &[u8]) -> String {
    let fault = |bytes: &[u8]| idx::read_images(bytes).unwrap_err().to_string();
    let plain = fault(bytes);
    assert_eq!(fault(&gzip(bytes)), plain);
    plain
}

/// The fault of a file of labels, the same whether it is plain or gzipped.
fn label_fault(bytes: &[u8]) -> String {
    let fault = |bytes: &[u8]| idx::read_labels(bytes).unwrap_err().to_string();
    let plain = fault(bytes);
    assert_eq!(fault(&gzip(bytes)), plain);
    plain
}

#[test]
fn whole_files_are_read() {
    let file = images(2, 2, 3, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    for bytes in [file.clone(), gzip(&file), [gzip(&file[..9]), gzip(&[]), gzip(&file[9..])].concat()] {
        let read = idx::read_images(&bytes[..]).unwrap();
        assert_eq!((read.count, read.rows, read.columns), (2, 2, 3));
        assert_eq!(read.pixels, file[16..]);
    }
    assert_eq!(idx::read_labels(&labels(3, &[0, 9, 5])[..]).unwrap(), [0, 9, 5]);
}

#[test]
fn faults_of_images() {
    assert_eq!(image_fault(&labels(8, &[0; 8])), "the magic number is 0x00000801, expected 0x00000803");
    assert_eq!(image_fault(&[]), "the header takes 16 bytes, the file holds 0 in all");
    assert_eq!(image_fault(&images(9, 9, 9, &[])[..15]), "the header takes 16 bytes, the file holds 15 in all");
    assert_eq!(image_fault(&images(0, 2, 2, &[])), "the header claims no images or labels, expected at least one");
    assert_eq!(image_fault(&images(1, 0, 28, &[])), "the header claims images of 0×28, expected 1×1 to 1024×1024");
    assert_eq!(
        image_fault(&images(1, 28, 1025, &[])),
        "the header claims images of 28×1025, expected 1×1 to 1024×1024"
    );
    assert_eq!(
        image_fault(&images(2, 2, 2, &[0; 7])),
        "the header claims 2 images of 2×2 in 8 bytes, the file holds 7 after it"
    );
    assert_eq!(
        image_fault(&images(2, 2, 2, &[0; 9])),
        "the header claims 2 images of 2×2 in 8 bytes, the file holds more after it"
    );
}

#[test]
fn faults_of_labels() {
    assert_eq!(label_fault(&images(1, 1, 1, &[0])), "the magic number is 0x00000803, expected 0x00000801");
    assert_eq!(label_fault(&labels(1, &[])[..6]), "the header takes 8 bytes, the file holds 6 in all");
    assert_eq!(label_fault(&labels(2, &[0])), "the header claims 2 labels in 2 bytes, the file holds 1 after it");
    assert_eq!(label_fault(&labels(1, &[0, 0])), "the header claims 1 labels in 1 bytes, the file holds more after it");
    assert_eq!(label_fault(&labels(2, &[9, 10])), "label 1, counted from 0, is 10, expected less than 10");
}

#[test]
fn damaged_gzip_streams() {
    let whole = gzip(&labels(4, &[1, 2, 3, 4]));
    let mut wrong_checksum = whole.clone();
    wrong_checksum[whole.len() - 8] ^= 1;
    let mut wrong_length = whole.clone();
    wrong_length[whole.len() - 1] ^= 1;
    let behind = |bytes: &[u8]| [&whole, bytes].concat();
    let mut damaged = vec![wrong_checksum, wrong_length, behind(b"garbage"), behind(&[0]), behind(&whole[..5])];
    damaged.extend((2..whole.len()).map(|end| whole[..end].to_vec()));
    for bytes in damaged {
        let fault = idx::read_labels(&bytes[..]).unwrap_err();
        assert!(matches!(fault, Fault::Unreadable(_) | Fault::Header { .. }), "{fault}");
    }
    let another_member = idx::read_labels(&behind(&gzip(&[5]))[..]).unwrap_err();
    assert!(matches!(another_member, Fault::TooLong { .. }), "{another_member}");
}

/// A source that counts what is read of it, of zeros without end.
struct Zeros {
    head: Vec<u8>,
    at: usize,
}

impl io::Read for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.head.get(self.at..).unwrap_or_default();
        for (i, byte) in buffer.iter_mut().enumerate() {
            *byte = head.get(i).copied().unwrap_or_default();
        }
        self.at += buffer.len();
        Ok(buffer.len())
    }
}

#[test]
fn decoding_ends_behind_the_claim() {
    let mut endless = io::BufReader::new(Zeros { head: images(3, 28, 28, &[]), at: 0 });
    assert!(matches!(idx::read_images(&mut endless), Err(Fault::TooLong { .. })));
    assert!(endless.get_ref().at < 1 << 17, "{} bytes were read", endless.get_ref().at);

    // 256 MiB of zeros in 256 KiB of gzip.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(&labels(5, &[])).unwrap();
    io::copy(&mut io::Read::take(io::repeat(0), 1 << 28), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    let mut source = &bomb[..];
    assert!(matches!(idx::read_labels(&mut source), Err(Fault::TooLong { .. })));
    assert!(source.len() > bomb.len() / 2, "{} of {} bytes are left", source.len(), bomb.len());
}

#[test]
fn a_claim_costs_nothing() {
    // 4 · 10⁹ images of 1 MiB are more than any memory: reserving for them would abort.
    let fault = image_fault(&images(4_000_000_000, 1024, 1024, &[7; 3]));
    let claim = "4000000000 images of 1024×1024 in 4194304000000000 bytes";
    assert_eq!(fault, format!("the header claims {claim}, the file holds 3 after it"));
    let fault = image_fault(&images(4_000_000_000, 28, 28, &[])[..10]);
    assert_eq!(fault, "the header takes 16 bytes, the file holds 10 in all");
}

/// A directory with a tiny but whole set.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("idx").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("train-images-idx3-ubyte"), images(2, 1, 2, &[0, 255, 51, 102])).unwrap();
    fs::write(directory.join("train-labels-idx1-ubyte"), gzip(&labels(2, &[3, 9]))).unwrap();
    fs::write(directory.join("t10k-images-idx3-ubyte.gz"), gzip(&images(1, 2, 1, &[1, 2]))).unwrap();
    fs::write(directory.join("t10k-labels.idx1-ubyte"), labels(1, &[0])).unwrap();
    directory
}

#[test]
fn a_directory_is_read_by_content_and_either_name() {
    let set = DataSet::from_directory(&directory("whole")).unwrap();
    assert_eq!((set.train.count(), set.train.pixels(), set.test.count()), (2, 2, 1));
    assert_eq!((set.train.images(), set.train.labels()), (&[0.0, 1.0, 0.2, 0.4][..], &[3, 9][..]));
}

#[test]
fn files_that_do_not_go_together() {
    let fault_of = |name, file: &str, bytes: &[u8]| {
        let directory = directory(name);
        fs::write(directory.join(file), bytes).unwrap();
        let Error { file: found, fault } = DataSet::from_directory(&directory).unwrap_err();
        assert_eq!(found, directory.join(file));
        fault.to_string()
    };
    let three = labels(3, &[0; 3]);
    assert_eq!(fault_of("count", "train-labels-idx1-ubyte", &three), "there are 3 labels for 2 images");
    let large = gzip(&images(1, 2, 2, &[0; 4]));
    let fault = fault_of("size", "t10k-images-idx3-ubyte.gz", &large);
    assert_eq!(fault, "the images have 4 pixels, the training images 2");
}

/// The files of the set above, and the four names that each may have.
const FILES: [(&str, [&str; 4]); 4] = [
    (
        "train-images-idx3-ubyte",
        [
            "train-images-idx3-ubyte",
            "train-images-idx3-ubyte.gz",
            "train-images.idx3-ubyte",
            "train-images.idx3-ubyte.gz",
        ],
    ),
    (
        "train-labels-idx1-ubyte",
        [
            "train-labels-idx1-ubyte",
            "train-labels-idx1-ubyte.gz",
            "train-labels.idx1-ubyte",
            "train-labels.idx1-ubyte.gz",
        ],
    ),
    (
        "t10k-images-idx3-ubyte.gz",
        ["t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte", "t10k-images.idx3-ubyte.gz"],
    ),
    (
        "t10k-labels.idx1-ubyte",
        ["t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte.gz", "t10k-labels.idx1-ubyte", "t10k-labels.idx1-ubyte.gz"],
    ),
];

/// Something that has the name of a data file, and is no regular file.
type Decoy = (&'static str, fn(&Path));

const FOLDER: Decoy = ("a folder", |path| fs::create_dir(path).unwrap());
const FOLDERS: Decoy = ("a folder with folders in it", |path| {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (_, names) = FILES.into_iter().find(|(_, names)| names.contains(&name)).unwrap();
    names.iter().for_each(|name| fs::create_dir_all(path.join(name)).unwrap());
});

#[cfg(not(unix))]
const DECOYS: [Decoy; 2] = [FOLDER, FOLDERS];

#[cfg(unix)]
const DECOYS: [Decoy; 6] = {
    use std::os::unix::fs::symlink;
    use std::process::Command;
    use std::sync::LazyLock;
    [
        FOLDER,
        FOLDERS,
        ("a dangling link", |path| symlink("nowhere", path).unwrap()),
        ("a link to itself", |path| symlink(path.file_name().unwrap(), path).unwrap()),
        ("a link to a device", |path| symlink("/dev/zero", path).unwrap()),
        ("a pipe that nobody writes to", |path| {
            static PIPE: LazyLock<PathBuf> = LazyLock::new(|| {
                let pipe = directory("pipe").join("pipe");
                assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
                pipe
            });
            fs::hard_link(&*PIPE, path).unwrap();
        }),
    ]
};

/// Reads a set, and fails where that would wait for ever.
fn read(directory: PathBuf) -> Result<DataSet, Error> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(DataSet::from_directory(&directory)));
    receiver.recv_timeout(std::time::Duration::from_secs(60)).expect("it is read in no time")
}

#[test]
fn the_first_regular_file_of_the_usual_names_is_read() {
    for (file, names) in FILES {
        for (decoy, make) in DECOYS {
            for (at, name) in names.iter().enumerate() {
                // Under each name, in the directory or in a folder of any of its names.
                for folder in [None].into_iter().chain(names.map(Some)) {
                    let directory = directory("layouts");
                    let content = fs::read(directory.join(file)).unwrap();
                    fs::remove_file(directory.join(file)).unwrap();
                    let place = folder.map_or(directory.clone(), |folder| directory.join(folder));
                    fs::create_dir_all(&place).unwrap();
                    // Beside the file, everything else of these names is no file.
                    for name in names.iter().filter(|other| *other != name) {
                        make(&place.join(name));
                    }
                    if let Some(folder) = folder {
                        names.iter().filter(|name| **name != folder).for_each(|name| make(&directory.join(name)));
                    }
                    fs::write(place.join(name), content).unwrap();
                    let what = format!("{file} as {at} in {folder:?} beside {decoy}");
                    let set = read(directory).unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!((set.train.labels(), set.test.labels()), (&[3, 9][..], &[0][..]), "{what}");
                }
            }
        }
    }
}

/// The order: plain before gzipped, `-idx` before `.idx`, and all of them before folders.
#[test]
fn of_several_files_the_first_is_read() {
    for (file, names) in FILES {
        let directory = directory("several");
        let content = fs::read(directory.join(file)).unwrap();
        fs::remove_file(directory.join(file)).unwrap();
        // From the last to the first: each time the new one is what is read.
        for name in names.iter().rev() {
            fs::write(directory.join(name), "damaged").unwrap();
            let error = read(directory.clone()).unwrap_err();
            assert_eq!(error.file, directory.join(name));
            fs::write(directory.join(name), &content).unwrap();
            assert!(read(directory.clone()).is_ok());
        }
        fs::remove_file(directory.join(names[0])).unwrap();
        fs::create_dir(directory.join(names[0])).unwrap();
        fs::write(directory.join(names[0]).join(names[0]), "damaged").unwrap();
        assert!(read(directory).is_ok());
    }
}

#[test]
fn a_missing_file() {
    for (file, [first, others @ ..]) in FILES {
        let directory = directory("missing");
        fs::remove_file(directory.join(file)).unwrap();
        let expected = format!(
            "{}: there is no such file, nor {}, {} or {}, nor any of these in a folder of such a name",
            directory.join(first).display(),
            others[0],
            others[1],
            others[2],
        );
        assert_eq!(read(directory.clone()).unwrap_err().to_string(), expected);
        for (decoy, make) in DECOYS {
            let path = directory.join(first);
            make(&path);
            let error = read(directory.clone()).unwrap_err().to_string();
            let unreadable = format!("{}: it cannot be read: ", path.display());
            assert!(error == expected || decoy == "a link to itself" && error.starts_with(&unreadable), "{error}");
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
    let file = directory("missing").join("t10k-labels.idx1-ubyte");
    let error = read(file.clone()).unwrap_err();
    assert!(matches!(error.fault, Fault::Unreadable(_)), "{error}");
    assert_eq!(error.file, file.join("train-images-idx3-ubyte"));
}

#[test]
fn the_embedded_digits_are_there() {
    let set = DataSet::embedded();
    assert_eq!((set.train.count(), set.test.count(), set.train.pixels()), (5000, 1000, 784));
    assert_eq!((&set.train.labels()[..4], &set.test.labels()[..4]), (&[5, 0, 4, 1][..], &[7, 2, 1, 0][..]));
}
