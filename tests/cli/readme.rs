//! Every command in README.md works, in order, in a copy of the repository.

use crate::support::Place;
use std::path::Path;
use std::process::Command;

/// Commands that a test cannot or need not repeat.
const SKIPPED: &[&str] = &["cargo test", "cargo install ", "git ", "cd "];

/// Returns the command of a line as run here; `None` if it is skipped.
fn command(line: &str) -> Option<String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || SKIPPED.iter().any(|s| line.starts_with(s)) {
        return None;
    }
    if line == "convoke" || line.starts_with("convoke ") {
        return Some(line.to_owned());
    }
    let arguments = line.strip_prefix("cargo run -- ");
    Some(format!("convoke {}", arguments.unwrap_or_else(|| panic!("README.md shows what no test knows: {line}"))))
}

/// Lines of its `sh` blocks; those that end in `\` are joined with the next.
fn lines(readme: &str) -> Vec<String> {
    let (mut found, mut within): (Vec<String>, bool) = (Vec::new(), false);
    for line in readme.lines() {
        if line.trim_start().starts_with("```") {
            within = line.trim() == "```sh";
        } else if within {
            match found.last_mut().filter(|last| last.ends_with('\\')) {
                Some(last) => {
                    last.pop();
                    last.push_str(line.trim_start());
                }
                None => found.push(line.to_owned()),
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn every_command_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let place = Place::new();
    copy(&root.join("experiments"), &place.path().join("experiments"));
    let program = assert_cmd::cargo::cargo_bin("convoke");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut ran = 0;
    for line in lines(&readme).iter().filter_map(|l| command(l)) {
        // A shell, so that quotes mean the same as for a reader.
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(place.path()).env_clear().env("PATH", &path);
        shell.env("XDG_CONFIG_HOME", place.path().join("configuration")).env("DB_USER", "tester");
        let output = shell.stdin(std::process::Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}` ends with {}:\n{said}", output.status);
        ran += 1;
    }
    assert!(ran > 5, "only {ran} commands were found");
}

/// Numbers at the beginning of lines, such as `130, 143`.
fn codes<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let number = |word: &str| word.trim_end_matches(',').parse().ok();
    lines.flat_map(|line| line.trim_start_matches(['|', ' ']).split(' ').map_while(number)).collect()
}

#[test]
fn every_exit_code_is_in_the_table_in_the_help_and_in_the_program() {
    let readme = include_str!("../../README.md");
    let (_, table) = readme.split_once("| exit code | means |").unwrap();
    let table = codes(table.lines().take_while(|line| line.is_empty() || line.starts_with('|')));
    let help = Place::new().run("--help").exits(0).out;
    let (_, help) = help.split_once("Exit codes:").unwrap();
    assert_eq!(table, codes(help.lines().take_while(|line| !line.starts_with("If "))));
    let program = include_str!("../../src/cli/error.rs").lines().filter_map(|line| line.trim().split_once(" = "));
    let program: Vec<u8> = program.filter_map(|(_, code)| code.strip_suffix(',')?.parse().ok()).collect();
    assert_eq!(table, program);
    assert!(table.contains(&8) && help.contains("5 before 8, 8 before 1"), "{help}");
}

#[test]
fn blocks_are_read() {
    let readme = "x\n```sh\nconvoke plan a \\\n  --json\n\n# why\ncargo run -- list\n```\n```text\nrm\n```\n";
    let commands: Vec<String> = lines(readme).iter().filter_map(|l| command(l)).collect();
    assert_eq!(commands, ["convoke plan a --json", "convoke list"]);
    assert_eq!(command("cd convoke"), None);
    assert!(std::panic::catch_unwind(|| command("rm -rf x")).is_err());
}
