//! Tests of flags that narrow and override a plan, and of messages about wrong flags.

use super::*;

const TOML: &str = "name='e'\nmodels=['ollama/a', { id = 'openai/b', as = 'b', temperature = 0.5 }]\n[protocol]\nmessages=8\n\
    agents={guard=1,prisoner=1}\n[roles.guard]\nplural='guards'\npronouns='he/his'\n[roles.prisoner]\nplural='x'\n\
    pronouns='he/his'\n[factors]\ngoal=['escape','yard']\nu=['a','b']\nv=[1,2]\n'agents.prisoner'=[1,2]\n\
    [design]\nzip=[['u','v']]\n[run]\nreplicates=2\nseed=5\n";

fn sample_experiment() -> Experiment {
    read_experiment(
        TOML,
        &[("roles/guard.md", "## G {goal=escape}\nx\n"), ("roles/prisoner.md", ""), ("summarizer.md", "Sum.")],
    )
}

fn set(name: &str, levels: &[&str]) -> Named<Vec<Value>> {
    Named::new(name, levels.iter().map(|l| Value::read(l)).collect())
}

fn condition_names(overrides: &Overrides) -> Vec<String> {
    Plan::new(&sample_experiment(), overrides).expect("a plan").conditions.iter().map(Condition::name).collect()
}

fn with(set: Vec<Named<Vec<Value>>>) -> Overrides {
    Overrides { set, ..Overrides::default() }
}

fn models(models: &[&str]) -> Overrides {
    Overrides { models: models.iter().map(|m| (*m).to_owned()).collect(), ..Overrides::default() }
}

#[test]
fn a_model_takes_the_place_of_the_axis() {
    assert_eq!(condition_names(&Overrides::default()).len(), 16);
    assert_eq!(condition_names(&models(&["b"])).len(), 8);
    assert_eq!(condition_names(&models(&["b", "ollama/new", "b"])).len(), 16, "a name that is given twice counts once");
    assert_eq!(condition_names(&with(vec![set("model", &["ollama/new"])])).len(), 8);
    let by_id = Plan::new(&sample_experiment(), &models(&["openai/b"])).expect("a plan");
    assert_eq!(by_id.conditions[0].models[0][0].sampling.temperature, Some(0.5), "an id means its declared model");
    let by_name = Plan::new(&sample_experiment(), &models(&["b"])).expect("a plan");
    assert_eq!(by_id.conditions[0].key, by_name.conditions[0].key);
}

#[test]
fn what_sets_something_is_overridden_and_becomes_an_axis_of_several() {
    assert_eq!(condition_names(&with(vec![set("days", &["1", "2", "3"])])).len(), 48);
    assert_eq!(condition_names(&with(vec![set("days", &["1"]), set("days", &["2"])])).len(), 32, "repeated, it widens");
    assert_eq!(condition_names(&with(vec![set("days", &["2"])])).len(), 16);
    let days = Plan::new(&sample_experiment(), &with(vec![set("days", &["2"])])).expect("a plan");
    assert!(days.conditions.iter().all(|c| c.protocol.days == 2 && c.summarizer.is_some()));
    assert_eq!(condition_names(&with(vec![set("agents.prisoner", &["3"])])).len(), 8);
    let guards = Plan::new(&sample_experiment(), &with(vec![set("agents.guard", &["2"])])).expect("a plan");
    assert!(guards.conditions.iter().all(|c| c.agents[0] == 2 && c.models[0].len() == 2));
    let warm = Plan::new(&sample_experiment(), &with(vec![set("temperature", &["1"])])).expect("a plan");
    assert!(warm.conditions.iter().all(|c| c.models[0][0].sampling.temperature == Some(1.0)));
    let phrases = Overrides { stop_phrases: Some(vec!["[X]".to_owned()]), ..Overrides::default() };
    let phrases = Plan::new(&sample_experiment(), &phrases).expect("a plan");
    assert!(phrases.conditions.iter().all(|c| c.protocol.stop_phrases == ["[X]"]));
    assert_ne!(phrases.conditions[0].key, plan_experiment(&sample_experiment()).conditions[0].key);
    let same =
        Plan::new(&sample_experiment(), &with(vec![set("messages", &["8"]), set("days", &["1"])])).expect("a plan");
    let keys = |plan: &Plan| plan.conditions.iter().map(|c| c.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&same), keys(&plan_experiment(&sample_experiment())), "what was so anyway moves nothing");
}

#[test]
fn labels_and_zips_are_narrowed() {
    assert_eq!(condition_names(&with(vec![set("goal", &["escape"])])).len(), 8);
    assert_eq!(condition_names(&with(vec![set("u", &["b"])])).len(), 8);
    assert!(condition_names(&with(vec![set("v", &["2"])])).iter().all(|n| n.contains("u=b v=2")));
    let keys =
        |o: &Overrides| Plan::new(&sample_experiment(), o).expect("a plan").conditions.into_iter().map(|c| c.key);
    let all: Vec<String> = keys(&Overrides::default()).collect();
    assert!(keys(&with(vec![set("goal", &["escape"])])).all(|k| all.contains(&k)), "narrowed cells are old cells");
}

