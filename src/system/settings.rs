//! Settings that come from outside: environment, `.env`, the clock. Flag over environment over `.env` over default.

mod dotenv;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ureq::http::Uri;

use crate::base::address::canonical;
use crate::base::calendar::{Day, Timestamp, WINDOW_DAYS};
use crate::base::error::{Error, is_no_path};
use crate::model::topic::Topic;
use crate::system::http::proxy;
use crate::system::http::{Authorities, Route};
use crate::system::text_file::{self, NotText};

/// The most days that are asked for at once.
const LONGEST_RANGE: i64 = 3_660;

/// File with settings in the working folder.
const DOTENV: &str = ".env";

/// Settings that hold the name of a file or folder. `DUO_METRICS_CA_FILE` is another one, which may hold certificates too.
const PATHS: [&str; 3] = ["DUO_METRICS_OUTPUT_DIR", "DUO_METRICS_HISTORY", "DUO_METRICS_PRICES"];

/// Variables of the process and of `.env`, without blanks around them. Empty ones count as not set: GitLab sets unset CI
/// variables so.
pub struct Environment {
    file: HashMap<String, (usize, String)>,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Process,
    /// `.env`, on this line.
    File(usize),
}

/// A GitLab, the token for it, and the way there.
pub struct Access {
    /// The GitLab.
    pub instance: Instance,
    /// The token.
    pub token: Token,
    /// The way.
    pub route: Route,
}

/// The secret that opens GitLab's API. It is never printed: not by `Debug`, not in an error.
#[derive(Clone)]
pub struct Token(String);

/// A GitLab, as a URL without a trailing slash. Plain `http://` is for this machine unless allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance(String);

/// A database of a ClickHouse server, and who asks it. The password is never printed: not by `Debug`, not in an error.
#[derive(Clone)]
pub struct Database {
    url: String,
    name: String,
    user: Option<String>,
    password: Option<String>,
}

/// On, off, or not said, for a dashboard and the collectors that serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Said to be on.
    On,
    /// Said to be off.
    Off,
    /// Something was said that is neither: not on, and not a reason to remove anything.
    NotOn,
    /// Nobody said.
    Unset,
}

/// Which dashboards were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// The Duo dashboard.
    pub duo: Switch,
    /// The project dashboard.
    pub project: Switch,
}

impl Environment {
    /// Reads `.env` of the working folder, unless `CI` is set: there, a file of the repository must not decide.
    pub fn load() -> Result<Environment, Error> {
        // A key or a path that cannot be read must not pass for one that is not set.
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if is_ours(&name) && value.to_str().is_none() {
                return Err(Error::Usage(format!("{name} is not text in UTF-8")));
            }
        }
        let path = Path::new(DOTENV);
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let file = if in_ci || !path.exists() { HashMap::new() } else { read_dotenv(path)? };
        let environment = Environment { file };
        for name in PATHS {
            if environment.get(name).is_some_and(|value| is_no_path(&value)) {
                return Err(holds_a_text(name));
            }
        }
        Ok(environment)
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<String> {
        self.find(&[name]).map(|(_, value, _)| value)
    }

