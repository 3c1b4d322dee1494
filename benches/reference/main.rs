//! `cargo bench --bench reference -- FOLDER EVENTS`: the reference jobs on EVENTS events (default
//! 1,000,000): time and memory of `normalize` and `aggregate` on the usage events of a large
//! organization. Missing files are created in the folder and kept; with `--files`, nothing else is
//! done. `benches/duckdb` runs the same jobs with DuckDB.

mod generator;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use fastrand::Rng;
use generator::{Distributions, Event, PAGE_SIZE, write_day};

/// Days of events, from Monday 2026-08-03 to 2026-10-31.
const DAYS: u32 = 90;

/// Runs of each job; the median is reported.
const RUNS: usize = 3;

/// The files of the reference jobs.
struct Files {
    /// Raw pages, some of them twice.
    pages: PathBuf,
    /// Their records, without duplicates.
    records: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, values): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let folder = PathBuf::from(values.first().map_or("target/reference", String::as_str));
    let events: u64 = values.get(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let Files { pages, records } = files(&folder, events)?;
    if flags.iter().any(|flag| flag == "--files") {
        return Ok(());
    }
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "{events} events: {} MB of raw pages, {} MB of records",
        megabytes(&pages)?,
        megabytes(&records)?
    )?;
    writeln!(output, "{:>10} {:>8} {:>9} {:>9}", "job", "threads", "seconds", "peak MB")?;
    for (job, input) in [("aggregate", &records), ("normalize", &pages)] {
        for threads in ["1", "2"] {
            let mut runs: Vec<(f64, u64)> =
                (0..RUNS).map(|_| measure(job, threads, input)).collect::<Result<_, _>>()?;
            runs.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (seconds, peak) = runs[RUNS / 2];
            writeln!(output, "{job:>10} {threads:>8} {seconds:>9.2} {:>9}", peak / 1024)?;
        }
    }
    Ok(())
}

/// Creates missing files. A file gets its name when it is complete.
fn files(folder: &Path, events: u64) -> Result<Files, Box<dyn Error>> {
    let file = |name: &str| folder.join(format!("{name}-{events}.jsonl"));
    let (pages, records, repeated) = (file("pages"), file("records"), file("records-repeated"));
    if ![&pages, &records, &repeated].iter().all(|path| path.exists()) {
        fs::create_dir_all(folder)?;
        let part = |path: &Path| path.with_extension("part");
        let mut pages_file = BufWriter::with_capacity(1 << 20, File::create(part(&pages))?);
        let mut child = normalize(File::create(part(&records))?).stdin(Stdio::piped()).spawn()?;
        let mut once =
            BufWriter::with_capacity(1 << 20, child.stdin.take().ok_or("normalize has no standard input")?);
        write(events, &mut once, &mut pages_file)?;
        once.into_inner()?;
        pages_file.into_inner()?.sync_all()?;
        let status = child.wait()?;
        let status_repeated =
            normalize(File::create(part(&repeated))?).stdin(File::open(part(&pages))?).status()?;
        if !status.success() || !status_repeated.success() {
            return Err(format!("normalize ended with {status} and {status_repeated}").into());
        }
        for path in [&pages, &records, &repeated] {
            fs::rename(part(path), path)?;
        }
    }
    Ok(Files { pages, records })
}

fn normalize(output: File) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duo-metrics"));
    command.arg("normalize").stdout(output).stderr(Stdio::null());
    command
}

/// Writes the raw pages of the events: to `repeated` with duplicates, to `once` without.
fn write(events: u64, once: &mut impl Write, repeated: &mut impl Write) -> io::Result<()> {
    let mut rng = Rng::with_seed(42);
    let distributions = Distributions::new();
    let workload: Vec<f64> = (0..DAYS).map(|day| if day % 7 >= 5 { 0.15 } else { 1.0 }).collect();
    let total: f64 = workload.iter().sum();
    let (mut written, mut pages) = (0, 0);
    let mut day_before: Vec<Event> = Vec::new();
    for day in 0..DAYS {
        let until: f64 = workload[..=day as usize].iter().sum();
        let target = (events as f64 * until / total).round() as u64;
        let date = date(day);
        let events_of_day =
            distributions.draw(&mut rng, &date, target - written, |person| day < 62 || person % 7 != 3);
        written = target;
        let overlap = &day_before[day_before.len().saturating_sub(PAGE_SIZE)..];
        write_day([&date, "2026-11-09"], overlap, &events_of_day, &mut pages, once, repeated)?;
        day_before = events_of_day;
    }
    Ok(())
}

fn date(day: u32) -> String {
    match day {
        0..=28 => format!("2026-08-{:02}", 3 + day),
        29..=58 => format!("2026-09-{:02}", day - 28),
        _ => format!("2026-10-{:02}", day - 58),
    }
}

fn megabytes(path: &Path) -> io::Result<u64> {
    Ok(fs::metadata(path)?.len() / 1_000_000)
}

/// Seconds and peak memory in kB, as Linux reports it.
fn measure(job: &str, threads: &str, input: &Path) -> Result<(f64, u64), Box<dyn Error>> {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_duo-metrics"))
        .args([job, "--threads", threads])
        .stdin(File::open(input)?)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut peak = 0;
    let status = loop {
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    if !status.success() {
        return Err(format!("{job} ended with {status}").into());
    }
    Ok((start.elapsed().as_secs_f64(), peak))
}
