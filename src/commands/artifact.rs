//! `artifact`: downloads a file that a job left in the last successful pipeline, so that this
//! pipeline can continue from there.

use crate::base::error::{Error, Outcome};
use crate::cli::ArtifactArgs;
use crate::commands::job_files::{Earlier, JobFiles};
use crate::system::settings::Environment;
use crate::system::summary::Summary;

/// Runs the command. A missing file is not an error, because every pipeline runs for the first time
/// once. If GitLab refuses the file, the outcome is partial.
pub fn run(args: &ArtifactArgs, environment: &Environment, summary: &mut Summary) -> Result<Outcome, Error> {
    let Some(files) = JobFiles::of(environment, args.ca_file.as_deref())? else {
        summary.message("not in a GitLab pipeline, so there is no earlier artifact");
        return Ok(Outcome::Complete);
    };
    let (path, job) = (&args.path, &args.job);
    let artifact = files.artifact(job, path, &args.output)?;
    if let (Some(name), false) = (&args.package, matches!(artifact, Earlier::Downloaded(_))) {
        match files.stored(name, &args.output)? {
            Earlier::Downloaded(from) => {
                summary.message(format!("got {name} {from}"));
                return Ok(Outcome::Complete);
            }
            Earlier::Refused(reason) => {
                summary.message(format!("cannot get {name} from the package registry: {reason}"));
            }
            Earlier::Missing | Earlier::TurnedOff => {}
        }
    }
    Ok(match artifact {
        Earlier::Downloaded(from) => {
            summary.message(format!("got {path} {from}"));
            Outcome::Complete
        }
        Earlier::Missing | Earlier::TurnedOff => {
            let branches = files.branches();
            summary.message(format!("no {path} of {job} in the last successful pipeline of {branches}"));
            Outcome::Complete
        }
        Earlier::Refused(reason) => {
            summary.message(format!("cannot get {path} of {job}: {reason}"));
            Outcome::Partial
        }
    })
}
