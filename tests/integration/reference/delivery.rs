//! Merge requests, pipelines, impact and DORA.

use super::*;

pub(super) fn delivery(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    let organization = collected.organization;
    let is_ours = |project: usize| {
        let project = &organization.projects[project];
        !project.archived && groups.iter().any(|group| organization.is_within(project.group, *group))
    };
    let paths: BTreeSet<&str> =
        organization.projects.iter().map(|project| project.full_path.as_str()).collect();
    for path in std::iter::once(None).chain(paths.into_iter().map(Some)) {
        let by: Vec<(&str, &str)> = path.map(|path| ("project", path)).into_iter().collect();
        let wanted = |project: usize| {
            is_ours(project) && path.is_none_or(|path| organization.projects[project].full_path == path)
        };
        let opened: Vec<_> = organization
            .merge_requests
            .iter()
            .filter(|mr| wanted(mr.project) && was_in(mr.created_at, period, collected))
            .collect();
        let merged: Vec<_> = organization
            .merge_requests
            .iter()
            .filter(|mr| wanted(mr.project) && mr.merged_at.is_some_and(|at| was_in(at, period, collected)))
            .collect();
        if path.is_none() || !opened.is_empty() || !merged.is_empty() {
            let author = |mr: &stand_in::MergeRequest, on: DateTime<Utc>| {
                mr.author.filter(|author| !collected.is_bot(*author, on.date_naive()))
            };
            let opened_by = opened.iter().filter_map(|mr| author(mr, mr.created_at)).collect::<BTreeSet<_>>();
            let merged_by: Vec<usize> =
                merged.iter().filter_map(|mr| author(mr, mr.merged_at.expect("it is merged"))).collect();
            let authors = merged_by.iter().collect::<BTreeSet<_>>().len();
            put("merge_requests.opened", &by, count(opened.len(), Some(opened_by.len())));
            put("merge_requests.merged", &by, count(merged.len(), Some(authors)));
            let seconds = merged
                .iter()
                .map(|mr| seconds_between(mr.created_at, mr.merged_at.expect("it is merged")))
                .collect();
            let (metric, all) = ("merge_requests.time_to_merge_seconds", merged.len());
            quantiles(metric, &by, seconds, Some(authors), &mut |metric, by, number| {
                put(metric, by, based(number, all, all));
            });
            if path.is_none() && ["month", "window"].contains(&period.grain) {
                let per_author = rate(merged_by.len() as f64, authors as f64, Some(authors));
                put("merge_requests.per_author", &[], per_author);
            }
        }
        let pipelines: Vec<_> = organization
            .pipelines
            .iter()
            .filter(|pipeline| wanted(pipeline.project) && was_in(pipeline.created_at, period, collected))
            .collect();
        if path.is_none() || !pipelines.is_empty() {
            let of = |status: &str| pipelines.iter().filter(|pipeline| pipeline.status == status).count();
            put("pipelines.count", &by, count(pipelines.len(), None));
            put(
                "pipelines.success_rate",
                &by,
                rate(of("SUCCESS") as f64, (of("SUCCESS") + of("FAILED")) as f64, None),
            );
            let finished = pipelines.iter().filter(|pipeline| pipeline.finished_at.is_some());
            let durations: Vec<u64> =
                finished.clone().filter_map(|pipeline| pipeline.duration).map(u64::from).collect();
            let (with_duration, all) = (durations.len(), finished.count());
            quantiles("pipelines.duration_seconds", &by, durations, None, &mut |metric, by, number| {
                put(metric, by, based(number, with_duration, all))
            });
        }
    }
}

pub(super) fn impact(collected: &Collected<'_>, groups: &[usize], period: Period, put: &mut Put<'_>) {
    if !["month", "window"].contains(&period.grain) {
        return;
    }
    let organization = collected.organization;
    let is_ours = |project: usize| {
        groups.iter().any(|group| organization.is_within(organization.projects[project].group, *group))
    };
    let merged: Vec<_> = organization
        .merge_requests
        .iter()
        .filter(|mr| is_ours(mr.project) && mr.merged_at.is_some_and(|at| was_in(at, period, collected)))
        .collect();
    let days_of = active_days(collected, &roots_of(organization, groups), true);
    let is_active = |person: usize| {
        let days = days_of.get(&person).into_iter().flatten();
        days.into_iter().any(|day| (period.start..=period.end).contains(day))
    };
    let of_people: Vec<_> = merged
        .iter()
        .filter_map(|mr| {
            let day = mr.merged_at.expect("it is merged").date_naive();
            Some((mr.author.filter(|author| !collected.is_bot(*author, day))?, mr))
        })
        .collect();
    for with_duo in [false, true] {
        let group: Vec<_> = of_people.iter().filter(|(author, _)| is_active(*author) == with_duo).collect();
        let authors = group.iter().map(|(author, _)| *author).collect::<BTreeSet<_>>().len();
        let seconds =
            group.iter().map(|(_, mr)| seconds_between(mr.created_at, mr.merged_at.expect("it is merged")));
        let lines = group.iter().map(|(_, mr)| u64::from(mr.additions + mr.deletions));
        for (metric, mut values) in [
            ("impact.time_to_merge_seconds", seconds.collect::<Vec<u64>>()),
            ("impact.size_lines", lines.collect()),
        ] {
            values.sort_unstable();
            let n = values.len();
            let at = |share: f64| (n >= 2).then(|| values[rank_of_resamples(n, share)]);
            let p50 = (n > 0).then(|| values[n.div_ceil(2) - 1]);
            for (stat, value) in [("p50", p50), ("low", at(0.025)), ("high", at(0.975))] {
                let number = match value {
                    Some(value) => Number { value: json!(value), ..count(n, Some(authors)) },
                    None => Number {
                        value: Value::Null,
                        // A single value has a median, but no interval.
                        reason: json!(if n == 0 { "nothing_shown" } else { "too_few" }),
                        ..count(n, Some(authors))
                    },
                };
                let basis =
                    if n == 0 { Value::Null } else { json!(of_people.len() as f64 / merged.len() as f64) };
                let with_duo = with_duo.to_string();
                put(metric, &[("with_duo", &with_duo), ("stat", stat)], Number { basis, ..number });
            }
        }
    }
}

