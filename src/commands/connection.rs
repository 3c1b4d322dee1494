//! The connection to GitLab that the flags and variables describe.

use std::time::Duration;

use crate::base::calendar::Timestamp;
use crate::base::error::Error;
use crate::cli::GitlabArgs;
use crate::collect::gitlab::{Client, RetryPolicy};
use crate::system::settings::{Environment, Instance};

/// The client, the GitLab it connects to, and the current time by the settings. Sends no request.
pub(super) fn connect(
    args: &GitlabArgs,
    environment: &Environment,
) -> Result<(Client, Instance, Timestamp), Error> {
    let (now, is_set) = environment.now()?;
    let access = environment.gitlab(args.url.as_deref(), args.allow_http, args.ca_file.as_deref())?;
    let instance = access.instance.clone();
    let retry_policy = RetryPolicy {
        timeout: Duration::from_secs_f64(args.timeout),
        retries: args.retries,
        wait: Duration::from_secs_f64(args.retry_wait),
        jobs: environment.jobs(args.jobs)?,
    };
    let client = Client::new(access, retry_policy, now, is_set.then_some(now))?;
    Ok((client, instance, now))
}
