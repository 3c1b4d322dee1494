//! `cargo bench --bench fetch_memory`: does the memory of `fetch` grow with the number of events?
//! Peak memory and time for 10,000, 100,000 and 1,000,000 events of one day, with the stand-in
//! GitLab.

use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stand_in::{Settings, StandIn};

fn main() -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    writeln!(output, "{:>9} {:>9} {:>8} {:>12}", "events", "peak kB", "seconds", "requests")?;
    for events in [10_000, 100_000, 1_000_000] {
        let gitlab =
            StandIn::start(Settings { days: 1, events_on_last_day: Some(events), ..Settings::default() })?;
        let start = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_duo-metrics"))
            .args(["fetch", "--since", "2026-10-31", "--until", "2026-10-31", "--collector", "usage_events"])
            .env("GITLAB_URL", gitlab.url())
            .env("DUO_TOKEN", "stand-in-token")
            .env("GROUP_PATH", "acme")
            .env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut peak = 0;
        let status = loop {
            // Linux reports the peak so far of a running process.
            let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak =
                peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0));
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if !status.success() {
            return Err(format!("fetch ended with {status}").into());
        }
        let seconds = start.elapsed().as_secs_f64();
        writeln!(output, "{events:>9} {peak:>9} {seconds:>8.2} {:>12}", gitlab.requests().len())?;
    }
    Ok(())
}
