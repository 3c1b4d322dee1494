//! Checks of the token, the GitLab version, the role and tier in a group, and GitLab Pages.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::DOCUMENT;
use super::check::Check;
use crate::base::calendar::{Day, Timestamp};
use crate::collect::collectors::{Fault, GraphQl};
use crate::collect::gitlab::{Client, SchemaAwareClient};
use crate::model::line;
use crate::system::settings::Environment;

/// A token that expires in fewer days than this gets a note.
const MIN_TOKEN_DAYS: i64 = 14;

/// What GitLab returns about a token.
#[derive(Deserialize)]
pub(super) struct TokenInfo {
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<Day>,
}

/// The token of this connection; `None` if GitLab returns nothing about this kind of token.
pub(super) fn token_info(client: &Client) -> Result<Option<TokenInfo>, Fault> {
    get(client, "personal_access_tokens/self")
}

/// Checks the scopes of the token and its expiry.
pub(super) fn token_check(info: Result<Option<TokenInfo>, Fault>, now: Timestamp) -> Check {
    let token = match info {
        Ok(Some(token)) => token,
        Ok(None) => {
            return Check::note(
                "token",
                "GitLab returns nothing about this kind of token",
                "it needs the scopes read_api and ai_features",
            );
        }
        Err(fault) => return Check::fail("token", fault.text(), None),
    };
    let scopes = token.scopes.join(", ");
    if !token.scopes.iter().any(|scope| scope == "read_api" || scope == "api") {
        return Check::fail(
            "token",
            &format!("has the scopes {scopes}"),
            Some("create a token with the scopes read_api and ai_features"),
        );
    }
    match token.expires_at {
        Some(day) if day.days_since(now.day()) < MIN_TOKEN_DAYS => Check::note(
            "token",
            &format!("valid with {scopes}, but it expires on {day}"),
            "renew it soon, or collecting will fail",
        ),
        Some(day) => Check::ok("token", format!("valid with {scopes}, expires on {day}")),
        None => Check::ok("token", format!("valid with {scopes}, never expires")),
    }
}

/// Checks the version and edition of GitLab.
pub(super) fn version_check(gitlab: &SchemaAwareClient<'_>) -> Check {
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
            Check::ok("version", format!("GitLab {version}, Enterprise Edition"))
        }
        Ok(Found { metadata: Some(Metadata { version, .. }) }) => Check::fail(
            "version",
            &format!("GitLab {version}, Community Edition"),
            Some("GitLab Duo needs the Enterprise Edition with Premium or Ultimate"),
        ),
        Ok(Found { metadata: None }) => {
            Check::note("version", "not reported by GitLab", "all collectors are tried anyway")
        }
        Err(fault) => Check::fail("version", fault.text(), None),
    }
}

const ADMINISTRATOR: u32 = u32::MAX;
const OWNER: u32 = 50;
const REPORTER: u32 = 20;

/// Access levels of GitLab's REST API, from the highest. An administrator has none, and counts as
/// higher than all of them.
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

/// Checks the role of the token's user in a group. The REST API returns it for every kind of token,
/// including a group access token.
pub(super) fn role_check(client: &Client, group: &str) -> Check {
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
    const HELP: &str = "give the token's user the role Reporter or higher in the top-level group";
    let name = format!("role in {group}");
    let access_level = || -> Result<Option<u32>, Fault> {
        let Some(user) = get::<User>(client, "user")? else { return Ok(None) };
        if user.is_admin {
            return Ok(Some(ADMINISTRATOR));
        }
        let path = format!("groups/{}/members/all/{}", encode_path(group), user.id);
        Ok(get::<Member>(client, &path)?.map(|member| member.access_level))
    };
    let level = match access_level() {
        Ok(level) => level,
        Err(Fault::Denied(_) | Fault::Answer(_)) => None,
        Err(fault) => return Check::fail(&name, fault.text(), None),
    };
    let Some(level) = level else {
        return Check::note(&name, "not reported by GitLab; the token's user may not be a member", HELP);
    };
    match ROLES.iter().find(|(min_level, _)| level >= *min_level) {
        Some((ADMINISTRATOR, role)) => Check::ok(&name, format!("{role}: can read usage and seats")),
        Some((min_level, role)) if *min_level >= OWNER => {
            Check::ok(&name, format!("{role}: can read usage, and seats in a top-level group"))
        }
        Some((min_level, role)) if *min_level >= REPORTER => Check::note(
            &name,
            &format!("{role}: can read usage, but not seats"),
            "seats need the role Owner in the top-level group, or an administrator",
        ),
        role => {
            let role = role.map_or("an unknown role", |(_, role)| role);
            Check::fail(&name, &format!("{role}: can read neither usage nor seats"), Some(HELP))
        }
    }
}

