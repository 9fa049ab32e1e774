//! Tests of people in an experiment: keys, pools, deals, prompts, and mistakes.

use super::*;
use crate::design::check::check;
use crate::design::dealing::Dealer;
use crate::design::person_file::PersonFile;
use crate::design::{diff, key, write};
use std::collections::BTreeMap;

const FORMS: &str = "plural='xs'\npronouns='they/their'\n";

/// Returns the files of an experiment with a moderator and two customers, whose table has `keys`.
fn files_with(keys: &str, rest: &str, others: &[(&str, &str)]) -> Files {
    let toml = format!(
        "name='e'\nmodels=['ollama/m']\n{rest}\n[protocol]\nmessages=8\nagents={{moderator=1,customer=2}}\n\
         [roles.moderator]\n{FORMS}[roles.customer]\n{FORMS}{keys}\n"
    );
    let mut files = Files::from([("experiment.toml".to_owned(), toml.into_bytes())]);
    for (name, age, job) in
        [("Ann", 30, "Nurse"), ("Bo", 41, "Cook"), ("Cy", 52, "Poet"), ("Di", 63, "Spy"), ("Ed", 74, "Sailor")]
    {
        let text = format!("{{\"name\":\"{name} Ash\",\"age\":{age},\"occupation\":{{\"title\":\"{job}\"}}}}");
        files.insert(format!("people/{}.json", name.to_lowercase()), text.into_bytes());
    }
    let fragment = "{\"type\":\"Fragment\",\"persona\":{\"likes\":[\"tea\"]}}";
    files.insert("people/more/tea.json".to_owned(), fragment.as_bytes().to_vec());
    files.insert("roles/moderator.md".to_owned(), b"Lead.".to_vec());
    files.insert("roles/customer.md".to_owned(), b"Answer.".to_vec());
    files.extend(others.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
    files
}

/// Returns the errors, each with its code and place.
fn errors_of(files: &Files) -> Vec<String> {
    let checked = check(files, &[]);
    let errors = checked.problems.iter().filter(|p| p.severity == Severity::Error);
    errors.map(|p| format!("{}: {} ({}:{})", p.code, p.message, p.path, p.line)).collect()
}

fn experiment_of(files: &Files) -> Experiment {
    assert_eq!(errors_of(files), [""; 0]);
    check(files, &[]).experiment.expect("an experiment")
}

fn experiment_with(keys: &str) -> Experiment {
    experiment_of(&files_with(keys, "", &[]))
}

fn keys_of(experiment: &Experiment) -> Vec<String> {
    plan_experiment(experiment).conditions.into_iter().map(|c| c.key).collect()
}

/// Returns the names that a condition deals to customers, replicate by replicate.
fn dealt(condition: &Condition, replicates: u32) -> Vec<Vec<String>> {
    let mut dealer = Dealer::new(condition, 7);
    (1..=replicates).map(|r| dealer.deal(r)[1].iter().map(|m| m.person.name.clone()).collect()).collect()
}

const ALL: &str = "people=['people/*.json']";

#[test]
fn keys_of_people_are_in_folder_document_differences_factors_and_key() {
    let plain = experiment_with(ALL);
    for (name, keys, level) in [
        ("people", "people=['people/ann.json',{from='people/b*.json',first=1}]", "people/ann.json + people/bo.json"),
        ("fragments", "people=['people/*.json']\nfragments='people/more/tea.json'", "people/more/tea.json"),
        ("deal", "people=['people/*.json']\ndeal='random'", "random"),
    ] {
        let changed = experiment_with(keys);
        super::round_trip::assert_returns(&changed);
        let lines = diff::describe_differences(&plain, &changed).concat();
        assert!(lines.contains(&format!("`{name}`")), "{name}: {lines}");
        assert_ne!(keys_of(&changed), keys_of(&plain), "{name}");
        let mut by_factor = changed.clone();
        by_factor.roles[1] = plain.roles[1].clone();
        let levels = vec![Value::Text(level.to_owned())];
        by_factor.factors.push(Factor { name: format!("roles.customer.{name}"), levels, was: None });
        assert_eq!(keys_of(&by_factor), keys_of(&changed), "{name} as a factor");
        let by_factor = experiment_of(&write::write_files(&by_factor));
        let files: Vec<&str> = by_factor.people.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files.contains(&"people/more/tea.json"), name == "fragments", "{files:?}");
        super::round_trip::assert_returns(&by_factor);
    }
    let document = serde_json::to_value(plain.without_texts()).expect("a document");
    assert_eq!(document["people"][0].as_object().expect("a file").len(), 2, "path and hash");
    assert_eq!(key::hash_revision(&plain), key::hash_revision(&plain.without_texts()));
}

