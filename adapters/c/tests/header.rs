//! The committed header is what cbindgen generates. `LANEGRAD_WRITE_HEADER=1` writes it.

use std::path::Path;

#[test]
fn the_header_is_current() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(package.join("cbindgen.toml")).expect("a valid cbindgen.toml");
    // In the header's order.
    let sources = ["memory.rs", "status.rs", "exports.rs"];
    let builder = cbindgen::Builder::new().with_config(config);
    let builder = sources.iter().fold(builder, |builder, source| builder.with_src(package.join("src").join(source)));
    let mut generated = Vec::new();
    builder.generate().expect("sources that cbindgen understands").write(&mut generated);
    let generated = String::from_utf8(generated).expect("UTF-8");
    let header = package.join("include/lanegrad.h");
    if std::env::var_os("LANEGRAD_WRITE_HEADER").is_some() {
        std::fs::write(&header, &generated).expect("a writable header");
    }
    let committed = std::fs::read_to_string(&header).expect("a header");
    assert!(
        committed == generated,
        "include/lanegrad.h is out of date: run LANEGRAD_WRITE_HEADER=1 cargo test --test header"
    );
}
