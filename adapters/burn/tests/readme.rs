//! The README's first example runs in a project of its own, outside of this repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const README: &str = include_str!("../README.md");

/// The first block of the README in a language.
fn block(language: &str) -> &str {
    let (_, rest) = README.split_once(&format!("```{language}\n")).expect("a block");
    rest.split_once("```").expect("its end").0
}

/// A directory that is removed at the end.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_first_example_runs_in_a_fresh_project() {
    let commands: Vec<&str> = block("sh").trim().lines().collect();
    assert_eq!(commands[0], "cargo add lanegrad-burn", "the README starts with `cargo add`");
    let features =
        commands[1].strip_prefix("cargo add burn --no-default-features --features ").expect("burn's features");
    // One more, which does not change what the example needs: with another set of features, burn would be compiled once more.
    let features: Vec<&str> = features.split(',').chain(["autodiff", "extension", "simd"]).collect();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Directory(env::temp_dir().join(format!("lanegrad-burn-fresh-{}", std::process::id())));
    let directory = &project.0;
    fs::create_dir_all(directory.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"fresh\"\nedition = \"2024\"\n\n[dependencies]\n\
         burn = {{ version = \"0.22.1\", default-features = false, features = {features:?} }}\n\
         lanegrad-burn = {{ path = {here:?} }}\n"
    );
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    // The block is the body of a function, as a documentation test has it.
    let body: String = block("rust").lines().map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
    let program = format!("fn main() -> Result<(), lanegrad_burn::lanegrad::Error> {{\n{body}}}\n");
    fs::write(directory.join("src/main.rs"), program).unwrap();
    // The same versions, and the same target directory: what this test's build has compiled is used again.
    fs::copy(here.join("Cargo.lock"), directory.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let status = Command::new(env!("CARGO"))
        .args(["run", "--offline", "--release"])
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", target)
        .status();
    assert!(status.unwrap().success());
}
