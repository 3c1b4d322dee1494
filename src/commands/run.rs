//! `run`: from GitLab to a finished site in one process. The same filters, joined by pipes in memory.

use std::thread;

use crate::base::error::{Error, Outcome};
use crate::cli::{RecordFormat, RunArgs};
use crate::commands::pipes::{joined, joined_thread};
use crate::commands::{aggregate, dashboard, fetch, landing, normalize};
use crate::normalize::sources::Setting;
use crate::publish::site;
use crate::stream::rejects::DEFAULT_MAX_REJECTS;
use crate::system::settings::Environment;
use crate::system::summary::Summary;

/// Runs the command. The site is left as it is unless everything before it succeeded, at least in part.
pub fn run(args: &RunArgs, environment: &Environment, summary: &mut Summary) -> Result<Outcome, Error> {
    let switches = environment.switches(args.switches.duo(), args.switches.project())?.check()?;
    let plan = fetch::Plan::new(&args.collect, switches, environment)?;
    let history = normalize::history_named(environment, args.collect.history.history.as_deref())?;
    let normalizing = normalize::Options {
        pseudonyms: normalize::pseudonyms(environment, history.as_ref())?,
        max_rejects: DEFAULT_MAX_REJECTS,
        mappings: Vec::new(),
        setting: Setting::default(),
        threads: 1,
        format: RecordFormat::Jsonl,
    };
    let thresholds = aggregate::thresholds(&args.report)?;
    let aggregating = aggregate::Options {
        since: None,
        until: None,
        thresholds,
        prices: aggregate::prices(&args.report, environment)?,
        max_rejects: DEFAULT_MAX_REJECTS,
        threads: 1,
        history: environment.history(args.collect.history.history.as_deref()),
        groups: environment.named_groups(&args.collect.gitlab.groups),
        pseudonyms: normalize::pseudonyms(environment, history.as_ref())?,
    };
    if let Some(history) = &history {
        let run = plan.run(aggregating.pseudonyms.as_ref());
        history.identity()?.check(&run).map_err(|mismatch| history.refusal(&mismatch))?;
    }

    dashboard::check_site(&args.site.site, switches)?;
    let theme = dashboard::read_theme(args.theme.theme.as_deref())?;

    let (raw_reader, raw_writer) = joined()?;
    let (record_reader, record_writer) = joined()?;
    let mut normalize_summary = Summary::new("run");
    let mut fetch_summary = Summary::new("run");
    let (fetched, normalized, aggregated) = thread::scope(|scope| {
        let normalized = scope
            .spawn(|| normalize::normalize(&normalizing, raw_reader, record_writer, &mut normalize_summary));
        let aggregated = scope.spawn(|| aggregate::aggregate(&aggregating, record_reader, summary));
        let fetched = fetch::fetch(&plan, Some(raw_writer), &mut fetch_summary);
        (fetched, joined_thread(normalized), joined_thread(aggregated))
    });
    summary.prepend(normalize_summary);
    summary.prepend(fetch_summary);
    // A filter that fails makes the one before it fail to write, so the last fault is the first to be told.
    let (figures, aggregated) = aggregated?;
    let outcome = aggregated.max(normalized?).max(fetched?);
    let options = site::Options { small_group: args.privacy.small_group, theme: &theme };
    dashboard::write(&args.site.site, &figures, switches, &options, summary)?;
    landing::write(&args.site.site, Some(&figures), &theme, summary)?;
    fetch::forget_state(&plan, outcome)?;
    Ok(outcome)
}
