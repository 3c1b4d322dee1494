//! A stand-in for GitLab: its GraphQL API on the loopback interface, over an invented organization.
//!
//! Start one with [`StandIn::start`]; dropping it stops the server. Several can run in one process.
//! No response depends on the clock: for the server, today is the day after [`Settings::until`].
//! Only delays, the rate limit and downtime use real time.

mod activity;
mod catalog;
mod complexity;
mod delivery;
mod errors;
mod faults;
mod graphql;
mod http;
mod organization;
mod packages;
mod paging;
mod people;
mod release;
mod resolvers;
mod rest;
mod schema;
mod sessions;
mod story;
mod validation;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use self::http::{Call, Delivery, Reply, Server};
use self::resolvers::Role;
use self::schema::Schema;

pub use self::activity::{EVENTS, UNKNOWN_EVENT};
pub use self::faults::{Fault, RandomFaults};
pub use self::organization::{
    AddOn, AddOnPurchase, Group, MergeRequest, OUTSIDE_GROUPS, Organization, Person, Pipeline, Project,
    Session, UsageEvent,
};
pub use self::packages::Registry;
pub use self::release::Release;
pub use self::sessions::UNKNOWN_STATUS;

/// What to generate and how to serve it. The same settings generate the same organization.
#[derive(Clone, Debug)]
pub struct Settings {
    /// People and bots together.
    pub people: usize,
    /// Days with usage events, the last one included.
    pub days: u32,
    /// Whether use of Duo changes over time: a group starts, a team stops, a better model, a new event,
    /// seats that nobody uses.
    pub story: bool,
    /// The seed of all random choices.
    pub seed: u64,
    /// The last day with data. The server's clock always shows 03:00 UTC of the next day.
    pub until: NaiveDate,
    /// The owner's token. The suffixes `-reporter`, `-guest` and `-web` (a reporter in `acme/web` who
    /// cannot see `acme`) make tokens with fewer permissions, `-admin` makes an administrator's.
    pub token: String,
    /// Delay before each response.
    pub latency: Duration,
    /// 0: any free port.
    pub port: u16,
    /// None: one for every 15 people, at least 3.
    pub projects: Option<usize>,
    /// Replaces the usual usage events with exactly this many in `acme` on the last day; up to
    /// about a million.
    pub events_on_last_day: Option<usize>,
    /// The GitLab release to simulate. Usage events without a name in this release are not
    /// generated.
    pub release: Release,
    /// Whether the instance has ClickHouse, and with it aggregated metrics.
    pub clickhouse: bool,
    /// Whether the feature flag of the aggregation engine of flows is on. GitLab has it off by
    /// default.
    pub duo_workflows: bool,
    /// Whether Siphon replicates the database to ClickHouse.
    pub siphon: bool,
    /// Maximum number of rows of a page of the aggregation engines.
    pub largest_aggregate_page: usize,
    /// Seats belong to the instance, and only an administrator sees them. Otherwise they belong to
    /// top-level groups, and owners see them.
    pub self_managed: bool,
    /// Some usage events happen outside all groups, in personal projects; only an administrator
    /// sees them.
    pub events_outside_groups: bool,
    /// Random faults for GraphQL requests, unless an injected fault is queued.
    pub trouble: Option<RandomFaults>,
    /// Usage events of this day are forbidden: time ranges that contain it return null and an
    /// error.
    pub forbidden_day: Option<NaiveDate>,
    /// If a time range contains more usage events than this after filtering, each of its pages
    /// times out.
    pub too_heavy: Option<usize>,
    /// A page with more usage events than this times out.
    pub largest_page: Option<usize>,
    /// Each page of usage events of this day, except the first one, lacks its first row: rows lost at
    /// page borders.
    pub lost_rows_on: Option<NaiveDate>,
    /// The first chat message of this day in each group counts for the day before in GitLab's own
    /// counts, as if it had been stored before midnight.
    pub shifted_event_on: Option<NaiveDate>,
    /// Requests per second; more are refused with 429. Each response states how many are left.
    pub rate_limit: Option<u32>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            people: 300,
            days: 50,
            story: false,
            seed: 42,
            until: NaiveDate::from_ymd_opt(2026, 10, 31).expect("a day of the calendar"),
            token: "stand-in-token".to_string(),
            latency: Duration::ZERO,
            port: 0,
            projects: None,
            events_on_last_day: None,
            release: Release::Newest,
            clickhouse: false,
            duo_workflows: true,
            siphon: true,
            largest_aggregate_page: complexity::MAX_PAGE_SIZE,
            self_managed: false,
            events_outside_groups: false,
            trouble: None,
            forbidden_day: None,
            too_heavy: None,
            largest_page: None,
            lost_rows_on: None,
            shifted_event_on: None,
            rate_limit: None,
        }
    }
}

