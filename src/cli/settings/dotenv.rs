//! Writing `.env`. A changed variable changes only its own line. The file is replaced as a whole or not at all.

use crate::cli::error::{CliError, Exit};
use crate::lab::output::{Destination, write_files};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Sets these variables in the `.env` of a folder. Only the owner of the file can read it. A symbolic link stays a
/// link.
pub fn save_variables(folder: &Path, values: &[(&str, String)]) -> Result<(), CliError> {
    let path = folder.join(".env");
    let failed = |e: &io::Error| {
        CliError::new(Exit::Usage, "file", format!("cannot write {}", path.display()))
            .cause(e)
            .hint("nothing of it was changed; see .env_template for writing it by hand")
    };
    let target = resolve_link(&path).map_err(|e| failed(&e))?;
    let old = match fs::read_to_string(&target) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(|e| failed(&e))?,
    };
    let new = set_variables(&old, values);
    if !reads_back(&old, &new, values) {
        return Err(failed(&io::Error::other("it holds lines that another one would break")));
    }
    let to = Destination { path: target, force: true, is_private: true, database: None };
    write_files(&[(to, new.as_bytes())]).map_err(|e| failed(&io::Error::other(e)))
}

/// Returns the target of `.env` if it is a link.
fn resolve_link(path: &Path) -> io::Result<PathBuf> {
    match path.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(e) => Err(e),
        Ok(_) => {
            let target = path.canonicalize()?;
            if target.is_file() { Ok(target) } else { Err(io::Error::other("it is no file")) }
        }
    }
}

/// Replaces a file by a new one, which is first written beside the old file. No other user can create or read the new
/// file.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!("{name}.{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // The unfinished file may hold a password, so it is removed.
        let _ = fs::remove_file(&new);
    }
    written?;
    // Syncs the folder as well, on systems that support this.
    let _ = File::open(folder).and_then(|f| f.sync_all());
    Ok(())
}

/// Returns the text with these variables set. A variable keeps the line that assigns it last; a new one is added at the
/// end.
fn set_variables(text: &str, values: &[(&str, String)]) -> String {
    let mut lines: Vec<String> = split_lines(text);
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let now = parse_variables(text).unwrap_or_default();
    for (name, value) in values {
        if now.get(*name).map_or("", String::as_str) == value {
            continue;
        }
        let assignment = format!("{name}={}", quote_value(value));
        // The last assignment of a variable counts.
        if let Some(line) = lines.iter_mut().rev().find(|l| assigned_name(l) == Some(name)) {
            let export = if line.trim_start().starts_with("export") { "export " } else { "" };
            let ending = &line[line.trim_end_matches(['\r', '\n']).len()..];
            *line = format!("{export}{assignment}{ending}");
            continue;
        }
        if let Some(last) = lines.last_mut().filter(|l| !l.ends_with('\n')) {
            last.push_str(end);
        }
        lines.push(format!("{assignment}{end}"));
    }
    lines.concat()
}

/// Returns the variable that a line assigns.
pub(super) fn assigned_name(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().split_once('=')?;
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    Some(name).filter(|n| !n.is_empty() && !n.starts_with('#'))
}

/// Splits a text into lines with their line ends. A quoted value with line breaks stays one line, as in `dotenvy`.
pub(super) fn split_lines(text: &str) -> Vec<String> {
    let (mut lines, mut now) = (Vec::new(), String::new());
    let (mut quote, mut escaped, mut blank) = (None, false, false);
    for line in text.split_inclusive('\n') {
        now.push_str(line);
        let is_comment = quote.is_none() && !escaped && now.trim_start().starts_with('#');
        for c in line.chars().take_while(|_| !is_comment) {
            match (quote, c) {
                _ if escaped => escaped = false,
                (_, '\\') => escaped = true,
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (None, '#') if blank => break,
                _ => {}
            }
            blank = c.is_whitespace();
        }
        if quote.is_none() && !escaped {
            lines.push(std::mem::take(&mut now));
        }
    }
    lines.extend(Some(now).filter(|n| !n.is_empty()));
    lines
}