/// Checks the tier. GitLab.com returns the plan of a group to its owners; a self-managed GitLab
/// returns its license to administrators.
pub(super) fn tier_check(client: &Client, group: &str) -> Check {
    #[derive(Deserialize)]
    struct Subscription {
        plan: Option<String>,
    }
    let name = format!("tier of {group}");
    let top_level = group.split('/').next().unwrap_or(group);
    for path in [format!("namespaces/{}", encode_path(top_level)), "license".to_owned()] {
        let plan = match get::<Subscription>(client, &path) {
            Ok(found) => found.and_then(|found| found.plan).unwrap_or_default(),
            Err(Fault::Denied(_) | Fault::Answer(_)) => continue,
            Err(fault) => return Check::fail(&name, fault.text(), None),
        };
        let is_tier = |tier: &str| plan.starts_with(tier);
        if ["premium", "ultimate", "silver", "gold", "opensource"].into_iter().any(is_tier) {
            return Check::ok(&name, plan);
        }
        if ["free", "bronze", "starter"].into_iter().any(is_tier) {
            return Check::fail(&name, &plan, Some("GitLab Duo's usage data needs Premium or Ultimate"));
        }
    }
    Check::note(
        &name,
        "GitLab does not report it to this token",
        "it must be Premium or Ultimate; if usage_events can be read, it is",
    )
}

/// Checks who can see the site. Only a pipeline knows the project that publishes it.
pub(super) fn pages_check(client: &Client, environment: &Environment) -> Check {
    #[derive(Deserialize)]
    struct Project {
        pages_access_level: Option<String>,
    }
    let Some(project) = environment.get("CI_PROJECT_ID") else {
        return Check::note(
            "pages",
            "not checked, because this is not a pipeline",
            "check Settings > General > Visibility of the project that publishes the site",
        );
    };
    if !project.bytes().all(|byte| byte.is_ascii_digit()) {
        return Check::fail("pages", "CI_PROJECT_ID is not a number", None);
    }
    let level = match get::<Project>(client, &format!("projects/{project}")) {
        Ok(found) => found.and_then(|project| project.pages_access_level),
        Err(Fault::Denied(_) | Fault::Answer(_)) => None,
        Err(fault) => return Check::fail("pages", fault.text(), None),
    };
    match level.as_deref() {
        Some("public") => Check::note(
            "pages",
            "everyone can see the site",
            "it contains counts of people only; to restrict it, set Pages to \"Only project members\"",
        ),
        Some("disabled") => Check::fail(
            "pages",
            "Pages are disabled in this project",
            Some("enable them in Settings > General > Visibility"),
        ),
        Some(level) => Check::ok("pages", format!("the site is {level}")),
        None => Check::note(
            "pages",
            "GitLab does not report who can see the site",
            "check Settings > General > Visibility",
        ),
    }
}

/// A response of the REST API; `None` if there is no such resource.
fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, Fault> {
    let text = client.get(path)?;
    let parse = |text: String| {
        line::parse(&text)
            .map_err(|error| Fault::Answer(format!("cannot read the response of GitLab: {error}")))
    };
    text.map(parse).transpose()
}

/// A group path as one segment of a REST path. Slashes are the only characters in group paths that
/// have a meaning there.
fn encode_path(group: &str) -> String {
    group.replace('/', "%2F")
}
