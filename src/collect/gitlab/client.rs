//! A client of GitLab's GraphQL and REST APIs: retries transient errors, and explains permanent
//! ones.

mod files;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use ureq::Body;
use ureq::http::{HeaderMap, Response, header};

use super::graphql_error::{self, ErrorKind, GraphQlError};
use super::limiter::ConcurrencyLimiter;
use crate::base::calendar::Timestamp;
use crate::base::error::Error;
use crate::base::text::{format_count, to_single_line};
use crate::collect::collectors::{Answer, Fault, NodeErrors};
use crate::collect::request_log::{self, Response as LoggedResponse};
use crate::system::http::{self, Connection};
use crate::system::log;
use crate::system::settings::{Access, Token};

/// The longest answer accepted, in bytes after decompression.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// The largest accepted difference between GitLab's clock and the start of the run, in seconds. It
/// includes the duration of the run.
const MAX_CLOCK_DIFFERENCE: i64 = 2 * 86_400;

/// The longest wait between two attempts, unless the server requests a longer one.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The longest pause granted to a server. If it requests more, there is no retry.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// The shortest pause that the log mentions.
const MIN_NOTED_PAUSE: Duration = Duration::from_secs(1);

/// Timeout, number of retries, and the waits between them.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// For a request and its answer. GitLab's own timeout is 30 s (60 s for some fields).
    pub timeout: Duration,
    /// Retries after the first attempt.
    pub retries: u32,
    /// The wait before the first retry. It doubles with each further one.
    pub wait: Duration,
    /// The most concurrent requests.
    pub jobs: usize,
}

/// A client of one GitLab.
pub struct Client {
    connection: Connection,
    instance: String,
    endpoint: String,
    /// The setting with the address, for messages.
    setting: &'static str,
    token: Token,
    retry_policy: RetryPolicy,
    now: Option<Timestamp>,
    clock: Timestamp,
    limiter: ConcurrencyLimiter,
    /// Set once the retries of a request are used up because the server is unavailable. Until the
    /// next answer, failed requests are not retried.
    is_unavailable: AtomicBool,
}

/// Why an attempt failed with a transient error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TransientCause {
    /// The server cannot be reached, or returned a server error.
    Unavailable,
    /// The query takes more than the server's time limit.
    QueryTooHeavy,
    /// The rate limit was reached.
    RateLimited,
}

impl TransientCause {
    /// The fault once there are no more retries. `is_hopeless` if a smaller query would fail too.
    fn into_fault(self, message: &str, is_hopeless: bool) -> Fault {
        match self {
            TransientCause::QueryTooHeavy if !is_hopeless => Fault::TooHeavy(message.to_owned()),
            TransientCause::RateLimited => Fault::RateLimited(format!("{message}; try again later")),
            _ => Fault::Transient(format!("{message}; try again later")),
        }
    }
}

/// Why one attempt returned no answer.
enum AttemptError {
    /// A retry can help. `pause` is how long the server asks to wait, if it does.
    Transient { message: String, cause: TransientCause, pause: Option<Duration> },
    /// A retry cannot help.
    Permanent(Fault),
}

impl Client {
    /// A client of one GitLab. `clock` is the time of this machine. If `now` is set, it replaces
    /// the `Date` of the server.
    pub fn new(
        access: Access,
        retry_policy: RetryPolicy,
        clock: Timestamp,
        now: Option<Timestamp>,
    ) -> Result<Client, Error> {
        let Access { instance, token, route } = access;
        let connection = Connection::new(&route, retry_policy.timeout)?;
        let limiter = ConcurrencyLimiter::new(retry_policy.jobs);
        Ok(Client {
            connection,
            instance: instance.as_str().to_owned(),
            endpoint: instance.endpoint(),
            setting: route.setting,
            token,
            retry_policy,
            now,
            clock,
            limiter,
            is_unavailable: AtomicBool::new(false),
        })
    }

