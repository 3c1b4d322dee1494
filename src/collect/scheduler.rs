//! The engine of `fetch`: divides a plan into fetch units, walks their partitions in parallel, and
//! writes raw and coverage lines.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::json;

use crate::base::calendar::{Day, WINDOW_DAYS};
use crate::base::error::{Error, Outcome};
use crate::base::text::format_count;
use crate::collect::checkpoint::StateDir;
use crate::collect::collectors::{Collector, Fault, FetchTarget, Level, Requirement, Span};
use crate::collect::fetch_unit::{FetchUnit, Partition};
use crate::collect::gitlab::{Client, SchemaAwareClient, preflight};
use crate::collect::output::Output;
use crate::collect::parallel::map_parallel;
use crate::collect::selection::Selection;
use crate::model::coverage::Coverage;
use crate::system::lock::FolderLock;
use crate::system::log;
use crate::system::progress::Progress;
use crate::system::settings::Instance;

/// What to collect, and from where.
pub struct Plan {
    /// The client of the GitLab below.
    pub client: Client,
    /// The GitLab.
    pub instance: Instance,
    /// Paths of groups, as the user wrote them.
    pub groups: Vec<String>,
    /// The collectors.
    pub selection: Selection,
    /// The first day.
    pub since: Day,
    /// The last day.
    pub until: Day,
    /// Why it is a first run, which takes more days than later ones; `None` if it is not.
    pub first_run: Option<&'static str>,
    /// The day of a snapshot that GitLab never answered.
    pub today: Day,
    /// Number of threads, at least 1.
    pub jobs: usize,
    /// Folder for raw lines, one file per collector.
    pub output_dir: Option<PathBuf>,
    /// Folder of the checkpoint.
    pub state_dir: Option<PathBuf>,
    /// Keeps other runs out of the folder of the checkpoint, as long as the plan exists.
    pub lock: Option<FolderLock>,
    /// Collect each Nth day only.
    pub every: i64,
    /// The days that are final in the history.
    pub final_days: FinalDays,
}

/// Days that are not collected again, with the coverage line of each.
#[derive(Default)]
pub struct FinalDays(HashMap<(String, String, Day), Coverage>);

impl FinalDays {
    /// The days of those coverage lines that belong to this GitLab instance.
    pub fn new(lines: Vec<Coverage>, instance: &Instance) -> FinalDays {
        let lines = lines.into_iter().filter(|line| line.instance == instance.as_str());
        let key = |line: &Coverage| (line.collector.clone(), line.scope.clone(), line.day);
        FinalDays(lines.map(|line| (key(&line), line)).collect())
    }

    fn get(&self, collector: &str, scope: &str, day: Day) -> Option<&Coverage> {
        self.0.get(&(collector.to_owned(), scope.to_owned(), day))
    }
}

/// The result of a run.
pub struct Collected {
    /// A line per collector, scope and day, sorted.
    pub coverage: Vec<Coverage>,
    /// The fault after which nothing more could be collected.
    pub stopped: Option<Fault>,
    /// Whether one of the faults was transient.
    pub has_transient_fault: bool,
}

/// Collects everything in the plan, and writes the lines to the stream and to the folder of the
/// plan.
///
/// If it fails before GitLab answers the first request, nothing was written. A fault of one fetch
/// unit is not an error: its coverage lines state it.
pub fn collect<W: Write + Send>(plan: &Plan, stream: Option<W>) -> Result<Collected, Error> {
    let groups = preflight(&plan.client, &plan.groups).map_err(Fault::into_error)?;
    let collectors = &plan.selection.collectors;
    let documents: Vec<&str> = collectors.iter().map(|collector| collector.info().document).collect();
    let gitlab = SchemaAwareClient::new(&plan.client, &documents, plan.jobs).map_err(Fault::into_error)?;
    let run = json!({"instance": plan.instance.as_str(), "groups": groups}).to_string();
    let state_dir = plan.state_dir.as_deref().map(|folder| StateDir::open(folder, &run)).transpose()?;
    let names = collectors.iter().map(|collector| collector.name());
    let output = Output::new(stream, plan.output_dir.as_deref(), names)?;
    let scopes = plan.scopes(&gitlab, &groups);
    let (units, final_lines) = plan.fetch_units(&scopes, &groups);
    if let Some(reason) = plan.first_run {
        plan.announce_first_run(reason, units.len());
        state_dir.as_ref().map_or(Ok(()), StateDir::mark_first_run)?;
    }
    let scheduler = Scheduler { gitlab, output, state_dir, state: Mutex::default() };
    scopes.iter().filter_map(|scopes| scopes.fault.as_ref()).for_each(|fault| scheduler.record(fault));
    for line in final_lines {
        scheduler.output.write(&line.collector, line)?;
        scheduler.state().coverage.push(line.clone());
    }
    let mut partitions = scheduler.partitions(&units, plan)?;
    // Fetch units with several partitions take the longest, so they come first.
    partitions.sort_by_key(|partition| partition.unit.is_single_day());
    scheduler.run(partitions, plan.jobs)?;
    let Scheduler { output, state, .. } = scheduler;
    output.close()?;
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let State { mut coverage, stopped, has_transient_fault, .. } = state;
    coverage.sort();
    Ok(Collected { coverage, stopped, has_transient_fault })
}

