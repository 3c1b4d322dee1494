//! A stand-in for GitLab: its GraphQL API on the loopback interface, over an invented organisation.
//!
//! Start one with [`StandIn::start`]; dropping it stops the server. Several may live in one process.
//! No answer depends on a clock: the server's day is the one after [`Settings::until`]. Only waits, the rate limit
//! and the time of being down are real ones.

mod activity;
mod answer;
mod catalogue;
mod complexity;
mod delivery;
mod errors;
mod faults;
mod graphql;
mod http;
mod organisation;
mod paging;
mod people;
mod release;
mod rest;
mod schema;
mod sessions;
mod validation;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use self::answer::Role;
use self::http::{Call, Delivery, Reply, Server};
use self::schema::Schema;

pub use self::activity::{EVENTS, UNKNOWN_EVENT};
pub use self::faults::{Fault, Trouble};
pub use self::organisation::{
    AddOn, AddOnPurchase, Group, MergeRequest, OUTSIDE_GROUPS, Organisation, Person, Pipeline, Project,
    Session, UsageEvent,
};
pub use self::release::Release;

/// What to invent and how to serve it. The same settings give the same organisation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// People and bots together.
    pub people: usize,
    /// Days with usage events, the last one included.
    pub days: u32,
    pub seed: u64,
    /// The last day with data; the server's clock stands at three in the morning of the day after.
    pub until: NaiveDate,
    /// The owner's token. With `-reporter` or `-guest` behind it the token of someone who may see less, with
    /// `-admin` that of an administrator.
    pub token: String,
    /// Waited before each answer.
    pub latency: Duration,
    /// 0: any free one.
    pub port: u16,
    /// None: one for every 15 people, at least 3.
    pub projects: Option<usize>,
    /// Instead of the usual usage events exactly this many in `acme` on the last day; up to a million or so.
    pub events_on_last_day: Option<usize>,
    /// The GitLab to play. Usage events that it has no name for do not occur in its organisation.
    pub release: Release,
    /// With ClickHouse there are aggregated metrics.
    pub clickhouse: bool,
    /// Seats belong to the instance and only its administrator sees them, instead of to top-level groups and owners.
    pub self_managed: bool,
    /// Some usage events happen outside every group, in projects of people's own: only an administrator sees them.
    pub events_outside_groups: bool,
    /// Faults by chance, for the GraphQL requests that no injected fault is meant for.
    pub trouble: Option<Trouble>,
    /// Nobody may see usage events of this day: windows that hold it are null, with an error.
    pub forbidden_day: Option<NaiveDate>,
    /// Usage events in a window, after its filters, beyond which every page of it times out.
    pub too_heavy: Option<usize>,
    /// Usage events in a page, beyond which it times out.
    pub largest_page: Option<usize>,
    /// Requests a second; those beyond are 429, and every answer says how many are left.
    pub rate_limit: Option<u32>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            people: 300,
            days: 50,
            seed: 42,
            until: NaiveDate::from_ymd_opt(2026, 10, 31).expect("a day of the calendar"),
            token: "stand-in-token".to_string(),
            latency: Duration::ZERO,
            port: 0,
            projects: None,
            events_on_last_day: None,
            release: Release::Newest,
            clickhouse: false,
            self_managed: false,
            events_outside_groups: false,
            trouble: None,
            forbidden_day: None,
            too_heavy: None,
            largest_page: None,
            rate_limit: None,
        }
    }
}

/// A request the stand-in has met.
#[derive(Clone, Debug)]
pub struct Request {
    /// Name of the operation, or the path for requests that are not GraphQL.
    pub operation: String,
    pub variables: Value,
    /// HTTP status of the answer; 0 where none came.
    pub status: u16,
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Answered,
    /// Answered with data and errors of some fields (messages), such as a date range too long.
    AnsweredWithErrors(Vec<String>),
    /// Rejected as a whole (messages): invalid, too complex, too deep, bad variables.
    Rejected(Vec<String>),
    /// 401: a token, but not a good one.
    Unauthorized,
    /// 404: no such path.
    NotFound,
    /// A fault: injected, by chance, or by the settings (too heavy, too many requests). So is the right answer that
    /// only came slowly.
    Fault,
}

/// Names and values.
type Headers = Vec<(String, String)>;

