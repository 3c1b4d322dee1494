//! `fetch`: run the chosen collectors over groups and days, and say what became of each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::aggregate::history::{History, Run, RunInstance};
use crate::base::calendar::{Day, Timestamp};
use crate::base::error::{Error, Outcome, shown};
use crate::base::text::counted;
use crate::cli::{CollectArgs, FetchArgs, GitlabArgs};
use crate::collect::checkpoint::{Lock, State as StateDir};
use crate::collect::collectors::own::OwnCollector;
use crate::collect::collectors::{
    COLLECTORS, Collector, Fault, GraphQl, Level, Span, Standing, Unit, by_name,
};
use crate::collect::gitlab::{Client, Informed, Patience, preflight};
use crate::collect::unit::{Harvest, Output, Part};
use crate::model::record::{Coverage, Status};
use crate::model::topic::Topic;
use crate::normalize::pseudonym::PseudonymKey;
use crate::publish::completeness::{Completeness, Verdict, topic_of};
use crate::system::progress::Progress;
use crate::system::settings::{Environment, Instance, Switches};
use crate::system::summary::Summary;
use crate::system::text_file;

/// What is to be collected, and from where.
pub struct Plan {
    client: Client,
    instance: Instance,
    groups: Vec<String>,
    collectors: Vec<&'static dyn Collector>,
    /// Whether the user named the collectors: then what is refused is a gap, else only a fact.
    named: bool,
    since: Day,
    until: Day,
    today: Day,
    jobs: usize,
    output_dir: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    /// Held as long as the plan: nobody else works in the state's folder.
    _lock: Option<Lock>,
    every: i64,
    /// The days that are final in the history, by collector and scope.
    settled: HashMap<(String, String, Day), Coverage>,
}

/// Runs the command.
pub fn run(
    args: &FetchArgs,
    environment: &Environment,
    stdout: impl Write + Send,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let switches = environment.switches(args.switches.duo(), args.switches.project())?;
    let plan = Plan::new(&args.collect, switches, environment)?;
    if args.quiet_stdout && plan.output_dir.is_none() {
        return Err(Error::Usage(
            "--quiet-stdout leaves the lines nowhere to go; give --output-dir too".to_owned(),
        ));
    }
    let outcome = fetch(&plan, (!args.quiet_stdout).then_some(stdout), summary)?;
    forget_state(&plan, outcome)?;
    Ok(outcome)
}

impl Plan {
    /// Reads all settings, and takes the folder of the state. Nothing is asked of GitLab yet.
    pub fn new(args: &CollectArgs, switches: Switches, environment: &Environment) -> Result<Plan, Error> {
        let (mut collectors, named) = collectors(&args.collectors, switches, environment)?;
        for path in &args.collector_files {
            collectors.push(own_collector(path, &collectors)?);
        }
        let needs_groups = collectors.iter().any(|collector| collector.about().level != Level::Instance);
        let groups = if needs_groups { environment.groups(&args.gitlab.groups)? } else { Vec::new() };
        let (client, instance, now) = client_of(&args.gitlab, environment)?;
        let (since, until) = environment.range(args.since, args.until, now)?;
        let jobs = environment.jobs(args.gitlab.jobs)?;
        let output_dir =
            args.output_dir.clone().or_else(|| environment.get("DUO_METRICS_OUTPUT_DIR").map(Into::into));
        let today = now.day();
        let state_dir = args.state.clone();
        if state_dir.is_some() && state_dir == output_dir {
            return Err(Error::Usage("--state and --output-dir have to be two folders".to_owned()));
        }
        let every = i64::from(args.every);
        let lock = state_dir.as_deref().map(Lock::take).transpose()?;
        let history = environment.history(args.history.history.as_deref());
        let settled = match history.map(|folder| History::open(&folder)).transpose()? {
            Some(history) => history.final_days(args.late_days)?,
            None => Vec::new(),
        };
        let settled = settled
            .into_iter()
            .filter(|line| line.instance == instance.as_str())
            .map(|line| ((line.collector.clone(), line.scope.clone(), line.day), line))
            .collect();
        Ok(Plan {
            client,
            instance,
            groups,
            collectors,
            named,
            since,
            until,
            today,
            jobs,
            output_dir,
            state_dir,
            _lock: lock,
            every,
            settled,
        })
    }

    /// The dashboards that something is collected for.
    fn topics(&self) -> BTreeSet<Topic> {
        self.collectors.iter().map(|collector| topic_of(collector.name())).collect()
    }

