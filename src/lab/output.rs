//! Output to a place that a person named: a file or folder that appears when it is complete, or a pipe or device.
//!
//! convoke follows links. It writes a file beside its target, and renames it when it is complete. Where it cannot write
//! into that folder, it replaces the content in place. It writes to pipes, sockets and devices, and replaces none.

use super::error::{LabError, PlaceError};
use crate::process::harmless::harmless;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile, TempDir};

/// Beginning of the names of unfinished files and folders.
const UNFINISHED: &str = ".convoke-";
/// Endings of the names of a database's files.
const OF_DATABASE: [&str; 6] = ["", "-wal", "-shm", "-journal", ".lock", ".bak"];
/// Beginning of the endings of its backups.
const BACKUP: &[u8] = b".schema-";
/// Maximum number of links to follow, as in Linux.
const LINKS: usize = 40;

/// A place for output.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Path as the person named it.
    pub path: PathBuf,
    /// True if the output may replace an existing file, or a folder with an earlier export.
    pub force: bool,
    /// True if only the owner may read the file.
    pub is_private: bool,
    /// File of the database in use, which no output may replace.
    pub database: Option<PathBuf>,
}

impl Destination {
    /// Returns a destination that everybody may read, as far as the umask allows.
    pub fn new(path: PathBuf, force: bool) -> Self {
        Self { path, force, is_private: false, database: None }
    }

    pub(super) fn error(&self, source: io::Error) -> LabError {
        LabError::Write { path: self.path.clone(), source }
    }

    /// True if the path leads to a pipe, socket or device, which gets one text after another.
    pub fn is_object(&self) -> bool {
        matches!(Place::find(&self.path), Ok(Place::Object(_)))
    }

    /// Finds the place, and refuses one that belongs to the database.
    fn find_place(&self) -> Result<Place, LabError> {
        let place = Place::find(&self.path).map_err(|e| self.error(e))?;
        let target = match &place {
            Place::Free(target) | Place::File(target, _) | Place::Folder(target, _) => target,
            Place::Object(_) => &self.path,
        };
        if self.database.as_ref().is_some_and(|database| is_of_database(target, database)) {
            return Err(PlaceError::Database(self.path.clone()).into());
        }
        Ok(place)
    }

    /// Adds the path to the error of a failed write.
    pub(super) fn name_in(&self, error: impl Into<LabError>) -> LabError {
        match error.into() {
            LabError::Output(source) => self.error(source),
            other => other,
        }
    }
}

/// Kind of place that a path leads to.
enum Place {
    Free(PathBuf),
    File(PathBuf, Metadata),
    Folder(PathBuf, Metadata),
    /// A pipe, socket, device or open descriptor, which nothing may replace.
    Object(FileType),
}

impl Place {
    fn find(path: &Path) -> io::Result<Self> {
        let mut target = path.to_owned();
        for _ in 0..LINKS {
            if is_descriptor(&target) {
                return Ok(Self::Object(fs::metadata(&target)?.file_type()));
            }
            let Ok(next) = fs::read_link(&target) else { return Self::of(target) };
            target = parent(&target).join(next);
        }
        Err(io::Error::other("too many links"))
    }

    fn of(target: PathBuf) -> io::Result<Self> {
        match fs::metadata(&target) {
            Ok(found) if found.is_dir() => Ok(Self::Folder(target, found)),
            Ok(found) if found.is_file() => Ok(Self::File(target, found)),
            Ok(found) => Ok(Self::Object(found.file_type())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::Free(target)),
            Err(error) => Err(error),
        }
    }
}

/// True for a path such as `/dev/fd/3` and `/proc/self/fd/1`, which a shell passes for an open file.
fn is_descriptor(path: &Path) -> bool {
    let folder = parent(path);
    folder == Path::new("/dev/fd")
        || folder.canonicalize().is_ok_and(|folder| folder.starts_with("/proc") && folder.ends_with("fd"))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// True for a file of the database, under any name, and for a place below the name of one. SQLite would take a file that
/// it finds under such a name for its own.
fn is_of_database(target: &Path, database: &Path) -> bool {
    let Ok(database) = database.canonicalize() else { return false };
    let database = database.as_os_str();
    let is_name = |path: &Path| {
        let real = parent(path).canonicalize().ok().zip(path.file_name()).map(|(folder, name)| folder.join(name));
        let real = real.unwrap_or_default().into_os_string();
        let ending = real.as_encoded_bytes().strip_prefix(database.as_encoded_bytes());
        ending.is_some_and(|e| e.starts_with(BACKUP) || OF_DATABASE.iter().any(|of| of.as_bytes() == e))
    };
    let with = |ending: &str| PathBuf::from([database, OsStr::new(ending)].into_iter().collect::<OsString>());
    target.ancestors().any(is_name) || OF_DATABASE.iter().map(|e| with(e)).any(|file| is_same_file(target, &file))
}

/// True for two names of one existing file.
fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        id(a).is_some_and(|a| Some(a) == id(b))
    }
    #[cfg(not(unix))]
    {
        a.canonicalize().ok().is_some_and(|a| Some(a) == b.canonicalize().ok())
    }
}

