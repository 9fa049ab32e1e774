//! Tests of bad input. Each case is a folder in memory, and must produce exactly its problems, with place and remedy.

use super::*;

const ROLES: &str = "[roles.guard]\nplural = \"guards\"\npronouns = \"he/his\"\n\
                     [roles.prisoner]\nplural = \"prisoners\"\npronouns = \"he/his\"\n";

fn known_servers() -> Vec<KnownServer> {
    let server = |name: &str, lacks| KnownServer { name: name.to_owned(), lacks, refused: None };
    vec![server("openai", &["top_k", "num_ctx", "keep_alive"]), server("ollama", &[])]
}

/// Returns the TOML of a valid experiment from its three parts. Required keys that a part lacks are added.
fn experiment_toml(top: &str, protocol: &str, rest: &str) -> String {
    let name = if top.contains("name =") { "" } else { "name = \"e\"\n" };
    let models = if top.contains("models =") { "" } else { "models = [\"ollama/m\"]\n" };
    let messages = if protocol.contains("messages =") { "" } else { "messages = 4\n" };
    let agents = if protocol.contains("agents =") { "" } else { "agents = { guard = 1, prisoner = 1 }\n" };
    let roles = if rest.contains("[roles.") { "" } else { ROLES };
    format!("{top}\n{name}{models}[protocol]\n{protocol}\n{messages}{agents}{roles}{rest}\n")
}

fn folder_of(toml: &str) -> Files {
    folder_with(toml, &[("roles/guard.md", "Guard.\n"), ("roles/prisoner.md", "Prisoner.\n")])
}

