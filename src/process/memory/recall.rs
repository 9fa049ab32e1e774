//! Choice of what an agent remembers. The score of a candidate is the weighted sum of three terms, each normalised over
//! all candidates: importance, relevance, recency.

use super::numbers::{half_power, normalise, round};

/// Weights of the three terms, and the number of items that are recalled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Maximum number of recalled items.
    pub number: u32,
    /// Weight of the importance.
    pub importance: f64,
    /// Weight of the relevance.
    pub relevance: f64,
    /// Weight of the recency.
    pub recency: f64,
    /// Age at which the recency is halved, in the unit of [`Candidate::age`].
    pub half_life: f64,
}

/// An item of a memory that may be recalled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its place in the log.
    pub seq: u32,
    /// Its importance, from 0 to 10.
    pub importance: f64,
    /// Its relevance to the query: a score of words, or a cosine.
    pub relevance: f64,
    /// Its age: steps, own turns, or seconds.
    pub age: f64,
}

/// A recalled item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recalled {
    /// Its place in the log.
    pub seq: u32,
    /// Its score, rounded to a millionth.
    pub score: f64,
}

/// Number of the last items of others in a query.
const LATEST: usize = 3;

/// Returns the query of an agent: the last three items that are not its own, its goals, and what its plan is about.
/// `items` are texts of its memory in order, each with true if it is its own.
pub fn query<'a>(
    items: impl DoubleEndedIterator<Item = (bool, &'a str)>,
    goals: Option<&'a str>,
    plan: Option<&'a str>,
) -> String {
    let latest = items.rev().filter(|(is_own, _)| !is_own).map(|(_, text)| text).take(LATEST);
    let mut parts: Vec<&str> = latest.collect();
    parts.reverse();
    parts.extend(goals.into_iter().chain(plan));
    parts.retain(|part| !part.trim().is_empty());
    parts.join("\n")
}

/// Returns the candidates with the highest scores, in the order of the log. Of two equal scores the later is recalled.
pub fn choose(candidates: &[Candidate], weights: Weights) -> Vec<Recalled> {
    let Weights { number, importance, relevance, recency, half_life } = weights;
    let term = |value: &dyn Fn(&Candidate) -> f64| normalise(&candidates.iter().map(value).collect::<Vec<_>>());
    let important = term(&|c| c.importance);
    let relevant = term(&|c| c.relevance);
    let recent = term(&|c| half_power(c.age.max(0.0) / half_life));
    let terms = important.iter().zip(&relevant).zip(&recent);
    let mut scored: Vec<Recalled> = candidates
        .iter()
        .zip(terms)
        .map(|(candidate, ((i, r), t))| Recalled {
            seq: candidate.seq,
            score: round(importance * i + relevance * r + recency * t),
        })
        .collect();
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.seq.cmp(&a.seq)));
    scored.truncate(number as usize);
    scored.sort_by_key(|recalled| recalled.seq);
    scored
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(seq: u32, importance: f64, relevance: f64, age: f64) -> Candidate {
        Candidate { seq, importance, relevance, age }
    }

    fn weights(number: u32, [importance, relevance, recency]: [f64; 3]) -> Weights {
        Weights { number, importance, relevance, recency, half_life: 2.0 }
    }

    /// Computed by hand. Importance 2, 5, 10 → 0, 0.375, 1. Relevance 0, 4, 1 → 0, 1, 0.25. Ages 4, 2, 0 of half-life 2:
    /// 0.25, 0.5, 1 → 0, ⅓, 1.
    #[test]
    fn scores_are_sums_of_normalised_terms() {
        let candidates = [candidate(3, 2.0, 0.0, 4.0), candidate(5, 5.0, 4.0, 2.0), candidate(8, 10.0, 1.0, 0.0)];
        let scores = |terms| choose(&candidates, weights(9, terms)).iter().map(|r| r.score).collect::<Vec<_>>();
        assert_eq!(scores([1.0, 1.0, 1.0]), [0.0, 1.708_333, 2.25]);
        assert_eq!(scores([0.0, 2.0, 0.5]), [0.0, 2.166_667, 1.0]);
        let two = choose(&candidates, weights(2, [0.0, 1.0, 0.0]));
        assert_eq!(two, [Recalled { seq: 5, score: 1.0 }, Recalled { seq: 8, score: 0.25 }], "in the order of the log");
    }

    #[test]
    fn of_equal_scores_the_later_is_recalled() {
        let same = [candidate(1, 3.0, 1.0, 1.0), candidate(2, 3.0, 1.0, 1.0), candidate(4, 3.0, 1.0, 1.0)];
        let chosen = choose(&same, weights(2, [1.0, 1.0, 1.0]));
        assert_eq!(chosen, [Recalled { seq: 2, score: 0.0 }, Recalled { seq: 4, score: 0.0 }]);
        let nearly = [candidate(1, 0.0, 1.0, 0.0), candidate(2, 0.0, 1.0 - 1e-9, 0.0), candidate(3, 0.0, 0.0, 0.0)];
        assert_eq!(
            choose(&nearly, weights(1, [0.0, 1.0, 0.0])),
            [Recalled { seq: 2, score: 1.0 }],
            "within a millionth"
        );
    }

    #[test]
    fn a_query_has_the_last_three_of_others_goals_and_plan() {
        let items =
            [(false, "rain"), (false, "cake"), (true, "I rest"), (false, "party"), (false, "song"), (true, "I sing")];
        let query_of = |goals, plan| query(items.iter().copied(), goals, plan);
        assert_eq!(query_of(Some("win"), Some("bake")), "cake\nparty\nsong\nwin\nbake");
        assert_eq!(query_of(None, Some(" ")), "cake\nparty\nsong");
        assert_eq!(query(std::iter::empty(), None, None), "");
    }

    #[test]
    fn nothing_is_recalled_of_nothing() {
        assert_eq!(choose(&[], weights(5, [1.0; 3])), []);
        assert_eq!(choose(&[candidate(1, 1.0, 1.0, 1.0)], weights(0, [1.0; 3])), []);
    }
}