    /// The GitLab that is asked, as a run of a history: what can be checked before the first request. Groups are spelled by GitLab.
    pub fn run(&self, key: Option<&PseudonymKey>) -> Run {
        let instance = self.instance.as_str();
        let key_checks = key.map(|key| key.check(instance)).into_iter().collect();
        let brought = RunInstance { key_checks, ..RunInstance::default() };
        Run { instances: [(instance.to_owned(), brought)].into(), ..Run::default() }
    }

    /// The scopes of each collector. Where they cannot be found out, the fault is told for those it would have by its
    /// level.
    fn scopes(&self, gitlab: &dyn GraphQl, groups: &[String]) -> Vec<Scopes> {
        let scopes = |collector: &&'static dyn Collector| match collector.scopes(gitlab, groups) {
            Ok(scopes) => (*collector, scopes, None),
            Err(fault) => (*collector, collector.about().level.scopes(groups), Some(fault)),
        };
        self.collectors.iter().map(scopes).collect()
    }

    /// What to harvest: a day of a collector and scope, or all its days where GitLab cannot be asked for one. Days that
    /// are final are not harvested again; their coverage lines come beside.
    fn harvests<'a>(&'a self, scopes: &'a [Scopes]) -> (Vec<Harvest<'a>>, Vec<&'a Coverage>) {
        let (mut harvests, mut settled) = (Vec::new(), Vec::new());
        for (collector, scopes, fault) in scopes {
            for scope in scopes {
                let from = harvests.len();
                let collector = *collector;
                let harvest = |since, until| {
                    let unit = Unit { scope, since, until };
                    Harvest::new(collector, self.instance.as_str(), unit, self.today, self.named)
                };
                let is_settled =
                    |day: Day| self.settled.get(&(collector.name().to_owned(), scope.clone(), day));
                match collector.span() {
                    Span::Day => {
                        for day in self.since.through(self.until) {
                            match is_settled(day) {
                                Some(line) => settled.push(line),
                                None => harvests.push(harvest(day, day)),
                            }
                        }
                    }
                    Span::Range => {
                        // What cannot be asked for by day is asked for from the first day on that is not final.
                        let days = self.since.through(self.until);
                        settled.extend(days.clone().map_while(is_settled));
                        if let Some(first) = days.clone().find(|day| is_settled(*day).is_none()) {
                            harvests.push(harvest(first, self.until));
                        }
                    }
                    Span::Sum | Span::Snapshot => harvests.push(harvest(self.since, self.until)),
                }
                if let Some(fault) = fault {
                    harvests[from..].iter().for_each(|harvest| harvest.fail(fault.again()));
                }
            }
        }
        (harvests, settled)
    }
}

/// A collector, the scopes it is asked of, and why they could not be found out.
type Scopes = (&'static dyn Collector, Vec<String>, Option<Fault>);

/// A client by the settings, the GitLab it asks, and the moment that counts as now.
pub fn client_of(
    args: &GitlabArgs,
    environment: &Environment,
) -> Result<(Client, Instance, Timestamp), Error> {
    let (now, is_set) = environment.now()?;
    let access = environment.gitlab(args.url.as_deref(), args.allow_http, args.ca_file.as_deref())?;
    let instance = access.instance.clone();
    let patience = Patience {
        timeout: Duration::from_secs_f64(args.timeout),
        retries: args.retries,
        wait: Duration::from_secs_f64(args.retry_wait),
        jobs: environment.jobs(args.jobs)?,
    };
    let client = Client::new(access, patience, (now, is_set))?;
    Ok((client, instance, now))
}

/// Collects everything planned. When it fails before the first answer, nothing was written.
pub fn fetch<W: Write + Send>(
    plan: &Plan,
    stream: Option<W>,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    let groups = preflight(&plan.client, &plan.groups).map_err(fatal)?;
    let documents: Vec<&str> = plan.collectors.iter().map(|collector| collector.about().document).collect();
    let gitlab = Informed::new(&plan.client, &documents).map_err(fatal)?;
    let run = json!({"instance": plan.instance.as_str(), "groups": groups}).to_string();
    let state_dir = plan.state_dir.as_deref().map(|folder| StateDir::open(folder, &run)).transpose()?;
    let names = plan.collectors.iter().map(|collector| collector.name());
    let output = Output::new(stream, plan.output_dir.as_deref(), names)?;
    let scopes = plan.scopes(&gitlab, &groups);
    let (harvests, settled) = plan.harvests(&scopes);
    let work = Work { gitlab, output, state_dir, state: Mutex::default() };
    scopes.iter().filter_map(|(_, _, fault)| fault.as_ref()).for_each(|fault| work.note(fault));
    for line in settled {
        work.output.write(&line.collector, line)?;
        work.state().coverage.push(line.clone());
    }
    let mut parts: Vec<Part<'_>> = Vec::new();
    for harvest in &harvests {
        if !harvest.is_sampled(plan.every) {
            harvest.skip();
            work.put_away(harvest)?;
            continue;
        }
        for part in work.parts_of(harvest)? {
            let is_there =
                work.state_dir.as_ref().map(|state| part.take_over(state, &work.output)).transpose()?;
            if is_there != Some(true) {
                parts.push(part);
            } else if harvest.finish_part() {
                work.put_away(harvest)?;
            }
        }
    }
    // What comes in several parts takes longest, so it goes first.
    parts.sort_by_key(|part| part.harvest.is_of_one_day());
    let progress = Progress::new("fetch", parts.len());
    let queue = Mutex::new(parts.into_iter());
    let result: Result<(), Error> = thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.jobs).map(|_| scope.spawn(|| work.run(&queue, &progress))).collect();
        let results =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(worker_stopped())));
        results.reduce(worse).unwrap_or(Ok(()))
    });
    drop(progress);
    let Work { output, state, .. } = work;
    result?;
    output.close()?;
    let State { mut coverage, stopped, may_pass, .. } =
        state.into_inner().unwrap_or_else(PoisonError::into_inner);
    coverage.sort();
    conclude(plan, &coverage, stopped, may_pass, summary)
}

