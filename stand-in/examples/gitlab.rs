//! A stand-in GitLab for trying the tool without a GitLab or a license.

use std::error::Error;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Parser;
use stand_in::{RandomFaults, Release, Settings, StandIn};

/// A stand-in GitLab: its GraphQL API on this machine, with the data of an invented organization
///
/// People, seats, Duo usage events, projects, merge requests and pipelines are generated from a
/// seed: the same options give the same organization. All data is invented, and no data leaves this
/// machine.
#[derive(Parser)]
#[command(
    name = "gitlab",
    after_help = "\
There are two top-level groups: acme (most of the data; subgroups acme/web, acme/platform and
acme/platform/data) and globex (about a tenth of it). To explore it:

  cargo run --example gitlab -- --port 8080
  export GITLAB_URL=http://127.0.0.1:8080 DUO_TOKEN=stand-in-token GROUP_PATH=acme
  DUO_METRICS_NOW=2026-11-01T03:00:00Z duo-metrics run

Tokens: TEXT is an owner's; TEXT-admin an administrator's, with the events of the whole instance;
TEXT-reporter sees usage but no seats; TEXT-guest sees groups but no usage; TEXT-expired and all
others are refused; without a token no group is visible.

In addition to GraphQL it serves GET /api/v4/personal_access_tokens/self, /api/v4/user, /api/v4/metadata,
/api/v4/license, /api/v4/namespaces/acme, /api/v4/groups/acme/members/all/11 and
/api/v4/projects/acme%2Fweb%2Fstorefront (or the path of another project), and accepts comments by POST
/api/v4/projects/1/issues/1/notes.

The server's clock always shows 03:00 UTC of the day after --until."
)]
struct Options {
    /// Port on 127.0.0.1; 0 means any free port
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Number of people and bots
    #[arg(long, value_name = "N", default_value_t = 300)]
    people: usize,

    /// Number of days with data
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,

    /// Use of Duo changes over time: a group starts, a team stops, a better model, a new event
    #[arg(long)]
    story: bool,

    /// Seed of the organization
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Last day with data
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2026-10-31")]
    until: NaiveDate,

    /// The owner's token
    #[arg(long, value_name = "TEXT", default_value = "stand-in-token")]
    token: String,

    /// Delay before each response, in milliseconds
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,

    /// Number of projects [default: one for every 15 people, at least 3]
    #[arg(long, value_name = "N")]
    projects: Option<usize>,

    /// Generate exactly this many usage events, all in acme on the last day, to test large amounts
    #[arg(long, value_name = "N")]
    events_on_last_day: Option<usize>,

    /// The GitLab release to simulate: 17.5, 17.11, 18.2, 18.7, 19.1 or newest
    #[arg(long, value_name = "RELEASE", default_value_t = Release::Newest)]
    release: Release,

    /// Simulate ClickHouse, which enables aggregated metrics
    #[arg(long)]
    clickhouse: bool,

    /// Switch off the feature flag of the aggregates of flows, as GitLab does by default
    #[arg(long)]
    no_duo_workflows: bool,

    /// Simulate ClickHouse without Siphon, which replicates the database to it
    #[arg(long)]
    no_siphon: bool,

    /// Seats belong to the instance, as on Self-Managed and Dedicated
    #[arg(long)]
    self_managed: bool,

    /// Some events happen outside all groups, where only an administrator's token sees them
    #[arg(long)]
    events_outside_groups: bool,

    /// Share of requests with a random fault, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    trouble: f64,

    /// Day whose usage events are forbidden for all tokens
    #[arg(long, value_name = "YYYY-MM-DD")]
    forbidden_day: Option<NaiveDate>,

    /// Time out for time ranges with more usage events than this
    #[arg(long, value_name = "N")]
    too_heavy: Option<usize>,

    /// Time out for pages with more usage events than this
    #[arg(long, value_name = "N")]
    largest_page: Option<usize>,

    /// Day whose pages of usage events lack their first row, except the first page
    #[arg(long, value_name = "YYYY-MM-DD")]
    lost_rows_on: Option<NaiveDate>,

    /// Day whose first chat message GitLab's own counts count on the day before
    #[arg(long, value_name = "YYYY-MM-DD")]
    shifted_event_on: Option<NaiveDate>,

    /// Requests per second; more are refused with 429
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let stand_in = StandIn::start(Settings {
        people: options.people,
        days: options.days,
        story: options.story,
        seed: options.seed,
        until: options.until,
        token: options.token,
        latency: Duration::from_millis(options.latency_ms),
        port: options.port,
        projects: options.projects,
        events_on_last_day: options.events_on_last_day,
        release: options.release,
        clickhouse: options.clickhouse,
        duo_workflows: !options.no_duo_workflows,
        siphon: !options.no_siphon,
        self_managed: options.self_managed,
        events_outside_groups: options.events_outside_groups,
        trouble: (options.trouble > 0.0).then(|| RandomFaults::mixed(options.seed, options.trouble)),
        forbidden_day: options.forbidden_day,
        too_heavy: options.too_heavy,
        largest_page: options.largest_page,
        lost_rows_on: options.lost_rows_on,
        shifted_event_on: options.shifted_event_on,
        rate_limit: options.rate_limit,
        ..Settings::default()
    })?;
    let mut output = io::stdout().lock();
    writeln!(output, "listening on {}", stand_in.url())?;
    output.flush()?;
    // Runs until it is killed.
    loop {
        thread::park();
    }
}
