//! What earlier pipelines of a project left for a CI job: artifacts, and files in its package
//! registry. Both are read and written with the token of the job.

use std::path::Path;
use std::time::Duration;

use crate::base::calendar::Timestamp;
use crate::base::error::Error;
use crate::base::text::percent_encode;
use crate::collect::collectors::Fault;
use crate::collect::gitlab::{Client, RetryPolicy};
use crate::system::settings::Environment;

/// A file can be large, so the timeout is long.
const RETRY_POLICY: RetryPolicy =
    RetryPolicy { timeout: Duration::from_secs(600), retries: 3, wait: Duration::from_secs(1), jobs: 1 };

/// The generic package that holds the files of a project. It has one version: a file that is
/// uploaded again replaces the one of that name.
const PACKAGE: &str = "duo-metrics-data";
const VERSION: &str = "1";

/// The files that a job can reach.
pub(super) struct JobFiles {
    client: Client,
    project: String,
    branches: Vec<String>,
    /// The start of the job.
    pub(super) now: Timestamp,
}

/// What is known about an earlier file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    /// It was downloaded. The text completes "got FILE".
    Downloaded(String),
    /// There is none.
    Missing,
    /// The project has no package registry.
    TurnedOff,
    /// GitLab does not provide it to this job, for this reason.
    Refused(String),
}

impl JobFiles {
    /// The files of the job that this process runs in; `None` outside of a pipeline.
    pub(super) fn of(environment: &Environment, ca_file: Option<&Path>) -> Result<Option<JobFiles>, Error> {
        let (Some(access), Some(project)) = (environment.job(ca_file)?, environment.get("CI_PROJECT_ID"))
        else {
            return Ok(None);
        };
        let (now, is_set) = environment.now()?;
        let client = Client::new(access, RETRY_POLICY, now, is_set.then_some(now))?;
        let mut branches: Vec<String> = ["CI_COMMIT_REF_NAME", "CI_DEFAULT_BRANCH"]
            .iter()
            .filter_map(|name| environment.get(name))
            .collect();
        branches.dedup();
        Ok(Some(JobFiles { client, project: percent_encode(&project, ""), branches, now }))
    }

    /// Downloads a file that a job left in the last successful pipeline of the branch, else of the
    /// default branch.
    pub(super) fn artifact(&self, job: &str, path: &str, place: &Path) -> Result<Earlier, Error> {
        for branch in &self.branches {
            let address = format!(
                "projects/{}/jobs/artifacts/{}/raw/{}?job={}",
                self.project,
                percent_encode(branch, ""),
                percent_encode(path, "/"),
                percent_encode(job, "")
            );
            match refusal(self.client.download(&address, place))? {
                Ok(true) => return Ok(Earlier::Downloaded(format!("of {job} on {branch}"))),
                Ok(false) => {}
                Err(reason) => {
                    return Ok(Earlier::Refused(format!(
                        "{reason}; downloads of artifacts need GitLab Premium and a pipeline whose user has at least the Developer role"
                    )));
                }
            }
        }
        Ok(Earlier::Missing)
    }

    /// The branches of [`JobFiles::artifact`], for messages.
    pub(super) fn branches(&self) -> String {
        self.branches.join(" or ")
    }

    /// Downloads a file from the package registry of the project.
    pub(super) fn stored(&self, name: &str, place: &Path) -> Result<Earlier, Error> {
        match refusal(self.client.download(&self.package_file(name), place))? {
            Ok(true) => return Ok(Earlier::Downloaded("from the package registry".to_owned())),
            Ok(false) => {}
            Err(reason) => return Ok(Earlier::Refused(reason)),
        }
        // A file that does not exist and a registry that is turned off have the same status. The
        // list of packages distinguishes them.
        let list = format!("projects/{}/packages?package_type=generic&per_page=1", self.project);
        Ok(match refusal(self.client.exists(&list))? {
            Ok(true) => Earlier::Missing,
            Ok(false) => Earlier::TurnedOff,
            Err(reason) => Earlier::Refused(reason),
        })
    }

    /// Stores a file in the package registry of the project. The inner error is why GitLab does not
    /// accept it.
    pub(super) fn store(&self, name: &str, file: &Path) -> Result<Result<(), String>, Error> {
        refusal(self.client.upload(&self.package_file(name), file))
    }

    fn package_file(&self, name: &str) -> String {
        format!("projects/{}/packages/generic/{PACKAGE}/{VERSION}/{}", self.project, file_name(name))
    }
}

/// Separates refusals, which leave a choice to the caller, from other faults.
fn refusal<T>(result: Result<T, Fault>) -> Result<Result<T, String>, Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Fault::Denied(reason)) => Ok(Err(reason)),
        Err(fault) => Err(fault.into_error()),
    }
}

/// A valid file name of a package for any text: other bytes than letters, digits, `.` and `-` become
/// `_` and their number (GitLab's documentation, "Valid package filename format").
fn file_name(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let encode =
        |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("_{byte:02X}") };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_valid_and_differ_where_texts_do() {
        let texts = ["duo-metrics:", "duo-metrics_3A", "a b", "a/b", "~é@"];
        let names = texts.map(file_name);
        assert_eq!(names[0], "duo-metrics_3A");
        for (number, name) in names.iter().enumerate() {
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)),
                "{name}"
            );
            assert!(names[..number].iter().all(|other| other != name), "{name}");
        }
    }
}
