//! Libraries that are found when the program runs.

#![expect(unsafe_code, reason = "loading a library runs its initialisers")]

use crate::Error;
use libloading::Library;
use std::error::Error as _;
use std::path::Path;

/// Loads a library for as long as the program runs: some have threads that do not survive being unloaded.
pub(crate) fn load(name: &str, file: &Path) -> Result<&'static Library, Error> {
    // SAFETY: the user names a library of matrix products; the initialisers of those ask nothing of their caller.
    match unsafe { Library::new(file) } {
        Ok(library) => Ok(Box::leak(Box::new(library))),
        Err(error) => {
            let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Err(format!("{name}: cannot load {}: {reason}", file.display()).into())
        }
    }
}
