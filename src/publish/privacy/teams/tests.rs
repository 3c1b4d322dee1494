//! Tests of the suppression of teams.

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::base::calendar::Grain;
use crate::model::metric::Metric;
use crate::model::number::Number;
use crate::publish::privacy::publish;
use crate::publish::privacy::tests::all_periods;

const MIN_PEOPLE: u64 = 5;

/// An invented group: the teams of each person, and who is active.
struct World {
    teams: Vec<BTreeSet<usize>>,
    names: Vec<String>,
    active: BTreeSet<usize>,
    people: usize,
}

fn line(metric: &'static str, by: &[(&str, &str)], people: usize) -> Metric {
    let people = people as u64;
    Metric {
        metric: metric.into(),
        instance: "https://gitlab.example.com".into(),
        scope: "acme".into(),
        grain: Grain::Window,
        start: "2026-10-04".parse().expect("a literal day"),
        end: "2026-10-31".parse().expect("a literal day"),
        by: by.iter().copied().collect(),
        population: None,
        value: Some(Number::Count(people)),
        n: Some(Number::Count(people)),
        of: None,
        people: Some(people),
        coverage: 1.0,
        imported: 0.0,
        basis: Some(1.0),
        is_final: true,
        reason: None,
        prices: None,
        source: None,
        explanation: None,
    }
}

impl World {
    fn teams_of(&self, person: usize) -> Vec<usize> {
        (0..self.teams.len()).filter(|team| self.teams[*team].contains(&person)).collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = vec![line("users.active", &[], self.active.len())];
        for (team, name) in self.teams.iter().zip(&self.names) {
            let active = team.intersection(&self.active).count();
            metrics.push(line("users.active", &[("team", name)], active));
            metrics.push(line("teams.people", &[("team", name)], team.len()));
        }
        let combinations: BTreeSet<Vec<usize>> =
            (0..self.people).map(|person| self.teams_of(person)).filter(|teams| !teams.is_empty()).collect();
        for teams in combinations {
            let people = (0..self.people).filter(|person| self.teams_of(*person) == teams).count();
            let names: Vec<&str> = teams.iter().map(|team| self.names[*team].as_str()).collect();
            let names = serde_json::to_string(&names).expect("texts");
            metrics.push(line("teams.overlap", &[("teams", &names)], people));
        }
        metrics
    }

    /// The published people of `users.active`: everyone, and each team.
    fn published(&self) -> Vec<Option<u64>> {
        let metrics = self.metrics();
        let lines = publish(&metrics, all_periods(MIN_PEOPLE));
        assert!(lines.iter().all(|line| line.metric != "teams.overlap"), "it is never published");
        let of = |team: Option<&str>| {
            let mut of_metric = lines.iter().filter(|line| line.metric == "users.active");
            let found = of_metric.find(|line| line.by.get("team") == team);
            found.and_then(|line| line.people)
        };
        let teams = self.names.iter().map(|name| of(Some(name)));
        std::iter::once(of(None)).chain(teams).collect()
    }

    /// Every set of active people that someone who knows all teams can count from the published
    /// values with factors of -1, 0 and 1, by brute force: those of 1 to 4 people.
    fn revealed(&self, most: usize) -> Vec<Vec<i64>> {
        let published = self.published();
        let has = |person: usize, value: usize| value == 0 || self.teams[value - 1].contains(&person);
        let mut revealed = Vec::new();
        let mut factors = vec![-1_i64; published.len()];
        loop {
            let used = factors.iter().filter(|factor| **factor != 0).count();
            let is_published =
                factors.iter().zip(&published).all(|(factor, value)| *factor == 0 || value.is_some());
            if used <= most && is_published {
                let times = |person: usize| -> i64 {
                    (0..factors.len()).filter(|value| has(person, *value)).map(|value| factors[value]).sum()
                };
                let is_set = (0..self.people).all(|person| (0..=1).contains(&times(person)));
                let counted = self.active.iter().filter(|person| times(**person) == 1).count() as u64;
                if is_set && counted > 0 && counted < MIN_PEOPLE {
                    revealed.push(factors.clone());
                }
            }
            let Some(next) = factors.iter().position(|factor| *factor < 1) else { return revealed };
            factors[next] += 1;
            factors[..next].fill(-1);
        }
    }
}