fn folder_with(toml: &str, others: &[(&str, &str)]) -> Files {
    let mut files = Files::from([("experiment.toml".to_owned(), toml.as_bytes().to_vec())]);
    files.extend(others.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
    files
}

fn list_problems(files: &Files) -> String {
    let checked = check(files, &known_servers());
    let text: Vec<String> = checked.problems.iter().map(|p| format!("[{}] {p}", p.code)).collect();
    assert_eq!(checked.plan.is_some(), !checked.has_errors(), "{}", text.join("\n"));
    text.join("\n\n")
}

/// Returns a folder with a heading that reads the label `goal`.
fn folder_of_goals(toml: &str) -> Files {
    folder_with(toml, &[("roles/guard.md", "## Goal {goal=a}\nEscape.\n"), ("roles/prisoner.md", "Prisoner.\n")])
}

macro_rules! says {
    ($($name:ident: $files:expr;)*) => { $(#[test] fn $name() { insta::assert_snapshot!(list_problems(&$files)); })* };
}

#[test]
fn a_sound_experiment_has_no_problem() {
    assert_eq!(list_problems(&folder_of(&experiment_toml("", "", ""))), "");
    assert_eq!(list_problems(&folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]"))), "");
}

#[test]
fn a_name_in_the_other_unicode_form_is_the_same() {
    // A composed and a decomposed form of each name.
    for (one, other) in
        [("pr\u{e9}fet", "pre\u{301}fet"), ("\u{c5}sa", "A\u{30a}sa"), ("\u{d55c}", "\u{1112}\u{1161}\u{11ab}")]
    {
        for (toml, file) in [(one, one), (one, other), (other, one), (other, other)] {
            for table in [one, other] {
                let roles = format!("[roles.\"{table}\"]\nplural = \"x\"\npronouns = \"he/his\"\n");
                let toml_text = experiment_toml("", &format!("agents = {{ \"{toml}\" = 2 }}"), &roles);
                let path = format!("roles/{file}.md");
                let files = folder_with(&toml_text, &[(&path, "Text.\n")]);
                assert_eq!(list_problems(&files), "");
                let read = check(&files, &known_servers()).experiment.unwrap();
                // The stored name is that of experiment.toml, byte for byte.
                assert_eq!((read.roles[0].name.as_str(), read.roles[0].prompt.is_empty()), (toml, false));
            }
        }
    }
    // Two roles that differ in nothing else keep their own files.
    let two = experiment_toml(
        "",
        "agents = { \"pr\u{e9}fet\" = 1, \"pre\u{301}fet\" = 1 }",
        "[roles.\"pr\u{e9}fet\"]\nplural = \"x\"\npronouns = \"he/his\"\n",
    );
    let files = folder_with(&two, &[("roles/pr\u{e9}fet.md", "One.\n"), ("roles/pre\u{301}fet.md", "Two.\n")]);
    let read = check(&files, &known_servers()).experiment.unwrap();
    assert_ne!(read.roles[0].prompt, read.roles[1].prompt);
}

says! {
    broken_toml: folder_of("name = \nmodels = [\"ollama/m\"\n[protocol\nmessages = = 3\n");
    not_an_experiment: folder_with("a = 1", &[]);
    no_experiment_file: Files::from([("roles/guard.md".to_owned(), Vec::new())]);
    nothing_in_it: folder_with("", &[]);
    unknown_keys: folder_of(&experiment_toml("nmae = \"x\"\nfoo = 1", "mesages = 3", "[run]\nreplicate = 3"));
    nothing_under_protocol: folder_of("name = \"e\"\nmodels = [\"ollama/m\"]\n[protocol]\n[run]\nreplicates = 0\n");
    no_protocol: folder_of("name = \"e\"\nmodels = [\"ollama/m\"]\n[run]\nseed = -1\n[health]\nempy = \"keep\"");
    wrong_types: folder_of(&experiment_toml("note = 3\nsections = \"Goal\"", "days = \"2\"\nmerge = 1\nstop_phrases = [3]", "[selector]\nmodel = 3"));
    agents_of_wrong_type: folder_of(&experiment_toml("", "agents = { guard = \"one\", prisoner = -1 }", ""));
    agents_are_no_table: folder_of(&experiment_toml("", "agents = 3", "[roles.guard]"));
    missing_role_file: folder_with(&experiment_toml("", "", ""), &[("roles/guard.md", "Guard.")]);
    role_file_of_nobody: folder_with(&experiment_toml("", "", ""), &[("roles/guard.md", ""), ("roles/prisoner.md", ""), ("roles/gaurd.md", "")]);
    role_table_of_nobody: folder_of(&experiment_toml("", "", &format!("{ROLES}[roles.prisner]\nplural = \"x\"")));
    role_that_nobody_plays: folder_of(&experiment_toml("", "agents = { guard = 2, prisoner = 0 }", ""));
    role_that_some_play: folder_with(&experiment_toml("", "agents = { guard = 2, prisoner = 0 }", "[factors]\n\"agents.prisoner\" = [0, 1]"),
        &[("roles/guard.md", "There <PRISONER_VERB_be> <PRISONER_NUM> <PRISONER_NOUN>.\n\n## In {agents.prisoner=1}\nSee the <PRISONER_NOUN>.\n"), ("roles/prisoner.md", "<PRISONER_NOUN>")]);
    no_agents: folder_of(&experiment_toml("", "agents = { guard = 0, prisoner = 0 }", ""));
    one_agent: folder_of_goals(&experiment_toml("", "agents = { guard = 1, prisoner = 0 }", "[factors]\ngoal = [\"a\", \"b\"]\n\"agents.prisoner\" = [0, 1]"));
    too_few_messages: folder_of_goals(&experiment_toml("", "messages = 5\ndays = 3", "[factors]\ngoal = [\"a\", \"b\"]"));
    fewer_turns_than_agents: folder_of_goals(&experiment_toml("", "messages = 3\nagents = { guard = 2, prisoner = 2 }", "[factors]\ngoal = [\"a\", \"b\"]"));
    fewer_turns_in_some_conditions: folder_of(&experiment_toml("", "agents = { guard = 2, prisoner = 2 }", "[factors]\nmessages = [4, 8]"));
    fewer_turns_where_a_person_chooses: folder_of(&experiment_toml("", "messages = 3\nspeakers = \"manual\"\nagents = { guard = 2, prisoner = 2 }", ""));
    no_summarizer: folder_of(&experiment_toml("", "days = 2", ""));
    no_summarizer_for_the_last_day: folder_of(&experiment_toml("", "final_summary = true", ""));
    two_cells_of_one_key: folder_of(&experiment_toml("", "", "[factors]\ntemperature = [0.5, 0.7]\n[design]\nzip = [[\"temperature\"]]").replace("[0.5, 0.7]", "[0.5, 0.5]"));
    models_that_nobody_uses: folder_of(&experiment_toml("models = [\"ollama/a\", \"ollama/b\", \"ollama/c\"]", "", &ROLES.replace("plural", "model = \"ollama/a\"\nplural")));
    unknown_tags: folder_with(&experiment_toml("starting_message = \"Go, <GUARD_NON>\"", "", ""),
        &[("shared.md", "<!-- <GUARD_X> -->\n<PRISONER_NOUNS> <b> \\<GUARD_X>\n```\n<!-- <GUARD_Y> -->\n```\n"), ("roles/guard.md", "## The <GUARD_Z>\n<guard_noun> é <PRISONER_VERB_3>"), ("roles/prisoner.md", "")]);
    agent_name_without_agent: folder_with(&experiment_toml("starting_message = \"Go, <AGENT_NAME>\"", "days = 2", ""),
        &[("summarizer.md", "You are <AGENT_NAME>"), ("roles/guard.md", ""), ("roles/prisoner.md", "")]);
    tag_clashes: folder_with(&experiment_toml("", "agents = { \"a b\" = 1, a_b = 1, agents = 1 }", "[roles.a_b]\nplural=\"x\"\npronouns=\"he/his\""),
        &[("roles/a b.md", ""), ("roles/a_b.md", ""), ("roles/agents.md", "")]);
    unknown_server: folder_of(&experiment_toml("models = [\"olama/m\", \"campus/m\"]", "", ""));
    bad_models: folder_of(&experiment_toml("models = [\"m\", \"ollama/\", { as = \"x\" }, { id = \"ollama/a b\", as = \"human\" }, 3, { id = \"ollama/m\", temperature = 3, top_p = 0, max_tokens = 0, seed = { fixe = 1 } }]", "", ""));
    no_models: folder_of(&experiment_toml("models = []", "", ""));
    addresses: folder_of(&experiment_toml("models = [\"http://127.0.0.1:11434/m\", { id = \"openai/m\", base_url = \"https://x.org\", api_key_env = \"KEY\" }]", "", "[servers.x]\nkind = \"openai\""));
    duplicate_models: folder_of(&experiment_toml("models = [\"ollama/m\", \"ollama/m\", { id = \"ollama/n\", as = \"ollama/m\" }]", "", ""));
    parameters_that_a_protocol_lacks: folder_of(&experiment_toml("models = [{ id = \"openai/m\", top_k = 3 }]", "", ""));
    swept_parameters_that_a_protocol_lacks: folder_of(&experiment_toml("models = [\"openai/m\"]", "", "[factors]\ntop_k = [1, 2]"));
    undeclared_models: folder_of(&experiment_toml("models = [{ id = \"ollama/m\", as = \"big\" }]", "", &format!("{}[selector]\nmodel = \"bgi\"\n[factors]\nmodel = [\"big\", \"ollama/m\", \"gpt\"]", ROLES.replace("plural = \"guards\"", "model = [\"big\"]\nplural = \"guards\""))));
    a_person_who_is_not_declared: folder_of(&experiment_toml("", "", &ROLES.replace("plural = \"guards\"", "model = \"human\"\nplural = \"guards\"")));
    several_models_of_one_id: folder_of(&experiment_toml("models = [{ id = \"ollama/m\", as = \"a\" }, { id = \"ollama/m\", as = \"b\", temperature = 0 }]", "", "[factors]\nmodel = [\"ollama/m\"]"));
    too_few_models_of_a_role: folder_of(&experiment_toml("", "agents = { guard = 2, prisoner = 1 }", &ROLES.replace("plural = \"guards\"", "model = [\"ollama/m\"]\nplural = \"guards\"")));
    people: folder_of(&experiment_toml("models = [\"ollama/m\", \"human\"]", "speakers = \"manual\"", &ROLES.replace("plural = \"guards\"", "model = \"human\"\nplural = \"guards\"")));
    people_with_parameters: folder_of(&experiment_toml("models = [\"ollama/m\", { id = \"human\", as = \"me\", temperature = 1.0, max_tokens = 5, stop = [\"x\"], seed = 3, keep_alive = \"1m\", stream = true, concurrency = 2 }]", "", ""));
    other_styles: folder_of(&experiment_toml("", "style = \"lis\"", ""));
    newer_format: folder_of(&experiment_toml("format = 2", "nonsense = 1", ""));
    role_names_that_are_paths: folder_with(&experiment_toml("", "agents = { \"../x\" = 1, \"a/b\" = 1, \"c\\\\d\" = 1, selector = 1, \"\" = 1 }", "[roles.\"../x\"]\nplural = \"x\"\npronouns = \"he/his\""), &[("roles/selector.md", "")]);
    bad_names: folder_of(&experiment_toml("name = \"../e\"", "", &ROLES.replace("he/his", "he")));
    mixed_levels: folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", 1, true]\ntemperature = [0, 0.7]"));
    repeated_levels: folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\", \"a\", \"a\"]"));
    bad_levels: folder_of(&experiment_toml("", "", "[factors]\nmessages = [4, 0]\nspeakers = [\"auto\", \"manual\"]\nstyle = [\"lis\"]\nstop_phrases = [\"x\"]\n\"agents.guard\" = [1, 20000]\ntop_p = [0.0]\nmerge = [1]\nmodel = [3]"));
    bad_factors: folder_of(&experiment_toml("", "", "[factors]\na = []\nb = { from = 3, to = 1 }\nc = { was = 1 }\nd = [[1]]\ne = 3\nf = { levels = [1], form = 2 }\n\"g h\" = [1]\n\"agents.gaurd\" = [1]\nagents = [1]\nrisk = { levels = [true, false], was = \"no\" }"));
    uneven_zips: folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]\nb = [1, 2, 3]\nc = [1]\n[design]\nzip = [[\"goal\", \"b\"], [\"goal\", \"nope\"]]"));
    bad_cells: folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]\nlong = [1, 2]\n[design]\nzip = [[\"long\"]]\ncells = [{ goal = \"a\", long = 1 }, { goal = \"c\" }, { gaol = \"a\", long = [1] }]"));
    empty_cells: folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]\n[design]\ncells = [{}]"));
    bad_excludes: folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]\n[design]\nexclude = [\"gaol=a\", \"goal!=a\", \"\", \"goal=c\", \"goal=a|x days=2\"]"));
    everything_excluded: folder_of_goals(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]\n[design]\nexclude = [\"goal=a|b\"]"));
    was_of_a_setting: folder_of(&experiment_toml("", "", "[factors]\nmessages = { levels = [4, 6], was = 4 }"));
    too_many: folder_of(&experiment_toml("", "", "[factors]\na = { from = 1, to = 90000 }\nb = { from = 1, to = 90000 }\nc = { from = 1, to = 90000 }\nd = { from = 1, to = 90000 }\ne = { from = 1, to = 90000 }"));
    headings: folder_with(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]"),
        &[("shared.md", "## One {gaol=a}\n## Two {goal=c}\n## Three {goal=a|c days=1 agents.guard=1 roles.guard.model=ollama/m model=ollama/n}\n## Four {temperature=0.7}\n"), ("roles/guard.md", "## Bad {goal = a}\n## {goal=a}\n<!-- open"), ("roles/prisoner.md", "")]);
    unlisted_sections: folder_with(&experiment_toml("sections = [\"Gaol\", \"Goal\", \"Goal\", \"Zzz\"]", "", ""), &[("shared.md", "## Goal\nx"), ("roles/guard.md", ""), ("roles/prisoner.md", "")]);
    double_titles: folder_with(&experiment_toml("", "", "[factors]\ngoal = [\"a\", \"b\"]"),
        &[("shared.md", "## Goal {goal=a}\nx\n"), ("roles/guard.md", "## Goal\ny\n## Other {goal=a}\n## Other {goal=b}\n"), ("roles/prisoner.md", "## Goal {goal=b}\n")]);
    idle_labels: folder_of(&experiment_toml("", "", "[factors]\ntemprature = [0.1, 0.2]\ncolour = [\"red\"]"));
    guessed_words: folder_with(&experiment_toml("", "agents = { child = 1, \"prison guard\" = 1 }", "[roles.child]\nplural = \"children\""), &[("roles/child.md", ""), ("roles/prison guard.md", "")]);
    bad_health: folder_of(&experiment_toml("", "stop_phrases = [\"x\", \" \"]", "[health]\nempy = \"keep\"\nlength = \"stop\"\nempty = { ask = -1 }\nrefusal = { asks = 1 }\nfiltered = 3"));
    unquoted_names: folder_of(&experiment_toml("", "", "[factors]\nagents.guard = [1, 2]\nroles.guard.model = [\"x\"]"));
    a_starting_message_of_nobody: folder_of(&experiment_toml("starting_message = \"<PRISONER_NUM>\"", "agents = { guard = 2, prisoner = 0 }", "[factors]\n\"agents.prisoner\" = [0, 1]"));
    a_word_of_the_protocol: folder_of(&experiment_toml("", "speakers = \"roundrobin\"\nlabels = \"yes\"", ""));
}