/// Index of the value (from 0) such that `share` of all resamples of n values have their median at
/// or below it. The binomial probabilities are computed draw by draw.
fn rank_of_resamples(n: usize, share: f64) -> usize {
    let is_reached = |place: &usize| {
        let inside = (place + 1) as f64 / n as f64;
        let mut chances = vec![0.0; n + 1];
        chances[0] = 1.0;
        for draw in 1..=n {
            for hits in (0..=draw).rev() {
                let hit = if hits > 0 { chances[hits - 1] * inside } else { 0.0 };
                chances[hits] = chances[hits] * (1.0 - inside) + hit;
            }
        }
        chances[n.div_ceil(2)..].iter().sum::<f64>() >= share
    };
    let places: Vec<usize> = (0..n).collect();
    places[places.partition_point(|place| !is_reached(place)).min(n - 1)]
}

/// DORA metrics as the stand-in calculates them: a deployment is a pipeline of a push that
/// succeeded or failed, on the day it finished.
pub(super) fn dora(
    collected: &Collected<'_>,
    groups: &[usize],
    period: Period,
    put: &mut dyn FnMut(&str, Number),
) {
    let organization = collected.organization;
    let last = period.end.min(collected.until);
    let is_in = |at: DateTime<Utc>| (period.start..=last).contains(&at.date_naive());
    let is_ours = |project: usize| organization.is_within(organization.projects[project].group, groups[0]);
    let mut deployments: Vec<_> = organization
        .pipelines
        .iter()
        .filter(|pipeline| pipeline.source == "push" && ["SUCCESS", "FAILED"].contains(&pipeline.status))
        .filter(|pipeline| is_ours(pipeline.project))
        .map(|pipeline| (pipeline.finished_at.expect("it finished"), pipeline))
        .collect();
    deployments.sort_by_key(|(finished_at, pipeline)| (*finished_at, pipeline.id));
    let of = |status: &str| {
        deployments.iter().filter(|(at, pipeline)| is_in(*at) && pipeline.status == status).count() as f64
    };
    let mut restored = Vec::new();
    for (place, (finished_at, pipeline)) in deployments.iter().enumerate() {
        // The first failure since the project's last success.
        let broken = deployments[..place]
            .iter()
            .rev()
            .filter(|(_, before)| before.project == pipeline.project)
            .take_while(|(_, before)| before.status == "FAILED")
            .last();
        if let Some((since, _)) = broken.filter(|_| pipeline.status == "SUCCESS" && is_in(*finished_at)) {
            restored.push(seconds_between(*since, *finished_at) as f64);
        }
    }
    let lead_times = organization
        .merge_requests
        .iter()
        .filter(|mr| is_ours(mr.project) && mr.merged_at.is_some_and(is_in))
        .map(|mr| seconds_between(mr.created_at, mr.merged_at.expect("it is merged")) as f64);
    let rounded = |value: f64| (value * 1e6).round() / 1e6;
    let days = (last - period.start).num_days() + 1;
    let all = of("SUCCESS") + of("FAILED");
    for (metric, value) in [
        ("dora.deployment_frequency", Some(rounded(of("SUCCESS") / days as f64))),
        ("dora.lead_time_for_changes_seconds", median(lead_times.collect())),
        ("dora.time_to_restore_service_seconds", median(restored)),
        ("dora.change_failure_rate", (all > 0.0).then(|| rounded(of("FAILED") / all))),
    ] {
        let number = match value {
            _ if groups.len() > 1 => unknown("not_in_source"),
            None => Number { basis: json!(1.0), ..unknown("nothing_shown") },
            Some(value) => Number { value: json!(value), n: Value::Null, ..count(0, None) },
        };
        put(metric, number);
    }
}

/// The mean of the two middle values.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[last.div_ceil(2)]) / 2.0)
}
