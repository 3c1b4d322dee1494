//! End-to-end demo without a GitLab: starts the stand-in, runs the real binary against it over
//! HTTP, and creates a site in `public/`. Arguments after `--` are passed to `duo-metrics run`.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use stand_in::{Settings, StandIn};

const TOKEN: &str = "demo-token";

/// Thirteen weeks, in which a group starts to use Duo and a team stops.
const DAYS: u32 = 91;

/// Enough that few values have to be suppressed.
const PEOPLE: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = root()?;
    let binary = build()?;
    let mut output = io::stdout().lock();

    let gitlab = StandIn::start(Settings {
        token: TOKEN.to_owned(),
        people: PEOPLE,
        days: DAYS,
        story: true,
        clickhouse: true,
        ..Settings::default()
    })?;
    let organization = gitlab.organization();
    writeln!(
        output,
        "A stand-in GitLab runs at {}: an invented organization of {} people,",
        gitlab.url(),
        organization.people.len()
    )?;
    writeln!(
        output,
        "{} usage events from {} to {}.\n",
        organization.usage_events.len(),
        organization.first_day,
        organization.last_day
    )?;

    let mut arguments =
        ["run", "--duo", "--project", "--since", &organization.first_day.to_string(), "--site", "public"]
            .map(str::to_owned)
            .to_vec();
    arguments.extend(std::env::args().skip(1));
    writeln!(
        output,
        "$ GITLAB_URL={} GROUP_PATH=acme,globex DUO_TOKEN=… duo-metrics {}",
        gitlab.url(),
        arguments.join(" ")
    )?;
    let status = Command::new(binary)
        .args(&arguments)
        .current_dir(folder)
        .env("GITLAB_URL", gitlab.url())
        .env("DUO_TOKEN", TOKEN)
        .env("GROUP_PATH", "acme,globex")
        // The generated days end on a fixed date, so that the demo is the same every day.
        .env("DUO_METRICS_NOW", organization.now().to_rfc3339())
        .env_remove("DUO_METRICS_PSEUDONYM_KEY")
        .env_remove("DUO_METRICS_COLLECTORS")
        .env_remove("DUO_METRICS_SINCE")
        .env_remove("DUO_METRICS_UNTIL")
        .env_remove("DUO_METRICS_OUTPUT_DIR")
        .status()?;
    if !status.success() {
        return Err(format!("duo-metrics ended with {status}").into());
    }

    writeln!(output, "\n{} requests were made. Open in a browser:", gitlab.requests().len())?;
    for page in ["index.html", "duo-metrics/index.html", "project-metrics/index.html"] {
        writeln!(output, "  {}", Path::new("public").join(page).display())?;
    }
    Ok(())
}

/// The folder of duo-metrics, which contains that of this package.
fn root() -> Result<&'static Path, Box<dyn Error>> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or_else(|| "the stand-in is in no folder".into())
}

/// Builds the real binary with the profile of this example, and returns its path. Cargo does not
/// build it together with an example.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    // The example is in <target>/<profile>/examples/.
    let example = std::env::current_exe()?;
    let folder = example.parent().and_then(Path::parent).ok_or("the example is not in a target folder")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        // Together with this example, Cargo selects the same features, and reuses the dependencies
        // that are already built.
        .args(["build", "--quiet", "--bin", "duo-metrics", "--example", "demo"])
        .current_dir(root()?)
        .stdin(Stdio::null());
    if folder.file_name().is_some_and(|profile| profile == "release") {
        cargo.arg("--release");
    }
    if !cargo.status()?.success() {
        return Err("cargo could not build duo-metrics".into());
    }
    Ok(folder.join("duo-metrics").with_extension(std::env::consts::EXE_EXTENSION))
}
