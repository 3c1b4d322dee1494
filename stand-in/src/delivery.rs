//! The projects, merge requests and pipelines of the invented organization.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};
use fastrand::Rng;

use super::Settings;
use super::organization::{ACME, GLOBEX, MergeRequest, Organization, Pipeline, Project, start_of};

const NAMES: [&str; 15] = [
    "storefront",
    "checkout",
    "ledger",
    "atlas",
    "beacon",
    "courier",
    "dynamo",
    "ember",
    "foundry",
    "gantry",
    "harbour",
    "ingest",
    "jigsaw",
    "kiln",
    "lantern",
];

/// Pipeline statuses and their weights, out of 1,000.
const STATUSES: [(&str, u32); 13] = [
    ("SUCCESS", 700),
    ("FAILED", 180),
    ("CANCELED", 45),
    ("SKIPPED", 25),
    ("MANUAL", 15),
    ("RUNNING", 6),
    ("PENDING", 6),
    ("CREATED", 6),
    ("SCHEDULED", 5),
    ("PREPARING", 3),
    ("CANCELING", 3),
    ("WAITING_FOR_RESOURCE", 3),
    ("WAITING_FOR_CALLBACK", 3),
];

/// Days before the first usage events that already have merge requests and pipelines.
const LEAD_DAYS: u64 = 30;

/// Adds projects, merge requests and pipelines.
pub(super) fn invent(organization: &mut Organization, settings: &Settings) {
    let mut rng = Rng::with_seed(settings.seed ^ 0xde11);
    invent_projects(organization, settings, &mut rng);
    let weekdays: Vec<NaiveDate> = (organization.first_day - Days::new(LEAD_DAYS))
        .iter_days()
        .take_while(|day| *day <= organization.last_day)
        .filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
        .collect();
    let mut merge_requests = Vec::new();
    let mut pipelines = Vec::new();
    for project in 0..organization.projects.len() {
        if organization.projects[project].archived {
            continue;
        }
        for day in &weekdays {
            // One and a half merge requests and three pipelines on average.
            for _ in 0..rng.usize(0..4) {
                merge_requests.push(merge_request(organization, project, *day, &mut rng));
            }
            for _ in 0..rng.usize(0..7) {
                pipelines.push(pipeline(organization, project, *day, &mut rng));
            }
        }
    }
    merge_requests.sort_by_key(|merge_request| merge_request.created_at);
    pipelines.sort_by_key(|pipeline| pipeline.created_at);
    let mut numbers = vec![0; organization.projects.len()];
    for (merge_request, id) in merge_requests.iter_mut().zip(70_001..) {
        numbers[merge_request.project] += 1;
        merge_request.iid = numbers[merge_request.project];
        merge_request.id = id;
    }
    numbers.fill(0);
    for (pipeline, id) in pipelines.iter_mut().zip(900_001..) {
        numbers[pipeline.project] += 1;
        pipeline.iid = numbers[pipeline.project];
        pipeline.id = id;
    }
    organization.merge_requests = merge_requests;
    organization.pipelines = pipelines;
}

fn invent_projects(organization: &mut Organization, settings: &Settings, rng: &mut Rng) {
    const MIXES: [&[(&str, f64)]; 5] = [
        &[("Rust", 91.4), ("Shell", 8.6)],
        &[("TypeScript", 72.1), ("Vue", 21.3), ("CSS", 6.6)],
        &[("Python", 99.99), ("Dockerfile", 0.01)],
        &[("Go", 80.0), ("Makefile", 20.0)],
        &[],
    ];
    let now = organization.now();
    let count = settings.projects.unwrap_or((settings.people / 15).max(3));
    for number in 0..count {
        // About every tenth project is in the small group, and at least one.
        let group = if number % 10 == 2 { GLOBEX } else { [1, 2, 3, ACME][number % 4] };
        let name = NAMES[number % NAMES.len()];
        let path = match number / NAMES.len() {
            0 => name.to_string(),
            round => format!("{name}-{}", round + 1),
        };
        let name = if number == 1 { "Checkout \"<b>new</b>\"".to_string() } else { path.clone() };
        organization.projects.push(Project {
            id: 3_001 + number as u64 * 13,
            group,
            name,
            full_path: format!("{}/{path}", organization.groups[group].full_path),
            path,
            // Every twelfth project is archived.
            archived: number % 12 == 11,
            created_at: start_of(organization.first_day) - TimeDelta::days(rng.i64(60..1_500)),
            last_activity_at: now - TimeDelta::minutes(rng.i64(200..3_000)),
            languages: MIXES[number % MIXES.len()].to_vec(),
        });
    }
}

