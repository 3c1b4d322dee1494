//! Teams: the members of subgroups.

use super::agents::created_sessions;
use super::*;

/// The metrics of teams, without their other dimensions.
const OF_TEAMS: [&str; 13] = [
    "users.active",
    "users.exposed",
    "seats.active",
    "seats.idle",
    "engagement.users",
    "code_suggestions.shown",
    "code_suggestions.accepted",
    "code_suggestions.rejected",
    "code_suggestions.acceptance_rate",
    "code_suggestions.users",
    "chat.messages",
    "chat.users",
    "agents.sessions",
];

/// The members of a group and of the groups below it, with bots.
pub(crate) fn members(organization: &Organization, group: usize) -> BTreeSet<usize> {
    let below = (0..organization.groups.len()).filter(|other| organization.is_within(*other, group));
    below.flat_map(|other| organization.direct_members(other)).collect()
}

/// The metrics of each subgroup of these groups: of its members alone.
pub(super) fn teams(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut PutOver<'_>) {
    if !collected.members || period.grain == "day" {
        return;
    }
    let organization = collected.organization;
    let is_below =
        |other: &usize| groups.iter().any(|group| group != other && organization.is_within(*other, *group));
    let roots = roots_of(organization, groups);
    let subgroups: Vec<usize> = (0..organization.groups.len()).filter(is_below).collect();
    if subgroups.is_empty() {
        return;
    }
    // Sessions without a user belong to no team, so the basis is that of all sessions.
    let mut basis_of_all = Value::Null;
    created_sessions(collected, &roots, period, &mut |metric, by, number| {
        if metric == "agents.users" && by.is_empty() {
            basis_of_all = number.basis;
        }
    });
    let today = collected.fetched_at.date_naive();
    let mut names_of: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for subgroup in subgroups {
        let name = organization.groups[subgroup].full_path;
        let mut people = members(organization, subgroup);
        people.retain(|person| !collected.is_bot(*person, today));
        let current: Vec<usize> =
            people.iter().copied().filter(|person| !collected.is_bot(*person, period.end)).collect();
        put("teams.people", &[("team", name)], &[period], count(current.len(), Some(current.len())));
        current.into_iter().for_each(|person| names_of.entry(person).or_default().push(name));
        if !days(period).into_iter().any(|day| collected.knows(day)) {
            continue;
        }
        let of_team = Collected { only: Some(people), only_with_bots: false, ..collected.clone() };
        let mut put = |metric: &str, by: &[(&str, &str)], look_back: &[Period], number: Number| {
            let mut names = by.iter().map(|(name, _)| *name);
            let is_meant = OF_TEAMS.contains(&metric) || metric == "agents.users";
            let number = match metric {
                "agents.users" => Number { basis: basis_of_all.clone(), ..number },
                _ => number,
            };
            if is_meant && names.all(|name| ["segment", "tier", POPULATION].contains(&name)) {
                put(metric, &[by, &[("team", name)]].concat(), look_back, number);
            }
        };
        usage(&of_team, &roots, period, &mut |metric, by, number| put(metric, by, &[period], number));
        created_sessions(&of_team, &roots, period, &mut |metric, by, number| {
            put(metric, by, &[period], number)
        });
        seats(&of_team, &roots, period, &mut put);
        engagement(&of_team, &roots, period, &mut put);
    }
    put("teams.people", &[], &[period], count(names_of.len(), Some(names_of.len())));
    let mut combinations: BTreeMap<String, usize> = BTreeMap::new();
    for names in names_of.values_mut() {
        names.sort_unstable();
        *combinations.entry(json!(names).to_string()).or_default() += 1;
    }
    for (names, people) in combinations {
        put("teams.overlap", &[("teams", &names)], &[period], count(people, Some(people)));
    }
}
