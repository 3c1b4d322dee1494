//! The paths of the REST API that `doctor` checks, and those that a pipeline needs.

use chrono::Days;
use serde_json::{Value, json};

use super::http::{Call, Reply};
use super::organization::Project;
use super::resolvers::Role;
use super::{Outcome, State, packages};

/// Responds to a request below `/api/v4/`; `None` for an unknown path.
pub(super) fn reply(shared: &State, call: &Call, path: &str, role: Option<Role>) -> Option<Reply> {
    if let Some(reply) = pipelines(shared, call, path, role) {
        return Some(reply);
    }
    let place = path.strip_prefix("/api/v4/").filter(|_| call.method == "GET")?;
    let (status, body) = match (place, role) {
        ("personal_access_tokens/self" | "metadata", None | Some(Role::Anonymous)) => {
            (401, json!({ "message": "401 Unauthorized" }))
        }
        ("personal_access_tokens/self", Some(role)) => (200, token(shared, role)),
        ("metadata", Some(_)) => {
            let release = shared.settings.release;
            (200, json!({ "version": release.version(), "revision": "0123456789a", "enterprise": true }))
        }
        ("user", Some(role)) if role != Role::Anonymous => (200, user(role)),
        ("license", Some(Role::Administrator)) => (200, json!({ "id": 1, "plan": "ultimate" })),
        ("user" | "license", role) => match role {
            None | Some(Role::Anonymous) => (401, json!({ "message": "401 Unauthorized" })),
            Some(_) => (403, json!({ "message": "403 Forbidden" })),
        },
        (place, Some(role)) if place.starts_with("groups/") => match member(shared, place, role) {
            Some(body) => (200, body),
            None => (404, json!({ "message": "404 Not found" })),
        },
        (place, Some(role)) if place.starts_with("namespaces/") => match namespace(shared, place, role) {
            Some(body) => (200, body),
            None => (404, json!({ "message": "404 Namespace Not Found" })),
        },
        (place, role) => {
            let project = percent_decoded(place.strip_prefix("projects/")?);
            match role {
                None => (401, json!({ "message": "401 Unauthorized" })),
                Some(role) => {
                    let projects = &shared.organization.projects;
                    let found = shared
                        .organization
                        .project(&project)
                        .or_else(|| projects.iter().position(|known| known.id.to_string() == project));
                    match found.filter(|_| role != Role::Anonymous) {
                        Some(position) => (200, project_settings(shared, position, &projects[position])),
                        None => (404, json!({ "message": "404 Project Not Found" })),
                    }
                }
            }
        }
    };
    let outcome = match status {
        200 => Outcome::Answered,
        401 => Outcome::Unauthorized,
        _ => Outcome::NotFound,
    };
    shared.log_request(path.to_string(), Value::Null, status, outcome);
    Some(shared.json(status, &body))
}