/// Takes the state away after a run that left nothing to do.
pub fn forget_state(plan: &Plan, outcome: Outcome) -> Result<(), Error> {
    match (&plan.state_dir, outcome) {
        (Some(folder), Outcome::Complete) => StateDir::at(folder).clear(),
        _ => Ok(()),
    }
}

/// What the workers share.
struct Work<'a, W> {
    gitlab: Informed<'a>,
    output: Output<W>,
    state_dir: Option<StateDir>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    coverage: Vec<Coverage>,
    /// Why nothing more can be collected.
    stopped: Option<Fault>,
    /// Whether something failed that may pass.
    may_pass: bool,
    /// Why GitLab refuses what it need not have, by collector and scope: role, tier and ClickHouse are the same on every
    /// day, so it is asked once.
    refused: BTreeMap<(&'static str, String), String>,
    /// Whether the lines have nowhere to go any more.
    is_over: bool,
}

impl<'a, W: Write + Send> Work<'a, W> {
    /// The parts of a harvest. When there are none, or they cannot be told, the harvest is over.
    fn parts_of<'h>(&self, harvest: &'h Harvest<'a>) -> Result<Vec<Part<'h>>, Error> {
        let parts = harvest.parts(&self.gitlab, self.state_dir.as_ref())?;
        if parts.is_empty() {
            harvest.with_fault(|fault| fault.map(|fault| self.note(fault)));
            self.put_away(harvest)?;
        }
        Ok(parts)
    }