/// Removes the checkpoint after a complete run.
pub fn clear_checkpoint(plan: &Plan, outcome: Outcome) -> Result<(), Error> {
    match (&plan.state_dir, outcome) {
        (Some(folder), Outcome::Complete) => StateDir::at(folder).clear(),
        _ => Ok(()),
    }
}

/// A collector and its scopes.
struct CollectorScopes {
    collector: &'static dyn Collector,
    scopes: Vec<String>,
    /// Why the scopes could not be found; then they are those that its level implies.
    fault: Option<Fault>,
}

impl Plan {
    /// The scopes of each collector.
    fn scopes(&self, gitlab: &SchemaAwareClient<'_>, groups: &[String]) -> Vec<CollectorScopes> {
        let scopes = |collector: &&'static dyn Collector| {
            let collector = *collector;
            let (scopes, fault) = match collector.scopes(gitlab, groups) {
                Ok(scopes) => (scopes, None),
                Err(fault) => (collector.info().level.scopes(groups), Some(fault)),
            };
            CollectorScopes { collector, scopes, fault }
        };
        map_parallel(&self.selection.collectors, self.jobs, scopes)
    }

    /// Writes how many days a first run takes, and why. `requests` is the number of its fetch units,
    /// each of which takes at least one request.
    fn announce_first_run(&self, reason: &str, requests: usize) {
        let days = self.until.days_since(self.since) + 1;
        let requests = format_count(requests as u64, "request");
        log::notice(&format!(
            "collecting {days} days ({} to {}), because {reason}; without ClickHouse, GitLab keeps usage events for three months. At least {requests}; later runs with a history collect {WINDOW_DAYS} days. --since or DUO_METRICS_DAYS sets another range",
            self.since, self.until
        ));
    }

    /// The fetch units: a day of a collector and scope, or all its days where GitLab has no filter
    /// by day. Days that are final in the history are not fetched again; the second list has their
    /// coverage lines.
    fn fetch_units<'a>(
        &'a self,
        scopes: &'a [CollectorScopes],
        groups: &[String],
    ) -> (Vec<FetchUnit<'a>>, Vec<&'a Coverage>) {
        let (mut units, mut final_lines) = (Vec::new(), Vec::new());
        for CollectorScopes { collector, scopes, fault } in scopes {
            let collector = *collector;
            for scope in scopes {
                let from = units.len();
                let unit = |since, until| {
                    let target = FetchTarget { scope, since, until };
                    let is_named = self.selection.is_named;
                    let is_for_subgroup =
                        collector.info().level == Level::TopLevelGroup && !groups.contains(scope);
                    FetchUnit::new(collector, self.instance.as_str(), target, self.today, is_named)
                        .for_subgroup(is_for_subgroup)
                };
                let final_line = |day: Day| self.final_days.get(collector.name(), scope, day);
                match collector.span() {
                    Span::Day => {
                        for day in self.since.through(self.until) {
                            match final_line(day) {
                                Some(line) => final_lines.push(line),
                                None => units.push(unit(day, day)),
                            }
                        }
                    }
                    Span::Range => {
                        // Days cannot be requested one by one: all from the first one that is not
                        // final.
                        let days = self.since.through(self.until);
                        final_lines.extend(days.clone().map_while(final_line));
                        if let Some(first) = days.clone().find(|day| final_line(*day).is_none()) {
                            units.push(unit(first, self.until));
                        }
                    }
                    Span::Sum | Span::Snapshot => units.push(unit(self.since, self.until)),
                }
                if let Some(fault) = fault {
                    units[from..].iter().for_each(|unit| unit.fail(fault.as_not_asked()));
                }
            }
        }
        (units, final_lines)
    }
}

