use super::*;
use crate::design::{Expression, When};
use proptest::prelude::*;

fn section_titles(text: &str) -> Vec<String> {
    parse(text).text.sections.into_iter().map(|section| section.title).collect()
}

fn new_when(factor: &str, any: &[&str]) -> When {
    When { factor: factor.to_owned(), any: any.iter().map(|&level| level.to_owned()).collect() }
}

/// Returns the problems of a text: the wrong bytes of each, and its code.
fn find_problems(text: &str) -> Vec<(&str, &'static str)> {
    parse(text).problems.into_iter().map(|problem| (&text[problem.span], problem.code)).collect()
}

const FILE: &str = "You are <AGENT_NAME>.\n\n## Goal\nKeep order.\n\n\
    ##  Personality  {manner=respectful} \nBe humane.\n\
    ## Personality {manner=abusive|\"very bad\" risks=true agents.prisoner=1|2}\nBe merciless.";

#[test]
fn a_file_is_read_byte_for_byte() {
    let parsed = parse(FILE);
    assert_eq!(parsed.problems, []);
    assert_eq!(parsed.text.start, "You are <AGENT_NAME>.\n\n");
    let sections = &parsed.text.sections;
    assert_eq!(sections[0].text, "Keep order.\n\n");
    assert_eq!(sections[1].title, "Personality");
    assert_eq!(sections[1].when, [new_when("manner", &["respectful"])]);
    assert_eq!(sections[2].when[0], new_when("manner", &["abusive", "very bad"]));
    assert_eq!(sections[2].when[1..], [new_when("risks", &["true"]), new_when("agents.prisoner", &["1", "2"])]);
    assert_eq!(sections[2].text, "Be merciless.");
}

#[test]
fn places_are_bytes_of_the_file() {
    let file = format!("\u{feff}é\n{FILE}");
    let parsed = parse(&file);
    assert_eq!((parsed.start_offset, parsed.text.start.starts_with('é')), (3, true));
    let place = &parsed.sections[2];
    assert!(file[place.heading.clone()].starts_with("## Personality") && file[place.heading.clone()].ends_with('}'));
    assert_eq!((&file[place.title.clone()], &file[place.text..]), ("Personality", "Be merciless."));
    assert_eq!(&file[place.when[0].key.clone()], "manner");
    assert_eq!(&file[place.when[0].values[1].clone()], "\"very bad\"");
    assert_eq!(&file[place.when[2].values[1].clone()], "2");
}

#[test]
fn what_opens_a_section() {
    assert_eq!(section_titles("## A\n##B\n ## C\n### D\n##\tE\n##\n## F ##"), ["A", "F ##"]);
    assert_eq!(section_titles("```\n## in\n```\n## out"), ["out"]);
    assert_eq!(section_titles("~~~ ``` x\n## in\n```\n~~~~ \t\n## out"), ["out"]);
    assert_eq!(section_titles("   ````md\n## in\n```\n    ````\n```` x\n## in\n````\n## out"), ["out"]);
    assert_eq!(section_titles("    ```\n## out"), ["out"], "four spaces open no fence");
    assert_eq!(section_titles("``` `x`\n## out\n``\n## too"), ["out", "too"], "code in a line opens no fence");
    assert_eq!(section_titles("```\n## in\n"), Vec::<String>::new(), "an open fence goes to the end");
    assert_eq!(section_titles("<!--\n```\n-->\n## out"), ["out"], "a fence in a comment is none");
    assert_eq!(section_titles("<!-- a -->```\n## out"), ["out"], "nor behind one");
    assert_eq!(section_titles("```<!--\n## in\n```\n## out -->"), ["out -->"], "a comment in a fence is none");
    assert_eq!(section_titles("\u{feff}## A"), ["A"]);
}

#[test]
fn braces_of_a_title() {
    assert_eq!(
        section_titles("## The {secret} plan\n## A {b} {c=d}\n## Say \"{x}\" {a=\"}\"}"),
        ["The {secret} plan", "A {b}", "Say \"{x}\""]
    );
    assert_eq!(find_problems("## The {secret} plan\n## A {b} {c=d}\n## Say \"{x}\" {a=\"}\"}"), []);
}

