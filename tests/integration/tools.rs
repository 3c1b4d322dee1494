//! Programs that check our output and are no part of a Rust installation.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Such a program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    /// Runs pipelines as GitLab would.
    GitlabCiLocal,
    /// Prometheus' own parser of OpenMetrics.
    PrometheusParser,
    /// DuckDB and pandas.
    Analysts,
    /// A program on the search path.
    Program(&'static str),
}

impl Tool {
    fn is_available(self) -> bool {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        match self {
            Tool::GitlabCiLocal => {
                root.join("tests/pipelines/node_modules/gitlab-ci-local/dist/index.js").is_file()
                    && Tool::Program("node").is_available()
            }
            Tool::Analysts => root.join("target/analysts/bin/python").exists(),
            Tool::PrometheusParser => root.join("target/prometheus/bin/python").exists(),
            Tool::Program(name) => Command::new(name)
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok(),
        }
    }
}

/// Whether a test that needs these tools can run. Where one is missing, says on standard error that the test is skipped;
/// `tests/run` sets `DUO_METRICS_REQUIRE_TOOLS`, and a missing tool is a failure then.
pub(crate) fn are_available(tools: &[Tool]) -> bool {
    let Some(missing) = tools.iter().find(|tool| !tool.is_available()) else { return true };
    assert!(
        std::env::var_os("DUO_METRICS_REQUIRE_TOOLS").is_none(),
        "{missing:?} is missing; tests/run installs it"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not by `eprintln`, which the test runner keeps to itself when the test passes.
    let line = format!("skipped {test}: {missing:?} is missing; tests/run installs it\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}