/// A request that the stand-in received.
#[derive(Clone, Debug)]
pub struct Request {
    /// Name of the GraphQL operation, or the path of another request.
    pub operation: String,
    /// Variables of the operation; null for another request.
    pub variables: Value,
    /// HTTP status of the response; 0 if there was none.
    pub status: u16,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Data, or a response of the REST API.
    Answered,
    /// Data, and errors of some fields (messages), for example a date range that is too long.
    AnsweredWithErrors(Vec<String>),
    /// Rejected (messages): invalid, too complex, too deep, bad variables.
    Rejected(Vec<String>),
    /// 401: the token is invalid.
    Unauthorized,
    /// 404: no such path.
    NotFound,
    /// A fault: injected, random, or caused by the settings (too heavy, too many requests).
    /// Includes a correct response that was only slow.
    Fault,
}

/// Names and values.
type Headers = Vec<(String, String)>;

/// The running stand-in.
pub struct StandIn {
    server: Server,
    shared: Arc<State>,
}

struct State {
    settings: Settings,
    organization: Organization,
    schema: Schema,
    requests: Mutex<Vec<Request>>,
    faults: Mutex<VecDeque<Fault>>,
    /// How often each request body arrived, by its digest.
    repeats: Mutex<HashMap<u64, u64>>,
    /// Requests left until all tokens are refused.
    until_revoked: Mutex<Option<usize>>,
    /// Times of the requests accepted within the last second.
    recent: Mutex<VecDeque<Instant>>,
    /// Whether a time range of usage events is too heavy, by the requested field, range and
    /// filters.
    heavy: Mutex<HashMap<String, bool>>,
    /// Content of artifacts by job and path.
    artifacts: Mutex<HashMap<(String, String), Vec<u8>>>,
    /// The status of requests for artifacts; 200 unless they are refused.
    artifact_status: Mutex<u16>,
    packages: packages::Packages,
    comments: Mutex<Vec<String>>,
}

impl StandIn {
    /// Generates the organization and serves it.
    pub fn start(settings: Settings) -> io::Result<StandIn> {
        let shared = Arc::new(State {
            organization: Organization::invent(&settings),
            schema: Schema::load(settings.release),
            requests: Mutex::new(Vec::new()),
            faults: Mutex::new(VecDeque::new()),
            repeats: Mutex::new(HashMap::new()),
            until_revoked: Mutex::new(None),
            recent: Mutex::new(VecDeque::new()),
            heavy: Mutex::new(HashMap::new()),
            artifacts: Mutex::new(HashMap::new()),
            artifact_status: Mutex::new(200),
            packages: packages::Packages::default(),
            comments: Mutex::new(Vec::new()),
            settings,
        });
        let server = Server::start(shared.settings.port, {
            let shared = Arc::clone(&shared);
            move |call| shared.reply(call)
        })?;
        Ok(StandIn { server, shared })
    }

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The data that it serves.
    pub fn organization(&self) -> &Organization {
        &self.shared.organization
    }