    /// Works until there is nothing left to do.
    fn run<'h>(&self, queue: &Mutex<std::vec::IntoIter<Part<'h>>>, progress: &Progress) -> Result<(), Error>
    where
        'a: 'h,
    {
        loop {
            let Some(part) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                return Ok(());
            };
            let stopped = {
                let state = self.state();
                if state.is_over {
                    return Ok(());
                }
                let refused = state.refused.get(&part.harvest.place());
                state.stopped.as_ref().map(Fault::again).or(refused.cloned().map(Fault::Denied))
            };
            let result = match stopped {
                None => part.walk(&self.gitlab, &self.output, self.state_dir.as_ref(), progress),
                Some(fault) => Err(fault),
            };
            if let Err(fault) = result {
                if let Fault::Sink(error) = fault {
                    self.state().is_over = true;
                    return Err(error);
                }
                self.note(&fault);
                if let Fault::Denied(text) = &fault
                    && part.harvest.collector.about().standing == Standing::Extra
                {
                    self.state().refused.insert(part.harvest.place(), text.clone());
                }
                part.harvest.fail(fault);
            }
            progress.part();
            if part.harvest.finish_part()
                && let Err(error) = self.put_away(part.harvest)
            {
                self.state().is_over = true;
                return Err(error);
            }
        }
    }

    /// Remembers what a fault means for the whole.
    fn note(&self, fault: &Fault) {
        let mut state = self.state();
        state.may_pass |= fault.may_pass();
        if state.stopped.is_none() {
            state.stopped = fault.stopping();
        }
    }

    /// Writes the coverage lines of a harvest that is over.
    fn put_away(&self, harvest: &Harvest<'_>) -> Result<(), Error> {
        let lines = harvest.coverage();
        for line in &lines {
            self.output.write(harvest.collector.name(), line)?;
        }
        self.state().coverage.extend(lines);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worse of two results. That the reader went away is nobody's fault, and hides no other one.
fn worse(one: Result<(), Error>, other: Result<(), Error>) -> Result<(), Error> {
    match one {
        Ok(()) | Err(Error::ReaderGone) if other.is_err() => other,
        one => one,
    }
}

fn worker_stopped() -> Error {
    Error::Bug("a worker stopped by itself".to_owned())
}

/// The collectors that run, and whether the user named them: by flags, or else by a variable.
pub fn collectors(
    flags: &[String],
    switches: Switches,
    environment: &Environment,
) -> Result<(Vec<&'static dyn Collector>, bool), Error> {
    let said = match flags {
        [] => environment
            .get("DUO_METRICS_COLLECTORS")
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        names => names.to_vec(),
    };
    let names: Vec<String> = said.into_iter().filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        let switches = switches.check()?;
        let by_default = |collector: &&'static dyn Collector| {
            let about = collector.about();
            about.standing != Standing::OnRequest && switches.is_on(about.topic)
        };
        return Ok((COLLECTORS.iter().copied().filter(by_default).collect(), false));
    }
    let mut chosen: Vec<&'static dyn Collector> = Vec::new();
    for name in names {
        let collector = by_name(&name).ok_or_else(|| {
            let known: Vec<&str> = COLLECTORS.iter().map(|collector| collector.name()).collect();
            Error::Usage(format!("there is no collector {name:?}; there are {}", known.join(", ")))
        })?;
        if !chosen.iter().any(|other| other.name() == collector.name()) {
            chosen.push(collector);
        }
    }
    Ok((chosen, true))
}

