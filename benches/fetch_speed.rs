//! `cargo bench --bench fetch_speed`: how much faster is `fetch` with concurrent requests? 30 days
//! of 1,000 people from the stand-in GitLab with 50 ms per page, medians of three runs, compared
//! with a simple cursor loop over the same days.

use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in::{Settings, StandIn};

const TOKEN: &str = "stand-in-token";

fn main() -> Result<(), Box<dyn Error>> {
    let latency = Duration::from_millis(50);
    let gitlab = StandIn::start(Settings { people: 1_000, days: 30, latency, ..Settings::default() })?;
    let mut output = io::stdout().lock();
    let loops = simple_loop(&gitlab)?;
    writeln!(output, "simple cursor loop, usage events only: {loops:.1} s")?;
    let mut one = None;
    for (jobs, collectors) in [("1", "usage_events"), ("1", ""), ("4", ""), ("8", "")] {
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(fetch(&gitlab, jobs, collectors)?);
        }
        times.sort_by(f64::total_cmp);
        let median = times[1];
        let ratio = match (collectors, one) {
            ("", None) => {
                one = Some(median);
                String::new()
            }
            ("", Some(one)) => format!(", {:.1} times as fast as with one job", one / median),
            _ => format!(", {:.2} times the simple loop", median / loops),
        };
        let name = if collectors.is_empty() { "all collectors of the Duo dashboard" } else { collectors };
        writeln!(
            output,
            "--jobs {jobs}, {name}: {median:.1} s{ratio}; at most {} in flight",
            gitlab.most_in_flight()
        )?;
    }
    Ok(())
}

fn fetch(gitlab: &StandIn, jobs: &str, collectors: &str) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_duo-metrics"))
        .args(["fetch", "--duo", "--since", "2026-10-02", "--jobs", jobs])
        .env("GITLAB_URL", gitlab.url())
        .env("DUO_TOKEN", TOKEN)
        .env("GROUP_PATH", "acme")
        .env("DUO_METRICS_COLLECTORS", collectors)
        .env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("fetch ended with {status}").into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// A naive client: day by day and page by page, on one connection.
fn simple_loop(gitlab: &StandIn) -> Result<f64, Box<dyn Error>> {
    let query = "query Simple($scope: ID!, $start: Date!, $end: Date!, $after: String) { group(fullPath: $scope) { aiUsageData { \
        all(startDate: $start, endDate: $end, first: 100, after: $after) { nodes { event timestamp user { id username bot } } \
        pageInfo { endCursor hasNextPage } } } } }";
    let agent = ureq::Agent::new_with_defaults();
    let start = Instant::now();
    for day in gitlab.organization().days() {
        let mut after = Value::Null;
        loop {
            let variables = json!({"scope": "acme", "start": day.to_string(), "end": day.succ_opt().map(|next| next.to_string()), "after": after});
            let body = json!({"query": query, "variables": variables}).to_string();
            let mut response = agent
                .post(format!("{}/api/graphql", gitlab.url()))
                .header("Authorization", format!("Bearer {TOKEN}"))
                .header("Content-Type", "application/json")
                .send(body)?;
            let response: Value = serde_json::from_str(&response.body_mut().read_to_string()?)?;
            let page = &response["data"]["group"]["aiUsageData"]["all"]["pageInfo"];
            if page["hasNextPage"] != true {
                break;
            }
            after = page["endCursor"].clone();
        }
    }
    Ok(start.elapsed().as_secs_f64())
}