    /// The first of these variables that is set and not empty, its value, and where that comes from. The process goes
    /// before `.env`, whatever the order of names.
    fn find<'a>(&self, names: &[&'a str]) -> Option<(&'a str, String, Origin)> {
        let set = |name: &&'a str, value: &str, origin| {
            let value = value.trim();
            (!value.is_empty()).then(|| (*name, value.to_owned(), origin))
        };
        names.iter().find_map(|name| set(name, &of_process(name)?, Origin::Process)).or_else(|| {
            names.iter().find_map(|name| {
                let (line, value) = self.file.get(*name)?;
                set(name, value, Origin::File(*line))
            })
        })
    }

    /// The key that replaces people with pseudonyms, if there is one. A value of blanks is refused, since without a key
    /// people are named.
    pub fn pseudonym_key(&self) -> Result<Option<String>, Error> {
        const NAME: &str = "DUO_METRICS_PSEUDONYM_KEY";
        let key = self.get(NAME);
        let is_blank = || of_process(NAME).is_some_and(|value| !value.is_empty());
        match key {
            Some(key) if !key.starts_with('$') => Ok(Some(key)),
            None if !is_blank() => Ok(None),
            _ => Err(Error::Usage(format!(
                "{NAME} holds blanks, or the name of a variable that is not set; set it, or unset it"
            ))),
        }
    }

    /// The GitLab to ask, the token for it and the way there.
    pub fn gitlab(
        &self,
        url: Option<&str>,
        allow_http: bool,
        ca_file: Option<&Path>,
    ) -> Result<Access, Error> {
        let instance = self.instance(url, allow_http)?;
        let token = self.token()?;
        let address = if url.is_some() { &[][..] } else { &GITLAB_ADDRESSES[..] };
        let mut route = self.route(instance.as_str(), "GITLAB_URL", address, &["DUO_TOKEN"], ca_file)?;
        if self.is_of_job(&instance) {
            self.trust_as_runner(&mut route);
        }
        Ok(Access { instance, token, route })
    }

    /// The GitLab of the CI job and the job's own token, where the job runs in a pipeline that provides both. They come
    /// from the process alone.
    pub fn job(&self, ca_file: Option<&Path>) -> Result<Option<Access>, Error> {
        let (Some(url), Some(token)) = (of_process("CI_API_V4_URL"), of_process("CI_JOB_TOKEN")) else {
            return Ok(None);
        };
        // The instance's own address, from the instance itself: it says which scheme it is reached by.
        let url = url.trim().trim_end_matches('/').trim_end_matches("/api/v4");
        let instance = Instance::parse(url, true)?;
        let mut route = self.route(instance.as_str(), "CI_API_V4_URL", &[], &["CI_JOB_TOKEN"], ca_file)?;
        self.trust_as_runner(&mut route);
        Ok(Some(Access { instance, token: Token(token.trim().to_owned()), route }))
    }

    /// The way to a ClickHouse; `url` is the flag, if there was one.
    pub fn clickhouse_route(
        &self,
        database: &Database,
        url: Option<&str>,
        ca_file: Option<&Path>,
    ) -> Result<Route, Error> {
        let address = if url.is_some() { &[][..] } else { &["CLICKHOUSE_URL"] };
        self.route(database.url(), "CLICKHOUSE_URL", address, &["CLICKHOUSE_PASSWORD"], ca_file)
    }

    /// How to reach a server. `address` are the variables that may have named it; `secrets` those that hold what is sent
    /// there. A secret of the process goes nowhere that `.env` decides: whoever wrote the file of a working folder need not
    /// be the one whose secret it is.
    fn route(
        &self,
        url: &str,
        setting: &'static str,
        address: &[&str],
        secrets: &[&str],
        ca_file: Option<&Path>,
    ) -> Result<Route, Error> {
        let (proxy, passed_over) = self.proxy(url);
        let ca = if ca_file.is_some() { None } else { self.find(&[CA_FILE]) };
        let secret = self.find(secrets).filter(|(_, _, origin)| *origin == Origin::Process);
        if let Some((secret, _, _)) = secret {
            let proxy = passed_over.or(proxy.clone());
            for (name, _, origin) in [self.find(address), ca.clone(), proxy].into_iter().flatten() {
                if let Origin::File(line) = origin {
                    return Err(Error::Configuration(format!(
                        "{name} comes from {DOTENV}:{line}, but {secret} from the environment, and a file may not decide where that goes; set both in {DOTENV}, or both in the environment"
                    )));
                }
            }
        }
        let authorities = match (ca_file, ca) {
            (Some(path), _) => authorities("--ca-file", path.as_os_str().to_str().unwrap_or_default(), path)?,
            (None, Some((_, value, _))) => authorities(CA_FILE, &value, Path::new(&value))?,
            (None, None) => Authorities::Public,
        };
        let proxy = proxy.map(|(name, value, _)| (name.to_owned(), value));
        Ok(Route { url: url.to_owned(), setting, authorities, proxy })
    }

    /// The variable that names the proxy for this address, and the one that exempts its host, of which one is there at
    /// most. Nothing that is for this machine leaves it.
    fn proxy(&self, url: &str) -> (Option<Variable>, Option<Variable>) {
        let uri: Option<Uri> = url.parse().ok();
        let Some((uri, host)) = uri.as_ref().and_then(|uri| Some((uri, uri.host()?))) else {
            return (None, None);
        };
        let scheme = uri.scheme_str().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        let Some(proxy) = self.find(&proxy::variables(scheme)).filter(|_| !is_loopback(host)) else {
            return (None, None);
        };
        match self.find(&proxy::EXEMPTIONS) {
            Some(list) if proxy::is_exempt(&list.1, host, port) => (None, Some(list)),
            _ => (Some(proxy), None),
        }
    }

    /// Whether a GitLab is the one that the job runs on.
    fn is_of_job(&self, instance: &Instance) -> bool {
        let server = of_process("CI_SERVER_URL").and_then(|url| Instance::parse(&url, true).ok());
        server.is_some_and(|server| server.authority() == instance.authority())
    }

    /// Trusts the authority that the runner verified the job's GitLab by, unless the user named one. GitLab Runner writes
    /// it to a file for every job (`tls-ca-file`; "Predefined CI/CD variables", `CI_SERVER_TLS_CA_FILE`).
    fn trust_as_runner(&self, route: &mut Route) {
        const SETTING: &str = "CI_SERVER_TLS_CA_FILE";
        let file = of_process(SETTING).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if let (Authorities::Public, Some(file)) = (&route.authorities, file) {
            route.authorities = Authorities::PublicAnd { setting: SETTING, path: file.into() };
        }
    }

    /// The token, from `DUO_TOKEN` only.
    pub fn token(&self) -> Result<Token, Error> {
        let value = self.get("DUO_TOKEN").unwrap_or_default();
        if value.is_empty() {
            return Err(Error::Token(
                "no token: set DUO_TOKEN to a token with the scopes read_api and ai_features".to_owned(),
            ));
        }
        if value.starts_with('$') {
            return Err(Error::Token(
                "no token: DUO_TOKEN holds the name of a variable that is not set; check that the CI/CD variable exists and that a protected one runs on a protected branch".to_owned(),
            ));
        }
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Token("DUO_TOKEN holds characters no token has; copy it again".to_owned()));
        }
        Ok(Token(value))
    }

    /// The groups: those of the flags, else those of `GROUP_PATH`; each once, in order. There has to be one.
    pub fn groups(&self, flags: &[String]) -> Result<Vec<String>, Error> {
        let groups = self.named_groups(flags);
        if groups.is_empty() {
            return Err(Error::Usage(
                "no group: set GROUP_PATH, or give --group, for example acme".to_owned(),
            ));
        }
        Ok(groups)
    }

    /// The groups that are named, if any are; see [`Environment::groups`].
    pub fn named_groups(&self, flags: &[String]) -> Vec<String> {
        let said = match flags {
            [] => self.get("GROUP_PATH").unwrap_or_default().split(',').map(str::to_owned).collect(),
            flags => flags.to_vec(),
        };
        let mut groups: Vec<String> = Vec::new();
        for group in said {
            let group = group.trim().trim_matches('/').to_owned();
            if !group.is_empty() && !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// The GitLab to ask.
    pub fn instance(&self, flag: Option<&str>, allow_http: bool) -> Result<Instance, Error> {
        let url = self.url(flag).unwrap_or_else(|| "https://gitlab.com".to_owned());
        Instance::parse(&url, allow_http)
    }

    /// The GitLab that was named, if one was. Nothing is sent there, so that plain `http://` is no matter.
    pub fn named_instance(&self, flag: Option<&str>) -> Result<Option<Instance>, Error> {
        self.url(flag).map(|url| Instance::parse(&url, true)).transpose()
    }

    fn url(&self, flag: Option<&str>) -> Option<String> {
        flag.map(str::to_owned).or_else(|| self.find(&GITLAB_ADDRESSES).map(|(_, url, _)| url))
    }

    /// The ClickHouse to ask, and its database.
    pub fn clickhouse(
        &self,
        url: Option<&str>,
        database: Option<&str>,
        allow_http: bool,
    ) -> Result<Database, Error> {
        let url = url.map(str::to_owned).or_else(|| self.get("CLICKHOUSE_URL")).ok_or_else(|| {
            Error::Usage(
                "no ClickHouse: set CLICKHOUSE_URL, or give --clickhouse-url, for example https://clickhouse.example.com:8443".to_owned(),
            )
        })?;
        let url = server_url("CLICKHOUSE_URL", "https://clickhouse.example.com:8443", &url, allow_http)?;
        let name = database.map(str::to_owned).or_else(|| self.get("CLICKHOUSE_DATABASE"));
        let secret = |name: &str| match self.get(name) {
            Some(value) if value.starts_with('$') => Err(Error::Token(format!(
                "{name} holds the name of a variable that is not set; check that the CI/CD variable exists and that a protected one runs on a protected branch"
            ))),
            Some(value) if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
                Err(Error::Token(format!(
                    "{name} holds characters that cannot be sent; use letters, digits and signs of ASCII"
                )))
            }
            value => Ok(value),
        };
        Ok(Database {
            url,
            name: name.unwrap_or_else(|| "default".to_owned()),
            user: secret("CLICKHOUSE_USER")?,
            password: secret("CLICKHOUSE_PASSWORD")?,
        })
    }

    /// The instant that counts as now: `DUO_METRICS_NOW`, else the system's clock. True when it was set.
    pub fn now(&self) -> Result<(Timestamp, bool), Error> {
        match self.get("DUO_METRICS_NOW") {
            Some(text) => {
                let now = text.parse().map_err(|error| Error::Usage(format!("DUO_METRICS_NOW: {error}")))?;
                Ok((now, true))
            }
            None => {
                let seconds =
                    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
                let now = i64::try_from(seconds).ok().and_then(Timestamp::from_unix_seconds);
                now.map(|now| (now, false)).ok_or_else(|| {
                    Error::Configuration("the system's clock is beyond the year 9999".to_owned())
                })
            }
        }
    }

    /// A day from a flag or a variable.
    pub fn day(&self, flag: Option<Day>, name: &str) -> Result<Option<Day>, Error> {
        match (flag, self.get(name)) {
            (Some(day), _) => Ok(Some(day)),
            (None, Some(text)) => {
                text.parse().map(Some).map_err(|error| Error::Usage(format!("{name}: {error}")))
            }
            (None, None) => Ok(None),
        }
    }

    /// The days to collect: 28 to yesterday unless told otherwise.
    pub fn range(&self, since: Option<Day>, until: Option<Day>, now: Timestamp) -> Result<(Day, Day), Error> {
        let until = self.day(until, "DUO_METRICS_UNTIL")?.unwrap_or_else(|| now.day().plus(-1));
        let days = self.days()?;
        let since = self.day(since, "DUO_METRICS_SINCE")?.unwrap_or_else(|| until.plus(1 - days));
        check_range(Some(since), Some(until))?;
        if until.days_since(since) >= LONGEST_RANGE {
            return Err(Error::Usage(format!("{since} to {until} are more than ten years; check --since")));
        }
        if until > now.day() {
            return Err(Error::Usage(format!("{until} is in the future; check --until")));
        }
        Ok((since, until))
    }

    /// How many days are collected when no first day is named.
    fn days(&self) -> Result<i64, Error> {
        let Some(text) = self.get("DUO_METRICS_DAYS") else { return Ok(WINDOW_DAYS) };
        text.parse().ok().filter(|days| (1..=LONGEST_RANGE).contains(days)).ok_or_else(|| {
            Error::Usage(format!("DUO_METRICS_DAYS is {text:?}; write a number from 1 to {LONGEST_RANGE}"))
        })
    }

    /// The folder of the history, if there is to be one.
    pub fn history(&self, flag: Option<&Path>) -> Option<PathBuf> {
        flag.map(Path::to_owned).or_else(|| self.get("DUO_METRICS_HISTORY").map(PathBuf::from))
    }

    /// The file of prices, if there is one.
    pub fn prices(&self, flag: Option<&Path>) -> Option<PathBuf> {
        flag.map(Path::to_owned).or_else(|| self.get("DUO_METRICS_PRICES").map(PathBuf::from))
    }

    /// Requests under way at once, at most.
    pub fn jobs(&self, flag: Option<usize>) -> Result<usize, Error> {
        let Some(text) = self.get("DUO_METRICS_JOBS").filter(|_| flag.is_none()) else {
            return Ok(flag.unwrap_or(4));
        };
        text.parse()
            .ok()
            .filter(|jobs| (1..=64).contains(jobs))
            .ok_or_else(|| Error::Usage(format!("DUO_METRICS_JOBS is {text:?}; write a number from 1 to 64")))
    }

    /// Which dashboards were asked for, by flags or variables.
    pub fn switches(&self, duo: Switch, project: Switch) -> Result<Switches, Error> {
        let duo = self.switch(duo, "ENABLE_DUO_METRICS")?;
        let project = self.switch(project, "ENABLE_PROJECT_METRICS")?;
        Ok(Switches { duo, project })
    }

    fn switch(&self, flag: Switch, name: &str) -> Result<Switch, Error> {
        if flag != Switch::Unset {
            return Ok(flag);
        }
        match self.get(name).as_deref() {
            None => Ok(Switch::Unset),
            Some("true") => Ok(Switch::On),
            Some(value) if value.trim_matches(['"', '\'']) != value => Err(Error::Usage(format!(
                "{name} holds quotes that were pasted with the value; write true or false without them"
            ))),
            Some("false") => Ok(Switch::Off),
            Some(_) => Ok(Switch::NotOn),
        }
    }
}

