//! `doctor`: what will work before the first run, and what to do about the rest.

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::calendar::{Day, Timestamp};
use crate::cli::{DoctorArgs, DoctorFormat};
use crate::collectors::{Answer, COLLECTORS, Collector, Fault, GraphQl, Level, Sink, Standing, Topic, Unit};
use crate::commands::fetch::{client_of, fatal};
use crate::error::{Error, Outcome};
use crate::gitlab::{Client, Informed, preflight};
use crate::line;
use crate::record::INSTANCE_SCOPE;
use crate::settings::Environment;
use crate::summary::Summary;
use crate::wording::in_one_line;

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

/// Runs the command. Exit code 0 when all is well, 3 when something does not work, 77 or 78 when nothing can.
pub fn run(
    args: &DoctorArgs,
    environment: &Environment,
    mut stdout: impl Write,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let groups = environment.groups(&args.gitlab.groups)?;
    let (client, instance, now) = client_of(&args.gitlab, environment)?;
    let mut checks = Checks { format: args.format, all: Vec::new() };

    checks.add(ok("gitlab", instance.as_str().to_owned()), &mut stdout)?;
    let token = token(&client, now);
    let refused = token.status == Status::Fail;
    checks.add(token, &mut stdout)?;
    let groups = match preflight(&client, &groups) {
        Ok(groups) => groups,
        Err(fault) => {
            if !refused {
                let check = if matches!(fault, Fault::Configuration(_)) { "group" } else { "api" };
                checks.add(fail(check, fault.text(), None), &mut stdout)?;
            }
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
        for collector in COLLECTORS.iter().copied().filter(|one| one.about().level == Level::Group) {
            checks.add(collect(&gitlab, collector, group, yesterday), &mut stdout)?;
        }
        checks.add(click_house(&gitlab, group, yesterday), &mut stdout)?;
    }
    for collector in COLLECTORS.iter().copied().filter(|one| one.about().level != Level::Group) {
        let scopes =
            collector.scopes(&gitlab, &groups).unwrap_or_else(|_| collector.about().level.scopes(&groups));
        for scope in scopes {
            checks.add(collect(&gitlab, collector, &scope, yesterday), &mut stdout)?;
        }
    }
    checks.add(pages(&client, environment), &mut stdout)?;
    stdout.flush().map_err(Error::writing)?;
    let failed = checks.all.iter().filter(|status| **status == Status::Fail).count();
    summary.field("failed", failed);
    Ok(if failed == 0 { Outcome::Complete } else { Outcome::Partial })
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
        stdout.write_all(format!("{line}\n").as_bytes()).map_err(Error::writing)
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

/// What GitLab says of the token itself.
fn token(client: &Client, now: Timestamp) -> Check {
    #[derive(Deserialize)]
    struct Token {
        #[serde(default)]
        scopes: Vec<String>,
        expires_at: Option<Day>,
    }
    let told: Token = match client.get("personal_access_tokens/self") {
        Ok(Some(text)) => match line::parse(&text) {
            Ok(token) => token,
            Err(error) => {
                return fail("token", &format!("what GitLab says of it cannot be read: {error}"), None);
            }
        },
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

/// Asks a collector's own first query of yesterday, and stops at the first page.
fn collect(gitlab: &Informed<'_>, collector: &'static dyn Collector, group: &str, day: Day) -> Check {
    struct FirstPage {
        rows: Option<usize>,
    }
    impl Sink for FirstPage {
        fn page(&mut self, nodes: &[&RawValue], _: &Answer) -> Result<(), Fault> {
            self.rows = Some(nodes.len());
            Err(Fault::Sink(Error::ReaderGone))
        }
    }
    let of = if group == INSTANCE_SCOPE { "the instance" } else { group };
    let name = format!("{} of {of}", collector.name());
    let unit = Unit { scope: group, since: day, until: day };
    let mut first = FirstPage { rows: None };
    let parts = collector.parts(gitlab, &unit, &mut |_| {});
    let result = parts.and_then(|parts| match parts.first() {
        Some(part) => collector.collect(gitlab, &unit, part, &mut first),
        None => Ok(()),
    });
    match (result, first.rows) {
        (_, Some(0)) => note(
            &name,
            "readable, with nothing on its first page for yesterday",
            "a quiet day, or nobody uses it",
        ),
        (_, Some(_)) => ok(&name, "readable".to_owned()),
        (Ok(()), None) => note(&name, "readable, and there is nothing", "there are no projects in the group"),
        (Err(fault @ (Fault::Unsupported(_) | Fault::Denied(_))), None)
            if collector.about().standing != Standing::Core =>
        {
            note(&name, fault.text(), "the dashboards do without it; README.md tells what it needs")
        }
        (Err(fault @ Fault::Unsupported(_)), None) => fail(
            &name,
            fault.text(),
            Some("it comes with a newer GitLab; the other collectors run without it"),
        ),
        (Err(fault @ Fault::Denied(_)), None) if collector.about().topic == Topic::Duo => fail(
            &name,
            fault.text(),
            Some("use a top-level group, and a token whose role there is enough; README.md tells which"),
        ),
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
    let told = match client.get(&format!("projects/{project}")) {
        Ok(told) => told
            .and_then(|text| line::parse::<Project>(&text).ok())
            .and_then(|project| project.pages_access_level),
        Err(fault) => return fail("pages", fault.text(), None),
    };
    match told.as_deref() {
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
