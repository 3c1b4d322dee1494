//! `artifact`: downloads a file that a job left in the last successful pipeline, so that this
//! pipeline can continue from there.

use std::time::Duration;

use crate::base::error::{Error, Outcome};
use crate::base::text::percent_encode;
use crate::cli::ArtifactArgs;
use crate::collect::collectors::Fault;
use crate::collect::gitlab::{Client, RetryPolicy};
use crate::system::settings::Environment;
use crate::system::summary::Summary;

/// The file can be large, so the timeout is long.
const RETRY_POLICY: RetryPolicy =
    RetryPolicy { timeout: Duration::from_secs(600), retries: 3, wait: Duration::from_secs(1), jobs: 1 };

/// Runs the command. A missing file is not an error, because every pipeline runs for the first time
/// once. If GitLab refuses the file, the outcome is partial.
pub fn run(args: &ArtifactArgs, environment: &Environment, summary: &mut Summary) -> Result<Outcome, Error> {
    let job = environment.job(args.ca_file.as_deref())?;
    let (Some(access), Some(project)) = (job, environment.get("CI_PROJECT_ID")) else {
        summary.message("not in a GitLab pipeline, so there is no earlier artifact");
        return Ok(Outcome::Complete);
    };
    let (now, is_set) = environment.now()?;
    let client = Client::new(access, RETRY_POLICY, now, is_set.then_some(now))?;
    let mut branches: Vec<String> =
        ["CI_COMMIT_REF_NAME", "CI_DEFAULT_BRANCH"].iter().filter_map(|name| environment.get(name)).collect();
    branches.dedup();
    for branch in &branches {
        let path = format!(
            "projects/{}/jobs/artifacts/{}/raw/{}?job={}",
            percent_encode(&project, ""),
            percent_encode(branch, ""),
            percent_encode(&args.path, "/"),
            percent_encode(&args.job, "")
        );
        match client.download(&path, &args.output) {
            Ok(true) => {
                summary.message(format!("got {} of {} on {branch}", args.path, args.job));
                return Ok(Outcome::Complete);
            }
            Ok(false) => {}
            Err(Fault::Denied(reason)) => {
                summary.warning(format!("cannot get {} of {}: {reason}", args.path, args.job));
                return Ok(Outcome::Partial);
            }
            Err(fault) => return Err(fault.into_error()),
        }
    }
    summary.message(format!(
        "no {} of {} in the last successful pipeline of {}",
        args.path,
        args.job,
        branches.join(" or ")
    ));
    Ok(Outcome::Complete)
}
