//! `artifact`: get what a job left in the last successful pipeline, so that a pipeline can go on from there.

use std::time::Duration;

use crate::base::error::{Error, Outcome};
use crate::cli::ArtifactArgs;
use crate::collect::collectors::Fault;
use crate::collect::gitlab::{Client, Patience};
use crate::commands::fetch::fatal;
use crate::system::settings::Environment;
use crate::system::summary::Summary;

/// How patient one is with a file that can be large.
const PATIENCE: Patience =
    Patience { timeout: Duration::from_secs(600), retries: 3, wait: Duration::from_secs(1), jobs: 1 };

/// Runs the command. That there is no such file is no fault: each pipeline was the first one once. That GitLab keeps it
/// from us is a gap.
pub fn run(args: &ArtifactArgs, environment: &Environment, summary: &mut Summary) -> Result<Outcome, Error> {
    let job = environment.job(args.ca_file.as_deref())?;
    let (Some(access), Some(project)) = (job, environment.get("CI_PROJECT_ID")) else {
        summary.say("not in a pipeline that can be asked for what was left earlier");
        return Ok(Outcome::Complete);
    };
    let client = Client::new(access, PATIENCE, environment.now()?)?;
    let mut branches: Vec<String> =
        ["CI_COMMIT_REF_NAME", "CI_DEFAULT_BRANCH"].iter().filter_map(|name| environment.get(name)).collect();
    branches.dedup();
    for branch in &branches {
        let path = format!(
            "projects/{}/jobs/artifacts/{}/raw/{}?job={}",
            encoded(&project, ""),
            encoded(branch, ""),
            encoded(&args.path, "/"),
            encoded(&args.job, "")
        );
        match client.download(&path, &args.output) {
            Ok(true) => {
                summary.say(format!("got {} of {} on {branch}", args.path, args.job));
                return Ok(Outcome::Complete);
            }
            Ok(false) => {}
            Err(Fault::Denied(why)) => {
                summary.say(format!("{} of {} is not to be had: {why}", args.path, args.job));
                return Ok(Outcome::Partial);
            }
            Err(fault) => return Err(fatal(fault)),
        }
    }
    summary.say(format!(
        "no {} of {} in the last successful pipeline of {}",
        args.path,
        args.job,
        branches.join(" or ")
    ));
    Ok(Outcome::Complete)
}

/// A text as a part of an address, with these characters left as they are.
fn encoded(text: &str, kept: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.as_bytes().contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_taken_for_an_address() {
        assert_eq!(encoded("duo-metrics:process", ""), "duo-metrics%3Aprocess");
        assert_eq!(encoded("a/b?c#d e", ""), "a%2Fb%3Fc%23d%20e");
        assert_eq!(encoded(".duo-metrics/history.jsonl.gz", "/"), ".duo-metrics/history.jsonl.gz");
    }
}