    /// All requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic while held").clone()
    }

    /// Messages of all rejected requests. Empty for a correct client.
    pub fn rejected(&self) -> Vec<String> {
        let requests = self.shared.requests.lock().expect("no panic while held");
        let messages = requests.iter().filter_map(|request| match &request.outcome {
            Outcome::Rejected(messages) => Some(messages.clone()),
            _ => None,
        });
        messages.flatten().collect()
    }

    /// Number of requests of this operation that succeeded and had a variable `start…` on this day.
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

    /// The largest number of requests in flight at the same time, each from its last byte until its
    /// response is ready.
    pub fn most_in_flight(&self) -> usize {
        self.server.most_in_flight()
    }

    /// Accepts this many more requests, then refuses all tokens.
    pub fn revoke_token_after(&self, requests: usize) {
        *self.shared.until_revoked.lock().expect("no panic while held") = Some(requests);
    }

    /// Closes all connections, and for this long also each new one.
    pub fn down_for(&self, duration: Duration) {
        self.server.down_for(duration);
    }

    /// Stores a file as an artifact of a job in the latest successful pipeline of each branch of
    /// each project.
    pub fn keep_artifact(&self, job: &str, path: &str, content: Vec<u8>) {
        let key = (job.to_owned(), path.to_owned());
        self.shared.artifacts.lock().expect("no panic while held").insert(key, content);
    }

    /// Deletes all artifacts: the latest successful pipeline has none of these jobs.
    pub fn lose_artifacts(&self) {
        self.shared.artifacts.lock().expect("no panic while held").clear();
    }

    /// Responds to requests for artifacts with this status; 200: as usual.
    pub fn refuse_artifacts(&self, status: u16) {
        *self.shared.artifact_status.lock().expect("no panic while held") = status;
    }

    /// Changes how the package registry responds.
    pub fn set_registry(&self, registry: Registry) {
        self.shared.packages.set_registry(registry);
    }

    /// The newest version of each package file, by `NAME/VERSION/FILE`.
    pub fn package_files(&self) -> BTreeMap<String, Vec<u8>> {
        self.shared.packages.files()
    }

    /// Stores a file in the package registry of a project, at `NAME/VERSION/FILE`.
    pub fn store_package_file(&self, project: &str, path: &str, content: Vec<u8>) {
        self.shared.packages.store(project, path, content);
    }

    /// Deletes the package files whose path contains a text.
    pub fn delete_package_files(&self, text: &str) {
        self.shared.packages.delete(text);
    }

    /// The comments on issues so far.
    pub fn comments(&self) -> Vec<String> {
        self.shared.comments.lock().expect("no panic while held").clone()
    }

    /// Queues faults. Each of the next GraphQL requests takes the first one in the queue.
    pub fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().expect("no panic while held").extend(faults);
    }
}

impl State {
    fn reply(&self, call: &Call) -> Reply {
        if !self.settings.latency.is_zero() {
            thread::sleep(self.settings.latency);
        }
        let path = call.target.split('?').next().unwrap_or_default();
        let is_query = path == "/api/graphql" && call.method == "POST";
        let pace = match self.check_rate_limit() {
            Ok(headers) => headers,
            Err(headers) => {
                let mut reply = self.response(429, "text/plain", b"Retry later\n".to_vec());
                reply.headers.extend(headers);
                if is_query {
                    graphql::record_faulted(self, call, &reply);
                } else {
                    self.log_request(path.to_string(), Value::Null, 429, Outcome::Fault);
                }
                return reply;
            }
        };
        let role = self.role(call);
        let mut reply = if is_query {
            graphql::reply(self, call, role, &self.next_fault(call))
        } else {
            rest::reply(self, call, path, role).unwrap_or_else(|| {
                self.log_request(path.to_string(), Value::Null, 404, Outcome::NotFound);
                self.json(404, &errors::body(errors::NOT_FOUND))
            })
        };
        if reply.status == 200 {
            reply.headers.extend(pace);
        }
        reply
    }

    fn artifact_status(&self) -> u16 {
        *self.artifact_status.lock().expect("no panic while held")
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
        trouble.fault_for(digest, *before - 1)
    }

    /// The role of the token in the request; `None` if the token is invalid. Without a token: the
    /// anonymous user.
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
            "-web" => Some(Role::WebReporter),
            _ => None,
        }
    }

    /// `Ok`: headers of a response within the rate limit. `Err`: headers of the refusal.
    fn check_rate_limit(&self) -> Result<Headers, Headers> {
        let Some(limit) = self.settings.rate_limit else {
            return Ok(Vec::new());
        };
        let now = Instant::now();
        let mut recent = self.recent.lock().expect("no panic while held");
        while recent.front().is_some_and(|moment| now - *moment >= Duration::from_secs(1)) {
            recent.pop_front();
        }
        let observed = u32::try_from(recent.len()).expect("at most the limit") + 1;
        let reset = self.organization.now() + TimeDelta::seconds(1);
        let mut headers = vec![
            // GitLab converts the limit to one per minute, but not the other headers.
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

    fn log_request(&self, operation: String, variables: Value, status: u16, outcome: Outcome) {
        self.requests.lock().expect("no panic while held").push(Request {
            operation,
            variables,
            status,
            outcome,
        });
    }

    fn json(&self, status: u16, body: &Value) -> Reply {
        self.response(status, "application/json; charset=utf-8", body.to_string().into_bytes())
    }

    fn response(&self, status: u16, content_type: &str, body: Vec<u8>) -> Reply {
        let date = http_date(self.organization.now());
        Reply {
            status,
            content_type: content_type.to_string(),
            headers: vec![("Date".to_string(), date)],
            body,
            delivery: Delivery::Complete,
        }
    }
}

fn http_date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
