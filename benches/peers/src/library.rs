//! Libraries that are found when the program runs.

#![expect(unsafe_code, reason = "loading a library runs its initialisers")]

use crate::Error;
use libloading::Library;
use std::error::Error as _;
use std::path::Path;

/// Loads a library for as long as the program runs: some have threads that do not survive being unloaded.
pub(crate) fn load(name: &str, file: &Path) -> Result<&'static Library, Error> {
    match open(file) {
        Ok(library) => Ok(Box::leak(Box::new(library))),
        Err(error) => {
            let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Err(format!("{name}: cannot load {}: {reason}", file.display()).into())
        }
    }
}

/// MKL puts the names of all its functions where every library looks first. Another BLAS that calls its own `sgemm_` by name
/// would call MKL's: so each is told to look at home first, and to look now.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn open(file: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    const RTLD_DEEPBIND: i32 = 8;
    // SAFETY: the user names a library of matrix products; the initialisers of those ask nothing of their caller.
    unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) }.map(Into::into)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn open(file: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: as above.
    unsafe { Library::new(file) }
}