/// Requests of jobs: a file of an earlier job's artifacts, the package registry, and a comment on an
/// issue or a merge request. The job token is the owner's token with the suffix `-job`.
fn pipelines(shared: &State, call: &Call, path: &str, role: Option<Role>) -> Option<Reply> {
    if let Some(reply) = packages::storage(shared, call, path) {
        return Some(reply);
    }
    let (project, rest) = path.strip_prefix("/api/v4/projects/")?.split_once('/')?;
    let (status, reply) = if let Some(rest) = rest.strip_prefix("jobs/artifacts/") {
        let (_, file) = rest.split_once("/raw/").filter(|_| call.method == "GET")?;
        let job = call.target.split_once("?job=").map(|(_, job)| percent_decoded(job))?;
        let artifacts = shared.artifacts.lock().expect("no panic while held");
        match artifacts.get(&(job, percent_decoded(file))) {
            _ if !has_job_token(shared, call) => {
                (401, shared.json(401, &json!({ "message": "401 Unauthorized" })))
            }
            _ if shared.artifact_status() != 200 => {
                let status = shared.artifact_status();
                (status, shared.json(status, &json!({ "message": status.to_string() })))
            }
            Some(content) => (200, shared.response(200, "application/octet-stream", content.clone())),
            None => (404, shared.json(404, &json!({ "message": "404 Not found" }))),
        }
    } else if let Some(reply) = packages::reply(shared, call, &percent_decoded(project), rest) {
        reply
    } else {
        let target = rest.strip_prefix("issues/").or_else(|| rest.strip_prefix("merge_requests/"));
        let target = target.filter(|_| call.method == "POST")?;
        target.strip_suffix("/notes")?.parse::<u64>().ok()?;
        let body = String::from_utf8_lossy(&call.body);
        match (role, body.strip_prefix("body=")) {
            (None | Some(Role::Anonymous), _) => {
                (401, shared.json(401, &json!({ "message": "401 Unauthorized" })))
            }
            (_, None) => {
                (400, shared.json(400, &json!({ "message": "400 (Bad request) \"note\" is missing" })))
            }
            (_, Some(text)) => {
                let text = percent_decoded(&text.replace('+', " "));
                shared.comments.lock().expect("no panic while held").push(text);
                (201, shared.json(201, &json!({ "id": 1 })))
            }
        }
    };
    let outcome = match status {
        200 | 201 | 302 => Outcome::Answered,
        401 => Outcome::Unauthorized,
        _ => Outcome::NotFound,
    };
    shared.log_request(format!("{} {path}", call.method), Value::Null, status, outcome);
    Some(reply)
}

pub(super) fn has_job_token(shared: &State, call: &Call) -> bool {
    call.header("job-token") == Some(format!("{}-job", shared.settings.token).as_str())
}

/// `is_admin` is present only for administrators.
fn user(role: Role) -> Value {
    let mut user = json!({ "id": role.user_id(), "username": format!("user-{}", role.user_id()) });
    if role == Role::Administrator {
        user["is_admin"] = json!(true);
    }
    user
}

/// The membership of the token's user, direct or inherited. The administrator is not a member of
/// any group.
fn member(shared: &State, place: &str, role: Role) -> Option<Value> {
    let (group, user) = place.strip_prefix("groups/")?.split_once("/members/all/")?;
    shared.organization.group(&percent_decoded(group))?;
    let access_level = match role {
        Role::Owner => 50,
        Role::Reporter => 20,
        Role::Guest => 10,
        Role::WebReporter => 20,
        Role::Administrator | Role::Anonymous => return None,
    };
    (user == role.user_id().to_string())
        .then(|| json!({ "id": role.user_id(), "access_level": access_level }))
}

/// Only owners see the plan. Self-managed GitLab always reports `default`.
fn namespace(shared: &State, place: &str, role: Role) -> Option<Value> {
    let path = percent_decoded(place.strip_prefix("namespaces/")?);
    let group = &shared.organization.groups[shared.organization.group(&path)?];
    let mut namespace = json!({ "id": group.id, "full_path": group.full_path, "kind": "group" });
    if role == Role::Owner {
        namespace["plan"] = json!(if shared.settings.self_managed { "default" } else { "ultimate" });
    }
    Some(namespace)
}

fn token(shared: &State, role: Role) -> Value {
    let today = shared.organization.now().date_naive();
    json!({
        "id": 4_100 + role.user_id(),
        "name": "duo-metrics",
        "description": null,
        "revoked": false,
        "created_at": format!("{}T08:00:00.000Z", today - Days::new(30)),
        "scopes": ["read_api", "ai_features"],
        "user_id": role.user_id(),
        "last_used_at": null,
        "active": true,
        "expires_at": (today + Days::new(60)).to_string(),
    })
}

/// The Pages site of the second project is public, of the third visible to everyone with access to
/// the project, and of the others to members only.
fn project_settings(shared: &State, position: usize, project: &Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "path": project.path,
        "path_with_namespace": project.full_path,
        "archived": project.archived,
        "visibility": "private",
        "pages_access_level": match position {
            1 => "public",
            2 => "enabled",
            _ => "private",
        },
        "default_branch": "main",
        "web_url": format!("/{}", project.full_path),
        "last_activity_at": project.last_activity_at.to_rfc3339(),
        "namespace": { "full_path": shared.organization.groups[project.group].full_path },
    })
}

pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