#[test]
fn the_pool_is_a_set_unless_it_is_dealt_in_order() {
    let of = |people: &str, deal: &str| keys_of(&experiment_with(&format!("people=[{people}]\ndeal='{deal}'")));
    let (two, turned) = ("'people/ann.json','people/bo.json'", "'people/bo.json','people/ann.json'");
    let three = "'people/ann.json','people/bo.json','people/cy.json'";
    for deal in ["matched", "random"] {
        assert_eq!(of(two, deal), of(turned, deal));
        assert_ne!(of(two, deal), of(three, deal));
    }
    assert_ne!(of(two, "in-order"), of(turned, "in-order"));
    assert_eq!(of(two, "in-order"), of(three, "in-order"), "nobody behind them counts");
    let mut renamed = files_with("people=['people/*/*.json']", "", &[]);
    renamed.remove("people/more/tea.json");
    for (from, to) in [("people/bo.json", "people/x/1.json"), ("people/ann.json", "people/x/2.json")] {
        let text = renamed.remove(from).expect("a file");
        renamed.insert(to.to_owned(), text);
    }
    assert_eq!(keys_of(&experiment_of(&renamed)), of(two, "matched"), "paths do not count");
}

#[test]
fn matched_conditions_have_the_same_people_and_random_ones_do_not() {
    let factors = "[factors]\ngoal=['a','b']";
    let of = |deal: &str, factors: &str| {
        let text = "## Goal {goal=a}\nX.\n";
        let keys = format!("{ALL}\ndeal='{deal}'\n{factors}");
        let text = if factors.is_empty() { "" } else { text };
        plan_experiment(&experiment_of(&files_with(&keys, "", &[("roles/customer.md", text)]))).conditions
    };
    let matched = of("matched", factors);
    assert_eq!(dealt(&matched[0], 10), dealt(&matched[1], 10));
    assert_eq!(dealt(&matched[0], 10)[..4], dealt(&of("matched", "")[0], 4), "a condition and a replicate move nobody");
    let mut plays: BTreeMap<String, usize> = BTreeMap::new();
    dealt(&matched[0], 10).into_iter().flatten().for_each(|name| *plays.entry(name).or_default() += 1);
    assert!(plays.len() == 5 && plays.values().all(|n| *n == 4), "{plays:?}");
    let random = of("random", factors);
    assert_ne!(dealt(&random[0], 10), dealt(&random[1], 10));
    let in_order = of("in-order", factors);
    assert!(dealt(&in_order[0], 3).iter().all(|names| *names == ["Ann Ash", "Bo Ash"]));
}

#[test]
fn somebody_who_takes_part_already_is_passed_over() {
    let keys = "people=['people/ann.json','people/bo.json','people/cy.json']\ndeal='in-order'\n";
    let moderator = "people=['people/ann.json','people/bo.json']\n";
    let files = |deal: &str| {
        let mut files = files_with(keys, "", &[]);
        let toml = String::from_utf8(files["experiment.toml"].clone()).expect("text");
        let toml = toml.replacen(FORMS, &format!("{FORMS}{moderator}deal='{deal}'\n"), 1);
        files.insert("experiment.toml".to_owned(), toml.into_bytes());
        experiment_of(&files)
    };
    let in_order = plan_experiment(&files("in-order")).conditions;
    assert_eq!(dealt(&in_order[0], 2), [["Bo Ash", "Cy Ash"], ["Bo Ash", "Cy Ash"]]);
    assert_eq!(in_order[0].counted_people(1).len(), 2, "Ann surely moderates");
    let drawn = plan_experiment(&files("matched")).conditions;
    assert_eq!(drawn[0].counted_people(1).len(), 3, "Ann or Bo moderates");
    let mut dealer = Dealer::new(&drawn[0], 7);
    for replicate in 1..=6 {
        let dealt = dealer.deal(replicate);
        assert!(dealt[1].len() == 2 && !dealt[1].contains(&dealt[0][0]), "{replicate}");
    }
}

