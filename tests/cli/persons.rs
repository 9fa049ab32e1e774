//! Agents who are persons: `people` of roles, `convoke people`, and the experiment `focus-group`.

use crate::support::Place;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs;

/// A new copy of the shipped focus group.
fn group() -> Place {
    let place = Place::new();
    place.run("new group --from focus-group").exits(0);
    place
}

fn data(place: &Place, line: &str) -> Json {
    place.run(line).exits(0).json()["data"].clone()
}

/// Name of an agent, and the hash of its person.
type Agent = (String, Option<String>);

/// The agents of each conversation, by condition and replicate.
fn dealt(place: &Place) -> Vec<(String, Vec<Agent>)> {
    let listed = data(place, "list group --json");
    let of = |conversation: &Json| {
        let shown = data(place, &format!("show {} --json", conversation["id"].as_str().unwrap()));
        let agents = shown["participants"].as_array().unwrap().iter();
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let agents = agents.map(|p| (text(&p["name"]).unwrap(), text(&p["person"]))).collect();
        (format!("{} {}", conversation["condition"], conversation["replicate"]), agents)
    };
    listed.as_array().unwrap().iter().map(of).collect()
}

#[test]
fn the_focus_group_runs_offline_and_without_its_folder() {
    let place = group();
    assert_eq!(data(&place, "check group --json"), Json::Array(Vec::new()));
    place.run("run group --offline").exits(0);
    let all = dealt(&place);
    assert_eq!(all.len(), 8);
    for (name, agents) in &all {
        assert!(agents[0].0.starts_with("Moderator_") && agents[0].1.is_none(), "{name}: {agents:?}");
        assert!(agents[1..].iter().all(|(_, person)| person.as_ref().is_some_and(|hash| hash.len() == 64)), "{name}");
        let same = all.iter().filter(|(other, _)| other.ends_with(&name[name.len() - 2..]));
        let names = |agents: &[Agent]| agents[1..].iter().map(|a| a.0.clone()).collect::<Vec<_>>();
        assert!(same.into_iter().all(|(_, others)| names(others) == names(agents)), "{name}");
    }
    let persons: BTreeSet<&String> =
        all.iter().flat_map(|(_, agents)| agents).filter_map(|(_, p)| p.as_ref()).collect();
    assert_eq!(persons.len(), 8, "four, and four who are pickier");

    let stored = fs::read(place.path().join("group/people/amina.json")).unwrap();
    fs::rename(place.path().join("group"), place.path().join("gone")).unwrap();
    place.run("run group --offline --replicates 3").exits(0);
    assert_eq!(dealt(&place).len(), 12);
    place.run("verify").exits(0);
    place.run("export group --format folder -o back").exits(0);
    assert_eq!(fs::read(place.path().join("back/people/amina.json")).unwrap(), stored, "byte for byte");
    assert_eq!(place.run("diff group back").exits(0).out.lines().count(), 1, "no difference");
    place.run("duplicate group --name other").exits(0);
    place.run("store copy sqlite:convoke.db sqlite:copy.db").exits(0);
    place.run("run other --offline --store sqlite:copy.db --limit 1").exits(0);
}

#[test]
fn prompts_and_exports_hold_the_person() {
    let place = group();
    let prompts = place.run("check group --preview --role customer --only pitch=price-first").exits(0).out;
    for text in ["## Person\n", "- Name: ", "- Occupation:\n", "You are ", " years old, of "] {
        assert!(prompts.contains(text), "{text}\n{prompts}");
    }
    assert!(!prompts.contains("<PERSON"), "{prompts}");
    place.run("run group --offline --limit 1").exits(0);
    let lines = place.run("export group --format jsonl --offline").exits(0).out;
    let lines: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_customers = lines.iter().filter(|line| line["role"] == "customer");
    assert!(of_customers.clone().count() > 3 && of_customers.clone().all(|line| line["person"].is_string()));
    assert!(lines.iter().filter(|line| line["role"] != "customer").all(|line| line.get("person").is_none()));
    let table = place.run("export group --format csv --offline").exits(0).out;
    assert!(table.lines().next().unwrap().split(',').any(|column| column == "person"), "{table}");
    place.run("ask group Why? --role customer --offline").exits(0);
    let answers = place.run("export group --rows answers --format jsonl").exits(0).out;
    assert!(answers.lines().count() == 3 && answers.lines().all(|line| line.contains("\"person\":\"")), "{answers}");
}

#[test]
fn an_experiment_without_people_has_no_column_of_them() {
    let place = Place::new();
    place.run("new small --from negotiation").exits(0);
    place.run("run small --offline --limit 1").exits(0);
    for format in ["csv", "jsonl"] {
        let table = place.run(&format!("export small --format {format} --offline")).exits(0).out;
        assert!(!table.contains("person"), "{table}");
        let book = place.run(&format!("export small --codebook --format {format} --offline")).exits(0).out;
        assert!(!book.contains("hash of the person"), "{book}");
    }
}

