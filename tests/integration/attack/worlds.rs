//! Seeded worlds of people: what GitLab would return, as record lines, day by day.
//!
//! Activity is skewed, so that many cells rest on one to four people. A world knows what was known
//! on which day: late events arrive with a second, larger fetch of their day, and one day shrinks
//! with a smaller one.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate};
use fastrand::Rng;

/// The first day with data: a Monday, nine weeks before the last site.
pub(crate) const FIRST: &str = "2026-08-31";

/// The day of the first daily site; the month closes within the sites.
pub(crate) const FIRST_SITE: &str = "2026-10-05";

const INSTANCE: &str = "https://gitlab.example.com";
const LANGUAGES: [&str; 9] =
    ["go", "ruby", "python", "typescript", "rust", "java", "kotlin", "haskell", "cobol"];
const EDITORS: [&str; 4] = ["vscode", "jetbrains", "neovim", "emacs"];
const FLOWS: [&str; 4] = ["chat", "fix_pipeline", "software_development", "convert_to_gl_ci"];
const MODELS: [&str; 3] = ["claude-sonnet-4-5", "claude-opus-4-7", "gpt-5"];
const PROJECTS: [&str; 3] = ["acme/web/shop", "acme/web/app", "acme/data/lake"];

/// Events beside code suggestions, chat and sessions, with how often people cause them.
const OTHER_EVENTS: [(&str, f64); 8] = [
    ("troubleshoot_job", 0.12),
    ("request_review_duo_code_review_on_mr_by_author", 0.1),
    ("post_comment_duo_code_review_on_diff", 0.12),
    ("react_thumbs_up_on_duo_code_review_comment", 0.04),
    ("explain_vulnerability", 0.03),
    ("summarize_review", 0.05),
    ("start_mcp_tool_call", 0.05),
    ("write_tests", 0.03),
];

/// How the people of a world are distributed over groups and teams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One group.
    One,
    /// Two groups with some people in both.
    Shared,
    /// A large group and one of three people.
    Tiny,
    /// One group with teams that contain each other, and teams that overlap.
    Teams,
}

/// What a world is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) people: usize,
    pub(crate) shape: Shape,
    pub(crate) sites: u64,
    /// Days from one site to the next.
    pub(crate) every: u64,
    /// Whether some events arrive late, and one day shrinks.
    pub(crate) is_corrected: bool,
    /// Whether some days were not collected.
    pub(crate) has_gaps: bool,
    pub(crate) seed: u64,
}

/// A record or coverage line with the day on whose site it is known first.
struct Known {
    since: NaiveDate,
    line: String,
}

/// A generated world.
pub(crate) struct World {
    pub(crate) plan: Plan,
    lines: Vec<Known>,
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

pub(crate) fn plus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).expect("a day")
}

/// A person with habits.
struct Person {
    id: String,
    groups: Vec<&'static str>,
    /// The probability of activity on a working day.
    activity: f64,
    language: usize,
    editor: usize,
    /// Whether the person uses chat, agents, other features.
    uses: [bool; 3],
    has_seat: bool,
    is_bot: bool,
}

/// The rows of one collector, scope and day.
#[derive(Default)]
struct Rows(Vec<String>);

impl World {
    /// Generates the world of a plan.
    pub(crate) fn new(plan: Plan) -> World {
        let mut rng = Rng::with_seed(plan.seed);
        let people: Vec<Person> = (0..plan.people).map(|at| Person::new(at, plan, &mut rng)).collect();
        let mut world = World { plan, lines: Vec::new() };
        let last = plus(day(FIRST_SITE), (plan.sites - 1) * plan.every);
        let shrunk = plus(day(FIRST_SITE), 1);
        for on in day(FIRST).iter_days().take_while(|on| *on <= last) {
            for group in groups(plan.shape) {
                world.add_usage(group, on, &people, shrunk, &mut rng);
                world.add_merge_requests(group, on, &people, &mut rng);
                world.add_credits(group, on, &people, &mut rng);
                world.add_lists(group, plus(on, 1), &people);
            }
        }
        world
    }

