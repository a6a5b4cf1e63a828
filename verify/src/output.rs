//! Output files, written at the end of long work.
//!
//! Each path is checked before the work begins, so that a bad one costs no work. No file is touched then. The contents are written to
//! a temporary file next to the old one, which it then replaces in one step. So an interruption leaves old files unchanged, and a
//! partial new file is never visible.
//!
//! * A link is kept: the file that it points to is replaced.
//! * Anything but a regular file, such as a terminal, `/dev/stdout` or a pipe, is opened before the work and written after it.
//! * A file that is writable, in a directory in which no file can be created, is written in place.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Component, MAIN_SEPARATOR, Path, PathBuf};
use std::{error, fmt};

/// A file to write.
#[derive(Debug)]
pub struct Output {
    /// The path as given by the user.
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The canonical path of a regular file, which need not exist yet.
    File(PathBuf),
    /// Anything else that can be written to, already open.
    Stream(File),
}

/// The reason why an output cannot be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An error of the system.
    Unwritable {
        /// The path.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// Two outputs are the same file, or one is a file and the other is in a directory of the same name.
    Conflict {
        /// The first path.
        first: PathBuf,
        /// The second path.
        second: PathBuf,
    },
}

impl Output {
    /// Checks that a file can be written at each of these paths together with the others, and creates the directories that they need.
    ///
    /// # Errors
    /// If one cannot be written.
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

    /// Writes the complete contents of the file.
    ///
    /// # Errors
    /// If the system refuses. A regular file is unchanged then, unless it could only be written in place.
    pub fn write(&mut self, text: &str) -> Result<(), Error> {
        let written = match &mut self.place {
            Place::File(path) => replace(path, text),
            Place::Stream(stream) => stream.write_all(text.as_bytes()),
        };
        written.map_err(unwritable(&self.path))
    }

    /// Whether the two cannot both exist.
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
                // `canonical` does not check this end of a path.
                let named = path.as_os_str().as_encoded_bytes();
                let directory = [&b"/"[..], b"/.", &[MAIN_SEPARATOR as u8]].iter().any(|end| named.ends_with(end));
                return if directory { Err(ErrorKind::IsADirectory.into()) } else { canonical(path).map(Self::File) };
            }
            Err(error) => return Err(error),
        };
        if let Some(stream) = standard_stream(&metadata)? {
            return Ok(Self::Stream(stream));
        }
        // Neither creates nor empties a file.
        let file = OpenOptions::new().write(true).open(path)?;
        if metadata.is_file() { fs::canonicalize(path).map(Self::File) } else { Ok(Self::Stream(file)) }
    }

    /// Creates a file's directory, and checks that a file can be created there.
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

/// The canonical path of something that may not exist, nor its directory.
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

/// The directory of a path; `.` for a bare name.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory.as_os_str() == OsStr::new("") => Path::new("."),
        Some(directory) => directory,
        None => path,
    }
}

/// Standard output or standard error, if the path leads to one of them. A file that a shell has opened for it must keep its place in
/// the directory, and the output must be appended to it.
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

/// Replaces the old file, if there is one, with a new one that has its owner and permissions.
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
            // Only some users may give a file away.
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

/// Whether the directory refuses a file or its replacement. The file itself may be a mount point.
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