#[test]
fn people_are_listed_shown_and_compared() {
    let place = group();
    let screen = |line: &str| place.run(line).exits(0).out;
    insta::assert_snapshot!(screen("people list group"), @r"
    NAME              AGE  CITY       OCCUPATION TITLE
    Amina Dreyer      34   Leipzig    Night nurse
    Bernard Okafor    67   Bristol    Retired lift engineer
    Chiara Lindqvist  26   Turin      Sound designer for games
    Dae-jung Park     45   Rotterdam  Manager of a small hotel
    ");
    insta::assert_snapshot!(screen("people show group/people/chiara.toml"), @r"
    ## Person
    - Name: Chiara Lindqvist
    - Age: 26
    - City: Turin
    - Household: Shares a flat with two others; has moved six times in seven years.
    - Money: Saves for nothing bigger than a bicycle.
    - Style: Enthusiastic, changes her mind in mid-sentence.
    - Likes:
      - not owning much
      - neighbours who lend things
    - Dislikes:
      - deposits
      - furniture that takes two people to carry
    - Occupation:
      - Title: Sound designer for games
      - Contract: freelance
    ");
    insta::assert_snapshot!(screen("people compare group/people/*.json group/people"), @r"
    A  3 persons in group/people/*.json
    B  4 persons in group/people

    age  distance 0.25
                          A     B
      min                34    26
      first quartile   39.5    32
      median             45  39.5
      third quartile     56  50.5
      max                67    67
      mean            48.67    43

    city  distance 0.25
                 A  B
      Bristol    1  1
      Leipzig    1  1
      Rotterdam  1  1
      Turin         1

    occupation.title  distance 0.25
                                A  B
      Manager of a small hotel  1  1
      Night nurse               1  1
      Retired lift engineer     1  1
      Sound designer for games     1

    occupation.contract  distance 0.25
                          A  B
      four shifts a week  1  1
      (none)              2  2
      freelance              1

    household  distance 0.25
                       A  B
      different texts  3  4

    money  distance 0.25
                       A  B
      different texts  3  4

    style  distance 0.25
                       A  B
      different texts  3  4

    occupation.employees  distance 0.08
                       A   B
      min             14  14
      first quartile  14  14
      median          14  14
      third quartile  14  14
      max             14  14
      mean            14  14
      (none)           2   3
    ");
    let listed = data(&place, "people list group/people/*.json --json");
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[0]["facts"]["city"], "Leipzig");
    assert_eq!(data(&place, "people show group/people/amina.json --json")["persona"]["age"], 34);
    let compared = data(&place, "people compare group --json");
    assert_eq!(compared[0]["key"], "age");
    assert_eq!((&compared[0]["a"]["median"], &compared[0]["distance"]), (&Json::from(39.5), &Json::Null));
    place.run("import group").exits(0);
    fs::remove_dir_all(place.path().join("group")).unwrap();
    assert_eq!(data(&place, "people list group --json").as_array().unwrap().len(), 4, "from the database");
}

/// Populations and other tables with a name are no people.
#[test]
fn people_of_the_current_folder_are_those_in_folders_of_people() {
    let place = group();
    place.write("populations/brazil.toml", "name = \"brazil\"\nnumber = 3\n");
    place.write("group/conditions.toml", "name = \"conditions\"\n");
    assert_eq!(data(&place, "people list --json").as_array().unwrap().len(), 4);
    let place = Place::new();
    place.write("experiment.toml.d/ann.json", "{\"name\": \"Ann\"}");
    place.write("populations/brazil.toml", "name = \"brazil\"\nnumber = 3\n");
    assert_eq!(data(&place, "people list --json").as_array().unwrap().len(), 1);
}

#[test]
fn wrong_people_are_one_clear_error() {
    let place = group();
    let error = |line: &str, code: i32| {
        let outcome = place.run(line).exits(code);
        assert!(!(outcome.out.clone() + &outcome.err).contains('\u{1b}'), "{}", outcome.err);
        format!("{}{}", outcome.out, outcome.err)
    };
    place.write("group/people/x.json", "{\"name\": \"\\u001b[31mRed\"}");
    for line in ["check group", "run group --offline"] {
        assert_eq!(error(line, 3).matches("its name holds the control character U+001B").count(), 1, "{line}");
    }
    assert!(error("people show group/people/x.json", 3).contains("U+001B"));
    place.write("group/people/x.json", &" ".repeat(50 << 20));
    assert_eq!(error("check group", 3).matches("the file is larger than 1 MiB").count(), 1);
    fs::remove_file(place.path().join("group/people/x.json")).unwrap();

    let toml = place.read("group/experiment.toml");
    let with = |people: &str| {
        place.write("group/experiment.toml", &toml.replace("\"people/*\"", people));
        error("check group", 3)
    };
    assert!(with("\"people/../../*.json\"").contains("it leads out of the folder"));
    assert!(with("\"people/q*.json\"").contains("`people/q*.json` matches no file"));
    assert!(with("\"people/fragments/picky.json\"").contains("is a fragment, not a person"));
    assert!(with("\"people/amina.json\"").contains("role `customer` has 3 agents and 1 people"));
    place.write("group/experiment.toml", &toml);
    assert!(with("").contains("`roles.customer.people` names no file"));
    place.write("group/experiment.toml", &toml);
    for line in ["people list nowhere", "people show nowhere.json"] {
        let said = error(line, 6);
        assert!(said.contains("there is no file, folder or experiment `nowhere"), "{said}");
        assert!(said.contains("name a file such as people/amina.json"), "{said}");
    }
    assert!(error("people show group", 3).contains("it is a folder"));
    assert!(error("people show group/experiment.toml", 3).contains("it is an experiment"));
    assert!(error("people compare group/roles", 6).contains("there are no people in group/roles"));
    assert!(error("people show group/people/fragments/picky.json", 3).contains("it is a fragment, part of a person"));
    #[cfg(unix)]
    {
        let secret = place.write("secret.json", "{\"name\": \"Secret\"}");
        std::os::unix::fs::symlink(&secret, place.path().join("group/people/link.json")).unwrap();
        assert!(error("check group", 3).contains("link.json is a link out of the experiment's folder"));
        fs::remove_file(place.path().join("group/people/link.json")).unwrap();
        let pipe = place.path().join("group/people/pipe.json");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(error("check group", 3).contains("it is no file: a pipe, a socket or a device"));
    }
}