/// What the workers share.
struct Scheduler<'a, W> {
    gitlab: SchemaAwareClient<'a>,
    output: Output<W>,
    state_dir: Option<StateDir>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    coverage: Vec<Coverage>,
    /// The fault after which nothing more can be collected.
    stopped: Option<Fault>,
    has_transient_fault: bool,
    /// Why GitLab refuses an optional collector, by collector and scope. Role, tier and ClickHouse
    /// are the same on every day, so one refusal answers for all days.
    refused: BTreeMap<(&'static str, String), Fault>,
    /// Whether the output failed, so that nothing more can be written.
    is_output_lost: bool,
}

impl<'a, W: Write + Send> Scheduler<'a, W> {
    /// The partitions to walk. Fetch units that are skipped, empty or restored from the checkpoint
    /// are finished here.
    fn partitions<'u>(&self, units: &'u [FetchUnit<'a>], plan: &Plan) -> Result<Vec<Partition<'u>>, Error> {
        let list = |unit: &&'u FetchUnit<'a>| {
            let is_sampled = unit.is_sampled(plan.every);
            is_sampled.then(|| unit.partitions(&self.gitlab, self.state_dir.as_ref()))
        };
        let units: Vec<&FetchUnit<'a>> = units.iter().collect();
        let listed = map_parallel(&units, plan.jobs, list);
        let mut partitions = Vec::new();
        for (unit, of_unit) in units.into_iter().zip(listed) {
            let Some(of_unit) = of_unit.transpose()? else {
                unit.leave_out();
                self.finish(unit)?;
                continue;
            };
            if of_unit.is_empty() {
                unit.with_fault(|fault| fault.map(|fault| self.record(fault)));
                self.finish(unit)?;
            }
            for partition in of_unit {
                let is_restored = match &self.state_dir {
                    Some(state_dir) => partition.restore(state_dir, &self.output)?,
                    None => false,
                };
                if !is_restored {
                    partitions.push(partition);
                } else if unit.finish_partition() {
                    self.finish(unit)?;
                }
            }
        }
        Ok(partitions)
    }

    /// Walks the partitions with a number of threads. Fails only if the output fails.
    fn run(&self, partitions: Vec<Partition<'_>>, threads: usize) -> Result<(), Error> {
        let progress = Progress::of_parts(partitions.len());
        let queue = Mutex::new(partitions.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || -> Result<(), Error> {
            while let Some(partition) = next() {
                if self.state().is_output_lost {
                    return Ok(());
                }
                self.walk(&partition, &progress).inspect_err(|_| self.state().is_output_lost = true)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let results =
                workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(worker_panicked())));
            results.reduce(worse).unwrap_or(Ok(()))
        })
    }

    /// Walks one partition and records its fault, if any. Fails only if the output fails.
    fn walk(&self, partition: &Partition<'_>, progress: &Progress) -> Result<(), Error> {
        let unit = partition.unit;
        let known_fault = {
            let state = self.state();
            let refusal = state.refused.get(&unit.collector_and_scope()).and_then(Fault::as_refusal);
            state.stopped.as_ref().map(Fault::as_not_asked).or(refusal)
        };
        let result = match known_fault {
            None => partition.walk(&self.gitlab, &self.output, self.state_dir.as_ref(), progress),
            Some(fault) => Err(fault),
        };
        match result {
            Ok(()) => {}
            Err(Fault::Sink(error)) => return Err(error),
            Err(fault) => {
                self.record(&fault);
                if let Some(refusal) = fault.as_refusal()
                    && unit.collector.info().requirement == Requirement::Optional
                {
                    self.state().refused.insert(unit.collector_and_scope(), refusal);
                }
                unit.fail(fault);
            }
        }
        progress.add(1);
        if unit.finish_partition() { self.finish(unit) } else { Ok(()) }
    }

    /// Records what a fault means for the rest of the run.
    fn record(&self, fault: &Fault) {
        let mut state = self.state();
        state.has_transient_fault |= fault.is_transient();
        if state.stopped.is_none() {
            state.stopped = fault.as_stopping();
        }
    }

    /// Writes the coverage lines of a finished fetch unit.
    fn finish(&self, unit: &FetchUnit<'_>) -> Result<(), Error> {
        let lines = unit.coverage();
        for line in &lines {
            self.output.write(unit.collector.name(), line)?;
        }
        self.state().coverage.extend(lines);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worse of two results. A broken pipe is not an error of ours and hides no other error.
fn worse(one: Result<(), Error>, other: Result<(), Error>) -> Result<(), Error> {
    match one {
        Ok(()) | Err(Error::BrokenPipe) if other.is_err() => other,
        one => one,
    }
}

fn worker_panicked() -> Error {
    Error::Bug("a worker thread panicked".to_owned())
}