impl Switches {
    /// Whether the dashboard of this topic is to be made. With nothing said, as on somebody's own machine, Duo is.
    pub fn is_on(self, topic: Topic) -> bool {
        match (topic, self.duo, self.project) {
            (Topic::Duo, Switch::Unset, Switch::Unset) => true,
            (Topic::Duo, duo, _) => duo == Switch::On,
            (Topic::Project, _, project) => project == Switch::On,
        }
    }

    /// Whether the dashboard of this topic was said to be off, so that an old one has to go.
    pub fn is_off(self, topic: Topic) -> bool {
        match topic {
            Topic::Duo => self.duo == Switch::Off,
            Topic::Project => self.project == Switch::Off,
        }
    }

    /// Fails when nothing is on.
    pub fn check(self) -> Result<Switches, Error> {
        match self.is_on(Topic::Duo) || self.is_on(Topic::Project) {
            true => Ok(self),
            false => Err(Error::Usage(
                "nothing is switched on: set ENABLE_DUO_METRICS or ENABLE_PROJECT_METRICS to exactly true, or give --duo or --project".to_owned(),
            )),
        }
    }
}

impl Token {
    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// The value of GitLab's `JOB-TOKEN` header.
    pub fn of_job(&self) -> &str {
        &self.0
    }

    /// The text with the token taken out, should a server repeat it.
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(***)")
    }
}

