//! The copy of the workspace in which every fault can be enabled: its files, and the program that cargo builds from them.

use crate::Failure;
use lanegrad_verify::faults::{ALWAYS, FAULTS, PLANTED, plant};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The directories of the workspace that cargo needs to build `verify` and its tests.
const DIRECTORIES: [&str; 4] = ["src", "kernels", "verify", "benches"];
/// A separate package with its own dependencies.
const OMITTED: &str = "benches/peers";
/// The path of the faults' module in the copy's kernels.
const MODULE: &str = "kernels/src/planted.rs";

/// The workspace that this program was built from.
fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace's directory")
}

/// The default directory of the copy. It is always the same, so that cargo has little to rebuild.
pub(super) fn usual_place() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").filter(|directory| !directory.is_empty());
    target.map_or_else(|| sources().join("target"), PathBuf::from).join("faults")
}

/// Writes the copy. Files that are up to date are left alone.
///
/// # Errors
/// If the sources are missing, a fault cannot be planted in them, or the directory contains something else.
pub(super) fn write(copy: &Path) -> Result<(), Failure> {
    write_from(sources(), copy)
}

fn write_from(sources: &Path, copy: &Path) -> Result<(), Failure> {
    if !sources.join("Cargo.toml").is_file() {
        let reason =
            "faults are planted in a copy of the sources that this program was built from, which are not there";
        return Err(Failure::refused(format!("{}: {reason}", sources.display())));
    }
    expect_room(sources, copy)?;

    // Everything is read before the first file is written.
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut paths = vec![PathBuf::from("Cargo.toml"), PathBuf::from("Cargo.lock")];
    for directory in DIRECTORIES {
        list(sources, Path::new(directory), &mut paths).map_err(at(sources))?;
    }
    for path in paths {
        let bytes = fs::read(sources.join(&path)).map_err(at(&sources.join(&path)))?;
        files.insert(path, bytes);
    }
    for (path, text) in plant(FAULTS, ALWAYS, |file| fs::read_to_string(sources.join(file)))? {
        files.insert(path.into(), text.into_bytes());
    }
    files.insert(MODULE.into(), PLANTED.into());

    // The module is written first: it identifies an earlier copy, even an unfinished one.
    let module = files.get_key_value(Path::new(MODULE));
    for (path, bytes) in module.into_iter().chain(&files) {
        let path = copy.join(path);
        if fs::read(&path).is_ok_and(|old| old == *bytes) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(copy)).map_err(at(&path))?;
        fs::write(&path, bytes).map_err(at(&path))?;
    }
    let mut old = Vec::new();
    for directory in DIRECTORIES {
        list(copy, Path::new(directory), &mut old).map_err(at(copy))?;
    }
    for path in old.iter().filter(|&path| !files.contains_key(path)) {
        fs::remove_file(copy.join(path)).map_err(at(&copy.join(path)))?;
    }
    Ok(())
}

/// A copy may be written to an empty directory or over an earlier copy, and not inside the copied sources.
fn expect_room(sources: &Path, copy: &Path) -> Result<(), Failure> {
    let place = std::path::absolute(copy).map_err(at(copy))?;
    // A path that does not exist yet has no canonical form.
    let there = place.ancestors().find_map(|ancestor| ancestor.canonicalize().ok());
    let copied = DIRECTORIES.map(|directory| sources.join(directory).canonicalize());
    if copied.iter().flatten().any(|directory| there.as_ref().is_some_and(|there| there.starts_with(directory))) {
        return Err(Failure::refused(format!("{}: it is inside the sources", copy.display())));
    }
    let empty = match fs::read_dir(copy) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(at(copy)(error)),
    };
    if !empty && !copy.join(MODULE).is_file() {
        let reason = "it is not empty, and holds no earlier copy of the sources with the faults";
        return Err(Failure::refused(format!("{}: {reason}", copy.display())));
    }
    Ok(())
}

/// All files of a directory, as paths relative to the root, without build artifacts.
fn list(root: &Path, directory: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(directory))? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        if entry.file_type()?.is_file() {
            paths.push(path);
        } else if entry.file_type()?.is_dir() && entry.file_name() != "target" && path != Path::new(OMITTED) {
            list(root, &path, paths)?;
        }
    }
    Ok(())
}

/// Builds the copy's `verify`, and returns its path. Cargo's output is only shown if the build fails.
///
/// # Errors
/// If there is no cargo, or the copy does not compile.
pub(super) fn build(copy: &Path) -> Result<PathBuf, Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command.args(["build", "--release", "--locked", "--package", "lanegrad-verify", "--bin", "verify"]);
    command.args(["--target-dir", "target", "--message-format", "json-render-diagnostics"]).current_dir(copy);
    let output = command.output().map_err(|error| {
        let cargo = cargo.display();
        Failure::refused(format!(
            "faults are planted in a copy of the sources, and {cargo}, which builds it, cannot be run: {error}"
        ))
    })?;
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut programs = messages.filter_map(|message: Value| message["executable"].as_str().map(PathBuf::from));
    match programs.next_back() {
        Some(program) if output.status.success() => Ok(program),
        _ => {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            Err(Failure::refused(format!("{}: the copy of the sources with the faults does not build", copy.display())))
        }
    }
}

/// Converts a system error at a path into a refusal.
fn at(path: &Path) -> impl Fn(io::Error) -> Failure {
    let path = path.display().to_string();
    move |error: io::Error| Failure::refused(format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use tempfile::tempdir;

    #[track_caller]
    fn refused(result: Result<(), Failure>, reason: &str) {
        match result {
            Err(Failure::Refused(said)) => assert!(said.contains(reason), "{said}"),
            _ => panic!("not refused"),
        }
    }

    #[test]
    fn a_second_copy_changes_what_is_not_as_it_should_be() {
        let directory = tempdir().unwrap();
        let copy = directory.path().join("copy");
        assert!(write(&copy).is_ok());
        let (kept, changed, stale) =
            (copy.join("kernels/src/isa.rs"), copy.join(MODULE), copy.join("verify/tests/stale.rs"));
        assert!(fs::read_to_string(&kept).unwrap().contains("crate::planted::Saboteur::new(simd)"));
        assert!(fs::read_to_string(copy.join("kernels/src/lib.rs")).unwrap().contains("\npub mod planted;\n"));
        assert!(!copy.join(OMITTED).exists() && !copy.join("target").exists());
        fs::File::options().write(true).open(&kept).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::write(&changed, "").unwrap();
        fs::write(&stale, "").unwrap();
        assert!(write(&copy).is_ok());
        assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
        assert_eq!(fs::read_to_string(&changed).unwrap(), PLANTED);
        assert!(!stale.exists());
        // The faults cannot be planted twice.
        refused(write_from(&copy, &directory.path().join("copy of a copy")), "expected once");
    }

    #[test]
    fn a_place_that_is_taken_is_refused_and_left_alone() {
        let directory = tempdir().unwrap();
        let taken = directory.path();
        fs::write(taken.join("notes"), "mine").unwrap();
        refused(write(taken), "it is not empty");
        refused(write(&taken.join("notes")), "notes: ");
        assert_eq!(fs::read_dir(taken).unwrap().count(), 1);
        refused(write(&sources().join("src/not-there-yet")), "it is inside the sources");
        refused(write(sources()), "it is not empty");
    }

    #[test]
    fn without_the_sources_there_is_no_copy() {
        let directory = tempdir().unwrap();
        let copy = directory.path().join("copy");
        refused(write_from(&directory.path().join("nowhere"), &copy), "which are not there");
        assert!(!copy.exists());
    }
}