/// The running stand-in.
pub struct StandIn {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    organisation: Organisation,
    schema: Schema,
    requests: Mutex<Vec<Request>>,
    faults: Mutex<VecDeque<Fault>>,
    /// How often each request body has come, by its digest.
    repeats: Mutex<HashMap<u64, u64>>,
    /// Requests until every token is refused.
    until_revoked: Mutex<Option<usize>>,
    /// Moments of the requests let through within the last second.
    recent: Mutex<VecDeque<Instant>>,
    /// Whether a window of usage events is too heavy, by what was asked for.
    heavy: Mutex<HashMap<String, bool>>,
    /// Content by job and path.
    artifacts: Mutex<HashMap<(String, String), Vec<u8>>>,
    comments: Mutex<Vec<String>>,
}

impl StandIn {
    /// Invents the organisation and serves it.
    pub fn start(settings: Settings) -> io::Result<StandIn> {
        let shared = Arc::new(Shared {
            organisation: Organisation::invent(&settings),
            schema: Schema::load(settings.release),
            requests: Mutex::new(Vec::new()),
            faults: Mutex::new(VecDeque::new()),
            repeats: Mutex::new(HashMap::new()),
            until_revoked: Mutex::new(None),
            recent: Mutex::new(VecDeque::new()),
            heavy: Mutex::new(HashMap::new()),
            artifacts: Mutex::new(HashMap::new()),
            comments: Mutex::new(Vec::new()),
            settings,
        });
        let server = Server::start(shared.settings.port, {
            let shared = Arc::clone(&shared);
            move |call| shared.reply(call)
        })?;
        Ok(StandIn { server, shared })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub fn organisation(&self) -> &Organisation {
        &self.shared.organisation
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic while held").clone()
    }

    /// Messages of all requests rejected as a whole. A good client leaves this empty.
    pub fn rejected(&self) -> Vec<String> {
        let requests = self.shared.requests.lock().expect("no panic while held");
        let messages = requests.iter().filter_map(|request| match &request.outcome {
            Outcome::Rejected(messages) => Some(messages.clone()),
            _ => None,
        });
        messages.flatten().collect()
    }

    /// How many requests of this operation were answered as usual and had a variable whose name starts with `start` on this day.
    pub fn served_pages(&self, day: NaiveDate, operation: &str) -> usize {
        let day = day.to_string();
        let requests = self.shared.requests.lock().expect("no panic while held");
        let is_meant = |request: &&Request| {
            let starts_there = request.variables.as_object().is_some_and(|variables| {
                variables.iter().any(|(name, value)| {
                    name.starts_with("start") && value.as_str().is_some_and(|value| value.starts_with(&day))
                })
            });
            request.operation == operation && request.outcome == Outcome::Answered && starts_there
        };
        requests.iter().filter(is_meant).count()
    }

    /// The most requests that were being served at once, from their last byte until the answer is ready to leave.
    pub fn most_in_flight(&self) -> usize {
        self.server.most_in_flight()
    }

    /// Lets so many more requests through and refuses every token from then on.
    pub fn revoke_token_after(&self, requests: usize) {
        *self.shared.until_revoked.lock().expect("no panic while held") = Some(requests);
    }

    /// Closes every connection now, and every new one at once for this long.
    pub fn down_for(&self, duration: Duration) {
        self.server.down_for(duration);
    }

    /// Keeps a file as an artifact of a job in the last successful pipeline of every branch of every project.
    pub fn keep_artifact(&self, job: &str, path: &str, content: Vec<u8>) {
        let key = (job.to_owned(), path.to_owned());
        self.shared.artifacts.lock().expect("no panic while held").insert(key, content);
    }

    /// The comments on issues so far.
    pub fn comments(&self) -> Vec<String> {
        self.shared.comments.lock().expect("no panic while held").clone()
    }

    /// Queues faults: each next GraphQL request takes one from the front, until none is left.
    pub fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().expect("no panic while held").extend(faults);
    }
}