#[test]
fn only_widens_and_limit_takes_replicate_one_first() {
    let experiment = sample_experiment();
    let plan = plan_experiment(&experiment);
    let only = |all: &[&str]| {
        let only = all.iter().map(|e| markdown::expression(e).expect("an expression")).collect();
        Overrides { only, ..Overrides::default() }
    };
    let count = |o: &Overrides| plan.selected(&experiment, o).map(|c| c.len());
    assert_eq!(count(&only(&["goal=escape"])), Ok(16));
    assert_eq!(count(&only(&["goal=escape model=b"])), Ok(8));
    assert_eq!(count(&only(&["goal=escape model=b", "goal=yard"])), Ok(24));
    let limited = Overrides { limit: Some(18), ..Overrides::default() };
    let cells = plan.selected(&experiment, &limited).expect("cells");
    assert_eq!(cells.iter().map(|c| c.replicate).collect::<Vec<_>>(), [[1; 16].as_slice(), &[2; 2]].concat());
    let wrong = [only(&["gaol=x"]), only(&["goal=escpe"]), Overrides { limit: Some(0), ..Overrides::default() }];
    let said: Vec<String> =
        wrong.iter().map(|o| obstacle_text(plan.selected(&experiment, o).expect_err("wrong"))).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn offline_collapses_models() {
    let offline = Overrides { offline: true, ..Overrides::default() };
    let plan = Plan::new(&sample_experiment(), &offline).expect("a plan");
    assert_eq!(plan.conditions.len(), 8);
    assert!(plan.conditions.iter().flat_map(Condition::participants).all(|m| *m == ModelSpec::bare("scripted")));
    let zipped = TOML.replace("[design]", "model=['b','ollama/a']\n'roles.guard.model'=['b','b']\n[design]");
    let zipped = zipped.replace("[['u','v']]", "[['u','v'],['model','roles.guard.model']]");
    let files: [(&str, &str); 2] = [("roles/guard.md", "## G {goal=escape u=a}\nx\n"), ("roles/prisoner.md", "")];
    let zipped = Plan::new(&read_experiment(&zipped, &files), &offline).expect("a plan");
    assert_eq!(zipped.conditions.len(), 8);
}

#[test]
fn a_person_needs_no_declaration_and_takes_no_parameter() {
    let human = ModelSpec::bare("human");
    let play = |set| Plan::new(&sample_experiment(), &Overrides { set, ..Overrides::default() }).expect("a plan");
    let as_guard = play(vec![set("roles.guard.model", &["human"]), set("temperature", &["0.5"])]);
    for condition in &as_guard.conditions {
        assert!(condition.models[0].iter().all(|m| *m == human), "{condition:?}");
        assert!(condition.models[1].iter().all(|m| m.sampling.temperature == Some(0.5)), "{condition:?}");
        assert!(!sample_experiment().models.iter().any(|m| m.id == "human"), "no level of its own");
    }
    let chosen = play(vec![set("speakers", &["manual"])]);
    assert!(chosen.conditions.iter().all(|c| c.selector == Some(human.clone())));
    let offline = Overrides { set: vec![set("speakers", &["manual"])], offline: true, ..models(&["human"]) };
    let offline = Plan::new(&sample_experiment(), &offline).expect("a plan");
    assert!(offline.conditions.iter().flat_map(Condition::participants).all(|m| *m == ModelSpec::bare("scripted")));
}

fn obstacle_text(obstacle: Obstacle) -> String {
    assert!(obstacle.usage, "{obstacle:?}");
    format!("{}: {} | {}", obstacle.code, obstacle.message, obstacle.hint.expect("a remedy"))
}

#[test]
fn a_wrong_flag_is_a_matter_of_usage_with_a_remedy() {
    let overrides = [
        models(&["http://x/y"]),
        models(&["olama"]),
        with(vec![set("days", &["0"])]),
        with(vec![set("days", &["9"])]),
        with(vec![set("messages", &["1"])]),
        with(vec![set("speakers", &["rnd"])]),
        with(vec![set("agents.ghost", &["1"])]),
        with(vec![set("agents.guard", &["0"]), set("agents.prisoner", &["1"])]),
        with(vec![set("agents.guard", &["99999999"])]),
        with(vec![set("gaol", &["escape"])]),
        with(vec![set("goal", &["escpe"])]),
        with(vec![set("u", &["c"])]),
        with(vec![set("temperature", &["3"])]),
        with(vec![set("stop_phrases", &["x"])]),
        with(vec![set("roles.guard.model", &["nowhere"])]),
        with(vec![set("v", &["1"]), set("u", &["b"])]),
        Overrides { stop_phrases: Some(vec![" ".to_owned()]), ..Overrides::default() },
        Overrides { replicates: Some(0), ..Overrides::default() },
        Overrides { replicates: Some(u32::MAX), ..Overrides::default() },
    ];
    let said: Vec<String> = overrides
        .iter()
        .map(|o| {
            let obstacles = Plan::new(&sample_experiment(), o).expect_err("wrong");
            obstacles.into_iter().map(obstacle_text).collect::<Vec<_>>().join("\n")
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}