#[test]
fn mistakes_in_headings() {
    let rows = [
        ("## ", "## ", "heading-empty"),
        ("##  {a=x}", "##  {a=x}", "heading-empty"),
        ("## T <!-- x -->", "<!--", "heading-comment"),
        ("## T {a=x", "{", "heading-braces"),
        ("## T a=x}", "}", "heading-braces"),
        ("## {a=x} T", "{", "heading-braces"),
        ("## T {{a=x}}", "{", "heading-braces"),
        ("## T {a=\"x}", "{", "heading-braces"),
        ("## T {}", "{}", "heading-condition"),
        ("## T {#id}", "#id", "heading-condition"),
        ("## T {.class}", ".class", "heading-condition"),
        ("## T {.x=y}", ".x", "heading-condition"),
        ("## T {word}", "word", "heading-condition"),
        ("## T {a!=x}", "a!", "heading-condition"),
        ("## T {!a=x}", "!a", "heading-condition"),
        ("## T {a=!x}", "!x", "heading-condition"),
        ("## T {a==x}", "=", "heading-condition"),
        ("## T {a=x=y}", "=", "heading-condition"),
        ("## T {=x}", "=x", "heading-condition"),
        ("## T {a=}", "", "heading-condition"),
        ("## T {a=x|}", "", "heading-condition"),
        ("## T {a=|x}", "", "heading-condition"),
        ("## T {a=x,}", "x,", "heading-condition"),
        ("## T {a='x'}", "'x'", "heading-condition"),
        ("## T {a=x a=y}", "a", "heading-condition"),
        ("## T {a=x |b=y}", "|b", "heading-condition"),
        ("## T {a=\"x\"y}", "y", "heading-condition"),
        ("## T {a=x\"y\"}", "\"", "heading-condition"),
        ("## T {a=\"\\n\"}", "\\", "heading-condition"),
        ("## T {a={b}", "{", "heading-condition"),
    ];
    for (text, bytes, code) in rows {
        assert_eq!(find_problems(text), [(bytes, code)], "{text}");
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_its_remedy() {
    let text = "<!-- a\n## {a = x b=y !c=1}\n<!-- b --> <!-- c\n## T {c=1, d=2}\n";
    let parsed = parse(text);
    let told = parsed
        .problems
        .iter()
        .map(|p| format!("{:?} {}: {}\n    {}\n", &text[p.span.clone()], p.code, p.message, p.hint));
    insta::assert_snapshot!("problems", told.collect::<String>());
    assert_eq!(parsed.text.sections[0].when, [new_when("b", &["y"])]);
    assert_eq!(parsed.text.sections[1].when, [new_when("d", &["2"])]);
}

#[test]
fn comments_end_within_their_section() {
    for fine in ["<!-- a\nb --> c", "\\<!-- a", "```\n<!-- a", "<!-->", "<!--->", "<!-- a\n ## b\n-->", "`` <!-- -->"] {
        assert_eq!(find_problems(fine), [], "{fine}");
    }
    for open in ["<!-- a", "<!-- a\n## B\n-->", "x <!- <!--", "<!-- a --> <!-- b", "## A\n\n<!--\n```\n-- >\n```"] {
        assert_eq!(find_problems(open), [("<!--", "comment-unclosed")], "{open}");
    }
}

#[test]
fn expressions_have_the_grammar_of_headings() {
    let all = vec![new_when("goal", &["yard-time"]), new_when("agents.prison guard", &["1", "2 or so"])];
    let read = expression(" goal=yard-time\t\"agents.prison guard\"=1|\"2 or so\" ");
    assert_eq!(read, Ok(Expression { all: all.clone() }));
    assert_eq!(write_when(&all), "goal=yard-time \"agents.prison guard\"=1|\"2 or so\"");
    for (wrong, span) in [("", 0..0), ("  ", 0..2), ("goal", 0..4), ("a=1 b!=2", 4..6), ("a=}", 2..3), ("a=\"x", 2..4)]
    {
        assert_eq!(expression(wrong).unwrap_err().0, span, "{wrong}");
    }
}

#[test]
fn a_line_end_is_added_before_a_heading() {
    let section = |title: &str, text: &str| Section { title: title.to_owned(), text: text.to_owned(), when: vec![] };
    let text = PromptText { start: "start".to_owned(), sections: vec![section("A", "a"), section("B", "")] };
    assert_eq!(render(&text), "start\n## A\na\n## B\n");
    assert_eq!(render(&PromptText { start: String::new(), ..text }), "## A\na\n## B\n");
    assert_eq!(render(&PromptText::default()), "");
}

#[test]
fn what_is_sent() {
    let rows = [
        ("\n  \n Be humane. \n\n", "Be humane."),
        ("a\r\n", "a"),
        ("a\n<!-- x -->\nb", "a\nb"),
        ("a\n  <!-- x\ny --> <!-- z -->  \nb", "a\nb"),
        ("a\n\n<!-- x -->\n\nb", "a\n\n\nb"),
        ("a <!-- x --> b", "a  b"),
        ("a <!-- x\n y --> b", "a  b"),
        ("a<!-- x -->\nb", "a\nb"),
        ("<!-- x -->b", "b"),
        ("<!-- x -->\n", ""),
        ("a\n<!-- x -->", "a"),
        ("<!-- ## x\n## y -->b", "b"),
        ("## a <!-- x -->", "## a"),
        ("```\n<!-- x -->\n```\n<!-- y -->", "```\n<!-- x -->\n```"),
        ("\\<!-- x -->", "\\<!-- x -->"),
        ("a <!-- x", "a <!-- x"),
        ("<!<!-- x -->-- y -->z", "z"),
        ("<!-->a", "a"),
    ];
    for (text, expected) in rows {
        assert_eq!(sent_text(text), expected, "{text:?}");
    }
}

#[test]
fn line_ends_are_lf() {
    assert_eq!(unix_lines("a\r\nb\rc\r\r\n"), "a\nb\rc\r\n");
}

/// Lines that may break the reading of blocks.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("## A".to_owned()),
        "## [A-C{}=a ]{0,6}( \\{a=x\\|y( b=\"z }\")?\\})?",
        "[ ]{0,4}(```|~~~|````)[a-z` ~]{0,3}",
        "[ ]{0,2}[a-z<!>-]{0,8}",
        "(<!--)?[ a-z]{0,3}(-->)?[ a`]{0,2}",
        "\\PC{0,6}",
    ]
}

