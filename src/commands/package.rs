//! `package`: stores a file in the package registry of the project, where it outlives caches and
//! artifacts. `artifact` takes it from there.

use crate::base::error::{Error, Outcome};
use crate::cli::PackageArgs;
use crate::commands::job_files::JobFiles;
use crate::system::settings::Environment;
use crate::system::summary::Summary;

/// Runs the command. If the registry does not accept the file, the outcome is partial: the cache and
/// the artifact remain.
pub fn run(args: &PackageArgs, environment: &Environment, summary: &mut Summary) -> Result<Outcome, Error> {
    let Some(files) = JobFiles::of(environment, args.ca_file.as_deref())? else {
        summary.message("not in a GitLab pipeline, so there is no package registry");
        return Ok(Outcome::Complete);
    };
    Ok(match files.store(&args.name, &args.input)? {
        Ok(()) => {
            summary.message(format!("stored {} in the package registry", args.name));
            Outcome::Complete
        }
        Err(reason) => {
            summary.message(format!("{} is not stored in the package registry: {reason}", args.name));
            Outcome::Partial
        }
    })
}