    fn try_once(
        &self,
        body: &[u8],
        logged: &mut LoggedResponse,
    ) -> Result<(Answer, Option<Duration>), AttemptError> {
        let response = self
            .connection
            .agent()
            .post(&self.endpoint)
            .header(header::AUTHORIZATION, self.token.authorization())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .send(body);
        let mut response = response.map_err(|error| self.transport(&error))?;
        logged.status = Some(response.status().as_u16());
        // The limit applies after decompression: a small answer can decompress to more than the
        // memory.
        let mut text = Vec::new();
        let read = response.body_mut().as_reader().take(MAX_ANSWER_BYTES + 1).read_to_end(&mut text);
        logged.bytes = text.len() as u64;
        read.map_err(|error| self.transport(&ureq::Error::Io(error)))?;
        if text.len() as u64 > MAX_ANSWER_BYTES {
            return Err(permanent(Fault::Answer("GitLab's answer is longer than 64 MiB".to_owned())));
        }
        let answer = self.interpret(&response, &text)?;
        Ok((answer, pause_at_limit(response.headers())))
    }

    /// Interprets an HTTP response.
    fn interpret(&self, response: &Response<Body>, body: &[u8]) -> Result<Answer, AttemptError> {
        let status = response.status().as_u16();
        let summary = || graphql_error::summary(&self.redacted(body));
        if let Some(failure) = self.foreign_response_error(&self.endpoint, response, body) {
            return Err(failure);
        }
        match status {
            200 => {}
            401 => {
                return Err(permanent(Fault::Token(
                    "GitLab rejected the token (401): it is invalid, expired, revoked or lacks the scope read_api; renew DUO_TOKEN".to_owned(),
                )));
            }
            403 => {
                return Err(permanent(Fault::Token(format!(
                    "GitLab denied access to the user of the token (403): {}; check that the user may use the API",
                    summary()
                ))));
            }
            404 => {
                return Err(permanent(Fault::Configuration(format!(
                    "no GraphQL API found at {} (404); check GITLAB_URL",
                    self.endpoint
                ))));
            }
            429 => {
                return Err(rate_limited(response.headers()));
            }
            500..=599 => {
                return Err(server_error(status, &summary(), response.headers()));
            }
            _ => {
                return Err(permanent(Fault::Answer(format!(
                    "GitLab rejected the request ({status}): {}",
                    summary()
                ))));
            }
        }
        let at = match self.now {
            Some(now) => now,
            None => self.server_time(response.headers())?,
        };
        self.parse(body, at)
    }

    /// The error if the response is not from GitLab's API but from a redirect, login page, gateway
    /// or firewall. The API itself answers in JSON.
    fn foreign_response_error(
        &self,
        url: &str,
        response: &Response<Body>,
        body: &[u8],
    ) -> Option<AttemptError> {
        let status = response.status().as_u16();
        let setting = self.setting;
        let content_type = header(response.headers(), header::CONTENT_TYPE).unwrap_or_default();
        let is_page = content_type.to_ascii_lowercase().starts_with("text/html");
        let title = || graphql_error::summary(&self.redacted(body));
        let text = match status {
            300..=399 => {
                let location = header(response.headers(), header::LOCATION).unwrap_or_default();
                let location = graphql_error::one_line(&self.token.redact(location));
                let (target, base) = redirected(url, &self.instance, &location);
                let help = match base {
                    Some(base) => format!("set {setting} to {base}"),
                    None => format!(
                        "a login page or gateway in front of GitLab blocks API requests without a session; exempt /api from it, or set {setting} to an address behind it"
                    ),
                };
                format!("{url} redirects to {target}; {help}")
            }
            407 | 511 => format!(
                "a proxy on the way to {url} requires a login ({status}); set HTTPS_PROXY with user and password"
            ),
            200 if is_page => format!(
                "{url} returned a web page ({}); check {setting}, and whether a login page or proxy is in the way",
                title()
            ),
            401 | 403 | 406 | 451 if is_page => format!(
                "a gateway or firewall in front of {url} blocked the request ({status}: {}); allow requests from this machine to /api, or set HTTPS_PROXY",
                title()
            ),
            _ => return None,
        };
        Some(permanent(Fault::Configuration(text)))
    }

