//! `run`: from GitLab to the finished site in one process. Runs the other commands as threads
//! joined by in-memory pipes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::aggregate::aggregator::{self, aggregate};
use crate::aggregate::history::{RunIdentity, RunInstance};
use crate::base::error::{Error, Outcome};
use crate::base::text::percent_encode;
use crate::cli::RunArgs;
use crate::collect::scheduler::{Plan, clear_checkpoint};
use crate::commands::aggregate::{prices, teams, thresholds};
use crate::commands::assumptions::assumptions;
use crate::commands::pipes::{buffered_pipe, join};
use crate::commands::pseudonyms::{existing_history, pseudonym_key};
use crate::commands::site_files::read_theme;
use crate::commands::{dashboard, fetch, landing};
use crate::normalize::dead_letter::DeadLetterFile;
use crate::normalize::normalizer::{self, normalize};
use crate::normalize::pseudonym::PseudonymKey;
use crate::normalize::sources::ImportDefaults;
use crate::normalize::writer::JsonRecords;
use crate::publish::site;
use crate::stream::rejects::DEFAULT_MAX_REJECTS;
use crate::system::settings::Environment;
use crate::system::summary::Summary;

/// Runs the command. The site is left unchanged unless all steps before it succeed, at least in
/// part.
pub fn run(args: &RunArgs, environment: &Environment, summary: &mut Summary) -> Result<Outcome, Error> {
    let switches = environment.switches(args.switches.duo(), args.switches.project())?.check()?;
    // Nothing but this run supplies the days that retention, segments and movement look back on.
    let plan = fetch::plan(&args.collect, switches, environment, Some("there is no history"))?;
    let history = existing_history(environment, args.collect.history.history.as_deref())?;
    let normalizing = normalizer::Options {
        pseudonyms: pseudonym_key(environment, history.as_ref())?,
        max_rejects: DEFAULT_MAX_REJECTS,
        mappings: Vec::new(),
        import_defaults: ImportDefaults::default(),
        threads: 1,
    };
    let aggregating = aggregator::Options {
        since: None,
        until: None,
        thresholds: thresholds(&args.report)?,
        prices: prices(&args.report, environment)?,
        teams: teams(&args.report, environment)?,
        max_rejects: DEFAULT_MAX_REJECTS,
        threads: 1,
        history: environment.history(args.collect.history.history.as_deref()),
        groups: environment.named_groups(&args.collect.gitlab.groups),
        pseudonyms: pseudonym_key(environment, history.as_ref())?,
    };
    if let Some(history) = &history {
        // The aggregator locks it again, for as long as it uses it. Here it is checked before the
        // first request.
        history.lock()?;
        let run = run_identity(&plan, aggregating.pseudonyms.as_ref());
        history.identity()?.check(&run).map_err(|mismatch| history.mismatch_error(&mismatch))?;
    }

    dashboard::check_site(&args.site.site, switches)?;
    let theme = read_theme(args.theme.theme.as_deref())?;
    let assumptions = assumptions(&args.assumptions, environment)?;

    let (raw_reader, raw_writer) = buffered_pipe()?;
    let (record_reader, record_writer) = buffered_pipe()?;
    let mut normalize_summary = Summary::new("run");
    let mut fetch_summary = Summary::new("run");
    let (fetched, normalized, aggregated) = thread::scope(|scope| {
        let normalized = scope.spawn(|| {
            let dead_letters = DeadLetterFile::none();
            let summary = &mut normalize_summary;
            normalize::<JsonRecords>(&normalizing, raw_reader, record_writer, dead_letters, summary)
        });
        let aggregated = scope.spawn(|| aggregate(&aggregating, record_reader, summary));
        let fetched = fetch::fetch(&plan, Some(raw_writer), &mut fetch_summary);
        (fetched, join(normalized), join(aggregated))
    });
    summary.prepend(normalize_summary);
    summary.prepend(fetch_summary);
    // If a step fails, the step before it gets a broken pipe. So the error of the last step is the
    // cause.
    let (report, aggregated) = aggregated?;
    let outcome = aggregated.max(normalized?).max(fetched?);
    let options = site::Options {
        small_group: args.privacy.small_group,
        open_periods: args.privacy.open_periods,
        theme: &theme,
        assumptions: &assumptions,
    };
    dashboard::write(&args.site.site, &report, switches, &options, summary)?;
    landing::write(&args.site.site, Some(&report), &theme, summary)?;
    clear_checkpoint(&plan, outcome)?;
    show_site(&args.site.site.join("index.html"), args.open, summary);
    Ok(outcome)
}

/// Reports the address of a page, and opens it if wanted. That no browser starts is no error: the page is there.
fn show_site(page: &Path, opens: bool, summary: &mut Summary) {
    let Ok(page) = page.canonicalize() else { return };
    let address = format!("file://{}", percent_encode(&page.to_string_lossy(), "/"));
    summary.message(format!("the site is at {address}"));
    summary.field("site", address.as_str());
    if !opens {
        return;
    }
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(opener)
        .arg(&page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if started.is_err() {
        summary
            .message(format!("no browser opened, because {opener} is not there; open the address yourself"));
    }
}

/// The GitLab of the plan, to check it against the history before the first request. The groups are
/// not included, because only GitLab knows their canonical paths.
fn run_identity(plan: &Plan, key: Option<&PseudonymKey>) -> RunIdentity {
    let instance = plan.instance.as_str();
    let key_checks = key.map(|key| key.check(instance)).into_iter().collect();
    let run_instance = RunInstance { key_checks, ..RunInstance::default() };
    RunIdentity { instances: [(instance.to_owned(), run_instance)].into(), ..RunIdentity::default() }
}