#[test]
fn what_is_not_utf8_is_told_once_in_any_file() {
    let mut files = folder_with(
        &experiment_toml("", "days = 2", "[factors]\ngoal = [\"a\", \"b\"]"),
        &[("roles/guard.md", ""), ("roles/prisoner.md", ""), ("summarizer.md", "")],
    );
    for path in ["shared.md", "roles/guard.md", "summarizer.md"] {
        files.insert(path.to_owned(), b"\xef\xbb\xbfone\r\ntw\xf6 and <GUARD_X>\n## Goal {goal=a}\nx".to_vec());
    }
    insta::assert_snapshot!("not_utf8_prompts", list_problems(&files));
    files.insert("experiment.toml".to_owned(), b"name = \"e\"\n# \xff\xfe\nnonsense = 1".to_vec());
    let mut toml_only = Files::new();
    toml_only.insert("experiment.toml".to_owned(), files["experiment.toml"].clone());
    insta::assert_snapshot!("not_utf8_toml", list_problems(&toml_only));
}

#[test]
fn line_ends_and_byte_order_marks_make_no_difference() {
    let text = experiment_toml("note = \"\"\"\none\ntwo\"\"\"", "", "[factors]\ngoal = [\"a\", \"b\"]");
    let guard = "Start.\n\n## Goal {goal=a}\nOne.\n\n```\n## no\n```\n";
    let unix = folder_with(&text, &[("roles/guard.md", guard), ("roles/prisoner.md", "Two.\n")]);
    let dos: Files = unix
        .iter()
        .map(|(path, bytes)| {
            let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
            (path.clone(), format!("\u{feff}{text}").into_bytes())
        })
        .collect();
    let (unix, dos) = (check(&unix, &known_servers()), check(&dos, &known_servers()));
    assert!(unix.problems.is_empty());
    assert_eq!(unix.problems, dos.problems);
    assert_eq!(unix.experiment, dos.experiment);
    assert_eq!(unix.plan, dos.plan);
}

