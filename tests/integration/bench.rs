//! The test bench: the binary in a clean environment and folder, with a stand-in GitLab.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use stand_in::{Settings, StandIn};

/// The token of the stand-in. Tests search for it where it must not appear.
pub(crate) const TOKEN: &str = "stand-in-secret-91c7";

/// A temporary folder and a stand-in GitLab.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) gitlab: StandIn,
}

/// The result of a command.
pub(crate) struct CommandResult {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Bench {
    /// A stand-in of this size; its clock shows 2026-11-01T03:00:00Z.
    pub(crate) fn new(people: usize, days: u32) -> Bench {
        Bench::with(Settings { people, days, ..Settings::default() })
    }

    /// A stand-in with these settings.
    pub(crate) fn with(settings: Settings) -> Bench {
        let gitlab = StandIn::start(Settings { token: TOKEN.to_owned(), ..settings })
            .expect("the loopback has a free port");
        Bench { folder: tempfile::tempdir().expect("a temporary folder"), gitlab }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary with these arguments, in an environment that contains only the settings for the
    /// stand-in.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare_command(self.folder.path(), arguments);
        command.env("GITLAB_URL", self.gitlab.url()).env("DUO_TOKEN", TOKEN).env("GROUP_PATH", "acme");
        command.env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z");
        command
    }

    /// Number of requests of a fetch before the first page: preflight checks and introspection.
    pub(crate) fn requests_before_pages(arguments: &[&str]) -> usize {
        let bench = Bench::new(20, 3);
        bench.run(&[&["fetch"], arguments].concat());
        let requests = bench.gitlab.requests();
        requests
            .iter()
            .filter(|request| {
                ["Preflight", "PreflightToken", "Types", "CreditsOfInstance"]
                    .contains(&request.operation.as_str())
            })
            .count()
    }

    /// Runs the binary without input.
    pub(crate) fn run(&self, arguments: &[&str]) -> CommandResult {
        run_command(self.command(arguments), b"")
    }

    /// Runs the binary with this input.
    pub(crate) fn pipe(&self, arguments: &[&str], input: &[u8]) -> CommandResult {
        run_command(self.command(arguments), input)
    }

    /// The raw lines of a fetch that must be complete.
    pub(crate) fn fetch(&self, arguments: &[&str]) -> Vec<u8> {
        let fetched = self.run(&[&["fetch"], arguments].concat());
        assert_eq!(fetched.code, 0, "{}", fetched.stderr);
        fetched.stdout
    }

    /// The records of valid raw lines.
    pub(crate) fn normalize(&self, raw: &[u8]) -> Vec<u8> {
        let normalized = self.pipe(&["normalize"], raw);
        assert_eq!(normalized.code, 0, "{}", normalized.stderr);
        normalized.stdout
    }

    /// The metric and coverage lines of valid records.
    pub(crate) fn aggregate(&self, records: &[u8]) -> Vec<u8> {
        let aggregated = self.pipe(&["aggregate"], records);
        assert_eq!(aggregated.code, 0, "{}", aggregated.stderr);
        aggregated.stdout
    }
}

/// The binary in a folder, with only `PATH` in its environment.
pub(crate) fn bare_command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("duo-metrics"));
    command.args(arguments).current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Runs a command with this input and waits for its end.
pub(crate) fn run_command(mut command: Command, input: &[u8]) -> CommandResult {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    let Output { status, stdout, stderr } = std::thread::scope(|scope| {
        // The command may end before it has read all input.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output().expect("the binary ends")
    });
    let code = status.code().expect("the binary ends by itself");
    CommandResult { code, stdout, stderr: String::from_utf8(stderr).expect("messages are text") }
}

/// The JSON lines of a stream.
pub(crate) fn lines(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).expect("streams are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// The lines of one type.
pub(crate) fn lines_of(stream: &[u8], line_type: &str) -> Vec<Value> {
    lines(stream).into_iter().filter(|line| line["type"] == line_type).collect()
}

/// The metric lines as text, to compare their bytes.
pub(crate) fn metric_text(stream: &[u8]) -> String {
    let text = std::str::from_utf8(stream).expect("streams are UTF-8");
    text.lines()
        .filter(|line| line.starts_with(r#"{"type":"metric""#))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// All files below a folder and their content.
pub(crate) fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = std::fs::read(&path).expect("a readable file");
                found.push((path, content));
            }
        }
    }
    found.sort();
    found
}

/// Whether a file of a site is a compressed copy of another.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "br" || extension == "gz")
}

/// Content as gzip.
pub(crate) fn compressed(content: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, content).expect("memory does not fail");
    gzip.finish().expect("memory does not fail")
}

/// The content of gzip.
pub(crate) fn decompressed(content: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(content).read_to_end(&mut plain).expect("a compressed file");
    plain
}

/// The text of a file of a site, decompressed if necessary.
pub(crate) fn text_of(path: &Path, content: &[u8]) -> String {
    let mut text = String::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("br") => brotli::Decompressor::new(content, 4096).read_to_string(&mut text),
        Some("gz") => flate2::read::GzDecoder::new(content).read_to_string(&mut text),
        _ => { content }.read_to_string(&mut text),
    }
    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text
}
