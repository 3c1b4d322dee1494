//! `doctor`: what will work before the first run, and what to do about the rest.

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome};
use crate::base::text::in_one_line;
use crate::cli::{DoctorArgs, DoctorFormat};
use crate::collect::collectors::{
    About, Answer, COLLECTORS, Collector, Fault, GraphQl, Level, Sink, Standing, Unit, by_name,
};
use crate::collect::gitlab::{Client, Informed, preflight};
use crate::commands::fetch::{client_of, collectors, fatal};
use crate::model::line;
use crate::model::record::INSTANCE_SCOPE;
use crate::model::topic::Topic;
use crate::system::settings::{Environment, Switch};
use crate::system::summary::Summary;

const DOCUMENT: &str = include_str!("doctor.graphql");

/// One thing that was looked at.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "check")]
struct Check {
    check: String,
    status: Status,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// As it should be.
    Ok,
    /// It works, and there is something to know.
    Note,
    /// It does not work.
    Fail,
}

/// The core collectors of a dashboard: it rests on any one of them.
fn cores(topic: Topic) -> Vec<&'static str> {
    let is_core = |about: &About| about.topic == topic && about.standing == Standing::Core;
    COLLECTORS
        .iter()
        .map(|collector| collector.about())
        .filter(|about| is_core(about))
        .map(|about| about.name)
        .collect()
}

/// Runs the command. Exit codes are those a run would have: 0 when all is well, 3 when something does not work, 69 when no
/// dashboard that is on would have anything to show, and 75, 77 or 78 when GitLab cannot be asked.
pub fn run(
    args: &DoctorArgs,
    environment: &Environment,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let groups = environment.groups(&args.gitlab.groups)?;
    let switches = environment.switches(Switch::Unset, Switch::Unset)?;
    let (chosen, named) = collectors(&[], switches, environment)?;
    let runs = |collector: &'static dyn Collector| chosen.iter().any(|one| one.name() == collector.name());
    let mut dashboards: Vec<Dashboard> = [Topic::Duo, Topic::Project]
        .into_iter()
        .filter(|topic| !named && switches.is_on(*topic))
        .map(|topic| Dashboard { topic, cores: cores(topic), has_any: false })
        .collect();
    let mut named_ones = 0;
    let (client, instance, now) = client_of(&args.gitlab, environment)?;
    let mut checks = Checks { format: args.format, all: Vec::new() };

    let url = instance.as_str();
    let facts = told(&client, "personal_access_tokens/self");
    let facts = match facts {
        Err(fault @ (Fault::Temporary(_) | Fault::Configuration(_))) => {
            checks.add(fail("gitlab", fault.text(), None), &mut stdout)?;
            return Err(fatal(fault));
        }
        facts => facts,
    };
    checks.add(ok("gitlab", format!("{url} answers")), &mut stdout)?;
    let token = token(facts, now);
    let refused = token.status == Status::Fail;
    checks.add(token, &mut stdout)?;
    if let Err(fault) = preflight(&client, &[]) {
        if !refused {
            checks.add(fail("api", fault.text(), None), &mut stdout)?;
        }
        return Err(fatal(fault));
    }
    let groups = match preflight(&client, &groups) {
        Ok(groups) => groups,
        Err(fault) => {
            let check = if matches!(fault, Fault::Configuration(_)) { "group" } else { "api" };
            checks.add(fail(check, fault.text(), None), &mut stdout)?;
            return Err(fatal(fault));
        }
    };
    let documents: Vec<&str> =
        COLLECTORS.iter().map(|collector| collector.about().document).chain([DOCUMENT]).collect();
    let gitlab = Informed::new(&client, &documents).map_err(fatal)?;
    checks.add(version(&gitlab), &mut stdout)?;
    let yesterday = now.day().plus(-1);
    for group in &groups {
        checks.add(ok(&format!("group {group}"), "found and readable".to_owned()), &mut stdout)?;
        checks.add(role(&client, group), &mut stdout)?;
        checks.add(tier(&client, group), &mut stdout)?;
        let mut readable: Vec<&str> = Vec::new();
        for collector in COLLECTORS.iter().copied().filter(|one| one.about().level == Level::Group) {
            let mut first = FirstPage::default();
            let is_needed = runs(collector).then_some(named);
            let check = collect(&gitlab, collector, (group, yesterday), is_needed, &mut first);
            if first.is_readable {
                readable.push(collector.name());
                named_ones += usize::from(named && runs(collector));
            }
            checks.add(check, &mut stdout)?;
            if collector.name() == "usage_events"
                && let Some(events) = first.rows
            {
                checks.add(people(group, events, first.with_people), &mut stdout)?;
            }
        }
        for dashboard in &mut dashboards {
            checks.add(dashboard.check(group, &readable), &mut stdout)?;
        }
        checks.add(click_house(&gitlab, group, yesterday), &mut stdout)?;
    }
    for collector in COLLECTORS.iter().copied().filter(|one| one.about().level != Level::Group) {
        let scopes =
            collector.scopes(&gitlab, &groups).unwrap_or_else(|_| collector.about().level.scopes(&groups));
        for scope in scopes {
            let first = &mut FirstPage::default();
            let is_needed = runs(collector).then_some(named);
            checks.add(collect(&gitlab, collector, (&scope, yesterday), is_needed, first), &mut stdout)?;
            named_ones += usize::from(named && runs(collector) && first.is_readable);
        }
    }
    checks.add(pages(&client, environment), &mut stdout)?;
    let failed = checks.all.iter().filter(|status| **status == Status::Fail).count();
    summary.field("failed", failed);
    let has_any = if named { named_ones > 0 } else { dashboards.iter().any(|dashboard| dashboard.has_any) };
    if !has_any {
        return Err(Error::Nothing(
            "nothing to collect here: no collector that a dashboard rests on can be read; see the checks that failed"
                .to_owned(),
        ));
    }
    Ok(if failed == 0 { Outcome::Complete } else { Outcome::Partial })
}

