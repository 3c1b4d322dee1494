//! The durable copy of a history: a file in the package registry of the project. It outlives caches
//! and artifacts, which are lost with a runner, with time, or with a pipeline that lacks the job.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::aggregate::history::History;
use crate::base::error::{Error, Outcome, display_path};
use crate::cli::{PullArgs, PushArgs};
use crate::commands::job_files::{Earlier, JobFiles};
use crate::system::files::{AtomicFile, remove_files, write_file};
use crate::system::settings::Environment;
use crate::system::summary::Summary;

use super::transfer::{export, import};

/// How often a copy that another pipeline replaced is merged and stored again.
const MAX_ATTEMPTS: usize = 5;

/// Merges the stored copy into the history, and the artifact of the job in `args`. If there
/// was a history and nothing of it is left, the identity of the history records that, and the
/// outcome is partial.
pub(super) fn pull(
    history: &History,
    args: &PullArgs,
    environment: &Environment,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let Some(files) = JobFiles::of(environment, args.ca_file.as_deref())? else {
        summary.message("not in a GitLab pipeline, so there is no stored history");
        return Ok(Outcome::Complete);
    };
    let was_empty = history.files()?.is_empty();
    let names = Names::of(&args.name);
    let copy = CopyFile::beside(history, "pulled");
    let (mut outcome, mut is_known) = (Outcome::Complete, false);
    let stored = files.stored(&names.history, copy.path())?;
    match &stored {
        Earlier::Downloaded(from) => {
            summary.message(format!("got the copy {from}"));
            outcome = copy.merge_into(history, summary)?;
            is_known = outcome == Outcome::Partial;
        }
        Earlier::Missing => {
            is_known = matches!(files.stored(&names.marker, copy.path())?, Earlier::Downloaded(_));
        }
        Earlier::TurnedOff => summary.message(unavailable(TURNED_OFF)),
        Earlier::Refused(reason) => summary.message(unavailable(reason)),
    }
    // A copy can be older than the artifact: the registry may have refused the newer ones.
    if let Some((job, path)) = args.job.as_ref().zip(args.path.as_ref()) {
        match files.artifact(job, path, copy.path())? {
            Earlier::Downloaded(from) => {
                summary.message(format!("got {path} {from}"));
                outcome = outcome.max(copy.merge_into(history, summary)?);
            }
            Earlier::Missing | Earlier::TurnedOff => {}
            Earlier::Refused(_) if matches!(stored, Earlier::Downloaded(_)) => {}
            Earlier::Refused(reason) => summary.message(format!("cannot get {path} of {job}: {reason}")),
        }
    }
    let is_empty = history.files()?.is_empty();
    if is_known && (was_empty && (is_empty || outcome == Outcome::Partial)) {
        let mut identity = history.identity()?;
        identity.lost = Some(files.now.day());
        history.write_identity(&identity)?;
        summary.message(
            "the history is lost: there was one, and neither the cache, the package registry nor the last artifact has all of it; import a backup with \"duo-metrics history import\", or go on without the earlier days",
        );
        return Ok(Outcome::Partial);
    }
    if is_empty {
        summary.message(match stored {
            Earlier::Refused(_) | Earlier::TurnedOff => {
                "the history is empty; without a package registry it is unknown whether this is the first run"
            }
            _ => "the history is empty: this is the first run",
        });
    }
    Ok(outcome)
}

/// Stores the history, merged with the stored copy, so that what another pipeline stored meanwhile
/// stays. Repeats that until the stored copy is the one that was uploaded last.
pub(super) fn push(
    history: &History,
    args: &PushArgs,
    environment: &Environment,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let Some(files) = JobFiles::of(environment, args.ca_file.as_deref())? else {
        summary.message("not in a GitLab pipeline, so the history is not stored");
        return Ok(Outcome::Complete);
    };
    let names = Names::of(&args.name);
    let (theirs, ours) = (CopyFile::beside(history, "pulled"), CopyFile::beside(history, "pushed"));
    let mut outcome = Outcome::Complete;
    for _ in 0..MAX_ATTEMPTS {
        let stored = files.stored(&names.history, theirs.path())?;
        match stored {
            Earlier::Downloaded(_) => outcome = outcome.max(theirs.merge_into(history, summary)?),
            Earlier::Missing => {}
            // `pull` reported the reason.
            Earlier::Refused(_) | Earlier::TurnedOff => {
                summary.message("not stored in the package registry");
                return Ok(outcome);
            }
        }
        outcome = outcome.max(ours.fill_from(history, summary)?);
        if let Earlier::Downloaded(_) = stored
            && ours.equals(&theirs)?
        {
            summary.message("the copy in the package registry is up to date");
            return Ok(outcome);
        }
        let mut accepted = files.store(&names.history, ours.path())?;
        if accepted.is_ok() && stored == Earlier::Missing {
            // Shows that there was a history, should the copy get lost.
            write_file(theirs.path(), b"{\"type\":\"history_marker\"}\n")?;
            accepted = files.store(&names.marker, theirs.path())?;
        }
        if let Err(reason) = accepted {
            summary.message(unavailable(&reason));
            return Ok(outcome);
        }
    }
    Err(Error::Transient(format!(
        "history {}: other pipelines keep storing it; run again when they have ended",
        display_path(history.folder())
    )))
}

/// Why there is no copy in a project without a package registry.
const TURNED_OFF: &str = "it is turned off in the project (404)";

fn unavailable(reason: &str) -> String {
    format!(
        "the package registry is not available: {reason}; only the cache and the last artifact keep the history"
    )
}

/// The names of the stored files.
struct Names {
    history: String,
    /// A small file that is stored with the first copy.
    marker: String,
}

impl Names {
    fn of(name: &str) -> Names {
        Names { history: format!("{name}history.jsonl.gz"), marker: format!("{name}history.json") }
    }
}

/// A copy of the history in a file beside its folder, removed when it is dropped.
struct CopyFile(PathBuf);

impl CopyFile {
    fn beside(history: &History, extension: &str) -> CopyFile {
        CopyFile(history.folder().with_extension(extension))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn merge_into(&self, history: &History, summary: &mut Summary) -> Result<Outcome, Error> {
        let file = File::open(&self.0).map_err(Error::file("read", &self.0))?;
        import(history, BufReader::with_capacity(1 << 16, file), summary)
    }

    fn fill_from(&self, history: &History, summary: &mut Summary) -> Result<Outcome, Error> {
        let mut writer = BufWriter::new(AtomicFile::create(&self.0)?);
        let outcome = export(history, &mut writer, summary)?;
        writer.flush().map_err(Error::writing)?;
        writer.into_inner().map_err(|error| Error::writing(error.into_error()))?.commit()?;
        Ok(outcome)
    }

    fn equals(&self, other: &CopyFile) -> Result<bool, Error> {
        let read = |copy: &CopyFile| fs::read(&copy.0).map_err(Error::file("read", &copy.0));
        Ok(read(self)? == read(other)?)
    }
}

impl Drop for CopyFile {
    fn drop(&mut self) {
        // It is overwritten next time.
        let _ = remove_files([self.path()]);
    }
}