    /// The server's time. A date in the far future would make old data look new forever, so the
    /// clocks must roughly agree.
    fn server_time(&self, headers: &HeaderMap) -> Result<Timestamp, AttemptError> {
        let answer = |text: &str| permanent(Fault::Answer(text.to_owned()));
        let date = header(headers, header::DATE)
            .ok_or_else(|| answer("GitLab's answer has no Date header, so its time is unknown"))?;
        let at = Timestamp::from_http_date(date)
            .ok_or_else(|| answer("GitLab's answer has an invalid Date header"))?;
        if at.seconds_since(self.clock).abs() <= MAX_CLOCK_DIFFERENCE {
            Ok(at)
        } else {
            Err(permanent(Fault::Configuration(format!(
                "GitLab's clock ({at}) and the clock of this machine differ by days; correct the wrong one"
            ))))
        }
    }

    /// Extracts the data of an answer, or interprets its errors.
    fn parse(&self, body: &[u8], at: Timestamp) -> Result<Answer, AttemptError> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            data: Option<&'a RawValue>,
            errors: Option<Vec<GraphQlError>>,
        }
        let truncated = || transient("GitLab's answer is truncated or not JSON".to_owned());
        let text = std::str::from_utf8(body).map_err(|_| truncated())?;
        let envelope: Envelope =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| truncated())?;
        let errors = envelope.errors.unwrap_or_default();
        let is_of_a_node = |error: &GraphQlError| {
            error.node().is_some() && graphql_error::classify(error) != ErrorKind::Timeout
        };
        let is_usable = errors.iter().all(is_of_a_node) && envelope.data.is_some();
        let node_errors = errors.first().filter(|_| is_usable).map(|error| NodeErrors {
            nodes: errors
                .iter()
                .filter_map(|error| Some(format!("{:?}", error.node()?)))
                .collect::<BTreeSet<_>>()
                .len() as u64,
            message: graphql_error::one_line(&self.token.redact(error.message())),
        });
        if let (Some(error), None) = (errors.first(), &node_errors) {
            // Data beside other errors is incomplete in an unknown way, so it is not used.
            let message = graphql_error::one_line(&self.token.redact(error.message()));
            return Err(match graphql_error::classify(error) {
                ErrorKind::Timeout => AttemptError::Transient {
                    message: format!("GitLab timed out: {message}"),
                    cause: TransientCause::QueryTooHeavy,
                    pause: None,
                },
                ErrorKind::UnknownName => {
                    permanent(Fault::Unsupported(format!("not available in this GitLab version: {message}")))
                }
                ErrorKind::NotEnabled => {
                    permanent(Fault::NotEnabled(format!("not enabled in this GitLab: {message}")))
                }
                ErrorKind::Denied => permanent(Fault::Denied(format!("GitLab denied access: {message}"))),
                ErrorKind::Other => permanent(Fault::Answer(format!("GitLab rejected the query: {message}"))),
            });
        }
        match envelope.data {
            Some(data) if data.get().starts_with('{') => {
                Ok(Answer { data: data.to_owned(), at, node_errors })
            }
            _ => Err(permanent(Fault::Answer("GitLab's answer has neither data nor errors".to_owned()))),
        }
    }

    /// The start of a body as text, without the token. The token must be removed before the text is
    /// shortened further: a part of the token would not be recognized.
    fn redacted(&self, body: &[u8]) -> String {
        self.token.redact(&String::from_utf8_lossy(&body[..body.len().min(100_000)]))
    }

    fn transport(&self, error: &ureq::Error) -> AttemptError {
        let text = |text: &str| to_single_line(&self.token.redact(text));
        match self.connection.explain(error) {
            http::Failure::Transient(message) => transient(text(&message)),
            http::Failure::Permanent(message) => permanent(Fault::Configuration(text(&message))),
        }
    }
}

