//! `cargo bench --bench site_speed`: how long do `dashboard` and `landing` take for 400 days of 300
//! people in two groups? Medians of five runs, and the fastest one, which is affected least by
//! other load on the machine.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use stand_in::{Settings, StandIn};

const TOKEN: &str = "stand-in-token";

fn main() -> Result<(), Box<dyn Error>> {
    let gitlab = StandIn::start(Settings { days: 400, token: TOKEN.to_owned(), ..Settings::default() })?;
    let folder = tempfile::tempdir()?;
    let since = gitlab.organization().first_day.to_string();
    let steps: [&[&str]; 3] =
        [&["fetch", "--duo", "--project", "--since", &since], &["normalize"], &["aggregate"]];
    let mut input = None;
    for step in steps {
        let output = folder.path().join(format!("{}.jsonl", step[0]));
        call(step, folder.path(), &gitlab, input.as_deref(), Some(&output))?;
        input = Some(output);
    }
    let metrics = input.ok_or("no metrics")?;
    let mut output = io::stdout().lock();
    for (step, input) in
        [(["dashboard", "--duo", "--project"].as_slice(), Some(&*metrics)), (&["landing"], None)]
    {
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            call(step, folder.path(), &gitlab, input, None)?;
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        writeln!(output, "{}: {:.3} s, fastest {:.3} s", step[0], times[2], times[0])?;
    }
    for name in ["duo-metrics/index.html", "duo-metrics/index.html.br", "project-metrics/index.html.br"] {
        let size = std::fs::metadata(folder.path().join("public").join(name))?.len();
        writeln!(output, "{name}: {size} bytes")?;
    }
    writeln!(output, "metric lines: {} bytes", std::fs::metadata(&metrics)?.len())?;
    Ok(())
}

fn call(
    arguments: &[&str],
    folder: &Path,
    gitlab: &StandIn,
    input: Option<&Path>,
    output: Option<&Path>,
) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duo-metrics"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("GITLAB_URL", gitlab.url())
        .env("DUO_TOKEN", TOKEN)
        .env("GROUP_PATH", "acme,globex")
        .env("DUO_METRICS_NOW", gitlab.organization().now().to_rfc3339())
        .stdin(input.map_or(Ok(Stdio::null()), |path| File::open(path).map(Stdio::from))?)
        .stdout(output.map_or(Ok(Stdio::null()), |path| File::create(path).map(Stdio::from))?)
        .stderr(Stdio::null());
    let status = command.status()?;
    // Exit code 3: the stand-in has no data of early days, so the collection is partial.
    match status.code() {
        Some(0 | 3) => Ok(()),
        _ => Err(format!("{} ended with {status}", arguments[0]).into()),
    }
}
