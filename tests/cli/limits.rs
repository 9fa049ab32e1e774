//! Limits that batch systems and network disks set: each is told with its remedy, and nothing is lost.

use crate::support::Place;
use crate::support::database::SMALL;
use std::fs;
use std::process::{Command, Output};

/// File system without locks: `fcntl` answers an error, and `flock` too unless `FLOCK_OK` is set.
const NO_LOCKS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
static int fail(void) { errno = ENOLCK; return -1; }
#define BODY(real) va_list a; va_start(a, cmd); void *p = va_arg(a, void *); va_end(a); \
    if (cmd == F_SETLK || cmd == F_SETLKW || cmd == F_GETLK) return fail(); \
    int (*f)(int, int, ...) = dlsym(RTLD_NEXT, real); return f(fd, cmd, p);
int fcntl(int fd, int cmd, ...) { BODY("fcntl") }
int fcntl64(int fd, int cmd, ...) { BODY("fcntl64") }
int flock(int fd, int op) {
    return getenv("FLOCK_OK") ? ((int (*)(int, int)) dlsym(RTLD_NEXT, "flock"))(fd, op) : fail();
}
"#;

/// Runs a line of bash, with the program as `$convoke`.
fn bash(place: &Place, line: &str) -> (Output, String) {
    let program = place.command().get_program().to_owned();
    let mut command = Command::new("bash");
    command.args(["-c", line]).current_dir(place.path()).env("convoke", program);
    let output = command.env("HOME", place.path()).env_remove("XDG_CONFIG_HOME").output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, err)
}

#[test]
fn a_limit_on_the_size_of_files_is_told_like_a_full_disk() {
    let place = Place::new();
    place.folder("small", SMALL);
    let run = "$convoke run ./small --offline --yes --replicates 60 --store-wait 1s";
    let (output, err) = bash(&place, &format!("ulimit -f 300; {run}"));
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("is full") && err.contains("`ulimit -f`"), "{err}");
    let (output, err) = bash(&place, run);
    assert_eq!(output.status.code(), Some(0), "{err}");
    place.run("verify").exits(0);

    let (output, err) = bash(&place, "ulimit -f 50; $convoke export small --format jsonl --all -o big.jsonl");
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("cannot write") && err.contains("big.jsonl") && err.contains("`ulimit -f`"), "{err}");
    assert!(!place.files("").iter().any(|f| f.contains("big") || f.contains(".convoke-")), "{:?}", place.files(""));
}

#[test]
fn a_disk_without_locks_is_told_and_a_local_place_named() {
    let place = Place::new();
    place.folder("small", SMALL);
    place.write("nolock.c", NO_LOCKS);
    let words = ["-shared", "-fPIC", "-o", "nolock.so", "nolock.c", "-ldl"];
    let made = Command::new("cc").args(words).current_dir(place.path()).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no C compiler");
        return;
    }
    let so = place.path().join("nolock.so").display().to_string();
    for flock in ["", "1"] {
        let env: &[(&str, &str)] = if flock.is_empty() { &[] } else { &[("FLOCK_OK", "1")] };
        let with = [&[("LD_PRELOAD", so.as_str())], env].concat();
        let begun = std::time::Instant::now();
        for line in ["run ./small --offline --yes", "import ./small"] {
            let refused = place.run_with(line, &with).exits(4);
            assert!(refused.err.contains("has no locks") && refused.err.contains("--store sqlite:"), "{}", refused.err);
        }
        assert!(begun.elapsed().as_secs() < 8, "nobody is waited for");
        let doctor = place.run_with("doctor", &with);
        assert!(format!("{}{}", doctor.out, doctor.err).contains("has no locks"), "{}", doctor.screen());
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".convoke-")), "{left:?}");
    }
    place.run("run ./small --offline --yes").exits(0);
}
