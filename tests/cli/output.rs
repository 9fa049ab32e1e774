//! Output that a person names: nothing is destroyed, and nothing half written remains.

use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate};
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;

fn made() -> Place {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Interrupted(2), Fate::Pending, Fate::Done], FRIENDLY);
    place
}

/// Fails if an unfinished file or folder remains.
#[track_caller]
fn leaves_nothing(place: &Place) {
    let left: Vec<String> = place.files("").into_iter().filter(|f| f.contains(".convoke-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_existing_file_needs_force_in_every_format() {
    let place = made();
    for format in ["jsonl", "csv"] {
        place.write("there", "precious");
        let refused = place.run(&format!("export small --format {format} -o there")).exits(2);
        assert!(refused.err.contains("there exists already") && refused.err.contains("--force"), "{}", refused.err);
        assert_eq!(place.read("there"), "precious");
        place.run(&format!("export small --format {format} -o there --force")).exits(0);
        assert_eq!(place.read("there"), place.run(&format!("export small --format {format}")).exits(0).out);
    }
    for format in ["md", "folder"] {
        place.write("there", "precious");
        place.run(&format!("export small --format {format} -o there")).exits(2);
        let refused = place.run(&format!("export small --format {format} -o there --force")).exits(2);
        assert!(refused.err.contains("there exists already, and is no folder"), "{}", refused.err);
        assert!(!refused.err.contains("--force") && refused.err.contains("hint:"), "{}", refused.err);
        assert_eq!(place.read("there"), "precious", "a folder never replaces a file");
    }
    fs::create_dir(place.path().join("folder")).unwrap();
    for path in ["folder", "folder/", "new/", "."] {
        place.run(&format!("export small --format csv --force -o {path}")).exits(2);
    }
    leaves_nothing(&place);
}

#[test]
fn the_second_file_is_refused_before_the_first_is_written() {
    let place = made();
    place.write("a.calls.jsonl", "precious");
    let refused = place.run("export small --format csv --calls -o a.csv").exits(2);
    assert!(refused.err.contains("a.calls.jsonl exists already"), "{}", refused.err);
    assert!(!place.path().join("a.csv").exists());
    assert_eq!(place.read("a.calls.jsonl"), "precious");
    place.run("export small --format csv --calls -o a.csv --force").exits(0);
    assert!(place.read("a.calls.jsonl").starts_with('{'));
    let refused = place.run("export small --format csv --calls -o /dev/null").exits(2);
    assert!(refused.err.contains("beside"), "{}", refused.err);
    leaves_nothing(&place);
}

#[test]
fn the_database_in_use_is_never_replaced() {
    let place = made();
    let at = |name: &str| place.path().join(name);
    let refuse = |flags: &str, named: &str| {
        let refused = place.run(&format!("export small --all --force {flags}")).exits(2);
        let message = format!("{named} belongs to the database in use");
        assert!(refused.err.contains(&message) && refused.err.contains("hint:"), "{flags}: {}", refused.err);
    };
    let before = fs::read(at("convoke.db")).unwrap();
    symlink("convoke.db", at("link")).unwrap();
    symlink("convoke.db-journal", at("dangling")).unwrap();
    fs::hard_link(at("convoke.db"), at("twin")).unwrap();
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("convoke.db.schema-1.bak"), "precious").unwrap();
    for name in ["", "-wal", "-shm", "-journal", ".lock", ".bak", ".schema-1.bak", ".schema-1.bak.2", "-journal/new"] {
        for format in ["csv", "jsonl", "md", "folder"] {
            refuse(&format!("--format {format} -o convoke.db{name}"), &format!("convoke.db{name}"));
        }
    }
    for name in ["link", "dangling", "twin", "./convoke.db", "sub/../convoke.db"] {
        refuse(&format!("--format csv -o {name}"), name);
    }
    assert_eq!(fs::read(at("convoke.db")).unwrap(), before);
    assert_eq!(place.read("convoke.db.schema-1.bak"), "precious");
    assert!(!at("convoke.db-journal").exists() && !at("convoke.db.bak").exists());
    place.run("export small --format csv -o convoke.db.csv").exits(0);

    for (flag, second) in [("--calls", "a.calls.jsonl"), ("--codebook", "a.codebook.csv")] {
        fs::copy(at("convoke.db"), at(second)).unwrap();
        refuse(&format!("--format csv {flag} -o a.csv --store sqlite:{second}"), second);
        assert!(fs::read(at(second)).unwrap().starts_with(b"SQLite format 3") && !at("a.csv").exists());
    }
    leaves_nothing(&place);
}

#[test]
fn force_replaces_only_folders_that_export_wrote() {
    let place = made();
    for format in ["md", "folder"] {
        let export = |force: &str| place.run(&format!("export small --format {format} -o out{force}"));
        export("").exits(0);
        let files = place.files("out");
        assert!(export("").exits(2).err.contains("--force"));
        export(" --force").exits(0);
        assert_eq!(place.files("out"), files);
        for foreign in ["out/notes.txt", "out/roles/extra.md", "out/prompts/x.md"] {
            place.write(foreign, "precious");
            assert!(export(" --force").exits(2).err.contains("did not write"), "{format} {foreign}");
            assert_eq!(place.read(foreign), "precious");
            fs::remove_file(place.path().join(foreign)).unwrap();
        }
        fs::remove_dir_all(place.path().join("out")).unwrap();
        fs::create_dir(place.path().join("out")).unwrap();
        export("").exits(2);
        export(" --force").exits(0);
        fs::remove_dir_all(place.path().join("out")).unwrap();
    }
    // An experiment that was changed by hand, and one that no database has.
    place.run("export small --format folder -o out").exits(0);
    place.write("out/shared.md", "My own words.\n");
    place.run("export small --format folder -o out --force").exits(2);
    assert_eq!(place.read("out/shared.md"), "My own words.\n");
    place.run("new mine").exits(0);
    place.run("export small --format folder -o mine --force").exits(2);
    leaves_nothing(&place);
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let place = made();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("data")).unwrap();
    symlink("data/table.csv", at("link")).unwrap();
    symlink("link", at("twice")).unwrap();
    place.run("export small --format csv -o twice").exits(0);
    assert!(
        at("link").symlink_metadata().unwrap().is_symlink() && at("twice").symlink_metadata().unwrap().is_symlink()
    );
    let whole = place.read("data/table.csv");
    fs::write(at("data/table.csv"), "old").unwrap();
    set_mode(&at("data/table.csv"), 0o600);
    place.run("export small --format csv -o twice").exits(2);
    place.run("export small --format csv -o twice --force").exits(0);
    assert_eq!(place.read("data/table.csv"), whole);
    assert_eq!(at("data/table.csv").metadata().unwrap().mode() & 0o777, 0o600, "its permissions remain");
    symlink("round", at("round")).unwrap();
    place.run("export small --format csv -o round").exits(2);
    fs::create_dir(at("real")).unwrap();
    symlink("real", at("folder")).unwrap();
    place.run("export small --format md -o folder --force").exits(0);
    assert!(at("folder").symlink_metadata().unwrap().is_symlink() && at("real/index.md").exists());
    leaves_nothing(&place);
}