/// A collector from a file.
fn own_collector(path: &Path, others: &[&'static dyn Collector]) -> Result<&'static dyn Collector, Error> {
    let text = text_file::read(path)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let own = OwnCollector::parse(&name, &text)
        .map_err(|why| Error::Configuration(format!("{} cannot be used: {why}", shown(path))))?;
    if by_name(&name).is_some() || others.iter().any(|other| other.name() == name) {
        return Err(Error::Configuration(format!(
            "{} cannot be used: there is a collector {name} already; rename the file",
            shown(path)
        )));
    }
    Ok(Box::leak(Box::new(own)))
}

/// The error that a fault is when nothing can be done without what it prevents.
pub fn fatal(fault: Fault) -> Error {
    match fault {
        Fault::Denied(text) | Fault::Unsupported(text) => Error::Nothing(text),
        Fault::Temporary(text) | Fault::TooHeavy(text) | Fault::Exhausted(text) => Error::Temporary(text),
        Fault::Answer(text) => Error::Unexpected(text),
        Fault::Token(text) => Error::Token(text),
        Fault::Configuration(text) => Error::Configuration(text),
        Fault::Sink(error) => error,
    }
}

/// Says what became of everything, and which exit code that makes.
fn conclude(
    plan: &Plan,
    coverage: &[Coverage],
    stopped: Option<Fault>,
    may_pass: bool,
    summary: &mut Summary,
) -> Result<Outcome, Error> {
    tell(coverage, summary);
    match stopped {
        // What came before the rate limit was reached is valid: whether that is anything is decided below.
        None | Some(Fault::Exhausted(_)) => {}
        Some(fault) => return Err(fatal(fault)),
    }
    let reason = |line: &Coverage| line.reason.clone().unwrap_or_default();
    let dashboards: Vec<Completeness<'_>> =
        plan.topics().into_iter().map(|topic| Completeness::of(topic, coverage)).collect();
    let is_empty = |found: &Completeness<'_>| found.verdict == Verdict::Nothing || found.lacks_core;
    // A day of which all pages came and no row can be relied on is partial, and no reason to think that nothing can be collected.
    let has_pages = coverage.iter().any(|line| line.status == Status::Partial && !is_extra(line));
    if dashboards.iter().all(is_empty) && !has_pages {
        let has = |status: Status| coverage.iter().find(|line| line.status == status);
        // That something is refused which not every GitLab has explains least.
        let refused = |line: &&Coverage| [Status::Denied, Status::Unsupported].contains(&line.status);
        let refused = coverage.iter().filter(refused).min_by_key(|line| is_extra(line));
        return Err(match (has(Status::Failed), refused) {
            (Some(failed), _) if may_pass => {
                Error::Temporary(format!("nothing could be collected: {}", reason(failed)))
            }
            (Some(failed), _) if !is_extra(failed) => {
                Error::Unexpected(format!("nothing could be collected: {}", reason(failed)))
            }
            (_, Some(refused)) => Error::Nothing(format!("nothing to collect here: {}", reason(refused))),
            (Some(failed), None) => {
                Error::Unexpected(format!("nothing could be collected: {}", reason(failed)))
            }
            (None, None) => {
                Error::Usage("--every leaves out every day of this range; give more days".to_owned())
            }
        });
    }
    for (topic, _) in plan.topics().into_iter().zip(&dashboards).filter(|(_, found)| is_empty(found)) {
        let why = coverage.iter().find(|line| topic_of(&line.collector) == topic && !is_extra(line));
        summary.say(format!(
            "the {} dashboard has no day of its core collectors: {}",
            topic.as_str(),
            why.map(reason).unwrap_or_default()
        ));
    }
    let is_whole = |found: &Completeness<'_>| matches!(found.verdict, Verdict::Complete | Verdict::Sampled);
    Ok(match dashboards.iter().all(is_whole) {
        true => Outcome::Complete,
        false => Outcome::Partial,
    })
}

/// Whether the dashboards do without what a line is of.
fn is_extra(line: &Coverage) -> bool {
    by_name(&line.collector).is_some_and(|collector| collector.about().standing == Standing::Extra)
}

/// What became of a collector in a scope: complete days, rows, and the days of each gap.
#[derive(Default)]
struct Total<'a> {
    complete: u64,
    rows: u64,
    unreadable: u64,
    /// Why rows could not be read, as the first of their days has it.
    why_unreadable: Option<&'a str>,
    gaps: BTreeMap<(Status, &'a str), Vec<Day>>,
}

/// One line a collector and scope, and one a gap: days of the same status and reason together.
fn tell(coverage: &[Coverage], summary: &mut Summary) {
    let mut totals: BTreeMap<(&str, &str), Total<'_>> = BTreeMap::new();
    for line in coverage {
        let total = totals.entry((&line.scope, &line.collector)).or_default();
        total.rows += line.rows.unwrap_or(0);
        total.unreadable += line.unreadable;
        if line.unreadable > 0 && total.why_unreadable.is_none() {
            total.why_unreadable = line.reason.as_deref();
        }
        match (line.status, line.reason.as_deref()) {
            (Status::Complete, _) => total.complete += 1,
            (status, reason) => total
                .gaps
                .entry((status, reason.unwrap_or("no reason was given")))
                .or_default()
                .push(line.day),
        }
    }
    let mut collected = Vec::new();
    for ((scope, collector), Total { complete, rows, unreadable, why_unreadable, gaps }) in &totals {
        summary.say(format!(
            "{collector} of {scope}: {} complete, {}",
            counted(*complete, "day"),
            counted(*rows, "row")
        ));
        if *unreadable > 0 {
            summary.say(format!(
                "{collector} of {scope}: {} missing of {} ({:.1}%), which GitLab returned as null; for example, {}",
                counted(*unreadable, "row"),
                rows + unreadable,
                100.0 * *unreadable as f64 / (rows + unreadable) as f64,
                why_unreadable.unwrap_or("without a reason")
            ));
        }
        for ((status, reason), days) in gaps {
            let on = runs(days);
            summary.say(format!("{collector} of {scope}: {} on {on}: {reason}", status.as_str()));
        }
        let gaps: Vec<_> = gaps
            .iter()
            .map(|((status, reason), days)| json!({"status": status, "reason": reason, "days": days}))
            .collect();
        collected.push(json!({"collector": collector, "scope": scope, "complete_days": complete, "rows": rows, "unreadable": unreadable, "gaps": gaps}));
    }
    summary.field("collected", collected);
}

/// Days in words, consecutive ones together.
fn runs(days: &[Day]) -> String {
    let runs = days.chunk_by(|one, next| next.days_since(*one) == 1).map(|run| match run {
        [first, .., last] => format!("{first} to {last}"),
        days => days.iter().map(Day::to_string).collect(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_in_runs() {
        let days = ["2026-10-01", "2026-10-29", "2026-10-30", "2026-10-31"]
            .map(|day| day.parse().expect("a literal day"));
        assert_eq!(runs(&days), "2026-10-01, 2026-10-29 to 2026-10-31");
    }
}