/// Teams that nest and overlap: each is part of an earlier one, or any people.
fn invent(rng: &mut Rng, teams: usize) -> World {
    let people = rng.usize(20..60);
    let mut invented: Vec<BTreeSet<usize>> = Vec::new();
    for _ in 0..teams {
        let share = rng.f64();
        let within: BTreeSet<usize> = match invented.last() {
            Some(parent) if rng.bool() => parent.clone(),
            _ => (0..people).collect(),
        };
        invented.push(within.into_iter().filter(|_| rng.f64() < share).collect());
    }
    // Sometimes a team is exactly the rest of another one.
    if let (true, Some(first)) = (rng.bool(), invented.first().cloned()) {
        invented.push((0..people).filter(|person| !first.contains(person)).collect());
    }
    let activity = rng.f64();
    World {
        names: (0..invented.len()).map(|team| format!("team {team}")).collect(),
        teams: invented,
        active: (0..people).filter(|_| rng.f64() < activity).collect(),
        people,
    }
}

#[test]
fn nested_and_overlapping_teams_reveal_no_small_group() {
    let mut rng = Rng::with_seed(20);
    let (mut shown, mut hidden) = (0, 0);
    for world in 0..300 {
        let teams = rng.usize(1..5);
        let world_of = invent(&mut rng, teams);
        assert_eq!(
            world_of.revealed(usize::MAX),
            Vec::<Vec<i64>>::new(),
            "world {world}: {:?}",
            world_of.teams
        );
        let published = world_of.published();
        shown += published.iter().flatten().count();
        hidden += published.iter().filter(|value| value.is_none()).count();
    }
    assert!(shown > 400 && hidden > 100, "{shown} shown, {hidden} hidden");
}

#[test]
fn many_teams_reveal_no_small_group_by_three_values() {
    let mut rng = Rng::with_seed(7);
    for world in 0..20 {
        let world_of = invent(&mut rng, 7);
        assert_eq!(world_of.revealed(3), Vec::<Vec<i64>>::new(), "world {world}: {:?}", world_of.teams);
    }
}

#[test]
fn a_team_is_hidden_if_few_are_outside_it_and_shown_otherwise() {
    let world = |team: usize, everyone: usize| World {
        teams: vec![(0..team).collect()],
        names: vec!["web".to_owned()],
        active: (0..everyone).collect(),
        people: everyone,
    };
    assert_eq!(world(20, 40).published(), [Some(40), Some(20)]);
    assert_eq!(world(36, 40).published(), [Some(40), None]);
    assert_eq!(world(40, 40).published(), [Some(40), Some(40)]);
    assert_eq!(world(4, 40).published(), [Some(40), None]);
}

#[test]
fn the_people_that_two_parts_share_are_not_revealed() {
    // Two parts of 20 and 23 people make up a team of 40.
    let world = World {
        teams: vec![(0..40).collect(), (0..20).collect(), (17..40).collect()],
        names: ["all", "left", "right"].map(str::to_owned).into(),
        active: (0..60).collect(),
        people: 60,
    };
    let published = world.published();
    assert_eq!(published.iter().filter(|value| value.is_none()).count(), 1, "{published:?}");
    assert_eq!(published[1], Some(40));
}

#[test]
fn a_subgroup_is_hidden_if_few_people_of_its_group_are_outside_it() {
    let hidden = |of_subgroup: usize| {
        let mut subgroup = line("chat.messages", &[], of_subgroup);
        subgroup.scope = "acme/web".into();
        let metrics = [line("chat.messages", &[], 40), subgroup];
        let lines = publish(&metrics, all_periods(MIN_PEOPLE));
        lines.iter().filter(|line| line.is_suppressed).map(|line| line.scope.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(hidden(36), ["acme/web"]);
    assert!(hidden(35).is_empty() && hidden(40).is_empty());
}