fn any_file() -> impl Strategy<Value = String> {
    (prop::collection::vec(any_line(), 0..12), prop::bool::ANY).prop_map(|(lines, ended)| {
        let end = if ended { "\n" } else { "" };
        lines.join("\n") + end
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_read_is_written_and_read_the_same(file in any_file()) {
        let parsed = parse(&file);
        prop_assume!(parsed.problems.iter().all(|problem| problem.code == "comment-unclosed"));
        let again = parse(&render(&parsed.text));
        prop_assert_eq!(&again.text, &parsed.text);
        prop_assert_eq!(again.problems.len(), parsed.problems.len());
    }

    #[test]
    fn no_byte_of_a_text_is_lost(file in any_file()) {
        let parsed = parse(&file);
        let mut rebuilt = parsed.text.start.clone();
        for (section, place) in parsed.text.sections.iter().zip(&parsed.sections) {
            prop_assert_eq!(place.heading.start, rebuilt.len());
            rebuilt.push_str(&file[place.heading.clone()]);
            rebuilt.push_str(&file[place.heading.end..place.text]);
            prop_assert_eq!(&file[place.title.clone()], &section.title);
            prop_assert_eq!(place.when.len(), section.when.len());
            rebuilt.push_str(&section.text);
        }
        prop_assert_eq!(rebuilt, file);
    }

    #[test]
    fn conditions_are_read_as_written(
        keys in prop::collection::btree_set("[a-c!#.|={}\" \\\\,']{1,4}", 1..4),
        levels in prop::collection::vec("[a-c!#.|={}\" \\\\,'\n]{0,4}", 1..4),
    ) {
        let all: Vec<When> = keys.iter().map(|key| When { factor: key.clone(), any: levels.clone() }).collect();
        let written = write_when(&all);
        prop_assert_eq!(expression(&written), Ok(Expression { all: all.clone() }), "{}", written);
        let heading = format!("## T {{{}}}", written.replace('\n', " "));
        prop_assert_eq!(parse(&heading).problems, vec![]);
        if !written.contains('\n') {
            prop_assert_eq!(&parse(&heading).text.sections[0].when, &all);
        }
    }

    #[test]
    fn what_is_sent_is_sent_unchanged(file in any_file()) {
        let once = sent_text(&file);
        prop_assert_eq!(once.trim(), &once);
        prop_assert_eq!(sent_text(&once), once);
    }

    #[test]
    fn any_string_is_read(text in r"([#{}=|<!`~ \n\\-]|\x22|\PC){0,40}") {
        let parsed = parse(&text);
        for problem in parsed.problems {
            prop_assert!(text.get(problem.span).is_some());
        }
        if let Err((span, _)) = expression(&text) {
            prop_assert!(text.get(span).is_some());
        }
        sent_text(&text);
    }
}
