//! Files that are written when long work is done.
//!
//! Before the work begins, each path is looked at, so that a bad one costs no work; no file is touched then. Once there is
//! something to write, it goes to a temporary file beside the old one, which takes its place in one step. So whatever interrupts the
//! work leaves old files as they were, and nobody ever sees half of a new one.
//!
//! * A link stays: the file that it leads to is replaced.
//! * What is no regular file, such as a terminal, `/dev/stdout` or a pipe, is opened before the work and written to after it.
//! * A file that may be written, in a directory in which none may be made, is written in place.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Component, MAIN_SEPARATOR, Path, PathBuf};
use std::{error, fmt};

/// A file to be written.
#[derive(Debug)]
pub struct Output {
    /// As the user named it.
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The canonical path of a regular file, which may not be there yet.
    File(PathBuf),
    /// Anything else that can be written to, open.
    Stream(File),
}

/// Why an output cannot be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The system says so.
    Unwritable {
        /// The path.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
    /// Two outputs are one file, or one is to be a file and the other to be in a directory of that name.
    Conflict {
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl Output {
    /// Looks whether a file can be written at each of these paths, beside the others, and makes the directories that they need.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn at<const COUNT: usize>(paths: [Option<&Path>; COUNT]) -> Result<[Option<Self>; COUNT], Error> {
        let mut outputs = [const { None }; COUNT];
        for (index, path) in paths.into_iter().enumerate() {
            let Some(path) = path else { continue };
            let output = Self { path: path.to_owned(), place: Place::find(path).map_err(unwritable(path))? };
            if let Some(first) = outputs[..index].iter().flatten().find(|first| output.excludes(first)) {
                return Err(Error::Conflict { first: first.path.clone(), second: output.path });
            }
            outputs[index] = Some(output);
        }
        for output in outputs.iter().flatten() {
            output.place.make_ready().map_err(unwritable(&output.path))?;
        }
        Ok(outputs)
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all that the file is to hold.
    ///
    /// # Errors
    /// When the system refuses; then a regular file is as it was, unless it could be written only in place.
    pub fn write(&mut self, text: &str) -> Result<(), Error> {
        let written = match &mut self.place {
            Place::File(path) => replace(path, text),
            Place::Stream(stream) => stream.write_all(text.as_bytes()),
        };
        written.map_err(unwritable(&self.path))
    }

    /// Whether there can be only one of the two.
    fn excludes(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::File(this), Place::File(other)) => this.starts_with(other) || other.starts_with(this),
            _ => false,
        }
    }
}

impl Place {
    fn find(path: &Path) -> io::Result<Self> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // `canonical` does not see this end of a path.
                let named = path.as_os_str().as_encoded_bytes();
                let directory = [&b"/"[..], b"/.", &[MAIN_SEPARATOR as u8]].iter().any(|end| named.ends_with(end));
                return if directory { Err(ErrorKind::IsADirectory.into()) } else { canonical(path).map(Self::File) };
            }
            Err(error) => return Err(error),
        };
        if let Some(stream) = standard_stream(&metadata)? {
            return Ok(Self::Stream(stream));
        }
        // Neither makes nor empties a file.
        let file = OpenOptions::new().write(true).open(path)?;
        if metadata.is_file() { fs::canonicalize(path).map(Self::File) } else { Ok(Self::Stream(file)) }
    }

    /// Makes a file's directory, and sees whether a file can be made there.
    fn make_ready(&self) -> io::Result<()> {
        match self {
            // The old file was opened for writing.
            Self::File(path) if path.exists() => Ok(()),
            Self::File(path) => {
                fs::create_dir_all(directory_of(path))?;
                tempfile::tempfile_in(directory_of(path)).map(drop)
            }
            Self::Stream(_) => Ok(()),
        }
    }
}

/// The canonical path of something that may not be there, nor its directory.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        found => return found,
    }
    let directory = directory_of(path);
    if let Ok(target) = fs::read_link(path) {
        return canonical(&directory.join(target));
    }
    match path.components().next_back() {
        Some(Component::Normal(name)) => Ok(canonical(directory)?.join(name)),
        Some(Component::ParentDir) => canonical(directory).map(|directory| directory_of(&directory).to_owned()),
        _ => Err(ErrorKind::NotFound.into()),
    }
}

/// The directory that a path is in; `.` for a bare name.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory.as_os_str() == OsStr::new("") => Path::new("."),
        Some(directory) => directory,
        None => path,
    }
}

/// Standard output or standard error, if that is what a path leads to. A file that a shell has opened for it must keep its place in
/// the directory, and what is written must come after what is in it.
#[cfg(unix)]
fn standard_stream(metadata: &Metadata) -> io::Result<Option<File>> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    for stream in [io::stdout().as_fd(), io::stderr().as_fd()] {
        let stream = File::from(stream.try_clone_to_owned()?);
        let its = stream.metadata()?;
        if (its.dev(), its.ino()) == (metadata.dev(), metadata.ino()) {
            return Ok(Some(stream));
        }
    }
    Ok(None)
}

#[cfg(not(unix))]
fn standard_stream(_: &Metadata) -> io::Result<Option<File>> {
    Ok(None)
}

/// Puts a new file in the place of an old one, if there is one, with its owner and permissions.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = match builder.tempfile_in(directory_of(path)) {
        Ok(file) => file,
        Err(error) if only_in_place(&error) => return fs::write(path, text),
        Err(error) => return Err(error),
    };
    file.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(path) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            // Only some may give a file away.
            let _ = fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
        }
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    match file.persist(path) {
        Ok(_) => Ok(()),
        Err(error) if only_in_place(&error.error) => fs::write(path, text),
        Err(error) => Err(error.error),
    }
}

/// Whether the directory is what refuses a file, or a replacement; the file itself may be mounted there.
fn only_in_place(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::ResourceBusy)
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::Unwritable { path: path.to_owned(), error }
}

impl error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwritable { path, error } => write!(f, "{}: it cannot be written: {error}", path.display()),
            Self::Conflict { first, second } => {
                write!(f, "{} and {} cannot both be written", first.display(), second.display())
            }
        }
    }
}