#[test]
fn mistakes_are_one_clear_error_each() {
    let ann = "people='people/ann.json'";
    let with = |keys: &str, others: &[(&str, &str)]| errors_of(&files_with(keys, "", others)).join("\n");
    let large = " ".repeat((1 << 20) + 1);
    for (keys, others, expected) in [
        (
            "people='people/../x.json'",
            vec![],
            "bad-path: `roles.customer.people` cannot be `people/../x.json`: it leads out of the folder",
        ),
        ("people=['people/z*.json']", vec![], "no-people: `people/z*.json` matches no file"),
        ("people=['people/z.json']", vec![], "no-people: there is no file `people/z.json`"),
        (
            "people='brazil'",
            vec![],
            "no-people: the population `brazil` has no people: `people/brazil/` holds no file of one",
        ),
        ("people='people/more/*.json'", vec![], "fragment-in-pool: `people/more/tea.json` is a fragment, not a person"),
        (
            "people='people/*.json'\nfragments='people/ann.json'",
            vec![],
            "person-in-fragments: `people/ann.json` is a person, not a fragment",
        ),
        (
            "people='people/*.json'\nfragments='tea'",
            vec![],
            "bad-path: `roles.customer.fragments` cannot be `tea`: a fragment is a file",
        ),
        (
            "deal='random'",
            vec![],
            "no-people: `roles.customer.deal` without `people`: the agents of `customer` are nobody in particular",
        ),
        ("fragments='people/more/tea.json'", vec![], "no-people: `roles.customer.fragments` without `people`"),
        (ann, vec![], "too-few-people: role `customer` has 2 agents and 1 people in model=ollama/m"),
        (
            ALL,
            vec![("people/x.json", "{\"name\":\"Ann\\u001b[2J\"}")],
            "bad-person: its name holds the control character U+001B (people/x.json:0)",
        ),
        (
            ALL,
            vec![("people/x.json", "{\"name\":\"X\",\"a\":1,\n\"a\":2}")],
            "bad-person: the key \"a\" is there twice (people/x.json:2)",
        ),
        (
            ALL,
            vec![("people/x.json", "{\"title\":\"USA\"}")],
            "bad-person: the file is no person: it has no `name` (people/x.json:0)",
        ),
        (
            ALL,
            vec![("people/x.json", "{\"name\":\"Moderator\"}")],
            "bad-person: `people/x.json`: `Moderator` is the name of a role",
        ),
        (ALL, vec![("people/x.json", &large)], "too-large: the file is larger than 1 MiB (people/x.json:0)"),
        (
            ALL,
            vec![("roles/customer.md", "## Person\nMine.")],
            "person-section: the section `Person` is written from each agent's person (roles/customer.md:1)",
        ),
        (
            ALL,
            vec![("roles/customer.md", "<PERSON age> <PERSON job>")],
            "person-tag: `<PERSON job>`: `Ann Ash`, `Bo Ash`, `Cy Ash`, `Di Ash`, `Ed Ash` have no text, number or boolean there (roles/customer.md:1)",
        ),
        (
            ALL,
            vec![("shared.md", "<PERSON age>")],
            "person-tag: `<PERSON age>`: role `moderator` reads it and has no people in model=ollama/m (shared.md:1)",
        ),
        (
            "people='people/*.json'\nfragments='people/more/old.json'",
            vec![("people/more/old.json", "{\"type\":\"Fragment\",\"persona\":{\"age\":90}}")],
            "fragment-conflict: `people/ann.json` and `people/more/old.json` differ in `age`",
        ),
    ] {
        let found = with(keys, &others);
        assert!(found.starts_with(expected), "{keys}\n{found}");
        let same = found.lines().filter(|line| line.split(':').next() == expected.split(':').next()).count();
        assert_eq!(same, found.lines().count(), "{keys}\n{found}");
        assert!(expected.starts_with("fragment-conflict") || same == 1, "{keys}\n{found}");
    }
    let tagged = errors_of(&files_with("people='people/z.json'", "", &[("roles/customer.md", "<PERSON age>")]));
    assert_eq!(tagged.len(), 1, "no other error follows: {tagged:?}");
    let toml = "[factors]\n'roles.customer.people'=['','people/../x']";
    let found = with(&format!("{ALL}\n{toml}"), &[]);
    assert!(found.starts_with("bad-level: `roles.customer.people` cannot be `people/../x`"), "{found}");
    let starting = errors_of(&files_with(ALL, "starting_message='Hi <PERSON age>'", &[])).concat();
    assert!(starting.starts_with("person-tag: the starting message has no reader who is a person"), "{starting}");
}