/// Quotes a value so that `dotenvy` reads the same value. A shell reads it too, if possible.
fn quote_value(value: &str) -> String {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:,+@%".contains(c)) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\\', '\n']) {
        return format!("'{value}'");
    }
    let escaped = value.chars().fold(String::new(), |mut out, c| {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' | '"' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
        out
    });
    format!("\"{escaped}\"")
}

fn parse_variables(text: &str) -> Option<BTreeMap<String, String>> {
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().ok()
}

/// Returns true if the new text sets the new values and keeps all other variables.
fn reads_back(old: &str, new: &str, values: &[(&str, String)]) -> bool {
    let (Some(mut old), Some(mut new)) = (parse_variables(old), parse_variables(new)) else { return false };
    let right = values.iter().all(|(name, value)| new.get(*name).map_or("", String::as_str) == value);
    for (name, _) in values {
        old.remove(*name);
        new.remove(*name);
    }
    // A value may refer to a changed variable, so values of other variables may change. Only their names must stay.
    right && old.keys().eq(new.keys())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set_one(text: &str, name: &str, value: &str) -> String {
        set_variables(text, &[(name, value.to_owned())])
    }

    #[test]
    fn only_its_own_line_changes() {
        let text = "# DB_USER=example\nexport DB_USER = ann # me\r\n\nOTHER='a\nDB_USER=no\n' \nX=1 # it's\nDB_NAME=d";
        let new = "# DB_USER=example\nexport DB_USER=eve\r\n\nOTHER='a\nDB_USER=no\n' \nX=1 # it's\nDB_NAME=d";
        assert_eq!(set_one(text, "DB_USER", "eve"), new);
        assert_eq!(set_one(text, "DB_NAME", "e f"), text.replace("DB_NAME=d", "DB_NAME='e f'"));
        assert_eq!(set_one(text, "DB_NAME", "d"), text, "as it was");
        assert_eq!(set_one("A=1", "B", "2"), "A=1\nB=2\n");
        assert_eq!(set_one("A=1\r\n", "B", "2"), "A=1\r\nB=2\r\n");
        assert_eq!(set_one("A=1\nA=2\n", "A", "3"), "A=1\nA=3\n", "the last one counts");
        assert_eq!(set_one("", "A", ""), "", "empty is unset");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_and_a_link_stays() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("here/.env"));
        fs::create_dir(folder.path().join("here")).unwrap();
        fs::write(&real, "A=1\n").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        save_variables(&folder.path().join("here"), &[("B", "p@ss $1".to_owned())]).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "A=1\nB='p@ss $1'\n");
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");

        fs::write(&real, "A=1\nbroken line\n").unwrap();
        let error = save_variables(&folder.path().join("here"), &[("B", "canary".to_owned())]).unwrap_err();
        assert_eq!(fs::read_to_string(&real).unwrap(), "A=1\nbroken line\n");
        assert!(!format!("{error:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn any_value_is_read_back(value in any::<String>(), nasty in "[\"'$#\\\\\n\r {}a]{0,12}", before in "(A=1|#x|B='a b'|C=\"\n\"|\n){0,4}") {
            let before = if parse_variables(&before).is_some() { before } else { String::new() };
            for value in [value, nasty] {
                let text = set_one(&before, "DB_PASSWORD", &value);
                prop_assert_eq!(parse_variables(&text).unwrap().remove("DB_PASSWORD").unwrap_or_default(), value.clone());
                let again = set_one(&set_one(&text, "DB_PASSWORD", "between"), "DB_PASSWORD", &value);
                prop_assert!(reads_back(&before, &again, &[("DB_PASSWORD", value)]));
                prop_assert!(again.starts_with(&before));
            }
        }
    }
}