impl Client {
    /// A GET request to the REST API; `None` on 404.
    pub fn get(&self, path: &str) -> Result<Option<String>, Fault> {
        let url = format!("{}/api/v4/{path}", self.instance);
        self.with_retry("GET", |logged| self.get_once(&url, logged))
    }

    fn get_once(
        &self,
        url: &str,
        logged: &mut LoggedResponse,
    ) -> Result<(Option<String>, Option<Duration>), AttemptError> {
        let response =
            self.connection.agent().get(url).header(header::AUTHORIZATION, self.token.authorization()).call();
        let mut response = response.map_err(|error| self.transport(&error))?;
        logged.status = Some(response.status().as_u16());
        let mut text = String::new();
        let read = response.body_mut().as_reader().take(MAX_ANSWER_BYTES).read_to_string(&mut text);
        logged.bytes = text.len() as u64;
        read.map_err(|error| self.transport(&ureq::Error::Io(error)))?;
        let pause = pause_at_limit(response.headers());
        if let Some(failure) = self.foreign_response_error(url, &response, text.as_bytes()) {
            return Err(failure);
        }
        let summary = || graphql_error::summary(&self.redacted(text.as_bytes()));
        match response.status().as_u16() {
            200 => Ok((Some(text), pause)),
            404 => Ok((None, pause)),
            401 => Err(permanent(Fault::Token(
                "GitLab rejected the token (401): it is invalid, expired or revoked; renew DUO_TOKEN"
                    .to_owned(),
            ))),
            403 => Err(permanent(Fault::Denied(format!("GitLab denied access (403): {}", summary())))),
            429 => Err(rate_limited(response.headers())),
            status @ 500..=599 => Err(server_error(status, &summary(), response.headers())),
            status => Err(permanent(Fault::Answer(format!(
                "GitLab rejected the request ({status}): {}",
                summary()
            )))),
        }
    }

    /// Sends one operation of a document, with retries.
    pub(super) fn send(&self, document: &str, operation: &str, variables: &Value) -> Result<Answer, Fault> {
        let body = json!({"query": document, "operationName": operation, "variables": variables}).to_string();
        self.with_retry(operation, |logged| self.try_once(body.as_bytes(), logged))
    }

