use super::TagProblemKind::{LooksLike, NotAVerb, Unknown};
use super::*;
use proptest::prelude::*;

fn role_forms(count: u32, noun: &str, plural: &str, pronouns: &str) -> RoleForms {
    RoleForms { count, noun: noun.to_owned(), plural: plural.to_owned(), pronouns: pronouns.to_owned() }
}

fn sample_forms(guards: u32, children: u32) -> Forms {
    let roles =
        vec![role_forms(guards, "guard", "guards", "he/his"), role_forms(children, "child", "children", "she/her")];
    Forms { roles, agent_name: Some("Guard_117".to_owned()), facts: Facts::new() }
}

fn sample_tags() -> RoleTags {
    RoleTags::new(&["guard", "child"])
}

/// Returns the rendered text, and the problems found in it.
fn render_text(text: &str, forms: &Forms) -> (String, Vec<TagProblemKind>) {
    let (template, problems) = Template::parse(text, &sample_tags());
    (template.render(forms), problems.into_iter().map(|problem| problem.kind).collect())
}

fn unknown_tag(nearest: &str) -> TagProblemKind {
    Unknown { nearest: Some(nearest.to_owned()) }
}

fn looks_like(tag: &str) -> TagProblemKind {
    LooksLike { tag: tag.to_owned() }
}

#[test]
fn every_form_of_the_format() {
    let rows = [
        ("<GUARD_NUM>", "1", "3", "0"),
        ("<GUARD_NOUN>", "guard", "guards", "guards"),
        ("<GUARD_POSS>", "guard's", "guards'", "guards'"),
        ("<CHILD_POSS>", "child's", "children's", "children's"),
        ("<GUARD_PRON>", "he", "they", "they"),
        ("<CHILD_POSSPRON>", "her", "their", "their"),
        ("<GUARD_VERB_make>", "makes", "make", "make"),
        ("<GUARD_VERB_BE>", "is", "are", "are"),
        ("<GUARD_VERB_Have>", "has", "have", "have"),
        ("<GUARD_VERB_do>", "does", "do", "do"),
        ("<GUARD_VERB_watch>", "watches", "watch", "watch"),
        ("<GUARD_VERB_carry>", "carries", "carry", "carry"),
        ("<GUARD_VERB_double-check>", "double-checks", "double-check", "double-check"),
        ("<GUARD_VERB_must>", "must", "must", "must"),
        ("<AGENTS_NUM>/<ROLES_NUM>", "2/2", "6/2", "0/0"),
        ("<AGENT_NAME>", "Guard_117", "Guard_117", "Guard_117"),
    ];
    for (text, one, several, none) in rows {
        assert_eq!(render_text(text, &sample_forms(1, 1)), (one.to_owned(), vec![]), "{text}");
        assert_eq!(render_text(text, &sample_forms(3, 3)), (several.to_owned(), vec![]), "{text}");
        assert_eq!(render_text(text, &sample_forms(0, 0)), (none.to_owned(), vec![]), "{text}");
    }
    assert_eq!(render_text("<ROLES_NUM>", &sample_forms(0, 4)).0, "1");
    assert_eq!(render_text("<AGENT_NAME>", &Forms { agent_name: None, ..sample_forms(1, 1) }).0, "the agent");
}

