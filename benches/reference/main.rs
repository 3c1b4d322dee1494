//! `cargo bench --bench reference -- FOLDER EVENTS`: the reference jobs on so many events (1,000,000 unless told):
//! what `normalize` and `aggregate` need on a large organisation's usage events, in time and memory. The files are
//! made in the folder when they are not there, and stay.

mod generator;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How often each job runs; the median counts.
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let folder = PathBuf::from(arguments.first().map_or("target/reference", String::as_str));
    let events: u64 = arguments.get(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let (raw, records) = files(&folder, events)?;
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "{events} events: {} MB of raw pages, {} MB of records",
        megabytes(&raw)?,
        megabytes(&records)?
    )?;
    writeln!(output, "{:>10} {:>8} {:>9} {:>9}", "job", "threads", "seconds", "peak MB")?;
    for (job, input) in [("aggregate", &records), ("normalize", &raw)] {
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

fn files(folder: &Path, events: u64) -> Result<(PathBuf, PathBuf), Box<dyn Error>> {
    let (raw, records) =
        (folder.join(format!("raw-{events}.jsonl")), folder.join(format!("records-{events}.jsonl")));
    if !raw.exists() || !records.exists() {
        fs::create_dir_all(folder)?;
        let create = |path: &Path| {
            File::create(path.with_extension("part")).map(|file| BufWriter::with_capacity(1 << 20, file))
        };
        let (mut raw_file, mut records_file) = (create(&raw)?, create(&records)?);
        generator::write(events, "usage_events", &mut raw_file, &mut records_file)?;
        raw_file.into_inner()?.sync_all()?;
        records_file.into_inner()?.sync_all()?;
        fs::rename(raw.with_extension("part"), &raw)?;
        fs::rename(records.with_extension("part"), &records)?;
    }
    Ok((raw, records))
}

fn megabytes(path: &Path) -> io::Result<u64> {
    Ok(fs::metadata(path)?.len() / 1_000_000)
}

/// Seconds, and the peak of its memory in kB as Linux tells it.
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
    match status.success() {
        true => Ok((start.elapsed().as_secs_f64(), peak)),
        false => Err(format!("{job} ended with {status}").into()),
    }
}
