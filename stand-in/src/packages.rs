//! The generic package registry of a project (GitLab's documentation, "GitLab generic packages
//! repository", and `lib/api/generic_packages.rb`), and the object storage behind it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::http::{Call, Reply};
use super::rest::{has_job_token, percent_decoded};
use super::{Outcome, State};

/// How the registry responds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registry {
    /// It delivers files itself.
    #[default]
    Available,
    /// It redirects downloads to object storage, with a signed URL.
    ObjectStorage,
    /// The package registry is turned off in the project: 404 for everything.
    TurnedOff,
    /// The role of the pipeline's user is not sufficient: 403.
    Forbidden,
    /// A second file of the same name is refused: 400.
    NoDuplicates,
    /// The server fails: 503.
    Down,
}

/// The files by project and `NAME/VERSION/FILE`, with all versions of each: a file of the same name
/// is added, and the newest one is downloaded.
type Files = BTreeMap<(String, String), Vec<Vec<u8>>>;

/// The registry of all projects.
#[derive(Default)]
pub(super) struct Packages {
    files: Mutex<Files>,
    registry: Mutex<Registry>,
}

impl Packages {
    pub(super) fn set_registry(&self, registry: Registry) {
        *self.registry.lock().expect("no panic while held") = registry;
    }

    /// The newest version of each file of every project, by `NAME/VERSION/FILE`.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.files.lock().expect("no panic while held");
        let newest = |versions: &Vec<Vec<u8>>| versions.last().cloned().unwrap_or_default();
        files.iter().map(|((_, path), versions)| (path.clone(), newest(versions))).collect()
    }

    /// Stores a file as if it had been uploaded.
    pub(super) fn store(&self, project: &str, path: &str, content: Vec<u8>) {
        let key = (project.to_owned(), path.to_owned());
        self.files.lock().expect("no panic while held").entry(key).or_default().push(content);
    }

    /// Deletes the files whose path contains a text.
    pub(super) fn delete(&self, text: &str) {
        self.files.lock().expect("no panic while held").retain(|(_, path), _| !path.contains(text));
    }
}

/// Responds to `packages…` of a project; `None` for another path.
pub(super) fn reply(shared: &State, call: &Call, project: &str, rest: &str) -> Option<(u16, Reply)> {
    let message = |status: u16, text: &str| (status, shared.json(status, &json!({ "message": text })));
    let is_list = rest == "packages" && call.method == "GET";
    let path = rest.strip_prefix("packages/generic/").map(percent_decoded);
    if !is_list && path.is_none() {
        return None;
    }
    let registry = *shared.packages.registry.lock().expect("no panic while held");
    Some(match (registry, path) {
        _ if !has_job_token(shared, call) => message(401, "401 Unauthorized"),
        (Registry::TurnedOff, _) => message(404, "404 Not Found"),
        (Registry::Forbidden, _) => message(403, "403 Forbidden"),
        (Registry::Down, _) => message(503, "503 Service Unavailable"),
        (_, None) => {
            let files = shared.packages.files.lock().expect("no panic while held");
            let mut names: Vec<&str> = files
                .keys()
                .filter(|(of, _)| of == project)
                .filter_map(|(_, path)| path.split('/').next())
                .collect();
            names.dedup();
            let list: Vec<Value> =
                names.iter().map(|name| json!({ "name": name, "package_type": "generic" })).collect();
            (200, shared.json(200, &json!(list)))
        }
        (_, Some(path)) if !is_valid(&path) => message(400, "file_name is invalid"),
        (registry, Some(path)) if call.method == "PUT" => {
            let mut files = shared.packages.files.lock().expect("no panic while held");
            let versions = files.entry((project.to_owned(), path)).or_default();
            if registry == Registry::NoDuplicates && !versions.is_empty() {
                return Some(message(400, "400 Bad request - Duplicate package is not allowed"));
            }
            versions.push(call.body.clone());
            message(201, "201 Created")
        }
        (registry, Some(path)) => {
            let files = shared.packages.files.lock().expect("no panic while held");
            match files.get(&(project.to_owned(), path.clone())).and_then(|versions| versions.last()) {
                None => message(404, "404 Not Found"),
                Some(_) if registry == Registry::ObjectStorage => {
                    let mut reply = shared.response(302, "text/plain", Vec::new());
                    let host = call.header("host").unwrap_or_default();
                    let project = project.replace('/', "%2F");
                    let location = format!("http://{host}/storage/{project}/{path}?Signature=stand-in");
                    reply.headers.push(("Location".to_owned(), location));
                    (302, reply)
                }
                Some(content) => (200, shared.response(200, "application/octet-stream", content.clone())),
            }
        }
    })
}

/// Responds as the object storage, which must not receive a token.
pub(super) fn storage(shared: &State, call: &Call, path: &str) -> Option<Reply> {
    let (project, path) = path.strip_prefix("/storage/")?.split_once('/')?;
    let files = shared.packages.files.lock().expect("no panic while held");
    let content =
        files.get(&(percent_decoded(project), path.to_owned())).and_then(|versions| versions.last())?;
    let has_token =
        ["job-token", "authorization", "private-token"].iter().any(|name| call.header(name).is_some());
    let (status, outcome) = if has_token { (400, Outcome::Unauthorized) } else { (200, Outcome::Answered) };
    shared.log_request("storage".to_owned(), Value::Null, status, outcome);
    Some(shared.response(
        status,
        "application/octet-stream",
        if has_token { Vec::new() } else { content.clone() },
    ))
}

/// A package, a version and a file name of the characters that GitLab allows.
fn is_valid(path: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+~@".contains(&byte);
    let parts: Vec<&str> = path.split('/').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(is_allowed))
}
