//! A client of GitLab's GraphQL API that tells apart the many ways in which GitLab does not answer.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use ureq::Body;
use ureq::http::{HeaderMap, Response, header};

use super::gate::Gate;
use super::refusal::{self, GraphQlError};
use crate::base::calendar::Timestamp;
use crate::base::error::Error;
use crate::base::text::{counted, in_one_line};
use crate::collect::collectors::{Answer, Fault, NodeErrors};
use crate::system::files::NewFile;
use crate::system::http::{self, Connection};
use crate::system::progress;
use crate::system::settings::{Access, Token};

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 64 << 20;

/// The most seconds by which GitLab's clock may differ from ours; a run may take as long.
const LONGEST_CLOCK_DIFFERENCE: i64 = 2 * 86_400;

/// The longest wait between two tries of our own accord.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The longest rest that a server can ask for and get; when it asks for more, it is not tried again.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// How long to wait for an answer, and how often to try again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a whole request and its answer. GitLab itself gives up after 30 seconds (60 on some fields).
    pub timeout: Duration,
    /// Tries after the first one.
    pub retries: u32,
    /// The wait before the second try; it doubles from try to try.
    pub wait: Duration,
    /// Requests under way at once, at most.
    pub jobs: usize,
}

/// A client of one GitLab.
pub struct Client {
    connection: Connection,
    instance: String,
    endpoint: String,
    /// The setting that holds the address.
    setting: &'static str,
    token: Token,
    patience: Patience,
    now: Option<Timestamp>,
    clock: Timestamp,
    gate: Gate,
    /// Set while the server is not there, so that each further request is not waited for at length.
    given_up: AtomicBool,
}

/// What a failure says of the server's load.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Nothing: the server is not there or not well.
    Unknown,
    /// This query was too much for it.
    Heavy,
    /// All queries together are more than it allows.
    Limited,
}

/// How one try ended when it did not bring an answer.
enum Failure {
    /// Trying again can help; the server may say when.
    Passing { what: String, load: Load, rest: Option<Duration> },
    /// Trying again cannot help.
    Lasting(Fault),
}

impl Client {
    /// A client of a GitLab. The moment stands for the server's `Date` when it `is_set`.
    pub fn new(
        access: Access,
        patience: Patience,
        (clock, is_set): (Timestamp, bool),
    ) -> Result<Client, Error> {
        let Access { instance, token, route } = access;
        let connection = Connection::new(&route, patience.timeout)?;
        let gate = Gate::new(patience.jobs);
        let now = is_set.then_some(clock);
        Ok(Client {
            connection,
            instance: instance.as_str().to_owned(),
            endpoint: instance.endpoint(),
            setting: route.setting,
            token,
            patience,
            now,
            clock,
            gate,
            given_up: AtomicBool::new(false),
        })
    }

    fn try_once(&self, body: &[u8]) -> Result<(Answer, Option<Duration>), Failure> {
        let response = self
            .connection
            .agent()
            .post(&self.endpoint)
            .header(header::AUTHORIZATION, self.token.authorization())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .send(body);
        let mut response = response.map_err(|error| self.transport(&error))?;
        // The limit is of what is unpacked: a small answer can unpack to more than there is memory.
        let mut text = Vec::new();
        let read = response.body_mut().as_reader().take(LONGEST_ANSWER + 1).read_to_end(&mut text);
        read.map_err(|error| self.transport(&ureq::Error::Io(error)))?;
        if text.len() as u64 > LONGEST_ANSWER {
            return Err(lasting(Fault::Answer("GitLab's answer is longer than 64 MiB".to_owned())));
        }
        let answer = self.judge(&response, &text)?;
        Ok((answer, rest_after_last(response.headers())))
    }

