//! A file of 0.1.0. It reads as 0.1.0 read it, in a folder that cannot be written, and comes to the same end.

use crate::kept;
use crate::place::{Line, Place};
use crate::said;
use crate::server::Server;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// User id of nobody. Root gives commands as nobody, since mode bits do not bind root.
const NOBODY: u32 = 65_534;

fn fixture() -> std::path::PathBuf {
    kept::folder().join("sqlite/convoke.db")
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Makes a place whose database cannot be written, nor its folder.
fn for_reading(server: &Server) -> Place {
    let mut place = Place::new(server);
    fs::create_dir(place.path().join("kept")).unwrap();
    let file = place.path().join("kept/convoke.db");
    fs::copy(fixture(), &file).unwrap();
    if fs::metadata(place.path()).unwrap().uid() == 0 {
        // Nobody may lack the way to where the program stands.
        let program = place.path().join("convoke");
        let built = assert_cmd::cargo::cargo_bin("convoke");
        fs::hard_link(&built, &program).or_else(|_| fs::copy(&built, &program).map(drop)).unwrap();
        mode(place.path(), 0o777);
        place = place.of(&program);
        place.user = Some(NOBODY);
    }
    mode(&file, 0o444);
    mode(&place.path().join("kept"), 0o555);
    "sqlite:kept/convoke.db".clone_into(&mut place.store);
    place
}

#[test]
fn a_file_of_years_is_read_in_a_folder_that_cannot_be_written() {
    let server = Server::start();
    let place = for_reading(&server);
    let beside = place.path().join("kept");
    let before = kept::files(&beside);
    let refused = place.give(&Line::plain(&["note", "market", "no"]));
    assert_eq!(refused.code, 4, "writing is refused: {}", refused.err);
    said::holds(&place, "sqlite/said");
    assert!(kept::files(&beside) == before, "reading wrote something");
    // Without this an ordinary user could not remove the folder.
    mode(&beside, 0o755);
}

#[test]
fn a_file_of_years_is_continued() {
    let server = Server::start();
    let place = Place::new(&server);
    fs::copy(fixture(), place.path().join("convoke.db")).unwrap();
    said::continued(&place, "sqlite/continue.jsonl");
    said::holds(&place, "sqlite/ended");
}