/// A dashboard that is on.
struct Dashboard {
    topic: Topic,
    cores: Vec<&'static str>,
    /// Whether one of its cores can be read in a group.
    has_any: bool,
}

impl Dashboard {
    /// Whether there will be anything of this group to show.
    fn check(&mut self, group: &str, readable: &[&str]) -> Check {
        let name = match self.topic {
            Topic::Duo => format!("Duo dashboard of {group}"),
            Topic::Project => format!("project dashboard of {group}"),
        };
        let serving: Vec<&str> = self.cores.iter().copied().filter(|core| readable.contains(core)).collect();
        self.has_any |= !serving.is_empty();
        match serving.as_slice() {
            [] => fail(
                &name,
                &format!("neither {} can be read, so nothing is shown", self.cores.join(" nor ")),
                self.cores.iter().find_map(|core| Some(needed(by_name(core)?))).as_deref(),
            ),
            cores => ok(&name, format!("rests on {}", cores.join(" and "))),
        }
    }
}

/// What a collector needs, as a sentence.
fn needed(collector: &dyn Collector) -> String {
    format!("it needs {}", collector.about().needs)
}

struct Checks {
    format: DoctorFormat,
    all: Vec<Status>,
}

impl Checks {
    /// Writes a check as soon as it is known.
    fn add(&mut self, check: Check, stdout: &mut impl Write) -> Result<(), Error> {
        self.all.push(check.status);
        let line = match self.format {
            DoctorFormat::Json => serde_json::to_string(&check)
                .map_err(|error| Error::Bug(format!("cannot build a line: {error}")))?,
            DoctorFormat::Text => {
                let status = match check.status {
                    Status::Ok => "ok  ",
                    Status::Note => "note",
                    Status::Fail => "fail",
                };
                let help = check.help.map(|help| format!("; {help}")).unwrap_or_default();
                in_one_line(&format!("{status}  {}: {}{help}", check.check, check.text))
            }
        };
        stdout.write_all(format!("{line}\n").as_bytes()).map_err(Error::writing)?;
        // The next check may wait for a server; what is known is shown now.
        stdout.flush().map_err(Error::writing)
    }
}

fn ok(check: &str, text: String) -> Check {
    Check { check: check.to_owned(), status: Status::Ok, text, help: None }
}