    /// Decides what an HTTP answer means.
    fn judge(&self, response: &Response<Body>, body: &[u8]) -> Result<Answer, Failure> {
        let status = response.status().as_u16();
        let said = || refusal::summary(&self.redacted(body));
        if let Some(failure) = self.answer_of_another(&self.endpoint, response, body) {
            return Err(failure);
        }
        match status {
            200 => {}
            401 => {
                return Err(lasting(Fault::Token(
                    "GitLab refuses the token (401): it is invalid, expired, revoked, or without the scope read_api; renew DUO_TOKEN".to_owned(),
                )));
            }
            403 => {
                return Err(lasting(Fault::Token(format!(
                    "GitLab refuses the token's user (403): {}; check that it may use the API",
                    said()
                ))));
            }
            404 => {
                return Err(lasting(Fault::Configuration(format!(
                    "there is no GraphQL API at {} (404); check GITLAB_URL",
                    self.endpoint
                ))));
            }
            429 => {
                return Err(rate_limited(response.headers()));
            }
            500..=599 => {
                return Err(unwell(status, &said(), response.headers()));
            }
            _ => {
                return Err(lasting(Fault::Answer(format!(
                    "GitLab refuses the request ({status}): {}",
                    said()
                ))));
            }
        }
        let at = match self.now {
            Some(now) => now,
            None => self.date(response.headers())?,
        };
        self.read(body, at)
    }

    /// What it means when something answers that is not GitLab's API: a redirect, a login page, a gateway, a firewall. The
    /// API itself answers in JSON.
    fn answer_of_another(&self, url: &str, response: &Response<Body>, body: &[u8]) -> Option<Failure> {
        let status = response.status().as_u16();
        let setting = self.setting;
        let content_type = header(response.headers(), header::CONTENT_TYPE).unwrap_or_default();
        let is_page = content_type.to_ascii_lowercase().starts_with("text/html");
        let title = || refusal::summary(&self.redacted(body));
        let text = match status {
            300..=399 => {
                let location = header(response.headers(), header::LOCATION).unwrap_or_default();
                let location = refusal::one_line(&self.token.redact(location));
                let (target, base) = redirected(url, &self.instance, &location);
                let help = match base {
                    Some(base) => format!("set {setting} to {base}"),
                    None => format!(
                        "a login page or a gateway is before GitLab, and lets its API (/api) through to nobody without a session; have it exempt the API, or set {setting} to an address behind it"
                    ),
                };
                format!("{url} redirects to {target}; {help}")
            }
            407 | 511 => format!(
                "a proxy on the way to {url} wants a login ({status}); name it with user and password in HTTPS_PROXY"
            ),
            200 if is_page => format!(
                "{url} answers with a web page ({}); check {setting}, and whether a login page or a proxy is in the way",
                title()
            ),
            401 | 403 | 406 | 451 if is_page => format!(
                "a gateway or firewall before {url} refuses the request ({status}: {}), since GitLab itself would answer in JSON; have requests of this machine let through to /api, or set HTTPS_PROXY",
                title()
            ),
            _ => return None,
        };
        Some(lasting(Fault::Configuration(text)))
    }

    /// When the server says it answered. A date that is far from ours would make old data look new for ever.
    fn date(&self, headers: &HeaderMap) -> Result<Timestamp, Failure> {
        let answer = |text: &str| lasting(Fault::Answer(text.to_owned()));
        let date = header(headers, header::DATE)
            .ok_or_else(|| answer("GitLab's answer has no Date header, so it cannot be dated"))?;
        let at = Timestamp::from_http_date(date)
            .ok_or_else(|| answer("the Date header of GitLab's answer cannot be read"))?;
        match at.seconds_since(self.clock).abs() <= LONGEST_CLOCK_DIFFERENCE {
            true => Ok(at),
            false => Err(lasting(Fault::Configuration(format!(
                "GitLab's clock says {at}, which is days from this machine's; set the one that is wrong"
            )))),
        }
    }