/// One folder has ten mistakes of different kinds. The check reports all of them and nothing else.
#[test]
fn every_mistake_is_told_at_once() {
    let toml = "name = \"a/b\"\nnmae = 1\nmodels = [\"olama/m\", { id = \"ollama/n\", url = \"x\" }]\n\
                [protocol]\nmessages = 3\ndays = 2\nagents = { guard = 2, ghost = 0 }\nspeakers = \"manual\"\n\
                [roles.guard]\nplural = \"guards\"\npronouns = \"he/his\"\nmodel = \"ollama/o\"\n\
                [roles.ghost]\nplural = \"ghosts\"\npronouns = \"it/its\"\n\
                [factors]\nmood = [\"a\", 1]\n[design]\nzip = [[\"mood\", \"moon\"]]\n[health]\nempy = \"keep\"\n";
    let files = folder_with(
        toml,
        &[("roles/guard.md", "<GUARD_NON>\n## Mood {mod=a}\n"), ("roles/ghost.md", ""), ("roles/other.md", "")],
    );
    insta::assert_snapshot!(list_problems(&files));
}

#[test]
fn every_error_has_a_place_and_a_remedy() {
    let all = [
        experiment_toml("models = [\"m\", \"m\"]", "messages = 3\ndays = 2", "[factors]\na = [1, 1]\nmerge = [3]"),
        experiment_toml(
            "sections = [\"A\", \"A\"]",
            "stop_phrases = [\"\"]",
            "[factors]\na = []\n[design]\nexclude = [\"x\"]",
        ),
        experiment_toml(
            "",
            "agents = { guard = 1, ghost = 0 }",
            "[factors]\na=[1]\nb=[1,2]\n[design]\nzip=[[\"a\",\"b\"],[\"a\"]]",
        ),
    ];
    for text in all {
        for problem in check(&folder_of(&text), &known_servers()).problems {
            assert!(problem.hint.is_some(), "{problem}");
            assert!(problem.line > 0 || problem.path.starts_with("roles/"), "{problem}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// For any bytes the check returns problems or a plan, and does not panic.
    #[test]
    fn no_bytes_bring_it_down(changes in proptest::collection::vec((0..4_usize, proptest::prelude::any::<u16>(), proptest::prelude::any::<u8>(), 0..6_u8), 0..12)) {
        let text = experiment_toml("sections = [\"Goal\"]", "days = 2", "[factors]\ngoal = { levels = [\"a\", \"b\"], was = \"a\" }\n\"agents.guard\" = { from = 1, to = 2 }\n[design]\nexclude = [\"goal=a agents.guard=2\"]\n[health]\nempty = { ask = 2, then = \"fail\" }");
        let prompt = "Start <GUARD_NOUN> é.\n\n## Goal {goal=a|b agents.guard=\"1\"}\n<!-- x -->\n```\n## y\n```\n";
        let files = folder_with(&text, &[("roles/guard.md", prompt), ("roles/prisoner.md", prompt), ("summarizer.md", "Sum.")]);
        let mut files: Vec<(String, Vec<u8>)> = files.into_iter().collect();
        for (file, at, byte, what) in changes {
            let bytes = &mut files[file].1;
            let at = at as usize % (bytes.len() + 1);
            match what {
                0 => bytes.truncate(at),
                1 => { bytes.drain(at..(at + byte as usize).min(bytes.len())); }
                2 => { let part = bytes[at..(at + byte as usize).min(bytes.len())].to_vec(); bytes.extend(part); }
                3 => bytes.insert(at, b"\n{}[]=\"<>#|`"[byte as usize % 12]),
                4 => bytes.insert(at, b'0' + byte % 10),
                _ => bytes.insert(at, byte),
            }
        }
        let checked = check(&files.into_iter().collect(), &known_servers());
        proptest::prop_assert_eq!(checked.plan.is_some(), !checked.has_errors());
        for problem in &checked.problems {
            proptest::prop_assert!(!problem.to_string().is_empty());
        }
    }
}

#[test]
fn another_value_of_a_key_that_nothing_varies_is_no_level() {
    let toml = experiment_toml("", "", "[design]\nexclude = [\"agents.guard=3\", \"agents.guard=1 messages=9\"]\n");
    let text = "## Goal {messages=4|9}\nLater.\n\n## Again {days=2}\nAgain.\n";
    let files = folder_with(&toml, &[("roles/guard.md", text), ("roles/prisoner.md", "Prisoner.\n")]);
    let problems = check(&files, &known_servers()).problems;
    let of = |code: &str| problems.iter().filter(|p| p.code == code).map(|p| p.message.clone()).collect::<Vec<_>>();
    let mut found = of("unknown-level");
    found.sort();
    let no_level = |word: &str, name: &str| format!("`{word}` is no level of `{name}`");
    assert_eq!(
        found,
        [no_level("2", "days"), no_level("3", "agents.guard"), no_level("9", "messages"), no_level("9", "messages")]
    );
    assert!(of("idle-exclude").is_empty() && of("idle-section").is_empty(), "each mistake is reported once");
    let hint = problems.iter().find(|p| p.path.ends_with("guard.md")).and_then(|p| p.hint.clone()).unwrap();
    assert_eq!(hint, "messages is 4, and no factor varies it: correct it, or declare it under [factors]");
    let varied = experiment_toml("", "", "[factors]\nmessages = [4, 9]\ndays = [1, 2]\n");
    let files = folder_with(&varied, &[("roles/guard.md", text), ("roles/prisoner.md", "Prisoner.\n")]);
    assert!(!check(&files, &known_servers()).problems.iter().any(|p| p.code == "unknown-level"));
}
