//! Files of people in an experiment. The document names each by its path and the hash of its text; the database stores
//! a text once, however many documents name it.

use crate::people::person::read_file;
use crate::people::source::FOLDER;
use crate::people::{Fault, Written};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// Maximum size of one file, in bytes.
pub const LARGEST: usize = 1 << 20;
/// Maximum size of all files, in bytes.
pub const LARGEST_SUM: usize = 100 << 20;
/// Maximum number of files.
pub const MOST_FILES: usize = 5000;

/// A file of a person or a fragment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PersonFile {
    /// Path within the experiment's folder.
    pub path: String,
    /// SHA-256 of the text, in hex.
    pub hash: String,
    /// The text; `None` in a document of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<FileText>,
}

/// Two files are equal if their paths and texts are.
impl PartialEq for PersonFile {
    fn eq(&self, other: &Self) -> bool {
        let Self { path, hash, text: _ } = self;
        (path, hash) == (&other.path, &other.hash)
    }
}

/// A text that is parsed once, however many copies share it.
#[derive(Debug, Clone)]
struct FileText(Arc<(String, OnceLock<Result<Written, Fault>>)>);

impl FileText {
    fn new(text: String) -> Self {
        Self(Arc::new((text, OnceLock::new())))
    }
}

impl Serialize for FileText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl PersonFile {
    /// Creates a file with its text.
    pub fn new(path: &str, text: String) -> Self {
        let hash = hex::encode(Sha256::digest(&text));
        Self { path: path.to_owned(), hash, text: Some(FileText::new(text)) }
    }

    /// Returns the text, unless only its hash is known.
    pub fn text(&self) -> Option<&str> {
        self.text.as_ref().map(|text| text.0.0.as_str())
    }

    /// Puts the text in, which the database stores under the hash.
    pub fn fill_text(&mut self, text: String) {
        self.text = Some(FileText::new(text));
    }

    /// Returns the file as a document of the database names it.
    #[must_use]
    pub fn without_text(&self) -> Self {
        Self { text: None, ..self.clone() }
    }

    /// Reads the person or the fragment.
    ///
    /// # Errors
    /// The text is neither, or it is missing.
    pub fn read(&self) -> Result<&Written, Fault> {
        let Some(text) = &self.text else {
            let hint = "`convoke verify` examines the database";
            return Err(Fault::of_file(format!("the text of `{}` is missing", self.path), hint));
        };
        text.0.1.get_or_init(|| read_file(&self.path, &text.0.0)).as_ref().map_err(Clone::clone)
    }
}

/// A file that is kept as it is, such as the links of a world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TextFile {
    /// Path within the experiment's folder.
    pub path: String,
    /// SHA-256 of the text, in hex.
    pub hash: String,
    /// The text; `None` in a document of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Two files are equal if their paths and texts are.
impl PartialEq for TextFile {
    fn eq(&self, other: &Self) -> bool {
        let Self { path, hash, text: _ } = self;
        (path, hash) == (&other.path, &other.hash)
    }
}

impl TextFile {
    /// Creates a file with its text.
    pub fn new(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), hash: hex::encode(Sha256::digest(&text)), text: Some(text) }
    }

    /// Returns the file as a document of the database names it.
    #[must_use]
    pub fn without_text(&self) -> Self {
        Self { text: None, ..self.clone() }
    }
}

/// Returns true if a path of a document or a folder is that of a file of people, and stays in the folder.
pub fn is_people_path(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    path.starts_with(FOLDER) && path.split('/').all(is_name)
}