    /// Takes the data out of an answer, or says what its errors mean.
    fn read(&self, body: &[u8], at: Timestamp) -> Result<Answer, Failure> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            data: Option<&'a RawValue>,
            errors: Option<Vec<GraphQlError>>,
        }
        let cut = || passing("GitLab's answer is cut off or not JSON".to_owned());
        let text = std::str::from_utf8(body).map_err(|_| cut())?;
        let envelope: Envelope =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| cut())?;
        let errors = envelope.errors.unwrap_or_default();
        let is_of_a_node = |error: &GraphQlError| {
            error.node().is_some() && refusal::meaning(error) != refusal::Meaning::Timeout
        };
        let is_usable = errors.iter().all(is_of_a_node) && envelope.data.is_some();
        let node_errors = errors.first().filter(|_| is_usable).map(|error| NodeErrors {
            nodes: errors
                .iter()
                .filter_map(|error| Some(format!("{:?}", error.node()?)))
                .collect::<BTreeSet<_>>()
                .len() as u64,
            message: refusal::one_line(&self.token.redact(error.message())),
        });
        if let (Some(error), None) = (errors.first(), &node_errors) {
            // Other data beside errors is incomplete in a way that cannot be told; it is not used.
            let message = refusal::one_line(&self.token.redact(error.message()));
            return Err(match refusal::meaning(error) {
                refusal::Meaning::Timeout => Failure::Passing {
                    what: format!("GitLab ran out of time: {message}"),
                    load: Load::Heavy,
                    rest: None,
                },
                refusal::Meaning::Unknown => {
                    lasting(Fault::Unsupported(format!("this GitLab has no such field: {message}")))
                }
                refusal::Meaning::Denied => lasting(Fault::Denied(format!("GitLab refuses: {message}"))),
                refusal::Meaning::Other => {
                    lasting(Fault::Answer(format!("GitLab refuses the query: {message}")))
                }
            });
        }
        match envelope.data {
            Some(data) if data.get().starts_with('{') => {
                Ok(Answer { data: data.to_owned(), at, node_errors })
            }
            _ => Err(lasting(Fault::Answer("GitLab's answer has neither data nor errors".to_owned()))),
        }
    }

    /// The beginning of a body as text, without the token. What is cut later must not be cut before that.
    fn redacted(&self, body: &[u8]) -> String {
        self.token.redact(&String::from_utf8_lossy(&body[..body.len().min(100_000)]))
    }

    fn transport(&self, error: &ureq::Error) -> Failure {
        let text = |text: &str| in_one_line(&self.token.redact(text));
        match self.connection.explain(error) {
            http::Failure::Transient(what) => passing(text(&what)),
            http::Failure::Permanent(what) => lasting(Fault::Configuration(text(&what))),
        }
    }
}

impl Client {
    /// Asks the REST API, as often as patience allows; `None` when there is no such thing.
    pub fn get(&self, path: &str) -> Result<Option<String>, Fault> {
        let url = format!("{}/api/v4/{path}", self.instance);
        self.patiently(|| self.get_once(&url))
    }

    fn get_once(&self, url: &str) -> Result<(Option<String>, Option<Duration>), Failure> {
        let response =
            self.connection.agent().get(url).header(header::AUTHORIZATION, self.token.authorization()).call();
        let mut response = response.map_err(|error| self.transport(&error))?;
        let mut text = String::new();
        let read = response.body_mut().as_reader().take(LONGEST_ANSWER).read_to_string(&mut text);
        read.map_err(|error| self.transport(&ureq::Error::Io(error)))?;
        let rest = rest_after_last(response.headers());
        if let Some(failure) = self.answer_of_another(url, &response, text.as_bytes()) {
            return Err(failure);
        }
        let said = || refusal::summary(&self.redacted(text.as_bytes()));
        match response.status().as_u16() {
            200 => Ok((Some(text), rest)),
            404 => Ok((None, rest)),
            401 => Err(lasting(Fault::Token(
                "GitLab refuses the token (401): it is invalid, expired or revoked; renew DUO_TOKEN"
                    .to_owned(),
            ))),
            403 => Err(lasting(Fault::Denied(format!("GitLab refuses the request (403): {}", said())))),
            429 => Err(rate_limited(response.headers())),
            status @ 500..=599 => Err(unwell(status, &said(), response.headers())),
            status => {
                Err(lasting(Fault::Answer(format!("GitLab refuses the request ({status}): {}", said()))))
            }
        }
    }

    /// Puts a file that the REST API serves into `place`, asked for with the token of a CI job. False when there is
    /// none, and then nothing is put there.
    pub fn download(&self, path: &str, place: &Path) -> Result<bool, Fault> {
        let url = format!("{}/api/v4/{path}", self.instance);
        self.patiently(|| Ok((self.download_once(&url, place)?, None)))
    }