#[test]
fn transcripts_are_written_to_pipes_and_devices_one_after_another() {
    let place = made();
    let whole = place.run("export small --format md -o -").exits(0).out;
    let pipe = place.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reads = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    let ran = place.run("export small --format md -o pipe").exits(0);
    assert_eq!(reads.join().unwrap(), whole);
    assert!(ran.err.contains("wrote pipe: 2 transcripts") && whole.contains("# "), "{}", ran.err);
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    place.run("export small --format md -o /dev/null").exits(0);
    place.run("export small --format md -o /dev/null --force").exits(0);
    place.run("export small --format folder -o /dev/null --force").exits(2);
    assert_eq!(bash(&place, "$convoke export small --format md -o /dev/fd/7 7> seven; cat seven"), whole);
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    leaves_nothing(&place);
}

#[test]
fn a_write_protected_place_is_refused_also_for_root() {
    let place = made();
    for (name, mode) in [("all", 0o444), ("owner", 0o464), ("none", 0)] {
        let path = place.write(name, "precious");
        set_mode(&path, mode);
        let refused = place.run(&format!("export small --format csv --force -o {name}")).exits(2);
        assert!(refused.err.contains("write-protected") && refused.err.contains("chmod u+w"), "{}", refused.err);
        set_mode(&path, 0o644);
        assert_eq!(place.read(name), "precious");
    }
    place.run("export small --format md -o pages").exits(0);
    set_mode(&place.path().join("pages"), 0o555);
    place.run("export small --format md -o pages --force").exits(2);
    set_mode(&place.path().join("pages"), 0o755);
    leaves_nothing(&place);
}

#[test]
fn pipes_sockets_and_devices_are_written_to() {
    let place = made();
    let whole = place.run("export small --format csv").exits(0).out;
    let at = |name: &str| place.path().join(name);
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let reads = thread::spawn({
        let pipe = at("pipe");
        move || fs::read_to_string(pipe).unwrap()
    });
    place.run("export small --format csv -o pipe").exits(0);
    assert_eq!(reads.join().unwrap(), whole);
    assert!(at("pipe").metadata().unwrap().file_type().is_fifo());

    let listener = UnixListener::bind(at("socket")).unwrap();
    let reads = thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    place.run("export small --format csv -o socket").exits(0);
    assert_eq!(reads.join().unwrap(), whole);

    symlink("/dev/null", at("nowhere")).unwrap();
    for path in ["/dev/null", "nowhere"] {
        place.run(&format!("export small --format csv -o {path} --force")).exits(0);
        place.run(&format!("export small --format folder -o {path} --force")).exits(2);
        assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device(), "/dev/null is replaced");
    }
    leaves_nothing(&place);
}