#[test]
fn what_is_text() {
    let rows = [
        ("<b>bold</b> 1 < 2 > 0 <> <3> <_>", "<b>bold</b> 1 < 2 > 0 <> <3> <_>"),
        (r"\<GUARD_NOUN>", "<GUARD_NOUN>"),
        (r"\\<GUARD_NOUN>", r"\<GUARD_NOUN>"),
        (r"\<\<b\n \ \>", r"<<b\n \ \>"),
        ("<|im_end|> <!-- x -->", "<|im_end|> <!-- x -->"),
        ("<<GUARD_NUM>>", "<3>"),
        ("<GUARD\n_NUM>", "<GUARD\n_NUM>"),
        ("<GUARD_NUM", "<GUARD_NUM"),
        (r"\", r"\"),
        ("<", "<"),
    ];
    for (text, rendered) in rows {
        assert_eq!(render_text(text, &sample_forms(3, 1)), (rendered.to_owned(), vec![]), "{text}");
    }
}

#[test]
fn mistakes_are_reported_and_stay() {
    let rows = [
        ("<GUARD_NOUNS>", unknown_tag("GUARD_NOUN")),
        ("<GAURD_NUM>", unknown_tag("GUARD_NUM")),
        ("<GARD_VERB_make>", unknown_tag("GUARD_VERB_make")),
        ("<AGENT_NUM>", unknown_tag("AGENTS_NUM")),
        ("<GUARD_>", unknown_tag("GUARD_NUM")),
        ("<XYZZY>", Unknown { nearest: None }),
        ("<漢字>", Unknown { nearest: None }),
        ("<GUARD_VERB_>", NotAVerb),
        ("<GUARD_VERB_->", NotAVerb),
        ("<GUARD_VERB_look_after>", NotAVerb),
        ("<GUARD_VERB_look after>", NotAVerb),
        ("<GUARD_VERB_make2>", NotAVerb),
        ("<guard_noun>", looks_like("GUARD_NOUN")),
        ("<Guard_NOUN>", looks_like("GUARD_NOUN")),
        ("<guard-noun>", looks_like("GUARD_NOUN")),
        ("< GUARD_NOUN >", looks_like("GUARD_NOUN")),
        ("<guard_verb_make>", looks_like("GUARD_VERB_MAKE")),
        ("<agent_name>", looks_like("AGENT_NAME")),
    ];
    for (text, problem) in rows {
        assert_eq!(render_text(text, &sample_forms(3, 1)), (text.to_owned(), vec![problem]), "{text}");
    }
}

#[test]
fn places_are_bytes_of_the_text() {
    let text = "é \\<x> <GUARD_NUM> <GUARD_NUMB> <AGENT_NAME>";
    let (template, problems) = Template::parse(text, &sample_tags());
    let found: Vec<_> = template.tags().map(|(tag, span)| (tag.clone(), &text[span])).collect();
    assert_eq!(found, [(Tag::Num(0), "<GUARD_NUM>"), (Tag::AgentName, "<AGENT_NAME>")]);
    assert_eq!(problems.len(), 1);
    assert_eq!((&text[problems[0].span.clone()], problems[0].tag.as_str()), ("<GUARD_NUMB>", "GUARD_NUMB"));
    assert_eq!((Tag::Num(0).role(), Tag::AgentName.role()), (Some(0), None));
}

#[test]
fn the_longest_role_wins() {
    let roles = RoleTags::new(&["prison", "prison guard", "guard", "guard verb"]);
    let meaning = |text: &str| Template::parse(text, &roles).0.tags().next().map(|(tag, _)| tag.clone());
    assert_eq!(meaning("<PRISON_GUARD_NOUN>"), Some(Tag::Noun(1)));
    assert_eq!(meaning("<PRISON_NOUN>"), Some(Tag::Noun(0)));
    assert_eq!(meaning("<GUARD_VERB_NOUN>"), Some(Tag::Noun(3)));
    assert_eq!(meaning("<GUARD_VERB_make>"), Some(Tag::Verb(2, "make".to_owned())));
    assert_eq!(meaning("<GUARD_VERB_VERB_make>"), Some(Tag::Verb(3, "make".to_owned())));
}

#[test]
fn tags_of_names() {
    let rows = [
        ("prison guard", "PRISON_GUARD"),
        ("mother-in-law", "MOTHER_IN_LAW"),
        ("a & b__c", "A_B_C"),
        ("wärter", "WÄRTER"),
        ("großvater", "GROSSVATER"),
        ("看守", "看守"),
        ("агент 7", "АГЕНТ_7"),
        ("guard!", "GUARD_"),
    ];
    for (name, tag) in rows {
        assert_eq!(tag_of(name), tag);
        let text = format!("<{tag}_NUM>");
        let (template, problems) = Template::parse(&text, &RoleTags::new(&[name]));
        assert_eq!((template.tags().count(), problems), (1, vec![]), "{text}");
    }
}

#[test]
fn names_that_clash() {
    let names = ["prison guard", "Prison-Guard", "agents", "Roles", "agent", "42", "", "agenta", "看守"];
    let clashing: Vec<usize> = RoleTags::find_clashes(&names).into_iter().map(|(index, _)| index).collect();
    assert_eq!(clashing, [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        RoleTags::find_clashes(&names[..2])[0].1,
        "roles `prison guard` and `Prison-Guard` have the same placeholders `<PRISON_GUARD_…>`"
    );
}

#[test]
fn facts_are_read_only_where_agents_are_persons() {
    let fact = |path: &str, text: &str| (path.to_owned(), Fact::Text(text.to_owned()));
    let job = Fact::Table(vec![fact("title", "<GUARD_NOUN>"), ("years".to_owned(), Fact::Number("7.50".to_owned()))]);
    let facts = vec![("job".to_owned(), job), ("skills".to_owned(), Fact::List(Vec::new()))];
    let forms = Forms { facts, ..sample_forms(1, 1) };
    let text =
        "<PERSON job.title> <PERSON job.years|x> <PERSON age|not known> <PERSON skills|none> <PERSON age> <PERSON >";
    let (template, problems) = Template::parse(text, &sample_tags().with_people(true));
    assert_eq!(problems, []);
    assert_eq!(template.render(&forms), "<GUARD_NOUN> 7.50 not known none unknown <PERSON >");
    assert_eq!(render_text(text, &forms), (text.to_owned(), vec![]));
}

#[test]
fn wrong_pronouns_fall_back_to_those_of_any_number() {
    let odd = Forms { roles: vec![role_forms(1, "guard", "guards", "he")], ..Forms::default() };
    assert_eq!(render_text("<GUARD_PRON> <GUARD_POSSPRON> <CHILD_NUM>", &odd).0, "they their ");
}

proptest! {
    #[test]
    fn text_without_tags_is_itself(text in "[^<]*") {
        prop_assert_eq!(render_text(&text, &sample_forms(2, 1)), (text, vec![]));
    }

    #[test]
    fn values_are_never_read_again(before in "[a-z]{0,3}", tag in "<(GUARD|CHILD)_(NUM|NOUN|VERB_make)>|<AGENT_NAME>") {
        let role = role_forms(1, &tag, &tag, &format!("{tag}/{tag}"));
        let forms = Forms { roles: vec![role.clone(), role], agent_name: Some(tag.clone()), facts: Facts::new() };
        for own in ["GUARD_NOUN", "CHILD_PRON", "GUARD_POSSPRON", "AGENT_NAME"] {
            let text = format!("{before}<{own}>{before}");
            prop_assert_eq!(render_text(&text, &forms), (format!("{before}{tag}{before}"), vec![]));
        }
    }

    #[test]
    fn any_string_is_read(text in r"([<>\\_ \n-]|GUARD|CHILD|NUM|VERB_|make|\PC){0,40}", guards in 0_u32..3) {
        let (template, problems) = Template::parse(&text, &sample_tags());
        let spans = template.tags().map(|(_, span)| span).chain(problems.into_iter().map(|problem| problem.span));
        for span in spans {
            prop_assert!(text[span.clone()].starts_with('<') && text[span].ends_with('>'));
        }
        template.render(&sample_forms(guards, 1));
    }

    #[test]
    fn an_escaped_text_is_itself(text in r"([<>_]|GUARD|NOUN|\PC){0,30}") {
        prop_assert_eq!(render_text(&text.replace('<', r"\<"), &sample_forms(2, 1)), (text, vec![]));
    }
}
