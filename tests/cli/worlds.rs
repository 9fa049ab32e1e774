//! Worlds through whole commands: offline, in transcripts and exports, with their bad input.

use crate::support::Place;
use serde_json::Value as Json;

const PARK: &str = r#"name = "park"
models = [{ id = "ollama/m", max_tokens = 300 }]
[protocol]
agents = { visitor = 3 }
[roles.visitor]
plural = "visitors"
pronouns = "they/their"
people = ["people/*.json"]
[mind]
state = ["goals"]
[world]
steps = 4
clock = { start = 2024-05-16T09:00:00, step = "15 min" }
places = [{ name = "Park", text = "Trees, a pond." }, { name = "Lobby" }]
start = { visitor = "Lobby", "Ann Lee" = "Park" }
"#;

fn park(toml: &str, more: &[(&str, &str)]) -> Place {
    let place = Place::new();
    let people = [
        ("people/ann.json", r#"{"name": "Ann Lee", "public": "a neighbour"}"#),
        ("people/bob.json", r#"{"name": "Bob Ray"}"#),
        ("people/cy.json", r#"{"name": "Cy Fox"}"#),
    ];
    let files: Vec<(&str, &str)> = [("experiment.toml", toml), ("roles/visitor.md", "You have time this morning.")]
        .into_iter()
        .chain(people)
        .chain(more.iter().copied())
        .collect();
    place.folder("park", &files);
    place
}

fn data(place: &Place, line: &str) -> Json {
    place.run(line).exits(0).json()["data"].clone()
}

#[test]
fn a_world_runs_offline_and_reads_well() {
    let place = park(PARK, &[]);
    let plan = place.run("plan park --offline").exits(0).out;
    assert!(plan.contains("12"), "three agents, four steps: {plan}");
    let waits = "the longest world waits 4 times for a server; a step has 3 calls and waits once";
    assert!(plan.contains(waits), "{plan}");
    let plan = data(&place, "plan park --offline --json");
    assert_eq!(
        (&plan["latencies"], &plan["per_step"]),
        (&4.into(), &serde_json::json!({ "calls": 3, "latencies": 1 }))
    );
    place.run("run park --offline").exits(0);
    place.run("verify").exits(0);
    let id = data(&place, "list park --json")[0]["id"].as_str().unwrap().to_owned();
    let shown = place.run(&format!("show {id}")).exits(0).out;
    assert!(shown.contains("Step 1 · 2024-05-16 09:00") && shown.contains("Ann Lee in Park"), "{shown}");
    let as_ann = place.words(&["show", &id, "--as", "Ann Lee"], &[]).exits(0).out;
    assert!(as_ann.len() < shown.len() && as_ann.contains("Ann Lee in Park"), "{as_ann}");
    let there = place.words(&["show", &id, "--place", "Park"], &[]).exits(0).out;
    assert!(!there.contains("in Lobby"), "{there}");
    let wrong = place.words(&["show", &id, "--as", "Dan"], &[]).exits(2).err;
    assert!(wrong.contains("there is no `Dan`") && wrong.contains("Cy Fox"), "{wrong}");
    place.run("export park --format csv -o park.csv --all").exits(0);
    let csv = std::fs::read_to_string(place.path().join("park.csv")).unwrap();
    let head = csv.lines().next().unwrap();
    assert!(head.contains(",to,place,time,heard_by"), "{head}");
    assert!(csv.contains("2024-05-16T09:15:00"), "{csv}");
    place.run("export park --format md -o pages --all").exits(0);
    let record = &data(&place, "list park --json")[0];
    assert_eq!((record["messages"].as_u64(), record["speakers"].as_str()), (Some(4), Some("together")));
}

#[test]
fn a_world_comes_back_from_the_database_and_other_parts_keep_its_key() {
    let place = park(PARK, &[]);
    let key = |place: &Place| data(place, "list park --json")[0]["key"].clone();
    place.run("run park --offline").exits(0);
    let before = key(&place);
    place.run("export park --format folder -o back").exits(0);
    assert_eq!(place.run("diff park back").exits(0).out.lines().count(), 1, "no difference");
    let spelled = PARK.replace("steps = 4", "steps = 4\norder = \"together\"\nquiet = 2\nhearing = \"place\"");
    let same = park(&spelled, &[]);
    same.run("run park --offline").exits(0);
    assert_eq!(key(&same), before, "defaults do not count");
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_runs_at_once() {
    let logs: Vec<Json> = ["1", "8"]
        .iter()
        .map(|jobs| {
            let place = park(PARK, &[]);
            place.run(&format!("run park --offline --replicates 3 --jobs {jobs}")).exits(0);
            let all = data(&place, "list park --json");
            let of =
                |one: &Json| data(&place, &format!("show {} --json", one["id"].as_str().unwrap()))["entries"].clone();
            all.as_array().unwrap().iter().map(of).collect()
        })
        .collect();
    assert_eq!(logs[0], logs[1]);
}

#[test]
fn each_mistake_in_a_world_is_one_clear_error() {
    let links = |csv: &'static str| vec![("links.csv", csv)];
    let by_links = PARK
        .replace("start = { v", "# = { v")
        .replace("places =", "#")
        .replace("steps = 4", "steps = 4\nhearing = \"links\"\nlinks = { file = \"links.csv\" }");
    for (toml, more, error) in [
        (
            PARK.replace("visitor = \"Lobby\"", "visitr = \"Lobby\""),
            vec![],
            "`world.start.visitr` names `visitr`, which is no role and nobody's name",
        ),
        (
            PARK.replace("visitor = \"Lobby\"", "visitor = \"Loby\""),
            vec![],
            "`visitor` starts in `Loby`, which is no place",
        ),
        (
            PARK.replace("{ name = \"Lobby\" }", "{ name = \"Lobby\", who = [\"Ann Lee\"] }"),
            vec![],
            "`visitor` starts in `Lobby`, and may not enter it",
        ),
        (PARK.replace("{ name = \"Lobby\" }", "{ name = \"park\" }"), vec![], "two places are named `park`"),
        (PARK.replace("steps = 4", "steps = 0"), vec![], "`world.steps` is 0"),
        (PARK.replace("step = \"15 min\"", "step = \"0 min\""), vec![], "`world.clock.step` cannot be `0 min`"),
        (PARK.replace("state = [\"goals\"]", "memory = { last = 0 }"), vec![], "`mind.memory.last` is 0"),
        (
            PARK.replace(", { name = \"Lobby\" }", "")
                .replace("visitor = \"Lobby\", ", "")
                .replace("state =", "actions = [\"go\"]\nstate ="),
            vec![],
            "`mind.actions` has `go`, and there is no second place",
        ),
        (
            PARK.replace("steps = 4", "steps = 4\nlinks = { kind = \"ring\", k = 2 }"),
            vec![],
            "`world.links` are heard by nobody",
        ),
        (
            PARK.replace("steps = 4", "steps = 4\nhearing = \"links\""),
            vec![],
            "`world.hearing` is \"links\", and there are none",
        ),
        (by_links.clone(), vec![], "there is no file `links.csv`"),
        (by_links.clone(), links("from,to\nAnn Lee,Bob Ray\n"), "no link of `links.csv` names `Cy Fox`"),
        (by_links, links("from;to\nAnn Lee;Bob Ray\n"), "its first line does not name the columns `from` and `to`"),
        (
            PARK.replace("agents = {", "messages = 9\nagents = {"),
            vec![],
            "`protocol.messages` means nothing in a world",
        ),
        (
            PARK.replace("steps = 4", "steps = 4\norder = [[\"visitor\"], [\"host\"]]"),
            vec![],
            "`world.order` names `host`, which is no role",
        ),
        (
            PARK.replace("id = \"ollama/m\", max_tokens = 300", "id = \"human\""),
            vec![],
            "a person who types cannot take part in a world",
        ),
        (PARK.replace("[world]", "[ward]"), vec![], "unknown key `ward`"),
    ] {
        let place = park(&toml, &more);
        let err = place.run("check park").exits(3);
        let shown = format!("{}{}", err.out, err.err);
        assert!(shown.contains(error), "{error}\n{shown}");
    }
    let many: Vec<String> = (0..10_000).map(|i| format!("{{ name = \"P{i}\" }}")).collect();
    let place = park(&PARK.replace("{ name = \"Lobby\" }", &many.join(",")), &[]);
    let shown = place.run("check park").exits(3);
    assert!(format!("{}{}", shown.out, shown.err).contains("holds 10001 places"));
}

/// An agent that is asked afterwards reads what it perceived, and nothing else.
#[test]
fn an_agent_of_a_world_is_asked_from_its_own_memory() {
    let place = park(PARK, &[]);
    place.run("run park --offline").exits(0);
    place.words(&["ask", "park", "Whom did you meet?", "--offline"], &[]).exits(0);
    place.run("verify").exits(0);
    let id = data(&place, "list park --json")[0]["id"].as_str().unwrap().to_owned();
    let shown = data(&place, &format!("show {id} --json"));
    let entries = shown["entries"].as_array().unwrap();
    for question in shown["questions"].as_array().unwrap() {
        let asked = data(&place, &format!("show {} --calls --json", question["id"].as_str().unwrap()));
        let calls = asked["calls"].as_array().unwrap();
        assert_eq!(calls.len(), 3);
        for call in calls {
            let prompt = call["messages"].to_string();
            let answer = asked["entries"].as_array().unwrap().iter().find(|entry| entry["seq"] == call["seq"]).unwrap();
            let speaker = answer["speaker"].as_str().unwrap();
            assert!(prompt.contains("Whom did you meet?") && prompt.contains("- place: "), "{prompt}");
            let heard = |entry: &&Json| {
                entry["speaker"] == speaker
                    || entry["heard_by"].as_array().is_some_and(|who| who.iter().any(|one| one == speaker))
            };
            let unheard = entries.iter().filter(|entry| entry["kind"] == "speech" && !heard(entry));
            for entry in unheard {
                assert!(!prompt.contains(entry["content"].as_str().unwrap()), "{speaker} reads {entry}");
            }
        }
    }
}

#[test]
fn keys_of_worlds_mean_nothing_in_a_conversation() {
    let place = Place::new();
    let toml = "name='talk'\nmodels=['ollama/m']\n[protocol]\nmessages=4\nagents={a=1,b=1}\n[mind]\nactions=['say']\nturns=2\n\
        [roles.a]\nplural='as'\npronouns='it/its'\n[roles.b]\nplural='bs'\npronouns='it/its'\n[factors]\n'world.steps'=[3,4]\n";
    place.folder("talk", &[("experiment.toml", toml), ("roles/a.md", "A."), ("roles/b.md", "B.")]);
    let shown = place.run("check talk").exits(3);
    let shown = format!("{}{}", shown.out, shown.err);
    for at in ["mind.actions", "mind.turns", "factors.world.steps"] {
        assert!(shown.contains(&format!("`{at}` means nothing in a conversation")), "{at}: {shown}");
    }
}
