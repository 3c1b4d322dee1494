//! `cargo bench --bench lint [-- EVENTS]`: how long does `lint` take for events of complete
//! sessions, as calls of the instrumentation guide and as enriched Snowplow events? Medians of
//! three runs, with two threads.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use duo_metrics::events::catalog::entry;
use duo_metrics::lint::{Profile, SampleFormat, sample};

/// The events of a session.
const SESSION: [&str; 10] = [
    "receive_start_duo_workflow",
    "request_duo_workflow",
    "token_usage_duo_agent_platform",
    "duo_workflow_tool_success",
    "token_usage_duo_agent_platform",
    "duo_workflow_tool_failure",
    "pause_duo_workflow",
    "resume_duo_workflow",
    "duo_workflow_tool_success",
    "request_duo_workflow_success",
];

/// Placeholder for the id of the event while other numbers are replaced.
const ID: &str = "{id}";

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize =
        std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let mut output = io::stdout().lock();
    for (name, shape) in [("calls", SampleFormat::Guide), ("snowplow", SampleFormat::Snowplow)] {
        let path = folder.path().join(name);
        write(&path, shape, count)?;
        let size = std::fs::metadata(&path)?.len();
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(lint(&path)?);
        }
        times.sort_by(f64::total_cmp);
        writeln!(output, "{count} events as {name}, {} MB: {:.1} s", size / 1_000_000, times[1])?;
    }
    Ok(())
}

/// Writes events, session by session, each with its own id, session and time.
fn write(path: &Path, shape: SampleFormat, count: usize) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    let texts: Vec<String> = SESSION
        .iter()
        .map(|name| {
            Ok(sample(entry(name).ok_or("not in the event catalog")?, Profile::Guide, shape).to_string())
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    for number in 0..count {
        let (session, step) = (number / SESSION.len(), number % SESSION.len());
        let text = texts[step]
            .replace("00000000-0000-4000-8000-000000004711", ID)
            .replace("4711", &(4_711_000 + session).to_string())
            .replace(ID, &format!("00000000-0000-4000-8000-{number:012}"))
            .replace("09:00:00", &format!("09:{:02}:{step:02}", session % 60));
        writeln!(file, "{text}")?;
    }
    Ok(file.flush()?)
}

/// Seconds of a run without findings.
fn lint(path: &Path) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let done = Command::new(env!("CARGO_BIN_EXE_duo-metrics"))
        .args(["lint", "--threads", "2", "--fail-on", "info"])
        .arg(path)
        .stderr(Stdio::null())
        .output()?;
    if !done.status.success() || !done.stdout.is_empty() {
        return Err(String::from_utf8_lossy(&done.stdout[..done.stdout.len().min(2_000)]).into());
    }
    Ok(start.elapsed().as_secs_f64())
}