/// Runs a line of bash in the folder of the place, with the program as `$convoke`.
fn bash(place: &Place, line: &str) -> String {
    let program = place.command().get_program().to_owned();
    let output = Command::new("bash")
        .args(["-c", line])
        .current_dir(place.path())
        .env("convoke", program)
        .env("HOME", place.path())
        .env_remove("XDG_CONFIG_HOME")
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_a_shell_opened_is_written_to() {
    let place = made();
    let whole = place.run("export small --format csv").exits(0).out;
    let export = "$convoke export small --format csv";
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        assert_eq!(bash(&place, &format!("{export} -o {name} | cat")), whole, "{name}");
        let added = bash(&place, &format!("echo first > log; {export} -o {name} >> log; echo last >> log; cat log"));
        assert_eq!(added, format!("first\n{whole}last\n"), "{name}");
        let one = bash(&place, &format!("(echo first; {export} -o {name}; echo last) > log; cat log"));
        assert_eq!(one, format!("first\n{whole}last\n"), "{name}");
    }
    assert_eq!(
        bash(
            &place,
            &format!("{export} -o >(cat > copy; echo > end); while ! test -e end; do sleep 0.1; done; cat copy")
        ),
        whole
    );
    assert_eq!(bash(&place, &format!("{export} -o /dev/fd/7 7> seven; cat seven")), whole);
    assert_eq!(bash(&place, &format!("{export} -o >(head -c 1 > /dev/null)")), "", "a reader that leaves is no error");
    assert_eq!(bash(&place, "$convoke export small --format md -o /dev/stdout | head -1 | cut -c1-7"), "# small\n");
    leaves_nothing(&place);
}

#[test]
fn a_pipe_that_nobody_reads_can_be_left() {
    let place = made();
    assert!(Command::new("mkfifo").arg(place.path().join("pipe")).status().unwrap().success());
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let line = format!(
            "set -m; $convoke export small --format csv -o pipe & child=$!; sleep 1; kill -{signal} $child; wait $child; \
             echo $?"
        );
        assert_eq!(bash(&place, &line).trim(), code.to_string());
    }
    leaves_nothing(&place);
}

/// Root may write everywhere, so the test becomes somebody else.
#[test]
fn a_file_in_a_folder_of_others_is_written_in_place() {
    let place = made();
    let folder = place.path().join("shared");
    fs::create_dir(&folder).unwrap();
    let file = place.write("shared/table.csv", "old, and longer than nothing");
    let as_somebody = if fs::metadata("/proc/self").unwrap().uid() == 0 {
        "chmod 755 .; chmod 644 convoke.db; chown 65534 shared/table.csv; \
         as='setpriv --reuid=65534 --clear-groups'; "
    } else {
        "as=; "
    };
    set_mode(&folder, 0o555);
    let inode = file.metadata().unwrap().ino();
    let line = format!("{as_somebody} $as $convoke export small --format csv --force -o shared/table.csv");
    bash(&place, &line);
    set_mode(&folder, 0o755);
    assert_eq!(place.read("shared/table.csv"), place.run("export small --format csv").exits(0).out);
    assert_eq!(file.metadata().unwrap().ino(), inode, "the same file");
    leaves_nothing(&place);
}

#[test]
fn what_is_too_long_for_its_place_leaves_nothing() {
    let place = made();
    let long = "n".repeat(250);
    place.run(&format!("export small --format csv -o {long}")).exits(0);
    place.run(&format!("export small --format csv -o {long}nnnnnnnnnn")).exits(2);
    place.write("file", "precious");
    place.run("export small --format csv -o file/inside").exits(2);
    if Path::new("/dev/full").exists() {
        let full = place.run("export small --format csv -o /dev/full").exits(2);
        assert!(full.err.contains("cannot write /dev/full") && full.err.contains("free space"), "{}", full.err);
    }
    leaves_nothing(&place);
}

#[test]
fn other_commands_destroy_nothing_either() {
    let place = made();
    place.run("man pages").exits(0);
    place.run("man pages").exits(0);
    place.write("pages/convoke-list.1", "precious");
    let refused = place.run("man pages").exits(2);
    assert_eq!(place.read("pages/convoke-list.1"), "precious");
    assert!(refused.err.contains("exists already") && refused.err.contains("--force"), "{}", refused.err);
    place.run("man pages --force").exits(0);
    place.write("taken/notes.txt", "precious");
    symlink("taken", place.path().join("link")).unwrap();
    for name in ["taken", "link"] {
        place.run(&format!("new {name}")).exits(2);
        assert_eq!(place.files("taken"), ["taken/notes.txt"]);
    }

    place.run("new prison --from prison").exits(0);
    let toml = place.path().join("prison/experiment.toml");
    let text = fs::read_to_string(&toml).unwrap().replace("plural =", "# plural =");
    let real = place.write("elsewhere.toml", &text);
    fs::remove_file(&toml).unwrap();
    symlink(&real, &toml).unwrap();
    set_mode(&real, 0o444);
    place.run("check prison --fix").exits(2);
    assert_eq!(place.read("elsewhere.toml"), text);
    set_mode(&real, 0o640);
    place.run("check prison --fix").exits(0);
    assert!(toml.symlink_metadata().unwrap().is_symlink() && place.read("elsewhere.toml") != text);
    assert_eq!(real.metadata().unwrap().mode() & 0o777, 0o640);
    leaves_nothing(&place);
}
