//! Settings from outside: environment variables, `.env`, the clock. A flag overrides the
//! environment, which overrides `.env`, which overrides the default.

mod clickhouse;
mod connection;
mod days;
mod dotenv;
mod gitlab;
mod server_url;
mod switches;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub use self::clickhouse::Database;
pub use self::connection::Access;
pub use self::days::{FIRST_RUN_DAYS, check_range};
pub use self::gitlab::{Instance, Token};
pub use self::switches::{Switch, Switches};

use crate::base::error::{Error, is_not_a_path};
use crate::system::http::proxy;
use crate::system::text_file::{self, NotText};

/// The file with settings in the working folder.
const DOTENV: &str = ".env";

/// Settings that contain a path. `DUO_METRICS_CA_FILE` is not one of them: it can also contain
/// certificates.
const PATHS: [&str; 5] = [
    "DUO_METRICS_OUTPUT_DIR",
    "DUO_METRICS_HISTORY",
    "DUO_METRICS_PRICES",
    "DUO_METRICS_RULES",
    "DUO_METRICS_TEAMS",
];

/// Prefixes of the variables that this program reads.
const PREFIXES: [&str; 6] =
    ["DUO_", "ENABLE_DUO_", "ENABLE_PROJECT_", "GITLAB_URL", "GROUP_PATH", "CLICKHOUSE_"];

/// Requests in parallel, at most.
const MAX_JOBS: usize = 64;
const DEFAULT_JOBS: usize = 4;

/// Variables of the process and of `.env`, with surrounding whitespace removed. An empty variable
/// counts as not set: GitLab sets unset CI/CD variables to the empty string.
pub struct Environment {
    /// The line and value of each variable of `.env`.
    dotenv: HashMap<String, (usize, String)>,
}

/// A variable that is set.
#[derive(Clone)]
struct Variable {
    name: &'static str,
    value: String,
    source: VariableSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VariableSource {
    Process,
    /// `.env`, on this line.
    Dotenv(usize),
}

impl Environment {
    /// Reads `.env` in the working folder, unless `CI` is set: in a pipeline, a file of the
    /// repository must not change the settings.
    pub fn load() -> Result<Environment, Error> {
        // A key or path that is not valid UTF-8 must not count as not set.
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if is_known_variable(&name) && value.to_str().is_none() {
                return Err(Error::Usage(format!("{name} is not valid UTF-8")));
            }
        }
        let path = Path::new(DOTENV);
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let dotenv = if in_ci || !path.exists() { HashMap::new() } else { read_dotenv(path)? };
        let environment = Environment { dotenv };
        for name in PATHS {
            if environment.get(name).is_some_and(|value| is_not_a_path(&value)) {
                return Err(not_a_path(name));
            }
        }
        Ok(environment)
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &'static str) -> Option<String> {
        self.find(&[name]).map(|variable| variable.value)
    }

    /// The first of these variables that is set and not empty. Variables of the process take
    /// precedence over those of `.env`, regardless of the order of names.
    fn find(&self, names: &[&'static str]) -> Option<Variable> {
        let non_empty = |name: &'static str, value: &str, source| {
            let value = value.trim();
            (!value.is_empty()).then(|| Variable { name, value: value.to_owned(), source })
        };
        let process =
            names.iter().find_map(|name| non_empty(name, &process_variable(name)?, VariableSource::Process));
        process.or_else(|| {
            names.iter().find_map(|name| {
                let (line, value) = self.dotenv.get(*name)?;
                non_empty(name, value, VariableSource::Dotenv(*line))
            })
        })
    }

    /// The key that replaces people with pseudonyms, if it is set. A blank value is an error,
    /// because without a key people are named.
    pub fn pseudonym_key(&self) -> Result<Option<String>, Error> {
        const NAME: &str = "DUO_METRICS_PSEUDONYM_KEY";
        let key = self.get(NAME);
        let is_blank = || process_variable(NAME).is_some_and(|value| !value.is_empty());
        match key {
            Some(key) if !key.starts_with('$') => Ok(Some(key)),
            None if !is_blank() => Ok(None),
            _ => Err(Error::Usage(format!(
                "{NAME} is blank, or contains the name of a variable that is not set; set it to a key, or unset it"
            ))),
        }
    }

    /// The folder of the history, if there is one.
    pub fn history(&self, flag: Option<&Path>) -> Option<PathBuf> {
        flag.map(Path::to_owned).or_else(|| self.get("DUO_METRICS_HISTORY").map(PathBuf::from))
    }

    /// The price file, if there is one.
    pub fn prices(&self, flag: Option<&Path>) -> Option<PathBuf> {
        flag.map(Path::to_owned).or_else(|| self.get("DUO_METRICS_PRICES").map(PathBuf::from))
    }

    /// The file of rules for `check`, if there is one.
    pub fn rules(&self, flag: Option<&Path>) -> Option<PathBuf> {
        flag.map(Path::to_owned).or_else(|| self.get("DUO_METRICS_RULES").map(PathBuf::from))
    }

    /// The file of teams, if there is one.
    pub fn teams(&self, flag: Option<&Path>) -> Option<PathBuf> {
        flag.map(Path::to_owned).or_else(|| self.get("DUO_METRICS_TEAMS").map(PathBuf::from))
    }

    /// The maximum number of parallel requests.
    pub fn jobs(&self, flag: Option<usize>) -> Result<usize, Error> {
        let Some(text) = self.get("DUO_METRICS_JOBS").filter(|_| flag.is_none()) else {
            return Ok(flag.unwrap_or(DEFAULT_JOBS));
        };
        text.parse().ok().filter(|jobs| (1..=MAX_JOBS).contains(jobs)).ok_or_else(|| {
            Error::Usage(format!("DUO_METRICS_JOBS is {text:?}; set it to a number from 1 to {MAX_JOBS}"))
        })
    }
}

fn is_known_variable(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A variable of the process. Invalid UTF-8 is replaced, so that a proxy with an invalid name does
/// not count as no proxy.
fn process_variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The variables of a `.env` file, each with its line. Errors contain the line number but nothing
/// of the line, which can contain the token.
fn read_dotenv(path: &Path) -> Result<HashMap<String, (usize, String)>, Error> {
    let bytes = text_file::read_bytes(path)?;
    let text = match text_file::decode(&bytes) {
        // A comment may be in any encoding. A value that is not UTF-8 is rejected with its line
        // number.
        Err(NotText::Line(_)) => String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned(),
        text => text.map_err(|why| Error::Configuration(format!("{}{why}", path.display())))?,
    };
    let rejected = |line, why| Error::Configuration(format!("{}:{line} {why}", path.display()));
    let assignments = dotenv::parse(&text).map_err(|bad| rejected(bad.line, bad.why))?;
    let mut variables = HashMap::new();
    for assignment in assignments {
        match assignment.value {
            Ok(value) => {
                variables.insert(assignment.name, (assignment.line, value));
            }
            Err(why) if is_known_variable(&assignment.name) || proxy::is_variable(&assignment.name) => {
                return Err(rejected(assignment.line, &format!("{} {why}", assignment.name)));
            }
            // Other programs may use the file too.
            Err(_) => {}
        }
    }
    Ok(variables)
}

fn not_a_path(setting: &str) -> Error {
    Error::Configuration(format!(
        "{setting} contains text, not the path of a file; set it to a path, or make it a CI/CD variable of the type File"
    ))
}