impl Shared {
    fn reply(&self, call: &Call) -> Reply {
        if !self.settings.latency.is_zero() {
            thread::sleep(self.settings.latency);
        }
        let path = call.target.split('?').next().unwrap_or_default();
        let is_query = path == "/api/graphql" && call.method == "POST";
        let pace = match self.pace() {
            Ok(headers) => headers,
            Err(headers) => {
                let mut reply = self.whole(429, "text/plain", b"Retry later\n".to_vec());
                reply.headers.extend(headers);
                if is_query {
                    graphql::note_spoilt(self, call, &reply);
                } else {
                    self.note(path.to_string(), Value::Null, 429, Outcome::Fault);
                }
                return reply;
            }
        };
        let role = self.role(call);
        let mut reply = if is_query {
            graphql::reply(self, call, role, &self.next_fault(call))
        } else {
            rest::reply(self, call, path, role).unwrap_or_else(|| {
                self.note(path.to_string(), Value::Null, 404, Outcome::NotFound);
                self.json(404, &errors::body(errors::NOT_FOUND))
            })
        };
        if reply.status == 200 {
            reply.headers.extend(pace);
        }
        reply
    }

    fn next_fault(&self, call: &Call) -> Fault {
        if let Some(fault) = self.faults.lock().expect("no panic while held").pop_front() {
            return fault;
        }
        let Some(trouble) = &self.settings.trouble else {
            return Fault::None;
        };
        let digest = faults::digest(&call.body);
        let mut repeats = self.repeats.lock().expect("no panic while held");
        let before = repeats.entry(digest).or_default();
        *before += 1;
        trouble.strike(digest, *before - 1)
    }

    /// Whose token came with the request; none for a token that is not good. No token at all is the anonymous user.
    fn role(&self, call: &Call) -> Option<Role> {
        let revoked = match &mut *self.until_revoked.lock().expect("no panic while held") {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        };
        let bearer = call.header("authorization").map(|value| {
            value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")).unwrap_or(value)
        });
        let Some(token) = bearer.or_else(|| call.header("private-token")) else {
            return Some(Role::Anonymous);
        };
        match token.strip_prefix(&self.settings.token).filter(|_| !revoked)? {
            "" => Some(Role::Owner),
            "-admin" => Some(Role::Administrator),
            "-reporter" => Some(Role::Reporter),
            "-guest" => Some(Role::Guest),
            _ => None,
        }
    }

    /// The headers of an answer within the rate limit, or those of the refusal beyond it.
    fn pace(&self) -> Result<Headers, Headers> {
        let Some(limit) = self.settings.rate_limit else {
            return Ok(Vec::new());
        };
        let now = Instant::now();
        let mut recent = self.recent.lock().expect("no panic while held");
        while recent.front().is_some_and(|moment| now - *moment >= Duration::from_secs(1)) {
            recent.pop_front();
        }
        let observed = u32::try_from(recent.len()).expect("at most the limit") + 1;
        let reset = self.organisation.now() + TimeDelta::seconds(1);
        let mut headers = vec![
            // GitLab converts the limit to one of a minute, and nothing else.
            ("RateLimit-Limit".to_string(), (limit * 60).to_string()),
            ("RateLimit-Name".to_string(), "throttle_authenticated_api".to_string()),
            ("RateLimit-Observed".to_string(), observed.to_string()),
            ("RateLimit-Remaining".to_string(), limit.saturating_sub(observed).to_string()),
            ("RateLimit-Reset".to_string(), reset.timestamp().to_string()),
        ];
        if observed <= limit {
            recent.push_back(now);
            return Ok(headers);
        }
        headers.push(("RateLimit-ResetTime".to_string(), http_date(reset)));
        headers.push(("Retry-After".to_string(), "1".to_string()));
        Err(headers)
    }

    fn note(&self, operation: String, variables: Value, status: u16, outcome: Outcome) {
        self.requests.lock().expect("no panic while held").push(Request {
            operation,
            variables,
            status,
            outcome,
        });
    }

    fn json(&self, status: u16, body: &Value) -> Reply {
        self.whole(status, "application/json; charset=utf-8", body.to_string().into_bytes())
    }

    fn whole(&self, status: u16, content_type: &str, body: Vec<u8>) -> Reply {
        let date = http_date(self.organisation.now());
        Reply {
            status,
            content_type: content_type.to_string(),
            headers: vec![("Date".to_string(), date)],
            body,
            delivery: Delivery::Whole,
        }
    }
}

fn http_date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
