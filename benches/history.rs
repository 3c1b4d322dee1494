//! `cargo bench --bench history -- FOLDER MONTHS`: a history of MONTHS months (default 36) of a
//! large organization with 20,000 people. On a working day, about 8,000 of them are active and
//! cause 110,000 rows, on a day of the weekend 15% of that. Unless the folder has such a history,
//! it is created month by month, like a monthly job does. Then it is read without new input, for
//! the last month and for all months.

#[path = "reference/generator.rs"]
#[allow(dead_code, reason = "the generator is shared with another benchmark")]
mod generator;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{Datelike, Months, NaiveDate, Weekday};
use fastrand::Rng;
use generator::{Distributions, write_day};

/// Rows of a working day.
const ROWS_PER_DAY: f64 = 110_000.0;
/// Rows of a day of the weekend, as a share of [`ROWS_PER_DAY`].
const WEEKEND_SHARE: f64 = 0.15;

/// Number of runs; the median is reported.
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let folder = PathBuf::from(arguments.first().map_or("target/history", String::as_str));
    let months: u32 = arguments.get(1).map_or(Ok(36), |text| text.parse())?;
    let history = folder.join(format!("{months}-months"));
    let first = NaiveDate::from_ymd_opt(2023, 11, 1).ok_or("a day")?;
    let end = first.checked_add_months(Months::new(months)).ok_or("a day")?;
    let mut output = io::stdout().lock();
    if !history.exists() {
        let unfinished = folder.join(format!("{months}-months.part"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let start = Instant::now();
        let rows = create_history(&unfinished, first, end)?;
        fs::rename(&unfinished, &history)?;
        writeln!(output, "{rows} rows added month by month in {:.0} s", start.elapsed().as_secs_f64())?;
    }
    let (files, bytes) = size(&history)?;
    writeln!(output, "{months} months: {files} files, {} MB", bytes / 1_000_000)?;
    writeln!(output, "{:>12} {:>8} {:>9} {:>9} {:>9}", "report", "threads", "seconds", "cpu s", "peak MB")?;
    let last_month = end.checked_sub_months(Months::new(1)).ok_or("a day")?.to_string();
    for (report, since) in [("last month", last_month), ("all months", first.to_string())] {
        for threads in ["1", "2"] {
            let mut runs: Vec<(f64, f64, u64)> = (0..RUNS)
                .map(|_| {
                    let start = Instant::now();
                    let mut child = aggregate(&history, &since, threads).stdin(Stdio::null()).spawn()?;
                    let (cpu, peak) = watch(&mut child)?;
                    Ok((start.elapsed().as_secs_f64(), cpu, peak))
                })
                .collect::<Result<_, Box<dyn Error>>>()?;
            runs.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (seconds, cpu, peak) = runs[RUNS / 2];
            writeln!(output, "{report:>12} {threads:>8} {seconds:>9.2} {cpu:>9.2} {:>9}", peak / 1024)?;
        }
    }
    Ok(())
}

/// Adds all days, month by month, and returns the number of rows.
fn create_history(history: &Path, first: NaiveDate, end: NaiveDate) -> Result<u64, Box<dyn Error>> {
    let distributions = Distributions::new();
    let mut rng = Rng::with_seed(42);
    let mut rows = 0;
    let mut days = first.iter_days().take_while(|day| *day < end).peekable();
    while let Some(month) = days.peek().copied() {
        let mut normalize = Command::new(env!("CARGO_BIN_EXE_duo-metrics"))
            .arg("normalize")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let records = normalize.stdout.take().ok_or("a pipe")?;
        let mut child = aggregate(history, &month.to_string(), "2").stdin(records).spawn()?;
        let mut pages = BufWriter::with_capacity(1 << 20, normalize.stdin.take().ok_or("a pipe")?);
        while let Some(day) = days.next_if(|day| day.month() == month.month()) {
            let share =
                if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) { WEEKEND_SHARE } else { 1.0 };
            let number = u64::from(day.num_days_from_ce().unsigned_abs());
            let events =
                distributions.draw(&mut rng, &day.to_string(), (ROWS_PER_DAY * share) as u64, |person| {
                    is_active(person as u64, number)
                });
            rows += events.len() as u64;
            let fetched = (day + chrono::Days::new(8)).to_string();
            write_day([&day.to_string(), &fetched], &[], &events, &mut 0, &mut pages, &mut io::sink())?;
        }
        drop(pages.into_inner()?);
        if !normalize.wait()?.success() {
            return Err("normalize failed".into());
        }
        watch(&mut child)?;
    }
    Ok(rows)
}

/// Whether a person is active on a day: 9 of 20 people are, others each day.
fn is_active(person: u64, day: u64) -> bool {
    (person << 32 | day).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) % 20 < 9
}

fn aggregate(history: &Path, since: &str, threads: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duo-metrics"));
    command.args(["aggregate", "--threads", threads, "--since", since, "--history"]).arg(history);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn size(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            let (more_files, more_bytes) = size(&path)?;
            files += more_files;
            bytes += more_bytes;
        } else {
            files += 1;
            bytes += File::open(&path)?.metadata()?.len();
        }
    }
    Ok((files, bytes))
}

/// Waits for the process, and returns its CPU seconds and peak memory in kB as Linux reports them.
fn watch(child: &mut Child) -> Result<(f64, u64), Box<dyn Error>> {
    let (mut cpu, mut peak) = (0.0_f64, 0);
    let status = loop {
        let proc_file =
            |name: &str| fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap_or_default();
        let status = proc_file("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0));
        // After the name, which may contain any character: user and system time are fields 12 and
        // 13, in 1/100 s.
        let stat = proc_file("stat");
        let times = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        cpu = cpu.max(times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    if !status.success() {
        return Err(format!("aggregate ended with {status}").into());
    }
    Ok((cpu, peak))
}
