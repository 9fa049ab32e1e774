//! An omitted argument is not asked for without a terminal.

use crate::support::Place;

#[test]
fn what_is_missing_is_named() {
    let place = Place::new();
    for (line, question, usage) in [
        ("show", "which experiment?", "show NAME"),
        ("run --offline", "which experiment?", "run NAME"),
        ("plan", "which experiment?", "plan NAME"),
        ("check", "which experiment?", "check NAME"),
        ("edit --note x", "which experiment?", "edit NAME"),
        ("duplicate", "which experiment?", "duplicate NAME"),
        ("note", "which experiment?", "note NAME"),
        ("star", "which experiment?", "star NAME"),
        ("delete --yes", "which experiment?", "delete NAME"),
        ("diff", "which experiment?", "diff A B"),
        ("diff a", "which other experiment?", "diff A B"),
        ("export --format md", "which experiment?", "export NAME --format FORMAT"),
    ] {
        let told = place.run(line).exits(2);
        let expected = format!("error: this needs an answer: {question}\nhint: name it: convoke {usage}\n");
        assert_eq!((told.out.as_str(), told.err.as_str()), ("", expected.as_str()), "{line}");
    }
    let json = place.run("show --json").exits(2).json();
    assert_eq!(
        (&json["error"]["code"], json["error"]["hint"].as_str()),
        (&"needs-answer".into(), Some("name it: convoke show NAME"))
    );
    let run = place.run("run --json").exits(2).json();
    assert_eq!((&run["event"], &run["error"]["code"]), (&"end".into(), &"needs-answer".into()));
    place.words(&["show", ""], &[]).exits(2);
    assert_eq!(place.files("."), Vec::<String>::new(), "nothing was made");
}