#[test]
fn a_fragment_that_replaces_makes_the_same_people_another_age() {
    let old = "{\"type\":\"Fragment\",\"persona\":{\"age\":90},\"on_conflict\":\"replace\"}";
    let keys =
        format!("{ALL}\n[factors]\n'roles.customer.fragments'=['','people/more/old.json + people/more/tea.json']");
    let experiment = experiment_of(&files_with(&keys, "", &[("people/more/old.json", old)]));
    let conditions = plan_experiment(&experiment).conditions;
    let texts = |c: &Condition| c.cast(1).expect("people").pool.iter().map(|m| m.text.clone()).collect::<Vec<_>>();
    assert!(texts(&conditions[0]).iter().all(|text| !text.contains("Age: 90") && !text.contains("tea")));
    assert!(
        texts(&conditions[1]).iter().all(|text| text.contains("- Age: 90\n") && text.ends_with("- Likes:\n  - tea"))
    );
    assert_eq!(conditions[1].cast(1).expect("people").pool.len(), 5);
    assert_eq!(dealt(&conditions[0], 9), dealt(&conditions[1], 9), "a fragment moves nobody");
}

#[test]
fn warnings_name_what_may_surprise() {
    let others = [
        ("people/x.json", "{\"name\":\"Ann Ash\",\"age\":99,\"occupation\":{\"title\":\"x\"}}"),
        ("people/y.json", "{\"type\":\"TinyPerson\",\"mental_faculties\":[],\"persona\":{\"name\":\"Bo\",\"age\":1}}"),
    ];
    let keys = format!("{ALL}\n[factors]\n'agents.customer'=[1,2]");
    let checked = check(&files_with(&keys, "", &others), &[]);
    let warnings: Vec<String> = checked.problems.iter().map(|p| format!("{}: {}", p.code, p.message)).collect();
    for expected in [
        "double-name: more than one person of the pool has the name `Ann Ash`",
        "like-names: names begin with other names: `Bo` – `Bo Ash`",
        "ignored-key: `mental_faculties` is ignored",
        "unmatched-people: role `customer` has 1 or 2 agents: only conditions with equally many have the same people in a replicate",
    ] {
        assert!(warnings.iter().any(|warning| warning == expected), "{expected}\n{warnings:#?}");
    }
}

#[test]
fn files_that_nobody_names_do_not_belong_to_the_experiment() {
    let mut files = files_with("", "", &[("people/broken.json", "{")]);
    let experiment = experiment_of(&files);
    assert_eq!(experiment.people, []);
    files.retain(|path, _| !path.starts_with("people/"));
    assert_eq!(keys_of(&experiment), keys_of(&experiment_of(&files)));
    assert_eq!(folder::find_sources(b"name='e'\n[roles.a]\npeople=['people/../a.json', 'people/b.json']").len(), 1);
    assert!(folder::find_sources(b"not = = toml").is_empty());
}

/// A document of a foreign database may name any path.
#[test]
fn a_path_of_a_foreign_document_is_not_written_outside_of_its_folder() {
    let mut experiment = experiment_with(ALL);
    for path in ["people/../../secret.json", "/etc/x.json", "people/./x.json", "roles/../x.json", "people/a\\b.json"] {
        experiment.people.push(PersonFile::new(path, "{\"name\": \"X\"}".to_owned()));
    }
    let files = write::write_files(&experiment);
    let people: Vec<&String> = files.keys().filter(|path| path.starts_with("people/")).collect();
    assert_eq!(people, ["people/ann.json", "people/bo.json", "people/cy.json", "people/di.json", "people/ed.json"]);
    assert!(files.keys().all(|path| !path.contains("..") && !path.starts_with('/')), "{:?}", files.keys());
}