impl Instance {
    /// Reads a URL like `https://gitlab.example.com` or `https://example.com/gitlab`.
    pub fn parse(url: &str, allow_http: bool) -> Result<Instance, Error> {
        server_url("GITLAB_URL", "https://gitlab.example.com", url, allow_http).map(Instance)
    }

    /// The URL without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port.
    fn authority(&self) -> &str {
        let host = self.0.find("://").map_or(0, |at| at + 3);
        self.0[host..].find('/').map_or(&self.0, |at| &self.0[..host + at])
    }

    /// Where its GraphQL API answers.
    pub fn endpoint(&self) -> String {
        format!("{}/api/graphql", self.0)
    }
}

impl Database {
    /// The URL without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user, if one was named.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, if there is one; for the header that it is sent in.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The text with the password taken out, should a server repeat it.
    pub fn redact(&self, text: &str) -> String {
        match self.password() {
            Some(password) => text.replace(password, "***"),
            None => text.to_owned(),
        }
    }
}

/// A variable, its value, and where that comes from.
type Variable = (&'static str, String, Origin);

/// The variables that may name the GitLab to ask, the first one that is set counts.
const GITLAB_ADDRESSES: [&str; 2] = ["GITLAB_URL", "CI_SERVER_URL"];

const CA_FILE: &str = "DUO_METRICS_CA_FILE";

/// Whether a variable is one that this program reads.
fn is_ours(name: &str) -> bool {
    const OURS: [&str; 6] =
        ["DUO_", "ENABLE_DUO_", "ENABLE_PROJECT_", "GITLAB_URL", "GROUP_PATH", "CLICKHOUSE_"];
    OURS.iter().any(|own| name.starts_with(own))
}

/// A variable of the process. What is not UTF-8 in it does not vanish: a proxy that cannot be read is not no proxy.
fn of_process(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The variables of a `.env` file, each with its line. Errors name the line and repeat nothing of it: it can hold the token.
fn read_dotenv(path: &Path) -> Result<HashMap<String, (usize, String)>, Error> {
    let bytes = std::fs::read(path).map_err(Error::file("read", path))?;
    let text = match text_file::decode(&bytes) {
        // A comment may be in any encoding; a value that is not UTF-8 is refused with its line.
        Err(NotText::Line(_)) => String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned(),
        text => text.map_err(|why| Error::Configuration(format!("{}{why}", path.display())))?,
    };
    let refused = |line, why| Error::Configuration(format!("{}:{line} {why}", path.display()));
    let entries = dotenv::parse(&text).map_err(|bad| refused(bad.line, bad.why))?;
    let mut variables = HashMap::new();
    for entry in entries {
        match entry.value {
            Ok(value) => {
                variables.insert(entry.name, (entry.line, value));
            }
            Err(why) if is_ours(&entry.name) || proxy::is_variable(&entry.name) => {
                return Err(refused(entry.line, &format!("{} {why}", entry.name)));
            }
            // The file may serve other programs too.
            Err(_) => {}
        }
    }
    Ok(variables)
}

/// What a setting for a file of certificates names or, pasted, holds itself.
fn authorities(setting: &'static str, value: &str, path: &Path) -> Result<Authorities, Error> {
    if value.contains("-----BEGIN") {
        return Ok(Authorities::Text { setting, pem: value.to_owned() });
    }
    if is_no_path(value) {
        return Err(holds_a_text(setting));
    }
    Ok(Authorities::File { setting, path: path.to_owned() })
}

fn holds_a_text(setting: &str) -> Error {
    Error::Configuration(format!(
        "{setting} holds a text, not the name of a file; make it a CI/CD variable of the type File, or name a file"
    ))
}

/// Reads the URL of a server that is given a secret. The error names the setting.
fn server_url(setting: &str, example: &str, url: &str, allow_http: bool) -> Result<String, Error> {
    // The text is not repeated: somebody may have put a secret into it.
    let refused = |why: &str| Error::Configuration(format!("{setting} {why}; write it like {example}"));
    let url = url.trim().trim_end_matches('/');
    let uri: Uri = url.parse().map_err(|_| refused("is not a URL"))?;
    let authority = uri.authority().ok_or_else(|| refused("names no host"))?;
    if authority.as_str().contains('@') {
        return Err(refused("holds a user or a secret, and must not"));
    }
    if uri.query().is_some() || url.contains('#') {
        return Err(refused("holds more than a host and a path"));
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if allow_http || is_loopback(authority.host()) => {}
        Some("http") => {
            let secret = if setting == "GITLAB_URL" { "the token" } else { "people and the password" };
            return Err(Error::Configuration(format!(
                "{setting} is http://, which would send {secret} unprotected; use https://, or --allow-http in a network you trust"
            )));
        }
        _ => return Err(refused("is neither https:// nor http://")),
    }
    Ok(canonical(url).into_owned())
}

/// Fails when a range ends before it starts.
pub fn check_range(since: Option<Day>, until: Option<Day>) -> Result<(), Error> {
    match (since, until) {
        (Some(since), Some(until)) if since > until => Err(Error::Usage(format!(
            "the range ends on {until}, before it starts on {since}; check --since and --until"
        ))),
        _ => Ok(()),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_have_one_spelling_and_no_secret() {
        let parse = |url: &str| Instance::parse(url, false).map(|instance| instance.0);
        assert_eq!(parse("https://GitLab.Example.com/").expect("a URL"), "https://gitlab.example.com");
        assert_eq!(parse("HTTPS://example.com/Git/").expect("a URL"), "https://example.com/Git");
        assert_eq!(parse("https://gitlab.example.com:443").expect("a URL"), "https://gitlab.example.com");
        assert_eq!(parse("https://example.com:443/git").expect("a URL"), "https://example.com/git");
        assert_eq!(parse("https://example.com:4430").expect("a URL"), "https://example.com:4430");
        assert_eq!(parse("http://127.0.0.1:8080").expect("a URL"), "http://127.0.0.1:8080");
        assert!(parse("http://[::1]:80").is_ok() && parse("http://localhost").is_ok());
        for bad in [
            "",
            "gitlab.com",
            "ftp://gitlab.com",
            "http://gitlab.com",
            "http://127.0.0.1.evil.example",
            "https://",
            "https://me:hunter2@gitlab.com",
            "https://gitlab.com?private_token=hunter2",
            "https://gitlab.com/#x",
        ] {
            let error = parse(bad).expect_err(bad);
            assert_eq!(error.code(), 78, "{bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(Instance::parse("http://gitlab.internal", true).is_ok());
    }

    #[test]
    fn a_clickhouse_has_no_secret_in_its_address_and_says_which_setting_is_wrong() {
        let environment = Environment { file: HashMap::new() };
        let parse = |url: &str| environment.clickhouse(Some(url), None, false);
        assert_eq!(parse("http://localhost:8123/").expect("a URL").url(), "http://localhost:8123");
        for bad in [
            "http://clickhouse.internal:8123",
            "https://me:hunter2@c.example",
            "https://c.example/?x=hunter2",
        ] {
            let Err(error) = parse(bad) else { panic!("{bad}") };
            assert_eq!(error.code(), 78, "{bad}");
            let said = error.to_string();
            assert!(said.starts_with("CLICKHOUSE_URL ") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token("glpat-secret".to_owned());
        assert_eq!(format!("{token:?}"), "Token(***)");
        assert_eq!(token.redact("bad token glpat-secret!"), "bad token ***!");
    }

    #[test]
    fn with_nothing_said_duo_is_on_and_with_anything_said_only_that() {
        use Switch::{Off, On, Unset};
        let on = |duo, project| {
            let switches = Switches { duo, project };
            (switches.is_on(Topic::Duo), switches.is_on(Topic::Project), switches.check().is_ok())
        };
        assert_eq!(on(Unset, Unset), (true, false, true));
        assert_eq!(on(On, Unset), (true, false, true));
        assert_eq!(on(Unset, On), (false, true, true));
        assert_eq!(on(On, On), (true, true, true));
        assert_eq!(on(Off, Unset), (false, false, false));
        assert_eq!(on(Unset, Off), (false, false, false));
        assert_eq!(on(Off, On), (false, true, true));
    }
}