fn note(check: &str, text: &str, help: &str) -> Check {
    Check {
        check: check.to_owned(),
        status: Status::Note,
        text: text.to_owned(),
        help: Some(help.to_owned()),
    }
}

fn fail(check: &str, text: &str, help: Option<&str>) -> Check {
    Check {
        check: check.to_owned(),
        status: Status::Fail,
        text: text.to_owned(),
        help: help.map(str::to_owned),
    }
}

/// What GitLab reports about a token.
#[derive(Deserialize)]
struct TokenFacts {
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<Day>,
}

/// Whether the token serves, and for how long.
fn token(facts: Result<Option<TokenFacts>, Fault>, now: Timestamp) -> Check {
    let told = match facts {
        Ok(Some(token)) => token,
        Ok(None) => {
            return note(
                "token",
                "GitLab tells nothing about this kind of token",
                "it needs the scopes read_api and ai_features",
            );
        }
        Err(fault) => return fail("token", fault.text(), None),
    };
    let scopes = told.scopes.join(", ");
    if !told.scopes.iter().any(|scope| scope == "read_api" || scope == "api") {
        return fail(
            "token",
            &format!("it has the scopes {scopes}"),
            Some("make one with read_api and ai_features"),
        );
    }
    match told.expires_at {
        Some(day) if day.days_since(now.day()) < 14 => note(
            "token",
            &format!("valid with {scopes}, but only until {day}"),
            "renew it soon, or the collection ends",
        ),
        Some(day) => ok("token", format!("valid with {scopes}, until {day}")),
        None => ok("token", format!("valid with {scopes}, without an end")),
    }
}

fn version(gitlab: &Informed<'_>) -> Check {
    #[derive(Deserialize)]
    struct Found {
        metadata: Option<Metadata>,
    }
    #[derive(Deserialize)]
    struct Metadata {
        version: String,
        #[serde(default)]
        enterprise: bool,
    }
    let found = gitlab.query(DOCUMENT, "Doctor", &json!({}));
    let found = found.and_then(|answer| line::parse::<Found>(answer.data.get()).map_err(Fault::Answer));
    match found {
        Ok(Found { metadata: Some(Metadata { version, enterprise: true }) }) => {
            ok("version", format!("GitLab {version}, Enterprise Edition"))
        }
        Ok(Found { metadata: Some(Metadata { version, .. }) }) => fail(
            "version",
            &format!("GitLab {version}, Community Edition"),
            Some("GitLab Duo needs the Enterprise Edition with Premium or Ultimate"),
        ),
        Ok(Found { metadata: None }) => {
            note("version", "GitLab does not tell it", "everything is tried anyway")
        }
        Err(fault) => fail("version", fault.text(), None),
    }
}

/// What the token's user may do in a group. The REST API tells it of every kind of token, also of a group's own.
fn role(client: &Client, group: &str) -> Check {
    #[derive(Deserialize)]
    struct User {
        id: u64,
        #[serde(default)]
        is_admin: bool,
    }
    #[derive(Deserialize)]
    struct Member {
        access_level: u32,
    }
    let name = format!("role in {group}");
    let member = || -> Result<Option<u32>, Fault> {
        let Some(user) = told::<User>(client, "user")? else { return Ok(None) };
        if user.is_admin {
            return Ok(Some(ADMINISTRATOR));
        }
        let path = format!("groups/{}/members/all/{}", in_a_path(group), user.id);
        Ok(told::<Member>(client, &path)?.map(|member| member.access_level))
    };
    let level = match member() {
        Ok(level) => level,
        Err(Fault::Denied(_) | Fault::Answer(_)) => None,
        Err(fault) => return fail(&name, fault.text(), None),
    };
    const NEEDED: &str = "give the token's user the role Reporter or higher in the top-level group";
    match level {
        None => note(&name, "GitLab does not tell it; the token's user may be no member", NEEDED),
        Some(level) => match ROLES.iter().find(|(from, _)| level >= *from) {
            Some((ADMINISTRATOR, role)) => ok(&name, format!("{role}: usage and seats can be read")),
            Some((from, role)) if *from >= OWNER => {
                ok(&name, format!("{role}: usage can be read, and in a top-level group seats"))
            }
            Some((from, role)) if *from >= REPORTER => note(
                &name,
                &format!("{role}: usage can be read, seats cannot"),
                "for seats it takes Owner in the top-level group, or an administrator",
            ),
            role => {
                let role = role.map_or("a role without a name", |(_, role)| role);
                fail(&name, &format!("{role}: neither usage nor seats can be read"), Some(NEEDED))
            }
        },
    }
}