    /// The days of the sites.
    pub(crate) fn site_days(&self) -> Vec<NaiveDate> {
        (0..self.plan.sites).map(|at| plus(day(FIRST_SITE), at * self.plan.every)).collect()
    }

    /// The corrections: the day of the site that contains one first, and the day that it changes.
    pub(crate) fn corrections(&self) -> Vec<(NaiveDate, NaiveDate)> {
        if !self.plan.is_corrected {
            return Vec::new();
        }
        let last = *self.site_days().last().expect("a site");
        let late = day(FIRST_SITE).iter_days().take_while(|on| *on <= last).filter(|on| is_late_day(*on));
        late.map(|on| (on, on.checked_sub_days(Days::new(2)).expect("a day"))).collect()
    }

    /// The record and coverage lines known when the site of a day is built.
    pub(crate) fn records(&self, on: NaiveDate) -> String {
        let mut text = String::new();
        for known in self.lines.iter().filter(|known| known.since <= on) {
            text.push_str(&known.line);
            text.push('\n');
        }
        text
    }

    fn add_usage(&mut self, group: &str, on: NaiveDate, people: &[Person], shrunk: NaiveDate, rng: &mut Rng) {
        let mut rows = Rows::default();
        for person in people.iter().filter(|person| person.groups.contains(&group)) {
            person.act(on, group, &mut rows, rng);
        }
        if self.plan.has_gaps && is_gap(group, on) {
            return;
        }
        // Late events: some rows arrive with a second fetch two days later.
        let late = if self.plan.is_corrected && is_late_day(plus(on, 2)) { rows.0.len().min(4) } else { 0 };
        let first = &rows.0[..rows.0.len() - late];
        self.add_fetch("usage_events", group, on, on, first);
        if late > 0 {
            self.add_fetch("usage_events", group, on, plus(on, 2), &rows.0);
        }
        if self.plan.is_corrected && on == shrunk {
            self.add_fetch("usage_events", group, on, plus(on, 3), &rows.0[..rows.0.len() / 2]);
        }
    }

    fn add_merge_requests(&mut self, group: &str, on: NaiveDate, people: &[Person], rng: &mut Rng) {
        let mut rows = Rows::default();
        for person in people.iter().filter(|person| person.groups[0] == group) {
            if is_weekend(on) || rng.f64() > 0.15 {
                continue;
            }
            let number = rng.u32(..1_000_000_000);
            let (project, hours) = (PROJECTS[skewed(PROJECTS.len(), rng)], rng.u32(1..6));
            rows.0.push(format!(
                r#""type":"merge_request","project":"{project}","iid":"{number}","author":"{}","bot":{},"state":"merged","created_at":"{on}T08:00:00Z","merged_at":"{on}T1{hours}:30:00Z","additions":{},"deletions":{}"#,
                person.id, person.is_bot, rng.u32(1..400), rng.u32(..100)
            ));
        }
        self.add_fetch("merge_requests", group, on, on, &rows.0);
    }

