//! Any bytes as an IDX file, plain and gzipped, in one member and in two: no panic, no more memory than there are bytes, the same
//! answer however it is packed, and what is accepted is encoded to the same bytes again.
#![no_main]

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use lanegrad_verify::data::Fault;
use lanegrad_verify::data::idx::{CLASSES, MAX_SIDE, read_images, read_labels};
use std::io::{Read, Write};

/// Each reader's answer: the file that it takes the bytes for, or what is wrong with them.
fn read(bytes: &[u8]) -> [Result<Vec<u8>, Fault>; 2] {
    let words = |words: &[usize]| words.iter().flat_map(|&word| (word as u32).to_be_bytes()).collect::<Vec<_>>();
    let images = read_images(bytes).map(|images| {
        let sides = [images.rows, images.columns];
        assert!(images.count > 0 && sides.iter().all(|side| (1..=MAX_SIDE as usize).contains(side)));
        [words(&[0x0803, images.count, images.rows, images.columns]), images.pixels].concat()
    });
    let labels = read_labels(bytes).map(|labels| {
        assert!(!labels.is_empty() && labels.iter().all(|&label| usize::from(label) < CLASSES));
        [words(&[0x0801, labels.len()]), labels].concat()
    });
    [images, labels]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes all");
    encoder.finish().expect("a Vec takes all")
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let answers = read(data);
    if data.starts_with(&[0x1f, 0x8b]) {
        for file in answers.into_iter().flatten() {
            // The decoder of the reader, but to its end: it is whole, and holds nothing else.
            let mut decoded = Vec::new();
            MultiGzDecoder::new(data)
                .take(file.len() as u64 + 1)
                .read_to_end(&mut decoded)
                .expect("it was read before");
            assert!(decoded == file, "accepted and encoded again, it is another file");
        }
        return;
    }
    for file in answers.iter().flatten() {
        assert!(data == file, "accepted and encoded again, it is another file");
    }
    let middle = data.len() / 2;
    let members = [gzip(&data[..middle]), gzip(&data[middle..])].concat();
    for packed in [gzip(data), members] {
        assert_eq!(format!("{:?}", read(&packed)), format!("{answers:?}"), "packed, it is another file");
    }
});
