//! Links between the agents of a conversation: placed as a file has them, or drawn by a rule from seed and replicate.

use crate::design::world::{Link, LinkKind, Links};
use crate::people::name::fold_name;
use crate::people::random::Draws;
use std::collections::{BTreeMap, BTreeSet};

/// Finds the hearers of each agent by the links of a file. Names are compared without case; others are left out.
pub fn place_links(links: &[Link], names: &[&str]) -> Vec<Vec<usize>> {
    let places: BTreeMap<String, usize> = names.iter().enumerate().map(|(i, name)| (fold_name(name), i)).collect();
    let place = |name: &str| places.get(&fold_name(name)).copied();
    let mut hearers = vec![BTreeSet::new(); names.len()];
    for link in links {
        if let (Some(from), Some(to)) = (place(&link.from), place(&link.to)) {
            hearers[from].insert(to);
            if link.both {
                hearers[to].insert(from);
            }
        }
    }
    hearers.into_iter().map(|set| set.into_iter().collect()).collect()
}

/// Draws the hearers of each of `n` agents. Equally many agents have the same links in every condition, since only seed,
/// replicate and rule decide.
pub fn draw_links(links: &Links, n: usize, seed: u64, replicate: u32) -> Vec<Vec<usize>> {
    let Some(kind) = links.kind else { return vec![Vec::new(); n] };
    let mut draws = Draws::new(format!("{seed}\n{replicate}\nlinks"));
    let (k, p) = (links.k.unwrap_or_default() as usize, links.p.unwrap_or_default());
    let pairs = draw_pairs(kind, (n, k, p), &mut draws);
    let mut hearers = vec![BTreeSet::new(); n];
    for (a, b) in pairs {
        let (from, to) = if links.directed && draws.draw_below(2) == 1 { (b, a) } else { (a, b) };
        hearers[from].insert(to);
        if !links.directed {
            hearers[to].insert(from);
        }
    }
    hearers.into_iter().map(|set| set.into_iter().collect()).collect()
}

fn draw_pairs(kind: LinkKind, (n, k, p): (usize, usize, f64), draws: &mut Draws) -> Vec<(usize, usize)> {
    match kind {
        LinkKind::Complete => (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect(),
        LinkKind::Random => {
            let all = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
            all.filter(|_| draw_share(draws) < p).collect()
        }
        LinkKind::Ring => ring(n, k),
        LinkKind::SmallWorld => rewire(ring(n, k), n, p, draws),
        LinkKind::ScaleFree => attach(n, k, draws),
    }
}

fn draw_share(draws: &mut Draws) -> f64 {
    /// Number of equally likely shares: all that a double holds exactly.
    const SHARES: u64 = 1 << 53;
    draws.draw_below(SHARES) as f64 / SHARES as f64
}

/// Links each agent with its k nearest neighbours, half of them on each side.
fn ring(n: usize, k: usize) -> Vec<(usize, usize)> {
    let half = k.div_ceil(2).min(n.saturating_sub(1) / 2 + usize::from(n.is_multiple_of(2)));
    let mut pairs = BTreeSet::new();
    for a in 0..n {
        for distance in 1..=half {
            let b = (a + distance) % n;
            if a != b {
                pairs.insert((a.min(b), a.max(b)));
            }
        }
    }
    pairs.into_iter().collect()
}

/// Replaces one end of each link with probability p, never by a link that exists (Watts and Strogatz 1998).
fn rewire(pairs: Vec<(usize, usize)>, n: usize, p: f64, draws: &mut Draws) -> Vec<(usize, usize)> {
    let mut all: BTreeSet<(usize, usize)> = pairs.iter().copied().collect();
    for (a, b) in pairs {
        if draw_share(draws) >= p {
            continue;
        }
        let free: Vec<usize> = (0..n).filter(|c| *c != a && !all.contains(&(a.min(*c), a.max(*c)))).collect();
        if let Some(c) = free.get(draws.draw_below(free.len() as u64) as usize) {
            all.remove(&(a, b));
            all.insert((a.min(*c), a.max(*c)));
        }
    }
    all.into_iter().collect()
}

/// Lets newcomers link to k others, each with a probability in proportion to its links (Barabási and Albert 1999). The
/// first k + 1 agents are all linked.
fn attach(n: usize, k: usize, draws: &mut Draws) -> Vec<(usize, usize)> {
    let core = (k + 1).min(n);
    let mut pairs: Vec<(usize, usize)> = (0..core).flat_map(|a| (a + 1..core).map(move |b| (a, b))).collect();
    let mut ends: Vec<usize> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    for newcomer in core..n {
        let mut chosen = BTreeSet::new();
        while chosen.len() < k {
            chosen.insert(ends[draws.draw_below(ends.len() as u64) as usize]);
        }
        for other in chosen {
            pairs.push((other, newcomer));
            ends.extend([other, newcomer]);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(kind: LinkKind, k: Option<u32>, p: Option<f64>, n: usize) -> Vec<Vec<usize>> {
        draw_links(&Links { kind: Some(kind), k, p, ..Links::default() }, n, 7, 1)
    }

    #[test]
    fn each_rule_gives_the_links_that_it_promises() {
        assert_eq!(drawn(LinkKind::Ring, Some(2), None, 5)[0], [1, 4]);
        assert_eq!(drawn(LinkKind::Ring, Some(2), None, 2), [[1], [0]]);
        assert!(drawn(LinkKind::Complete, None, None, 4).iter().all(|hearers| hearers.len() == 3));
        let count = |all: &[Vec<usize>]| all.iter().map(Vec::len).sum::<usize>() / 2;
        let small = drawn(LinkKind::SmallWorld, Some(4), Some(0.3), 100);
        assert_eq!(count(&small), 200, "rewiring keeps the number of links");
        assert_ne!(small, drawn(LinkKind::Ring, Some(4), None, 100));
        let free = drawn(LinkKind::ScaleFree, Some(2), None, 100);
        assert_eq!(count(&free), 3 + 97 * 2);
        let random = count(&drawn(LinkKind::Random, None, Some(0.2), 100));
        assert!((850..1130).contains(&random), "{random} of 4950 pairs");
        for all in [small, free] {
            assert!((0..100).all(|a| all[a].iter().all(|b| all[*b].contains(&a))), "links lead both ways");
        }
    }

    #[test]
    fn seed_and_replicate_alone_decide() {
        let links = Links { kind: Some(LinkKind::Random), p: Some(0.5), ..Links::default() };
        assert_eq!(draw_links(&links, 20, 7, 1), draw_links(&links, 20, 7, 1));
        assert_ne!(draw_links(&links, 20, 7, 1), draw_links(&links, 20, 7, 2));
        assert_ne!(draw_links(&links, 20, 7, 1), draw_links(&links, 20, 8, 1));
    }

    #[test]
    fn links_of_a_file_are_placed_by_name() {
        let link =
            |from: &str, to: &str, both| Link { from: from.into(), to: to.into(), relation: String::new(), both };
        let links = [link("Ann", "Bob", true), link("Bob", "Cy", false)];
        assert_eq!(place_links(&links, &["ann", "Bob", "Cy", "Dan"]), [vec![1], vec![0, 2], vec![], vec![]]);
    }
}