    fn download_once(&self, url: &str, place: &Path) -> Result<bool, Failure> {
        let response = self.connection.agent().get(url).header("JOB-TOKEN", self.token.of_job()).call();
        let mut response = response.map_err(|error| self.transport(&error))?;
        let status = response.status().as_u16();
        // A file may be a web page.
        let another = if status == 200 { None } else { self.answer_of_another(url, &response, b"") };
        if let Some(failure) = another {
            return Err(failure);
        }
        match status {
            200 => {}
            404 => return Ok(false),
            status @ (401 | 403) => {
                return Err(lasting(Fault::Denied(format!(
                    "GitLab refuses the job's token ({status}); it takes GitLab Premium, and a pipeline whose user is Developer or more"
                ))));
            }
            429 => return Err(rate_limited(response.headers())),
            status @ 500..=599 => return Err(unwell(status, "no artifact", response.headers())),
            status => {
                return Err(lasting(Fault::Answer(format!(
                    "GitLab answers with {status}, not with the file"
                ))));
            }
        }
        let sink = |error| lasting(Fault::Sink(error));
        let mut file = NewFile::create(place).map_err(sink)?;
        let mut reader = response.body_mut().as_reader();
        let mut bytes = vec![0; 1 << 16];
        loop {
            let length = reader.read(&mut bytes).map_err(|error| self.transport(&ureq::Error::Io(error)))?;
            if length == 0 {
                break;
            }
            file.write_all(&bytes[..length]).map_err(|error| sink(Error::writing(error)))?;
        }
        file.keep().map_err(sink)?;
        Ok(true)
    }

    /// Sends one operation of a document, as often as patience allows.
    pub(super) fn send(&self, document: &str, operation: &str, variables: &Value) -> Result<Answer, Fault> {
        let body = json!({"query": document, "operationName": operation, "variables": variables}).to_string();
        self.patiently(|| self.try_once(body.as_bytes()))
    }