/// True if the owner took away their own permission to write. Root could write nevertheless.
fn is_protected(found: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o200 == 0;
    #[cfg(not(unix))]
    found.permissions().readonly()
}

/// A file that appears when it is complete, or an object that receives the output.
pub struct NewFile {
    out: BufWriter<Out>,
    to: Destination,
}

enum Out {
    Object(Box<dyn Write + Send>),
    /// Output for a terminal, which gets it without control characters (contract S1).
    Terminal(File, Vec<u8>),
    Unfinished {
        file: NamedTempFile,
        target: PathBuf,
        is_new: bool,
    },
}

impl NewFile {
    /// Begins a file. An existing file remains until [`Self::finish`].
    pub fn create(to: &Destination) -> Result<Self, LabError> {
        let is_folder = to.path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let out = match to.find_place()? {
            Place::Folder(..) => return Err(PlaceError::Folder(to.path.clone()).into()),
            Place::Free(_) if is_folder => return Err(PlaceError::Folder(to.path.clone()).into()),
            Place::File(_, found) if is_protected(&found) => return Err(PlaceError::Protected(to.path.clone()).into()),
            Place::File(..) if !to.force => return Err(PlaceError::Taken(to.path.clone()).into()),
            Place::File(target, found) => begin_replacement(&target, &found, to.is_private)
                .map(|file| Out::Unfinished { file, target, is_new: false }),
            Place::Free(target) => fs::create_dir_all(parent(&target))
                .and_then(|()| begin_file(to.is_private).tempfile_in(parent(&target)))
                .map(|file| Out::Unfinished { file, target, is_new: true }),
            Place::Object(kind) => open_object(&to.path, kind),
        };
        Ok(Self { out: BufWriter::new(out.map_err(|e| to.error(e))?), to: to.clone() })
    }

    /// Begins a second file. Beside a pipe or a device there is no place for it.
    pub fn create_beside(&self, to: &Destination) -> Result<Self, LabError> {
        match self.out.get_ref() {
            Out::Unfinished { .. } => Self::create(to),
            Out::Object(_) | Out::Terminal(..) => Err(PlaceError::NoFile(self.to.path.clone()).into()),
        }
    }

    /// Completes the output: a file is made durable, and gets its name.
    pub fn finish(self) -> Result<(), LabError> {
        let Self { out, to } = self;
        let done = match out.into_inner().map_err(io::IntoInnerError::into_error) {
            Ok(Out::Unfinished { file, target, is_new }) => {
                file.as_file().sync_all().and_then(|()| move_into_place(file, &target, is_new))
            }
            Ok(Out::Object(mut out)) => out.flush(),
            Ok(Out::Terminal(mut out, text)) => out.write_all(harmless(&String::from_utf8_lossy(&text)).as_bytes()),
            Err(error) => Err(error),
        };
        done.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => PlaceError::Taken(to.path.clone()).into(),
            _ => to.error(error),
        })
    }
}

fn begin_file(is_private: bool) -> Builder<'static, 'static> {
    let mut file = Builder::new();
    file.prefix(UNFINISHED);
    #[cfg(unix)]
    if !is_private {
        file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    file
}

/// Begins the new content of a file, beside it if possible. It has the owner and the permissions of the old one.
fn begin_replacement(target: &Path, old: &Metadata, is_private: bool) -> io::Result<NamedTempFile> {
    // Fails for a file that this person may not change, although they could rename another over it.
    File::options().write(true).open(target)?;
    let new = match begin_file(true).tempfile_in(parent(target)) {
        Err(error) if is_refused(&error) => begin_file(true).tempfile(),
        other => other,
    }?;
    if !is_private {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            // Only root can give a file to somebody else.
            let _ = fchown(new.as_file(), Some(old.uid()), Some(old.gid()));
        }
        new.as_file().set_permissions(old.permissions())?;
    }
    Ok(new)
}

/// True if the system refuses a new file in the folder, or refuses to rename it over the old file.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices
    )
}

fn open_object(path: &Path, kind: FileType) -> io::Result<Out> {
    #[cfg(unix)]
    {
        use std::os::unix::{fs::FileTypeExt, net::UnixStream};
        if kind.is_block_device() {
            return Err(io::Error::other("it is a disk"));
        }
        if kind.is_socket() && !is_descriptor(path) {
            return Ok(Out::Object(Box::new(UnixStream::connect(path)?)));
        }
    }
    // A descriptor may be a file to which a shell appends.
    let file = File::options().append(true).open(path)?;
    Ok(if file.is_terminal() { Out::Terminal(file, Vec::new()) } else { Out::Object(Box::new(file)) })
}

fn move_into_place(file: NamedTempFile, target: &Path, is_new: bool) -> io::Result<()> {
    let renamed = if is_new { file.persist_noclobber(target) } else { file.persist(target) };
    match renamed {
        Ok(_) => Ok(()),
        Err(failed) if is_new && failed.error.kind() != ErrorKind::AlreadyExists => {
            // Some file systems can rename, but cannot refuse an existing name.
            failed.file.persist(target).map(drop).map_err(|failed| failed.error)
        }
        Err(mut failed) if !is_new && is_refused(&failed.error) => copy_over(failed.file.as_file_mut(), target),
        Err(failed) => Err(failed.error),
    }
}