/// Access levels of GitLab's REST API, from the highest; an administrator has none, and counts as above all.
const ROLES: &[(u32, &str)] = &[
    (ADMINISTRATOR, "administrator"),
    (OWNER, "Owner"),
    (40, "Maintainer"),
    (30, "Developer"),
    (25, "Security Manager"),
    (REPORTER, "Reporter"),
    (15, "Planner"),
    (10, "Guest"),
    (5, "Minimal Access"),
];
const ADMINISTRATOR: u32 = u32::MAX;
const OWNER: u32 = 50;
const REPORTER: u32 = 20;

/// What was bought. GitLab.com tells owners the plan of their group, another GitLab tells administrators its licence.
fn tier(client: &Client, group: &str) -> Check {
    #[derive(Deserialize)]
    struct Plan {
        plan: Option<String>,
    }
    let name = format!("tier of {group}");
    let top_level = group.split('/').next().unwrap_or(group);
    for path in [format!("namespaces/{}", in_a_path(top_level)), "license".to_owned()] {
        let plan = match told::<Plan>(client, &path) {
            Ok(told) => told.and_then(|told| told.plan).unwrap_or_default(),
            Err(Fault::Denied(_) | Fault::Answer(_)) => continue,
            Err(fault) => return fail(&name, fault.text(), None),
        };
        let is_of = |tier: &str| plan.starts_with(tier);
        if ["premium", "ultimate", "silver", "gold", "opensource"].into_iter().any(is_of) {
            return ok(&name, plan);
        }
        if ["free", "bronze", "starter"].into_iter().any(is_of) {
            return fail(&name, &plan, Some("GitLab Duo's usage data needs Premium or Ultimate"));
        }
    }
    note(
        &name,
        "GitLab does not tell it to this token",
        "it has to be Premium or Ultimate; where usage_events can be read, it is",
    )
}

/// Whether the events say whose they are, without which nobody can be counted.
fn people(group: &str, events: usize, with_people: usize) -> Check {
    let name = format!("people of {group}");
    match (events, with_people) {
        (0, _) => note(&name, "no event was seen, so nothing is known", "look again after a working day"),
        (events, with_people) if events == with_people => ok(&name, "each event says whose it is".to_owned()),
        (events, with_people) => fail(
            &name,
            &format!("{} of {events} events do not say whose they are", events - with_people),
            Some("the token's user has to see the members of the group"),
        ),
    }
}

/// An answer of the REST API; `None` when there is no such thing.
fn told<T: serde::de::DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, Fault> {
    let text = client.get(path)?;
    let read = |text: String| {
        line::parse(&text).map_err(|error| Fault::Answer(format!("GitLab's answer cannot be read: {error}")))
    };
    text.map(read).transpose()
}

/// A group path as one step of a REST path. Groups have no signs in their paths that mean anything there but strokes.
fn in_a_path(group: &str) -> String {
    group.replace('/', "%2F")
}

/// Looks at a first page, and wants no other.
#[derive(Default)]
struct FirstPage {
    rows: Option<usize>,
    with_people: usize,
    /// Whether the collector can be read, with rows or without.
    is_readable: bool,
}

impl Sink for FirstPage {
    fn page(&mut self, nodes: &[&RawValue], _: &Answer) -> Result<(), Fault> {
        #[derive(Deserialize)]
        struct Node<'a> {
            #[serde(borrow)]
            user: Option<&'a RawValue>,
        }
        let has_user =
            |node: &&&RawValue| line::parse::<Node<'_>>(node.get()).is_ok_and(|node| node.user.is_some());
        self.rows = Some(nodes.len());
        self.with_people = nodes.iter().filter(has_user).count();
        Err(Fault::Sink(Error::ReaderGone))
    }
}

