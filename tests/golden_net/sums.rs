//! The hashes of the goldens. No golden may change, be added or be taken away; there is no way to accept another.

use crate::kept;
use convoke::design::key::sha256;

/// Hash of `SHA256SUMS`, which holds the hash of every other golden.
const SUMS: &str = "131e6ba950bb159061eea7cbcb60174fc1709667f724e675bd012250de6e519a";
/// Files without a hash: the list itself, and prose about the others.
const APART: [&str; 2] = ["SHA256SUMS", "README.md"];

#[test]
fn no_golden_changed() {
    let sums = kept::text("SHA256SUMS");
    assert_eq!(sha256(&sums), SUMS, "SHA256SUMS itself");
    let files = kept::files(&kept::folder()).into_iter().filter(|(path, _)| !APART.contains(&path.as_str()));
    let found = kept::in_lines(files.map(|(path, bytes)| format!("{}  {path}", sha256(bytes))));
    kept::equal("the hashes of the goldens", &found, &sums);
}