    /// Tries until there is an answer, trying again cannot help, or patience ends. A try tells with its answer how
    /// long the server wants to be left alone.
    fn patiently<T>(
        &self,
        try_once: impl Fn() -> Result<(T, Option<Duration>), Failure>,
    ) -> Result<T, Fault> {
        let mut wait = self.patience.wait;
        for attempt in 0.. {
            let pass = self.gate.enter();
            let (what, load, rest) = match try_once() {
                Ok((answer, rest)) => {
                    pass.answered(rest);
                    self.given_up.store(false, Ordering::Relaxed);
                    progress::notice_over();
                    return Ok(answer);
                }
                Err(Failure::Lasting(fault)) => return Err(fault),
                Err(Failure::Passing { what, load, rest }) => {
                    let bearable = rest.filter(|rest| *rest <= LONGEST_REST);
                    match load {
                        Load::Unknown => pass.failed(bearable),
                        Load::Heavy | Load::Limited => pass.pushed_back(bearable),
                    }
                    (what, load, rest)
                }
            };
            let hopeless =
                self.given_up.load(Ordering::Relaxed) || rest.is_some_and(|rest| rest > LONGEST_REST);
            // What takes the server too long once will mostly do so again; a narrower query helps more than patience.
            let retries =
                if load == Load::Heavy { self.patience.retries.min(2) } else { self.patience.retries };
            if hopeless || attempt >= retries {
                self.given_up.fetch_or(load == Load::Unknown, Ordering::Relaxed);
                let tries = counted(u64::from(attempt) + 1, "attempt");
                return Err(match load {
                    Load::Heavy if !hopeless => Fault::TooHeavy(format!("{what}, after {tries}")),
                    Load::Limited => Fault::Exhausted(format!("{what}, after {tries}; try again later")),
                    _ => Fault::Temporary(format!("{what}, after {tries}; try again later")),
                });
            }
            // Whoever was told how long to rest waits at the gate, with all others. A limit that does not say when it
            // ends is one of a minute on GitLab.com, so it is waited for at greater length.
            let pause = if load == Load::Limited { wait.saturating_mul(4) } else { wait };
            let pause = pause.min(LONGEST_WAIT);
            // What is too much for the server is asked for in smaller portions, which is no outage to report.
            if load != Load::Heavy {
                let pause = rest.map_or(pause, |rest| rest.max(pause));
                progress::notice_of_retry(&what, attempt + 2, retries + 1, pause);
            }
            if rest.is_none_or(|rest| rest < pause) {
                std::thread::sleep(pause);
            }
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
        unreachable!("the loop ends by returning")
    }
}

/// Where a redirect leads, without the query that may hold a secret, and which address of GitLab that makes: the target
/// has to end as the URL that was asked does.
fn redirected(url: &str, instance: &str, location: &str) -> (String, Option<String>) {
    let target = location.split(['?', '#']).next().unwrap_or_default();
    let origin = instance.find("://").and_then(|at| Some(at + 3 + instance[at + 3..].find('/')?));
    let target = match target {
        "" => return ("another address".to_owned(), None),
        path if path.starts_with('/') && !path.starts_with("//") => {
            format!("{}{path}", &instance[..origin.unwrap_or(instance.len())])
        }
        target => target.to_owned(),
    };
    let asked = url.strip_prefix(instance).and_then(|path| path.split('?').next()).unwrap_or_default();
    let base = target.strip_suffix(asked).filter(|base| base.starts_with("http") && *base != instance);
    let base = base.map(str::to_owned);
    (target, base)
}

fn passing(what: String) -> Failure {
    Failure::Passing { what, load: Load::Unknown, rest: None }
}

fn rate_limited(headers: &HeaderMap) -> Failure {
    Failure::Passing {
        what: "GitLab's rate limit is reached (429)".to_owned(),
        load: Load::Limited,
        rest: rest_wanted(headers),
    }
}

fn unwell(status: u16, said: &str, headers: &HeaderMap) -> Failure {
    Failure::Passing {
        what: format!("GitLab is not well ({status}): {said}"),
        load: if refusal::says_timeout(said) { Load::Heavy } else { Load::Unknown },
        rest: retry_after(headers),
    }
}

fn lasting(fault: Fault) -> Failure {
    Failure::Lasting(fault)
}

fn header(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// How long the server asks to be left alone, by `Retry-After` (seconds) or the rate limit's reset.
fn rest_wanted(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers).or_else(|| until_reset(headers))
}

/// `Retry-After` in seconds; GitLab sends no dates there.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    header(headers, header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
}

/// How long to rest after an answer that used up the last of the rate limit. Without these headers there is no
/// limit, or GitLab does not tell it.
fn rest_after_last(headers: &HeaderMap) -> Option<Duration> {
    let remaining = headers.get("ratelimit-remaining")?.to_str().ok()?.trim();
    if remaining == "0" { until_reset(headers) } else { None }
}

/// The time to `RateLimit-Reset` (seconds since 1970), by the server's own clock.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let reset = headers
        .get("ratelimit-reset")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .and_then(Timestamp::from_unix_seconds)?;
    let now = header(headers, header::DATE).and_then(Timestamp::from_http_date)?;
    let seconds = u64::try_from(reset.seconds_since(now)).ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_names_the_address_to_set_or_none() {
        let instance = "https://git.example.com/gitlab";
        let base = |location: &str| redirected(&format!("{instance}/api/graphql"), instance, location);
        for (location, expected) in [
            ("https://gitlab.example.com/api/graphql", Some("https://gitlab.example.com")),
            ("https://gitlab.example.com/git/api/graphql?a=b", Some("https://gitlab.example.com/git")),
            ("/api/graphql", Some("https://git.example.com")),
            ("https://git.example.com/gitlab/api/graphql", None),
            ("https://sso.example.com/login?state=secret", None),
            ("/users/sign_in", None),
            ("", None),
        ] {
            let (target, found) = base(location);
            assert_eq!(found.as_deref(), expected, "{location}");
            assert!(!target.contains('?') && !target.contains("secret"), "{target}");
        }
        assert_eq!(base("/users/sign_in").0, "https://git.example.com/users/sign_in");
    }
}