/// Asks a collector's own first query of yesterday, and stops at the first page. `is_needed` is whether a run asks for it,
/// and then whether because it was named: only then is a refusal a gap.
fn collect(
    gitlab: &Informed<'_>,
    collector: &'static dyn Collector,
    (group, day): (&str, Day),
    is_needed: Option<bool>,
    first: &mut FirstPage,
) -> Check {
    let of = if group == INSTANCE_SCOPE { "the instance" } else { group };
    let name = format!("{} of {of}", collector.name());
    let unit = Unit { scope: group, since: day, until: day };
    let parts = collector.parts(gitlab, &unit, &mut |_| {});
    let result = parts.and_then(|parts| match parts.first() {
        Some(part) => collector.collect(gitlab, &unit, part, first),
        None => Ok(()),
    });
    first.is_readable = first.rows.is_some() || result.is_ok();
    let needed = || needed(collector);
    match (result, first.rows) {
        (_, Some(0)) => note(
            &name,
            "readable, with nothing on its first page for yesterday",
            "a quiet day, or nobody uses it",
        ),
        (_, Some(_)) => ok(&name, "readable".to_owned()),
        (Ok(()), None) => note(&name, "readable, and there is nothing", "there are no projects in the group"),
        (Err(fault @ (Fault::Unsupported(_) | Fault::Denied(_))), None) => match is_needed {
            Some(true) => fail(&name, fault.text(), Some(&needed())),
            Some(false) => note(&name, fault.text(), &needed()),
            None => note(&name, fault.text(), &format!("{}; a run does not ask for it", needed())),
        },
        (Err(fault), None) if is_needed.is_none() => note(&name, fault.text(), "a run does not ask for it"),
        (Err(fault), None) => fail(&name, fault.text(), None),
    }
}

fn click_house(gitlab: &Informed<'_>, group: &str, day: Day) -> Check {
    let name = format!("history of {group}");
    let answer = gitlab.query(DOCUMENT, "DoctorClickHouse", &json!({"scope": group, "day": day}));
    match answer {
        Ok(answer) if !answer.data.get().contains("null") => {
            ok(&name, "GitLab has ClickHouse and keeps usage events".to_owned())
        }
        Ok(_) | Err(Fault::Answer(_) | Fault::Denied(_) | Fault::Unsupported(_)) => note(
            &name,
            "no ClickHouse was seen, so GitLab keeps usage events for three months",
            "collect at least once a month, and keep what was collected",
        ),
        Err(fault) => fail(&name, fault.text(), None),
    }
}

/// Whether the site will be seen by more people than the project. Only a pipeline knows the project.
fn pages(client: &Client, environment: &Environment) -> Check {
    #[derive(Deserialize)]
    struct Project {
        pages_access_level: Option<String>,
    }
    let Some(project) = environment.get("CI_PROJECT_ID") else {
        return note(
            "pages",
            "not looked at, since this is not a pipeline",
            "look at Settings, General, Visibility of the project that publishes",
        );
    };
    if !project.bytes().all(|byte| byte.is_ascii_digit()) {
        return fail("pages", "CI_PROJECT_ID is not a number", None);
    }
    let level = match told::<Project>(client, &format!("projects/{project}")) {
        Ok(told) => told.and_then(|project| project.pages_access_level),
        Err(Fault::Denied(_) | Fault::Answer(_)) => None,
        Err(fault) => return fail("pages", fault.text(), None),
    };
    match level.as_deref() {
        Some("public") => note(
            "pages",
            "everybody can see the site",
            "people appear in counts only; to show it to members alone, set Pages to \"Only project members\"",
        ),
        Some("disabled") => fail(
            "pages",
            "Pages are switched off in this project",
            Some("switch them on in Settings, General, Visibility"),
        ),
        Some(level) => ok("pages", format!("the site is {level}")),
        None => note(
            "pages",
            "GitLab does not tell who can see the site",
            "look at Settings, General, Visibility",
        ),
    }
}