    /// Calls `try_once` until it succeeds, fails permanently, or the retry policy ends. With an
    /// answer, `try_once` returns the pause that the server requests. `operation` is for the log.
    fn with_retry<T>(
        &self,
        operation: &str,
        try_once: impl Fn(&mut LoggedResponse) -> Result<(T, Option<Duration>), AttemptError>,
    ) -> Result<T, Fault> {
        let mut wait = self.retry_policy.wait;
        for attempt in 0.. {
            let permit = self.limiter.acquire();
            let (started, mut logged) = (Instant::now(), LoggedResponse::default());
            let result = try_once(&mut logged);
            request_log::log_attempt(operation, logged, started.elapsed(), attempt + 1);
            let (message, cause, requested) = match result {
                Ok((answer, requested)) => {
                    permit.succeeded(requested);
                    self.is_unavailable.store(false, Ordering::Relaxed);
                    match requested.filter(|requested| *requested >= MIN_NOTED_PAUSE) {
                        Some(pause) => log::pause(pause),
                        None => log::clear_wait(),
                    }
                    return Ok(answer);
                }
                Err(AttemptError::Permanent(fault)) => return Err(fault),
                Err(AttemptError::Transient { message, cause, pause }) => {
                    let honored = pause.filter(|pause| *pause <= MAX_PAUSE);
                    match cause {
                        TransientCause::Unavailable => permit.failed(honored),
                        TransientCause::QueryTooHeavy | TransientCause::RateLimited => {
                            permit.pushed_back(honored);
                        }
                    }
                    (message, cause, pause)
                }
            };
            let is_hopeless = self.is_unavailable.load(Ordering::Relaxed)
                || requested.is_some_and(|requested| requested > MAX_PAUSE);
            // A query that is too heavy once mostly stays so: splitting it helps more than retries.
            let retries = if cause == TransientCause::QueryTooHeavy {
                self.retry_policy.retries.min(2)
            } else {
                self.retry_policy.retries
            };
            if is_hopeless || attempt >= retries {
                self.is_unavailable.fetch_or(cause == TransientCause::Unavailable, Ordering::Relaxed);
                let attempts = format_count(u64::from(attempt) + 1, "attempt");
                return Err(cause.into_fault(&format!("{message}, after {attempts}"), is_hopeless));
            }
            // GitLab.com's rate limits last a minute. If the server does not report when a limit
            // ends, the wait is therefore longer. A requested pause delays all requests, in the
            // limiter.
            let wait_now = if cause == TransientCause::RateLimited { wait.saturating_mul(4) } else { wait };
            let wait_now = wait_now.min(MAX_WAIT);
            // A query that is too heavy is split next, so it is no outage to report.
            if cause != TransientCause::QueryTooHeavy {
                let reported = requested.map_or(wait_now, |requested| requested.max(wait_now));
                log::retry(&message, attempt + 2, retries + 1, reported);
            }
            if requested.is_none_or(|requested| requested < wait_now) {
                std::thread::sleep(wait_now);
            }
            wait = wait.saturating_mul(2).min(MAX_WAIT);
        }
        unreachable!("the loop ends by returning")
    }
}

/// The target of a redirect, without the query, which may contain a secret; and the address of
/// GitLab that follows from it, if the target ends like the requested URL.
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
    let path = url.strip_prefix(instance).and_then(|path| path.split('?').next()).unwrap_or_default();
    let base = target.strip_suffix(path).filter(|base| base.starts_with("http") && *base != instance);
    let base = base.map(str::to_owned);
    (target, base)
}

fn transient(message: String) -> AttemptError {
    AttemptError::Transient { message, cause: TransientCause::Unavailable, pause: None }
}

fn rate_limited(headers: &HeaderMap) -> AttemptError {
    AttemptError::Transient {
        message: "GitLab's rate limit was reached (429)".to_owned(),
        cause: TransientCause::RateLimited,
        pause: requested_pause(headers),
    }
}

fn server_error(status: u16, summary: &str, headers: &HeaderMap) -> AttemptError {
    AttemptError::Transient {
        message: format!("GitLab returned a server error ({status}): {summary}"),
        cause: if graphql_error::is_timeout(summary) {
            TransientCause::QueryTooHeavy
        } else {
            TransientCause::Unavailable
        },
        pause: retry_after(headers),
    }
}

fn permanent(fault: Fault) -> AttemptError {
    AttemptError::Permanent(fault)
}

fn header(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The pause that the server requests, from `Retry-After` (seconds) or the reset of the rate limit.
fn requested_pause(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers).or_else(|| until_reset(headers))
}

/// `Retry-After` in seconds; GitLab sends no dates there.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    header(headers, header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
}

/// The pause after an answer that used up the rate limit. Without these headers there is no limit,
/// or GitLab does not report it.
fn pause_at_limit(headers: &HeaderMap) -> Option<Duration> {
    let remaining = headers.get("ratelimit-remaining")?.to_str().ok()?.trim();
    if remaining == "0" { until_reset(headers) } else { None }
}

/// The time until `RateLimit-Reset` (seconds since 1970), by the server's own clock.
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
    Some(Duration::from_secs(seconds).min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_the_gitlab_address_from_a_redirect() {
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
