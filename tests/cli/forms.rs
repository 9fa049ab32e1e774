//! Names and files in the forms that other systems write: Unicode forms, bytes that are not UTF-8, `.env` of other
//! programs and editors, addresses as vendors print them.

use crate::support::Place;
use crate::support::database::SMALL;

fn named(place: &Place, folder: &str, name: &str) {
    place.folder(folder, SMALL);
    let toml = SMALL[0].1.replace("name = \"small\"", &format!("name = \"{name}\""));
    place.write(&format!("{folder}/experiment.toml"), &toml);
}

#[test]
fn an_experiment_is_found_by_both_forms_of_its_name_and_made_once() {
    for (one, other) in [("\u{e9}t\u{e9}", "e\u{301}te\u{301}"), ("o\u{308}l", "\u{f6}l")] {
        let place = Place::new();
        named(&place, "a", one);
        named(&place, "b", other);
        place.run("run a --offline --limit 1").exits(0);
        for line in [format!("show {other}"), format!("list {other}"), format!("show {one}")] {
            place.run(&line).exits(0);
        }
        // A new one whose name looks the same is refused, by every way of making one.
        place.run("import b").exits(2);
        place.words(&["duplicate", one, "--name", other], &[]).exits(2);
        let listed = place.run("list --json").exits(0).json();
        let names: Vec<&str> = listed["data"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
        assert_eq!(names, [one], "byte for byte as it was written");
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_not_utf8_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    for (word, bytes) in [("run", &b"sm\xe4ll"[..]), ("check", &b"\xff\xfe"[..]), ("show", &b"a\xc3"[..])] {
        let output = place.command().arg(word).arg(OsStr::from_bytes(bytes)).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains("is not UTF-8") && err.contains(&*String::from_utf8_lossy(bytes)), "{err}");
        let output = place.command().args(["--json", word]).arg(OsStr::from_bytes(bytes)).output().unwrap();
        let _: serde_json::Value = serde_json::from_slice(output.stdout.trim_ascii()).unwrap();
    }
    // The folder itself can be used.
    place.folder("small", SMALL);
    let odd = place.path().join(OsStr::from_bytes(b"sm\xe4ll"));
    std::fs::rename(place.path().join("small"), &odd).unwrap();
    let output = place.command().current_dir(&odd).args(["check", "."]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_dotenv_of_another_program_or_editor_is_read() {
    let ours = "OPENAI_BASE_URL=https://gpu01.example:1234/v1\n";
    let utf16 = |text: &str, read: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(read).collect()
    };
    let latin1: Vec<u8> =
        format!("# caf@\nOTHER=caf@\n{ours}").bytes().map(|b| if b == b'@' { 0xe9 } else { b }).collect();
    for (case, bytes, warns) in [
        ("BOM", format!("\u{feff}{ours}").into_bytes(), false),
        ("CRLF", ours.replace('\n', "\r\n").into_bytes(), false),
        ("BOM and CRLF", format!("\u{feff}# x\r\n{}", ours.replace('\n', "\r\n")).into_bytes(), false),
        ("UTF-16 LE", utf16(ours, u16::to_le_bytes), false),
        ("UTF-16 BE", utf16(&ours.replace('\n', "\r\n"), u16::to_be_bytes), false),
        ("a list", format!("ALLOWED = a b c\n{ours}").into_bytes(), true),
        ("a shell", format!("set -a\n{ours}source x\n").into_bytes(), true),
        ("YAML", format!("NODE: production\n{ours}").into_bytes(), true),
        ("a quote that is never closed", format!("MOTTO=it's so\n{ours}").into_bytes(), true),
        ("Latin-1 elsewhere", latin1, true),
    ] {
        let place = Place::new();
        std::fs::write(place.path().join(".env"), bytes).unwrap();
        let outcome = place.run("doctor --config").exits(0);
        assert!(outcome.out.contains("gpu01.example:1234"), "{case}: {}", outcome.screen());
        assert_eq!(outcome.err.contains("left out"), warns, "{case}: {}", outcome.screen());
    }
    for bad in ["DB_PASSWORD=a b c\n", "CAMPUS_KEY = 'x\n", "OPENAI_API_KEY sk-canary\n"] {
        let place = Place::new();
        std::fs::write(place.path().join(".env"), bad).unwrap();
        let outcome = place.run("list").exits(2);
        assert!(outcome.err.contains("line 1") && !outcome.err.contains("canary"), "{}", outcome.screen());
    }
}

#[test]
fn addresses_of_databases_as_they_are_written() {
    let place = Place::new();
    for (store, exit, words) in [
        ("sqlite::memory:", 2, "the path of a file"),
        ("\"sqlite:x.db\"", 6, "x.db"),
        ("SQLITE:x.db", 6, "x.db"),
        ("MONGODB://127.0.0.1:9/d?serverSelectionTimeoutMS=50", 4, ""),
        ("'mongodb://127.0.0.1:9/d'", 4, ""),
        ("https://host", 2, "mongodb"),
    ] {
        let outcome = place.words(&["list", "--store", store], &[]).exits(exit);
        assert!(outcome.err.contains(words), "{}", outcome.screen());
    }
}
