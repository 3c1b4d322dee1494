//! Usage events: people, features, code suggestions, chat and others.

use super::features::{FEATURES, feature};
use super::*;

pub(super) fn usage(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    let organization = collected.organization;
    let events: Vec<&UsageEvent> = organization
        .usage_events
        .iter()
        .filter(|event| groups.contains(&event.group) && happened_in(event, period, collected))
        .collect();
    let is_bot = |event: &&UsageEvent| collected.is_of_bot(event);
    let is_active = |event: &&UsageEvent| !REACHED.contains(&event.event);
    let people_of = |events: &mut dyn Iterator<Item = &UsageEvent>| -> usize {
        events
            .filter(|event| !collected.is_of_bot(event))
            .map(|event| event.person)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let bots_of = |events: &mut dyn Iterator<Item = &UsageEvent>| -> usize {
        events
            .filter(|event| collected.is_of_bot(event))
            .map(|event| event.person)
            .collect::<BTreeSet<_>>()
            .len()
    };

    let active: Vec<&UsageEvent> = events.iter().copied().filter(is_active).collect();
    for (metric, events) in [("users.active", &active), ("users.exposed", &events)] {
        let people = people_of(&mut events.iter().copied());
        put(metric, &[], count(people, Some(people)));
        put(metric, &[("kind", "person")], count(people, Some(people)));
        put(metric, &[("kind", "bot")], count(bots_of(&mut events.iter().copied()), None));
        for (feature_name, _) in FEATURES {
            let people =
                people_of(&mut events.iter().copied().filter(|event| feature(event.event) == *feature_name));
            if people > 0 {
                put(metric, &[("feature", feature_name)], count(people, Some(people)));
            }
        }
    }
    let active_people = people_of(&mut active.iter().copied());
    if ["month", "window"].contains(&period.grain) {
        let working: Vec<NaiveDate> = days(period)
            .into_iter()
            .filter(|day| collected.knows_completely(*day) && day.weekday().number_from_monday() <= 5)
            .collect();
        let daily: usize = working
            .iter()
            .map(|day| {
                people_of(&mut active.iter().copied().filter(|event| event.timestamp.date_naive() == *day))
            })
            .sum();
        let mean = daily as f64 / working.len() as f64;
        let number = if working.is_empty() {
            unknown("period_incomplete")
        } else {
            Number { n: json!(mean), ..rate(mean, active_people as f64, Some(active_people)) }
        };
        put("users.stickiness", &[], number);
    }

    let all_people = people_of(&mut events.iter().copied());
    put("events.count", &[], count(events.len(), Some(all_people)));
    let by_bots = events.iter().filter(|event| is_bot(event)).count();
    put("events.count", &[("kind", "person")], count(events.len() - by_bots, Some(all_people)));
    put("events.count", &[("kind", "bot")], count(by_bots, None));
    for (feature_name, names) in FEATURES {
        let of_feature: Vec<&UsageEvent> =
            events.iter().copied().filter(|event| names.contains(&event.event)).collect();
        if !of_feature.is_empty() {
            put(
                "events.count",
                &[("feature", feature_name)],
                count(of_feature.len(), Some(people_of(&mut of_feature.iter().copied()))),
            );
        }
        for name in *names {
            let of_name: Vec<&UsageEvent> =
                of_feature.iter().copied().filter(|event| event.event == *name).collect();
            if !of_name.is_empty() {
                let number = || count(of_name.len(), Some(people_of(&mut of_name.iter().copied())));
                put("events.count", &[("event", &name.to_lowercase())], number());
                put("events.count", &[("feature", feature_name), ("event", &name.to_lowercase())], number());
            }
        }
    }

    suggestions(&events, &[], &people_of, put);
    let languages: BTreeSet<String> =
        events.iter().filter(|event| event.is_code_suggestion()).map(|event| language(event)).collect();
    for name in languages {
        let of_language: Vec<&UsageEvent> = events
            .iter()
            .copied()
            .filter(|event| event.is_code_suggestion() && language(event) == name)
            .collect();
        let is_outcome = |event: &&&UsageEvent| {
            [
                "CODE_SUGGESTION_SHOWN_IN_IDE",
                "CODE_SUGGESTION_ACCEPTED_IN_IDE",
                "CODE_SUGGESTION_REJECTED_IN_IDE",
            ]
            .contains(&event.event)
        };
        if of_language.iter().filter(is_outcome).count() > 0 {
            suggestions(&of_language, &[("language", &name)], &people_of, put);
        }
    }

    let chat: Vec<&UsageEvent> =
        events.iter().copied().filter(|event| event.event == "REQUEST_DUO_CHAT_RESPONSE").collect();
    let people = people_of(&mut chat.iter().copied());
    put("chat.messages", &[], count(chat.len(), Some(people)));
    put("chat.users", &[], count(people, Some(people)));
    let messages = chat.iter().filter(|event| !is_bot(event)).count();
    put("chat.messages_per_user", &[], rate(messages as f64, people as f64, Some(people)));
    let troubleshoot: Vec<&UsageEvent> =
        events.iter().copied().filter(|event| event.event == "TROUBLESHOOT_JOB").collect();
    let people = people_of(&mut troubleshoot.iter().copied());
    put("troubleshoot.requests", &[], count(troubleshoot.len(), Some(people)));
    put("troubleshoot.users", &[], count(people, Some(people)));

    if ["month", "window"].contains(&period.grain) {
        let messages_of =
            |person: usize| chat.iter().filter(|event| event.person == person && !is_bot(event)).count();
        let askers: BTreeSet<usize> =
            chat.iter().filter(|event| !is_bot(event)).map(|event| event.person).collect();
        for (band, from, to) in [("1-4", 1, 4), ("5-19", 5, 19), ("20-49", 20, 49), ("50+", 50, usize::MAX)] {
            let people = askers.iter().filter(|person| (from..=to).contains(&messages_of(**person))).count();
            put("chat.user_bands", &[("band", band)], count(people, Some(people)));
        }
    }

    for (metric, kinds) in [
        (
            "code_review.requests",
            vec![
                ("author", "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR"),
                ("other", "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR"),
            ],
        ),
        ("code_review.comments", vec![("posted", "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF")]),
        (
            "code_review.reactions",
            vec![
                ("thumbs_up", "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT"),
                ("thumbs_down", "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT"),
            ],
        ),
    ] {
        let of = |names: &[&str]| {
            let found: Vec<&UsageEvent> =
                events.iter().copied().filter(|event| names.contains(&event.event)).collect();
            count(found.len(), Some(people_of(&mut found.iter().copied())))
        };
        put(metric, &[], of(&kinds.iter().map(|(_, name)| *name).collect::<Vec<_>>()));
        for (kind, name) in kinds {
            put(metric, &[("kind", kind)], of(&[name]));
        }
    }

    if period.grain != "day" {
        let elsewhere = ["code_suggestions", "chat", "troubleshoot_job", "code_review", "agent_platform"];
        for (feature_name, names) in FEATURES.iter().filter(|(name, _)| !elsewhere.contains(name)) {
            let all: Vec<&str> = names.to_vec();
            for name in std::iter::once(None).chain(all.iter().copied().map(Some)) {
                let found: Vec<&UsageEvent> = events
                    .iter()
                    .copied()
                    .filter(|event| all.contains(&event.event) && name.is_none_or(|name| event.event == name))
                    .collect();
                let event_name = name.map(str::to_lowercase);
                let splits: Vec<Vec<(&str, &str)>> = match &event_name {
                    None => vec![vec![("feature", feature_name)]],
                    Some(name) => {
                        vec![vec![("event", name)], vec![("feature", feature_name), ("event", name)]]
                    }
                };
                for by in splits.iter().filter(|_| !found.is_empty()) {
                    let people = people_of(&mut found.iter().copied());
                    put("workflow.events", by, count(found.len(), Some(people)));
                    put("workflow.users", by, count(people, Some(people)));
                }
            }
        }
    }
}

fn suggestions(
    events: &[&UsageEvent],
    by: &[(&str, &str)],
    people_of: &dyn Fn(&mut dyn Iterator<Item = &UsageEvent>) -> usize,
    put: &mut Put<'_>,
) {
    let of = |name: &str| -> Vec<&UsageEvent> {
        events.iter().copied().filter(|event| event.event == name).collect()
    };
    let shown = of("CODE_SUGGESTION_SHOWN_IN_IDE");
    let accepted = of("CODE_SUGGESTION_ACCEPTED_IN_IDE");
    let rejected = of("CODE_SUGGESTION_REJECTED_IN_IDE");
    let people = |events: &[&UsageEvent]| Some(people_of(&mut events.iter().copied()));
    // Without rows there is no row that could lack a language.
    put("code_suggestions.shown", by, count(shown.len(), people(&shown)));
    put("code_suggestions.accepted", by, count(accepted.len(), people(&accepted)));
    put("code_suggestions.rejected", by, count(rejected.len(), people(&rejected)));
    let both = [shown.clone(), accepted.clone()].concat();
    put(
        "code_suggestions.acceptance_rate",
        by,
        rate(accepted.len() as f64, shown.len() as f64, people(&both)),
    );
    let sized =
        |events: &[&UsageEvent]| events.iter().filter(|event| event.suggestion_size.is_some()).count();
    let lines = |events: &[&UsageEvent]| -> usize {
        events.iter().filter_map(|event| event.suggestion_size).map(|size| size as usize).sum()
    };
    // Only suggestions with a size have lines.
    let people_of_lines = |events: &[&UsageEvent]| {
        Some(people_of(&mut events.iter().copied().filter(|event| event.suggestion_size.is_some())))
    };
    put(
        "code_suggestions.lines_shown",
        by,
        based(count(lines(&shown), people_of_lines(&shown)), sized(&shown), shown.len()),
    );
    put(
        "code_suggestions.lines_accepted",
        by,
        based(count(lines(&accepted), people_of_lines(&accepted)), sized(&accepted), accepted.len()),
    );
    let line_rate = rate(lines(&accepted) as f64, lines(&shown) as f64, people_of_lines(&both));
    put("code_suggestions.line_acceptance_rate", by, based(line_rate, sized(&both), both.len()));
    let users = people(&[accepted, rejected].concat());
    put("code_suggestions.users", by, count(users.unwrap_or(0), users));
}

/// Suggestions by editor, and by language and editor.
pub(super) fn by_editor(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    let organization = collected.organization;
    let mut events: BTreeMap<(Option<String>, &str), Vec<&UsageEvent>> = BTreeMap::new();
    for event in &organization.usage_events {
        let is_meant = [
            "CODE_SUGGESTION_SHOWN_IN_IDE",
            "CODE_SUGGESTION_ACCEPTED_IN_IDE",
            "CODE_SUGGESTION_REJECTED_IN_IDE",
        ]
        .contains(&event.event);
        if is_meant && groups.contains(&event.group) && happened_in(event, period, collected) {
            let editor = event.ide_name().expect("suggestions have an editor");
            for language in [None, Some(language(event))] {
                events.entry((language, editor)).or_default().push(event);
            }
        }
    }
    for ((language, editor), events) in events {
        let lowercase = editor.to_lowercase();
        let editor = if lowercase == "visual studio code" { "vscode" } else { lowercase.as_str() };
        let mut by = vec![("ide", editor)];
        by.extend(language.as_deref().map(|language| ("language", language)));
        let of = |names: &[&str]| -> (usize, Option<usize>) {
            let events = events.iter().filter(|event| names.contains(&event.event));
            let of_people = events.clone().filter(|event| !collected.is_of_bot(event));
            let people = of_people.map(|event| event.person).collect::<BTreeSet<_>>();
            (events.count(), Some(people.len()))
        };
        let shown = of(&["CODE_SUGGESTION_SHOWN_IN_IDE"]);
        let accepted = of(&["CODE_SUGGESTION_ACCEPTED_IN_IDE"]);
        let rejected = of(&["CODE_SUGGESTION_REJECTED_IN_IDE"]);
        let people = of(&["CODE_SUGGESTION_SHOWN_IN_IDE", "CODE_SUGGESTION_ACCEPTED_IN_IDE"]).1;
        put("code_suggestions.shown", &by, count(shown.0, shown.1));
        put("code_suggestions.accepted", &by, count(accepted.0, accepted.1));
        put("code_suggestions.rejected", &by, count(rejected.0, rejected.1));
        put("code_suggestions.acceptance_rate", &by, rate(accepted.0 as f64, shown.0 as f64, people));
    }
}

fn language(event: &UsageEvent) -> String {
    let canonical = event.language.map_or("(none)".to_owned(), str::to_lowercase);
    let aliases = [
        ("typescriptreact", "typescript"),
        ("javascriptreact", "javascript"),
        ("cpp", "c++"),
        ("csharp", "c#"),
        ("shellscript", "shell"),
    ];
    aliases.iter().find(|(alias, _)| *alias == canonical).map_or(canonical, |(_, name)| (*name).to_owned())
}
