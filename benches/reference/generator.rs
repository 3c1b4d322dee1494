//! Usage events of a large organization, deterministic for each count: 20,000 people, 90 days, with
//! a realistic skew and mix of events. Written like the raw pages that `fetch` writes for
//! `instance_usage_events`. Each day starts with rows of the day before, because GitLab's time
//! ranges overlap.

use std::io::{self, Write};

use fastrand::Rng;

/// People with a license. Few of them cause most events (Zipf, exponent 0.9), and some leave early.
const PEOPLE: usize = 20_000;

/// Rows per page.
pub(crate) const PAGE_SIZE: usize = 100;

/// One of this many pages is repeated, as by a retried job.
const REPEAT_EVERY: usize = 90;

/// Events and their share, in thousandths.
const EVENTS: &[(&str, &str, u32)] = &[
    ("code_suggestions_requested", "code_suggestions", 70),
    ("code_suggestion_shown_in_ide", "code_suggestions", 430),
    ("code_suggestion_accepted_in_ide", "code_suggestions", 130),
    ("code_suggestion_rejected_in_ide", "code_suggestions", 110),
    ("request_duo_chat_response", "chat", 100),
    ("troubleshoot_job", "troubleshoot_job", 4),
    ("request_review_duo_code_review_on_mr_by_author", "code_review", 8),
    ("request_review_duo_code_review_on_mr_by_non_author", "code_review", 2),
    ("post_comment_duo_code_review_on_diff", "code_review", 9),
    ("find_no_issues_duo_code_review_after_review", "code_review", 3),
    ("react_thumbs_up_on_duo_code_review_comment", "code_review", 2),
    ("agent_platform_session_created", "agent_platform", 12),
    ("agent_platform_session_started", "agent_platform", 12),
    ("agent_platform_session_finished", "agent_platform", 9),
    ("agent_platform_session_dropped", "agent_platform", 2),
    ("agent_platform_session_stopped", "agent_platform", 1),
    ("agent_platform_session_resumed", "agent_platform", 3),
    ("agent_platform_llm_request", "agent_platform", 31),
    ("start_mcp_tool_call", "mcp", 31),
    ("finish_mcp_tool_call", "mcp", 31),
];

const LANGUAGES: &[&str] = &[
    "python",
    "typescript",
    "javascript",
    "java",
    "go",
    "ruby",
    "c++",
    "c#",
    "php",
    "rust",
    "kotlin",
    "c",
    "scala",
    "swift",
    "yaml",
    "shell",
    "sql",
    "vue",
    "html",
    "css",
    "terraform",
    "dockerfile",
    "markdown",
    "json",
    "objective-c",
    "lua",
    "perl",
    "elixir",
    "haskell",
    "r",
];

/// Editors, named as by their extensions.
const IDES: &[&str] = &["Visual Studio Code", "IntelliJ IDEA", "PyCharm", "Visual Studio", "Neovim"];

/// One of these contains a character that GitLab's JSON escapes.
const FLOWS: &[&str] = &[
    "chat",
    "software_development",
    "issue_to_merge_request",
    "code_review",
    "fix_pipeline",
    "convert_to_gitlab_ci",
    "triage & fix",
];

const TOOLS: &[&str] =
    &["read_file", "edit_file", "run_command", "grep_files", "list_dir", "create_commit", "get_job_logs"];

const MODELS: &[&str] =
    &["claude-sonnet-4-5", "claude-haiku-4-5", "gpt-5-codex", "gpt-5-mini", "gemini-3-pro", "codestral-2508"];

/// One usage event.
pub(crate) struct Event {
    /// The day, `YYYY-MM-DD`.
    date: String,
    second: u32,
    kind: usize,
    person: usize,
    language: Option<usize>,
    ide: usize,
    lines: u32,
    /// Project, session and flow of an event with a session.
    session: Option<(u32, u32, usize)>,
    tool: Option<usize>,
    model: Option<(usize, u32, u32)>,
}

/// Cumulative distributions from which events are drawn.
pub(crate) struct Distributions {
    people: Vec<f64>,
    kinds: Vec<f64>,
    languages: Vec<f64>,
}

impl Distributions {
    pub(crate) fn new() -> Distributions {
        let weights: Vec<f64> = (1..=PEOPLE).map(|rank| (rank as f64).powf(-0.9)).collect();
        let shares: Vec<f64> = EVENTS.iter().map(|(.., share)| f64::from(*share)).collect();
        Distributions {
            people: cumulative(&weights),
            kinds: cumulative(&shares),
            languages: cumulative(&(1..=LANGUAGES.len()).map(|rank| 1.0 / rank as f64).collect::<Vec<_>>()),
        }
    }

    /// Events of one day, by active people, in order of time.
    pub(crate) fn draw(
        &self,
        rng: &mut Rng,
        date: &str,
        events: u64,
        is_active: impl Fn(usize) -> bool,
    ) -> Vec<Event> {
        let mut of_day: Vec<Event> = (0..events)
            .map(|_| {
                let person = loop {
                    let person = pick(rng, &self.people);
                    if is_active(person) {
                        break person;
                    }
                };
                event(rng, date, person, &self.kinds, &self.languages)
            })
            .collect();
        of_day.sort_by_key(|event| event.second);
        of_day
    }
}