fn merge_request(organization: &Organization, project: usize, day: NaiveDate, rng: &mut Rng) -> MergeRequest {
    let created_at = working_hour(day, rng);
    // From minutes to weeks, most within two days.
    let open_for = TimeDelta::seconds(120 + (rng.f64().powi(4) * 2_000_000.0) as i64);
    let end = created_at + open_for;
    let draw = rng.f64();
    let (state, merged_at, closed_at) = if end > organization.now() || draw < 0.06 {
        ("opened", None, None)
    } else if draw < 0.14 {
        ("closed", None, Some(end))
    } else {
        ("merged", Some(end), None)
    };
    let author = (rng.f64() >= 0.02).then(|| member(organization, project, day, rng)).flatten();
    let additions = (rng.f64().powi(3) * 900.0) as u32 + 1;
    MergeRequest {
        id: 0,
        iid: 0,
        project,
        author,
        state,
        title: format!("Improve {}", NAMES[rng.usize(..NAMES.len())]),
        created_at,
        updated_at: merged_at.or(closed_at).unwrap_or(created_at),
        merged_at,
        closed_at,
        additions,
        deletions: additions * rng.u32(..10) / 10,
        files: 1 + additions / 60,
    }
}

fn pipeline(organization: &Organization, project: usize, day: NaiveDate, rng: &mut Rng) -> Pipeline {
    let created_at = working_hour(day, rng);
    let mut draw = rng.u32(..1_000);
    let mut status = STATUSES[0].0;
    for (name, weight) in STATUSES {
        status = name;
        if draw < weight {
            break;
        }
        draw -= weight;
    }
    let queued = rng.f64() * 20.0;
    let started_at = match status {
        "SUCCESS" | "FAILED" | "CANCELED" | "RUNNING" | "CANCELING" | "MANUAL" => {
            Some(created_at + TimeDelta::seconds(queued as i64))
        }
        _ => None,
    };
    let seconds = 40 + (rng.f64().powi(2) * 3_000.0) as u32;
    let duration = match status {
        "SUCCESS" | "FAILED" => Some(seconds),
        // Some were canceled before any job ran.
        "CANCELED" if rng.bool() => Some(seconds / 3),
        _ => None,
    };
    let finished_at = match status {
        "SUCCESS" | "FAILED" | "CANCELED" => {
            let ran = TimeDelta::seconds(i64::from(duration.unwrap_or(0)));
            started_at.map(|started_at| started_at + ran)
        }
        "SKIPPED" => Some(created_at),
        _ => None,
    };
    // Some change again days later, for example when a job is retried.
    let touched = finished_at.unwrap_or(created_at);
    let updated_at = if rng.f64() < 0.03 {
        (touched + TimeDelta::days(rng.i64(1..6))).min(organization.now())
    } else {
        touched
    };
    let sources = ["push", "merge_request_event", "schedule", "web", "api", "trigger"];
    Pipeline {
        id: 0,
        iid: 0,
        project,
        user: member(organization, project, day, rng),
        status,
        source: sources[rng.usize(..sources.len())],
        created_at,
        updated_at,
        started_at,
        finished_at,
        duration,
        queued_duration: started_at.map(|_| (queued * 1_000.0).round() / 1_000.0),
    }
}

/// A random member of the project's top-level group, sometimes a bot; `None` if none was found in
/// 20 draws.
fn member(organization: &Organization, project: usize, day: NaiveDate, rng: &mut Rng) -> Option<usize> {
    let group = organization.projects[project].group;
    (0..20).map(|_| rng.usize(..organization.people.len())).find(|person| {
        let person = &organization.people[*person];
        person.is_member_on(day) && person.groups.iter().any(|top| organization.is_within(group, *top))
    })
}

fn working_hour(day: NaiveDate, rng: &mut Rng) -> DateTime<Utc> {
    start_of(day) + TimeDelta::seconds(rng.i64(25_000..72_000))
}
