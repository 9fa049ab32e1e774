//! Populations as they are read.

use super::*;
use crate::people::tests::BRAZIL;

#[test]
fn the_population_of_the_page_is_read() {
    let population = read_population(BRAZIL).unwrap();
    assert_eq!((population.number, population.seed, population.quota), (100, 7, true));
    assert_eq!(population.dimensions[1].words(), ["18-24", "25-54", "55-64", "65-90"]);
    let names: Vec<&str> = population.dimensions.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["gender", "age", "income", "region", "height", "weight"]);
}

#[test]
fn each_bad_input_is_one_clear_error() {
    let ages = |shares: &str| format!("age = {{ from = 18, to = 90, shares = {{ {shares} }} }}");
    for (dimensions, expected) in [
        (ages("\"18-40\" = 0.5, \"40-90\" = 0.5"), "`dimensions.age.shares`: the bands `18-40` and `40-90` overlap"),
        (ages("\"10-90\" = 1.0"), "`dimensions.age.shares`: the band `10-90` leaves the range 18 to 90"),
        (ages("\"18.5-90\" = 1.0"), "`dimensions.age.shares`: the band `18.5-90` does not fit the steps from 18"),
        (ages("young = 1.0"), "`dimensions.age.shares`: `young` is no band"),
        (ages("\"30-20\" = 1.0"), "`dimensions.age.shares`: `30-20` is no band"),
        ("a = { x = 0.5, y = 0.4 }".into(), "the shares of `dimensions.a` sum to 0.9, not to 1"),
        ("a = { x = 1.5, y = -0.5 }".into(), "`dimensions.a.x` is 1.5, which is no share"),
        ("a = { x = \"half\" }".into(), "`dimensions.a.x` is a text"),
        ("a = {}".into(), "the shares of `dimensions.a` sum to 0, not to 1"),
        ("a = { from = 5, to = 4 }".into(), "`dimensions.a` has an empty range: 5 to 4"),
        ("a = { from = 5 }".into(), "`dimensions.a.to` is missing"),
        ("a = { from = 0.5, to = 4 }".into(), "`dimensions.a.from` has more digits than the step"),
        ("a = { from = 0, to = 4, step = 0 }".into(), "`dimensions.a.step` is not above 0"),
        ("a = { from = 0, to = 1e300 }".into(), "`dimensions.a` has too many steps"),
        ("a = { mean = 5, sd = 0, from = 0, to = 9 }".into(), "`dimensions.a.sd` is not above 0"),
        (
            "a = { mean = 5, sd = 1, from = 50, to = 90 }".into(),
            "`dimensions.a` lies more than three standard deviations from its mean",
        ),
        ("a = { given = \"b\", \"*\" = { x = 1.0 } }".into(), "`dimensions.a.given` names no dimension: `b`"),
        (
            "a = { given = \"h\", \"*\" = { x = 1.0 } }\nh = { mean = 5, sd = 1, from = 0, to = 9 }".into(),
            "`dimensions.a.given`: `h` has neither words nor bands",
        ),
        (
            "a = { given = \"b\", \"*\" = { x = 1.0 } }\nb = { given = \"a\", x = { y = 1.0 } }".into(),
            "dimensions depend on each other in a circle: a → b → a",
        ),
        (
            "a = { given = \"b\", y = { x = 1.0 } }\nb = { y = 0.5, z = 0.5 }".into(),
            "`dimensions.a` has no shares for `z` of `b`",
        ),
        (
            "a = { given = \"b\", q = { x = 1.0 } }\nb = { y = 0.5, z = 0.5 }".into(),
            "`dimensions.a`: `b` has no value `q`",
        ),
        ("name = { x = 1.0 }".into(), "no dimension can be called `name`"),
        ("a = 3".into(), "`dimensions.a` is a number"),
        (String::new(), "the population has no dimensions"),
    ] {
        let text = format!("number = 3\n[dimensions]\n{dimensions}\n");
        let fault = read_population(&text).unwrap_err();
        assert_eq!(fault.message, expected, "{text}");
        assert!(fault.hint.is_some(), "{text}");
    }
}

#[test]
fn bad_keys_of_the_head_are_named() {
    for (head, expected) in [
        ("", "`number` is missing"),
        ("number = 0", "`number` is out of range"),
        ("number = 2.5", "`number` is 2.5"),
        ("number = 3\nnumbr = 4", "unknown key `numbr`"),
        ("number = 3\nquota = 1", "`quota` is a number"),
        ("number = 3\ncontext = \"a\"", "`context` is a text"),
    ] {
        let fault = read_population(&format!("{head}\n[dimensions]\na = {{ x = 1.0 }}\n")).unwrap_err();
        assert_eq!(fault.message, expected, "{head}");
    }
}
