//! A stand-in for GitLab: its GraphQL API on the loopback interface, over an invented organisation.
//!
//! Start one with [`StandIn::start`]; dropping it stops the server. Several may live in one process.
//! Nothing here reads a clock: the server's day is the one after [`Settings::until`].

mod activity;
mod answer;
mod complexity;
mod delivery;
mod errors;
mod graphql;
mod http;
mod organisation;
mod paging;
mod people;
mod schema;
mod validation;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use chrono::NaiveDate;
use serde_json::Value;

use self::http::{Call, Delivery, Reply, Server};
use self::schema::Schema;

pub use self::activity::{EVENTS, UNKNOWN_EVENT};
pub use self::organisation::{
    AddOn, AddOnPurchase, Group, MergeRequest, Organisation, Person, Pipeline, Project, UsageEvent,
};

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
    /// The owner's token. With `-reporter` or `-guest` behind it the token of someone who may see less.
    pub token: String,
    /// Waited before each answer.
    pub latency: Duration,
    /// 0: any free one.
    pub port: u16,
    /// None: one for every 15 people, at least 3.
    pub projects: Option<usize>,
    /// Instead of the usual usage events exactly this many in `acme` on the last day; up to a million or so.
    pub events_on_last_day: Option<usize>,
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
        }
    }
}

/// One answer gone wrong, for one GraphQL request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// None at all: this request is answered as usual.
    None,
    /// Any answer.
    Status { status: u16, headers: Vec<(String, String)>, content_type: String, body: String },
    /// 429 in plain text; with the rate limit headers only if `retry_after` (seconds) is given.
    TooManyRequests { retry_after: Option<u32> },
    /// 502 with a page of HTML.
    BadGateway,
    /// The right answer, but the connection is closed after half of its body.
    Reset,
    /// Half of the right answer, announced and delivered as if it were whole.
    TruncatedJson,
    /// Silence for this long, then the connection is closed.
    Hang(Duration),
    /// 200 with what could be answered in time and a `Timeout on ...` for every connection.
    TimeoutAnswer,
    /// 200, but the server cannot name some of the usage events: those nodes are null, with an error for each.
    /// So GitLab does with events that a newer release has stored. About every fifth event is meant.
    NamelessEvents,
    /// 503 in JSON: the database gave up.
    RequestTimedOut,
    /// 401, as if the token had been revoked in between.
    Unauthorized,
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
    /// A fault that was injected.
    Fault,
}

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
}

impl StandIn {
    /// Invents the organisation and serves it.
    pub fn start(settings: Settings) -> io::Result<StandIn> {
        let shared = Arc::new(Shared {
            organisation: Organisation::invent(&settings),
            schema: Schema::load(),
            requests: Mutex::new(Vec::new()),
            faults: Mutex::new(VecDeque::new()),
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
        if path != "/api/graphql" || call.method != "POST" {
            self.note(path.to_string(), Value::Null, 404, Outcome::NotFound);
            return self.json(404, &errors::body(errors::NOT_FOUND));
        }
        let fault = self.faults.lock().expect("no panic while held").pop_front();
        graphql::reply(self, call, &fault.unwrap_or(Fault::None))
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
        let date = self.organisation.now().format("%a, %d %b %Y %H:%M:%S GMT");
        Reply {
            status,
            content_type: content_type.to_string(),
            headers: vec![("Date".to_string(), date.to_string())],
            body,
            delivery: Delivery::Whole,
        }
    }
}