/// Replaces the content of a file in place. A failure leaves it empty, since half a file may look complete.
fn copy_over(new: &mut File, target: &Path) -> io::Result<()> {
    new.rewind()?;
    let mut file = File::options().write(true).truncate(true).open(target)?;
    let copied = io::copy(new, &mut file).and_then(|_| file.sync_all());
    copied.inspect_err(|_| drop(file.set_len(0)))
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Object(out) => out.write(bytes),
            Self::Terminal(_, text) => text.write(bytes),
            Self::Unfinished { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes files completely. Nothing is written if one of them may not be.
pub fn write_files(files: &[(Destination, &[u8])]) -> Result<(), LabError> {
    let begun: Vec<NewFile> = files.iter().map(|(to, _)| NewFile::create(to)).collect::<Result<_, _>>()?;
    for (mut file, (to, bytes)) in begun.into_iter().zip(files) {
        file.write_all(bytes).map_err(|e| to.error(e))?;
        file.finish()?;
    }
    Ok(())
}

/// A folder that appears when it is complete.
pub struct NewFolder {
    /// Holds the new folder, then the old one until it is removed.
    beside: TempDir,
    target: PathBuf,
    replaces: bool,
    to: Destination,
}

impl NewFolder {
    /// Begins a folder. It may replace a folder whose files `is_own` accepts; else its name must be free.
    pub fn create(to: &Destination, is_own: impl FnOnce(&Path) -> Result<bool, LabError>) -> Result<Self, LabError> {
        let (target, replaces) = match to.find_place()? {
            Place::Free(target) => (target, false),
            Place::Folder(_, found) if is_protected(&found) => {
                return Err(PlaceError::Protected(to.path.clone()).into());
            }
            Place::Folder(target, _) if to.force => {
                if !is_own(&target)? {
                    return Err(PlaceError::Foreign(to.path.clone()).into());
                }
                (target, true)
            }
            Place::Folder(..) => return Err(PlaceError::Taken(to.path.clone()).into()),
            Place::File(..) | Place::Object(_) => return Err(PlaceError::NoFolder(to.path.clone()).into()),
        };
        let parent = parent(&target);
        let beside = fs::create_dir_all(parent).and_then(|()| Builder::new().prefix(UNFINISHED).tempdir_in(parent));
        let folder = Self { beside: beside.map_err(|e| to.error(e))?, target, replaces, to: to.clone() };
        fs::create_dir(folder.new_folder()).map_err(|e| to.error(e))?;
        Ok(folder)
    }

    fn new_folder(&self) -> PathBuf {
        self.beside.path().join("new")
    }

    /// Writes a file of the folder; `name` is relative to it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.new_folder().join(name);
        fs::create_dir_all(parent(&path)).and_then(|()| fs::write(path, bytes))
    }

    /// Renames the folder into place.
    pub fn finish(self) -> Result<(), LabError> {
        let (new, old) = (self.new_folder(), self.beside.path().join("old"));
        let aside = if self.replaces { fs::rename(&self.target, &old) } else { Ok(()) };
        let moved = aside.and_then(|()| fs::rename(new, &self.target));
        if moved.is_err() && old.exists() && fs::rename(&old, &self.target).is_err() {
            let _ = self.beside.keep();
        }
        moved.map_err(|e| self.to.error(e))
    }
}

/// Returns the files of a folder, by their paths within it; `None` if it holds anything else, such as a link.
pub fn list_files(folder: &Path) -> io::Result<Option<Vec<String>>> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(inner)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            let name = path.strip_prefix(folder).ok().and_then(Path::to_str).map(str::to_owned);
            match name {
                Some(name) if kind.is_file() => files.push(name),
                Some(_) if kind.is_dir() => open.push(path),
                _ => return Ok(None),
            }
        }
    }
    Ok(Some(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let to = |name: &str| Destination::new(place.path().join(name), false);
        let mut file = NewFile::create(&to("a.jsonl")).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        let folder = NewFolder::create(&to("exports/x"), |_| Ok(true)).unwrap();
        folder.write("prompts/a.md", b"half").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(place.path().join("exports")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_is_taken_meanwhile_is_not_replaced() {
        let place = tempfile::tempdir().unwrap();
        let to = |name: &str| Destination::new(place.path().join(name), false);
        let file = NewFile::create(&to("a")).unwrap();
        fs::write(place.path().join("a"), "precious").unwrap();
        assert!(matches!(file.finish(), Err(LabError::Place(PlaceError::Taken(_)))));
        assert_eq!(fs::read(place.path().join("a")).unwrap(), b"precious");
        let folder = NewFolder::create(&to("b"), |_| Ok(true)).unwrap();
        fs::create_dir(place.path().join("b")).unwrap();
        fs::write(place.path().join("b/a"), "precious").unwrap();
        assert!(folder.finish().is_err());
        assert_eq!(fs::read(place.path().join("b/a")).unwrap(), b"precious");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }
}