fn event(rng: &mut Rng, date: &str, person: usize, kinds: &[f64], languages: &[f64]) -> Event {
    let kind = pick(rng, kinds);
    let feature = EVENTS[kind].1;
    let is_suggestion = feature == "code_suggestions" && kind > 0;
    let is_session = matches!(feature, "agent_platform" | "mcp");
    // Most events are between 08:00 and 18:00.
    let hour = if rng.u32(..10) == 0 { rng.u32(..24) } else { 8 + rng.u32(..10) };
    Event {
        date: date.to_owned(),
        second: hour * 3600 + rng.u32(..3600),
        kind,
        person,
        language: (is_suggestion && rng.u32(..200) > 0)
            .then(|| if rng.u32(..3) > 0 { person % 5 } else { pick(rng, languages) }),
        ide: person % IDES.len(),
        lines: if is_suggestion { 1 + rng.u32(..12) * rng.u32(..3) } else { 0 },
        session: is_session.then(|| {
            (1 + rng.u32(..4000), rng.u32(..200_000) * 100 + (person % 100) as u32, rng.usize(..FLOWS.len()))
        }),
        tool: (feature == "mcp").then(|| rng.usize(..TOOLS.len())),
        model: (EVENTS[kind].0 == "agent_platform_llm_request")
            .then(|| (rng.usize(..MODELS.len()), rng.u32(200..30_000), rng.u32(10..3000))),
    }
}

fn cumulative(weights: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    weights
        .iter()
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect()
}

fn pick(rng: &mut Rng, cumulative: &[f64]) -> usize {
    let at = rng.f64() * cumulative.last().copied().unwrap_or_default();
    cumulative.partition_point(|sum| *sum <= at).min(cumulative.len() - 1)
}

/// Unique ids, spread over the range of real ones.
fn user_id(person: usize) -> u64 {
    1 + (person as u64 * 1_664_525 + 1_013_904_223) % (1 << 25)
}

/// Writes the pages of a day: to `repeated` with duplicates, to `once` without. `overlap` contains
/// rows of the day before, `pages` is the number of pages written so far.
pub(crate) fn write_day(
    [date, fetched]: [&str; 2],
    overlap: &[Event],
    events: &[Event],
    pages: &mut usize,
    once: &mut impl Write,
    repeated: &mut impl Write,
) -> io::Result<()> {
    let identity = format!(
        r#""instance":"https://gitlab.example.com","collector":"instance_usage_events","scope":"/","day":"{date}","fetched_at":"{fetched}T03:00:00Z""#
    );
    let (mut line, mut again) = (Vec::new(), Vec::new());
    let rows: Vec<&Event> = overlap.iter().chain(events).collect();
    for (page, rows) in rows.chunks(PAGE_SIZE).enumerate() {
        line.clear();
        write!(line, r#"{{"type":"raw",{identity},"page":{},"nodes":["#, page + 1)?;
        for (index, event) in rows.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            write_node(&mut line, event)?;
        }
        line.extend_from_slice(b"]}\n");
        once.write_all(&line)?;
        repeated.write_all(&line)?;
        if pages.is_multiple_of(REPEAT_EVERY) {
            again.extend_from_slice(&line);
        }
        *pages += 1;
    }
    let coverage = format!(
        r#"{{"type":"coverage",{identity},"status":"complete","rows":{},"reason":null}}"#,
        events.len()
    );
    writeln!(once, "{coverage}")?;
    repeated.write_all(&again)?;
    writeln!(repeated, "{coverage}")
}

/// Writes an event as GitLab returns it.
fn write_node(line: &mut Vec<u8>, event: &Event) -> io::Result<()> {
    let Event { second, kind, person, .. } = *event;
    write!(
        line,
        r#"{{"event":"{}","timestamp":"{}T{:02}:{:02}:{:02}Z","namespacePath":"acme/team-{}","extras":{{"#,
        EVENTS[kind].0.to_uppercase(),
        event.date,
        second / 3600,
        second / 60 % 60,
        second % 60,
        person % 97
    )?;
    let mut comma = "";
    if let Some(language) = event.language {
        write!(
            line,
            r#""language":"{}","suggestion_size":"{}","ide_name":"{}""#,
            LANGUAGES[language], event.lines, IDES[event.ide]
        )?;
        comma = ",";
    }
    if let Some((project, session, flow)) = event.session {
        let escaped = FLOWS[flow].replace('&', "\\u0026");
        write!(
            line,
            r#"{comma}"project_id":{project},"session_id":{session},"flow_type":"{escaped}","environment":"ide""#
        )?;
        comma = ",";
    }
    if let Some(tool) = event.tool {
        write!(line, r#"{comma}"tool_name":"{}""#, TOOLS[tool])?;
        comma = ",";
    }
    if let Some((model, input, output)) = event.model {
        write!(
            line,
            r#"{comma}"model_name":"{}","input_tokens":{input},"output_tokens":{output}"#,
            MODELS[model]
        )?;
    }
    write!(
        line,
        r#"}},"user":{{"id":"gid://gitlab/User/{}","username":"user{person}","bot":false}}}}"#,
        user_id(person)
    )
}