    fn add_credits(&mut self, group: &str, on: NaiveDate, people: &[Person], rng: &mut Rng) {
        let members = people.iter().filter(|person| person.groups.contains(&group)).count();
        let mut parts: Vec<(&str, f64)> = Vec::new();
        for (at, flow) in FLOWS.iter().enumerate() {
            let users = members >> (at + 1);
            let used: u32 = (0..users).map(|_| if rng.f64() < 0.3 { rng.u32(1..40) } else { 0 }).sum();
            if used > 0 && !is_weekend(on) {
                parts.push((flow, f64::from(used) / 4.0));
            }
        }
        let total: f64 = parts.iter().map(|(_, credits)| credits).sum();
        let mut rows = vec![format!(r#""type":"credit","date":"{on}","credits":{total}"#)];
        for (flow, credits) in &parts {
            rows.push(format!(r#""type":"credit","date":"{on}","flow":"{flow}","credits":{credits}"#));
        }
        self.add_fetch("credits", group, on, on, &rows);
    }

    /// The seats and members of the morning after a day.
    fn add_lists(&mut self, group: &str, on: NaiveDate, people: &[Person]) {
        let holders: Vec<&Person> =
            (people.iter()).filter(|person| person.has_seat && person.groups.contains(&group)).collect();
        let mut rows = vec![format!(
            r#""type":"seat_pool","purchase":"{group}","add_on":"DUO_ENTERPRISE","purchased":{},"assigned":{}"#,
            holders.len() + 10,
            holders.len()
        )];
        rows.extend(holders.iter().map(|person| {
            format!(r#""type":"seat","user":"{}","assigned":true,"add_on":"DUO_ENTERPRISE","last_duo_activity_on":null"#, person.id)
        }));
        let since = on.pred_opt().expect("a day");
        self.add_fetch_at("seats", group, on, on, since, &rows);
        if self.plan.shape == Shape::Teams {
            let teams: Vec<String> = (people.iter().enumerate())
                .flat_map(|(at, person)| {
                    teams_of(at, self.plan.people).into_iter().map(move |team| (team, person))
                })
                .map(|(team, person)| {
                    format!(
                        r#""type":"member","team":"{team}","user":"{}","bot":{}"#,
                        person.id, person.is_bot
                    )
                })
                .collect();
            self.add_fetch_at("members", group, on, on, since, &teams);
        }
    }

    /// Adds a fetch on the morning after `fetched`.
    fn add_fetch(
        &mut self,
        collector: &str,
        group: &str,
        on: NaiveDate,
        fetched: NaiveDate,
        rows: &[String],
    ) {
        self.add_fetch_at(collector, group, on, plus(fetched, 1), fetched, rows);
    }

    fn add_fetch_at(
        &mut self,
        collector: &str,
        group: &str,
        on: NaiveDate,
        fetched: NaiveDate,
        since: NaiveDate,
        rows: &[String],
    ) {
        let origin = format!(
            r#""instance":"{INSTANCE}","collector":"{collector}","scope":"{group}","day":"{on}","fetched_at":"{fetched}T03:00:00Z""#
        );
        for (at, row) in rows.iter().enumerate() {
            self.lines.push(Known { since, line: format!(r#"{{{row},{origin},"row":"1:{at}"}}"#) });
        }
        let count = rows.len();
        let line =
            format!(r#"{{"type":"coverage",{origin},"status":"complete","rows":{count},"reason":null}}"#);
        self.lines.push(Known { since, line });
    }
}

impl Person {
    fn new(at: usize, plan: Plan, rng: &mut Rng) -> Person {
        let share = at as f64 / plan.people as f64;
        let groups = match plan.shape {
            Shape::One | Shape::Teams => vec!["acme"],
            Shape::Shared if share < 0.5 => vec!["acme"],
            Shape::Shared if share < 0.62 => vec!["acme", "globex"],
            Shape::Shared => vec!["globex"],
            Shape::Tiny if at + 3 < plan.people => vec!["acme"],
            Shape::Tiny => vec!["globex"],
        };
        Person {
            id: format!("gid://gitlab/User/{}", at + 1),
            groups,
            activity: rng.f64().powf(1.5),
            language: skewed(LANGUAGES.len(), rng),
            editor: skewed(EDITORS.len(), rng),
            uses: [rng.f64() < 0.6, rng.f64() < 0.35, rng.f64() < 0.5],
            has_seat: rng.f64() < 0.85,
            is_bot: at % 29 == 28,
        }
    }

    /// What a person does in a group on a day.
    fn act(&self, on: NaiveDate, group: &str, rows: &mut Rows, rng: &mut Rng) {
        let chance = if is_weekend(on) { self.activity * 0.08 } else { self.activity };
        if rng.f64() > chance / self.groups.len() as f64 {
            return;
        }
        let language = if rng.f64() < 0.85 { self.language } else { skewed(LANGUAGES.len(), rng) };
        let code = format!(r#","language":"{}","ide":"{}""#, LANGUAGES[language], EDITORS[self.editor]);
        for _ in 0..rng.u32(1..4) {
            self.add(on, "code_suggestion_shown_in_ide", "code_suggestions", &code, rows);
        }
        if rng.f64() < 0.7 {
            let event = if rng.f64() < 0.7 { "accepted" } else { "rejected" };
            let event = format!("code_suggestion_{event}_in_ide");
            self.add(on, &event, "code_suggestions", &format!(r#"{code},"lines":{}"#, rng.u32(1..9)), rows);
        }
        let [chats, runs_agents, uses_other] = self.uses;
        if chats && rng.f64() < 0.6 {
            for _ in 0..rng.u32(1..4) {
                self.add(on, "request_duo_chat_response", "chat", "", rows);
            }
        }
        if runs_agents && rng.f64() < 0.4 {
            self.run_session(on, group, rows, rng);
        }
        for (event, share) in OTHER_EVENTS {
            if uses_other && rng.f64() < share {
                let feature = duo_metrics::events::features::feature_of(event);
                self.add(on, event, feature, "", rows);
            }
        }
    }

    fn run_session(&self, on: NaiveDate, group: &str, rows: &mut Rows, rng: &mut Rng) {
        let session = rng.u32(..);
        let flow = FLOWS[skewed(FLOWS.len(), rng)];
        let end = ["finished", "dropped", "stopped"][skewed(3, rng)];
        let fields = format!(r#","session":"{session}","flow":"{flow}""#);
        let feature = "agent_platform";
        self.add_at(on, "10:00:00", "agent_platform_session_created", feature, &fields, rows);
        let minute = rng.u32(1..50);
        let name = format!("agent_platform_session_{end}");
        self.add_at(on, &format!("10:{minute:02}:00"), &name, feature, &fields, rows);
        let model = MODELS[skewed(MODELS.len(), rng)];
        let (input, output) = (rng.u32(100..9000), rng.u32(10..900));
        let mut tokens = fields;
        write!(tokens, r#","model":"{model}","input_tokens":{input},"output_tokens":{output}"#)
            .expect("text grows");
        let _ = group;
        self.add_at(on, "10:00:30", "token_usage_duo_agent_platform", feature, &tokens, rows);
    }

    fn add(&self, on: NaiveDate, event: &str, feature: &str, more: &str, rows: &mut Rows) {
        self.add_at(on, "09:00:00", event, feature, more, rows);
    }

    fn add_at(&self, on: NaiveDate, time: &str, event: &str, feature: &str, more: &str, rows: &mut Rows) {
        rows.0.push(format!(
            r#""type":"event","ts":"{on}T{time}Z","event":"{event}","feature":"{feature}","user":"{}","bot":{}{more}"#,
            self.id, self.is_bot
        ));
    }
}

/// The groups of a shape.
fn groups(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::One | Shape::Teams => &["acme"],
        Shape::Shared | Shape::Tiny => &["acme", "globex"],
    }
}

/// The groups and subgroups that a person is a direct member of: nested, and overlapping.
fn teams_of(at: usize, people: usize) -> Vec<&'static str> {
    let share = at as f64 / people as f64;
    let mut teams = vec!["acme"];
    if share < 0.35 {
        teams.push("acme/web");
    }
    if share < 0.1 {
        teams.push("acme/web/ui");
    }
    if (0.28..0.7).contains(&share) {
        teams.push("acme/data");
    }
    if (0.66..0.9).contains(&share) {
        teams.push("acme/ops");
    }
    teams
}

/// Whether late events of the day before yesterday arrive on a day.
/// Whether a day of a group was not collected: two days of each group in seven weeks.
fn is_gap(group: &str, on: NaiveDate) -> bool {
    let days = on.signed_duration_since(day(FIRST)).num_days() + group.len() as i64;
    [9, 31].contains(&(days % 49))
}

fn is_late_day(on: NaiveDate) -> bool {
    use chrono::Datelike as _;
    on.weekday() == chrono::Weekday::Thu && on >= day(FIRST_SITE)
}

pub(crate) fn is_weekend(on: NaiveDate) -> bool {
    use chrono::Datelike as _;
    on.weekday().number_from_monday() > 5
}

/// An index below `count`, small ones far more often.
fn skewed(count: usize, rng: &mut Rng) -> usize {
    ((rng.f64().powi(2)) * count as f64) as usize
}
