//! The usage events of the invented organization.

use std::cmp::Reverse;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use fastrand::Rng;

use super::Settings;
use super::organization::{ACME, Organization, UsageEvent, start_of};
use super::people::has_unusual_name;
use super::story::{Story, USUAL_ACCEPTANCE};

/// An event that no release of GitLab has; readers must accept unknown events.
pub const UNKNOWN_EVENT: &str = "TELEPORT_CODE_BEAM";

/// Rare events without a simulation of their own, including the unknown one.
const RARE: [&str; 20] = [
    UNKNOWN_EVENT,
    "CODE_SUGGESTIONS_REQUESTED",
    "CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH",
    "AI_DUO_MESSAGING_FEEDBACK_SUBMITTED",
    "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_LEARN_MORE",
    "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_UPGRADE",
    "VIEW_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_EMPTY_STATE",
    "DUO_WORKFLOW_WORKLOAD_COMPLETED",
    "EXPLAIN_VULNERABILITY",
    "REQUEST_DUO_VULNERABILITY_RESOLUTION",
    "FIX_PIPELINE_SUGGESTION_POSTED",
    "FIX_PIPELINE_SUGGESTION_APPLIED",
    "GENERATE_MERGE_COMMIT_MESSAGE",
    "RESOLVE_FEATURE_DISCOVERY_SEARCH",
    "RESTORE_AI_CATALOG_ITEM",
    "SUMMARIZE_NEW_MERGE_REQUEST",
    "SUMMARIZE_REVIEW",
    "TRIGGER_SLACK_DUO",
    "TROUBLESHOOT_JOB",
    "REQUEST_DUO_CHAT_RESPONSE",
];

/// All events that occur. A large organization has each of them.
pub const EVENTS: [&str; 49] = [
    "AGENT_PLATFORM_SESSION_CREATED",
    "AGENT_PLATFORM_SESSION_DROPPED",
    "AGENT_PLATFORM_SESSION_FINISHED",
    "AGENT_PLATFORM_SESSION_RESUMED",
    "AGENT_PLATFORM_SESSION_STARTED",
    "AGENT_PLATFORM_SESSION_STOPPED",
    "AI_DUO_MESSAGING_FEEDBACK_SUBMITTED",
    "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_LEARN_MORE",
    "CLICK_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_UPGRADE",
    "CODE_SUGGESTIONS_REQUESTED",
    "CODE_SUGGESTION_ACCEPTED_IN_IDE",
    "CODE_SUGGESTION_DIRECT_ACCESS_TOKEN_REFRESH",
    "CODE_SUGGESTION_REJECTED_IN_IDE",
    "CODE_SUGGESTION_SHOWN_IN_IDE",
    "COMPLETE_DUO_CHAT_RESPONSE",
    "DUO_WORKFLOW_WORKLOAD_COMPLETED",
    "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW",
    "EXCLUDED_FILES_FROM_DUO_CODE_REVIEW",
    "EXPLAIN_CODE",
    "EXPLAIN_VULNERABILITY",
    "FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR",
    "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW",
    "FINISH_MCP_TOOL_CALL",
    "FIX_CODE",
    "FIX_PIPELINE_SUGGESTION_APPLIED",
    "FIX_PIPELINE_SUGGESTION_POSTED",
    "GENERATE_MERGE_COMMIT_MESSAGE",
    "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF",
    "PUBLISH_DUO_CODE_REVIEW_COMMENTS",
    "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT",
    "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT",
    "REFACTOR_CODE",
    "REPORT_DUO_CHAT_TOKEN_USAGE",
    "REQUEST_DUO_CHAT_RESPONSE",
    "REQUEST_DUO_VULNERABILITY_RESOLUTION",
    "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR",
    "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR",
    "RESOLVE_FEATURE_DISCOVERY_SEARCH",
    "RESTORE_AI_CATALOG_ITEM",
    "START_MCP_TOOL_CALL",
    "SUMMARIZE_NEW_MERGE_REQUEST",
    "SUMMARIZE_REVIEW",
    "TELEPORT_CODE_BEAM",
    "TOOL_FAILED_DUO_CHAT",
    "TOOL_SUCCEEDED_DUO_CHAT",
    "TRIGGER_SLACK_DUO",
    "TROUBLESHOOT_JOB",
    "VIEW_DUO_AGENTIC_SUBSCRIPTION_EXPIRED_EMPTY_STATE",
    "WRITE_TESTS",
];

/// Organizations of at least this many people have each event at least once.
const LARGE_ORGANIZATION: usize = 100;

/// Languages as editors send them, in varying case and names, the common ones first.
const LANGUAGES: [&str; 24] = [
    "TypeScript",
    "typescript",
    "Python",
    "python",
    "rust",
    "Rust",
    "typescriptreact",
    "go",
    "Go",
    "java",
    "Java",
    "ruby",
    "javascript",
    "kotlin",
    "cpp",
    "c++",
    "csharp",
    "C#",
    "yaml",
    "Ruby",
    "shellscript",
    "Shell",
    "vue",
    "javascriptreact",
];

/// How a person uses Duo.
#[derive(Clone, Copy, PartialEq)]
enum Behavior {
    Never,
    /// Suggestions are shown to them; they never act on one.
    Exposed,
    /// Actions on a full working day, and the share of working days with actions.
    Active {
        actions: f64,
        presence: f64,
    },
}

/// Adds the usage events, sorted and numbered.
pub(super) fn invent(organization: &mut Organization, settings: &Settings) {
    let mut rng = Rng::with_seed(settings.seed ^ 0xac71);
    if let Some(count) = settings.events_on_last_day {
        fill_last_day(organization, count, &mut rng);
        return;
    }
    let behaviors = behaviors(organization, &mut rng);
    let story = settings.story.then(|| Story::of(organization.first_day, settings.days));
    let mut log = EventLog { rng, story, events: Vec::new(), tracking: 0, sessions: 0 };
    for day in organization.days() {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        for (person, behavior) in behaviors.iter().enumerate() {
            if !organization.people[person].is_member_on(day) {
                continue;
            }
            log.simulate_day(day, weekend, organization, person, *behavior);
        }
        log.add_midnight_events(day, organization, &behaviors);
    }
    if settings.people >= LARGE_ORGANIZATION {
        log.add_missing_events(organization, &behaviors);
    }
    organization.usage_events = log.sorted();
}

fn behaviors(organization: &Organization, rng: &mut Rng) -> Vec<Behavior> {
    let count = organization.people.len();
    let mut rank: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut rank);
    (0..count)
        .map(|person| {
            let draw = rng.f64();
            if !has_unusual_name(person) && draw < 0.09 {
                return Behavior::Never;
            }
            if !has_unusual_name(person) && draw < 0.14 {
                return Behavior::Exposed;
            }
            // A few people cause most events: intensity falls with a power of the rank.
            let place = rank[person] as f64;
            Behavior::Active {
                actions: 34.0 / (1.0 + place).powf(0.62),
                presence: (0.97 - 0.75 * place / count as f64).max(0.3),
            }
        })
        .collect()
}

struct EventLog {
    rng: Rng,
    story: Option<Story>,
    events: Vec<UsageEvent>,
    tracking: u64,
    /// Number of agent sessions so far. Events contain this number until the sessions exist.
    sessions: u32,
}

impl EventLog {
    fn simulate_day(
        &mut self,
        day: NaiveDate,
        weekend: bool,
        organization: &Organization,
        person: usize,
        behavior: Behavior,
    ) {
        let (actions, presence) = match behavior {
            Behavior::Never => return,
            Behavior::Exposed => (2.0, 0.25),
            Behavior::Active { actions, presence } => (actions, presence),
        };
        if self.story.as_ref().is_some_and(|story| !story.uses_duo(&organization.people[person], day)) {
            return;
        }
        let presence = if weekend { presence * 0.06 } else { presence };
        if self.rng.f64() >= presence {
            return;
        }
        let bot = organization.people[person].bot;
        let actions = actions * (0.4 + 1.2 * self.rng.f64()) * if bot { 0.25 } else { 1.0 };
        let certain = actions.floor();
        let count = certain as usize + usize::from(self.rng.f64() < actions - certain);
        let groups = &organization.people[person].groups;
        for _ in 0..count {
            // Members of two groups mostly work in their home group.
            let group = match groups[..] {
                [_, other] if self.rng.f64() < 0.3 => other,
                _ => groups[0],
            };
            let at = self.moment(day);
            let occasion = Occasion { person, group, at };
            if behavior == Behavior::Exposed {
                self.suggestion(&occasion, false);
            } else if bot {
                match self.rng.u8(..3) {
                    0 => self.session(&occasion),
                    1 => self.tool_call(&occasion),
                    _ => self.review(&occasion),
                }
            } else {
                self.act(&occasion);
            }
        }
    }

    /// A time of a working day, around noon; some have a fraction of a second.
    fn moment(&mut self, day: NaiveDate) -> DateTime<Utc> {
        let second = 6 * 3_600 + self.rng.i64(0..21_600) + self.rng.i64(0..21_600);
        let millisecond = if self.rng.f64() < 0.02 { self.rng.i64(1..1_000) } else { 0 };
        start_of(day) + TimeDelta::seconds(second) + TimeDelta::milliseconds(millisecond)
    }

    /// One random action of a person, weighted by the frequencies seen in the field.
    fn act(&mut self, occasion: &Occasion) {
        match self.rng.f64() * 100.0 {
            draw if draw < 83.6 => self.suggestion(occasion, true),
            draw if draw < 90.4 => self.chat(occasion),
            draw if draw < 93.7 => self.session(occasion),
            draw if draw < 97.9 => self.tool_call(occasion),
            draw if draw < 98.7 => self.review(occasion),
            draw if draw < 99.2 => self.record(occasion, 0, "TROUBLESHOOT_JOB"),
            _ => {
                let event = RARE[self.rng.usize(..RARE.len())];
                let day = occasion.at.date_naive();
                if event != UNKNOWN_EVENT || self.story.as_ref().is_none_or(|story| story.has_new_event(day))
                {
                    self.record(occasion, 0, event);
                }
            }
        }
    }

    fn suggestion(&mut self, occasion: &Occasion, answered: bool) {
        self.tracking += 1;
        let tracking = self.tracking.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let language = (self.rng.f64() >= 0.005).then(|| {
            // Most people use one or two languages, and common languages are common.
            let own = (occasion.person * 7 % 24).min(occasion.person * 11 % 24);
            let pick = if self.rng.f64() < 0.8 { own } else { self.rng.usize(..24) };
            LANGUAGES[pick]
        });
        let size = (self.rng.f64() >= 0.03).then(|| 1 + self.rng.u32(..4) * self.rng.u32(..6));
        let day = occasion.at.date_naive();
        let accepted = self.story.as_ref().map_or(USUAL_ACCEPTANCE, |story| story.acceptance(day));
        let outcome = match self.rng.f64() {
            draw if draw < accepted => Some("CODE_SUGGESTION_ACCEPTED_IN_IDE"),
            draw if draw < accepted + 0.11 => Some("CODE_SUGGESTION_REJECTED_IN_IDE"),
            _ => None,
        };
        let later = self.rng.i64(1..40);
        let shown = (0, "CODE_SUGGESTION_SHOWN_IN_IDE");
        let outcome = outcome.filter(|_| answered).map(|event| (later, event));
        for (delay, event) in std::iter::once(shown).chain(outcome) {
            self.events.push(UsageEvent {
                language,
                suggestion_size: size,
                tracking: Some(tracking),
                ..occasion.event(delay, event)
            });
            if self.rng.f64() < 0.005 {
                self.repeat_last();
            }
        }
    }

    fn chat(&mut self, occasion: &Occasion) {
        self.record(occasion, 0, "REQUEST_DUO_CHAT_RESPONSE");
        if self.rng.f64() < 0.12 {
            let commands = ["EXPLAIN_CODE", "FIX_CODE", "REFACTOR_CODE", "WRITE_TESTS"];
            let command = commands[self.rng.usize(..commands.len())];
            self.record(occasion, 0, command);
        }
        if self.rng.f64() < 0.3 {
            self.record(occasion, 3, "TOOL_SUCCEEDED_DUO_CHAT");
        }
        if self.rng.f64() < 0.05 {
            self.record(occasion, 4, "TOOL_FAILED_DUO_CHAT");
        }
        if self.rng.f64() < 0.4 {
            self.record(occasion, 9, "COMPLETE_DUO_CHAT_RESPONSE");
            self.record(occasion, 9, "REPORT_DUO_CHAT_TOKEN_USAGE");
        }
    }

    fn session(&mut self, occasion: &Occasion) {
        let first = self.events.len();
        self.record(occasion, 0, "AGENT_PLATFORM_SESSION_CREATED");
        self.record(occasion, 2, "AGENT_PLATFORM_SESSION_STARTED");
        let length = self.rng.i64(30..5_000);
        if self.rng.f64() < 0.1 {
            self.record(occasion, length / 2, "AGENT_PLATFORM_SESSION_RESUMED");
        }
        match self.rng.f64() {
            draw if draw < 0.74 => self.record(occasion, length, "AGENT_PLATFORM_SESSION_FINISHED"),
            draw if draw < 0.86 => self.record(occasion, length, "AGENT_PLATFORM_SESSION_DROPPED"),
            draw if draw < 0.94 => self.record(occasion, length, "AGENT_PLATFORM_SESSION_STOPPED"),
            _ => {}
        }
        for event in &mut self.events[first..] {
            event.session = Some(self.sessions);
        }
        self.sessions += 1;
    }

    fn tool_call(&mut self, occasion: &Occasion) {
        self.record(occasion, 0, "START_MCP_TOOL_CALL");
        if self.rng.f64() < 0.95 {
            self.record(occasion, 1, "FINISH_MCP_TOOL_CALL");
        }
    }

    fn review(&mut self, occasion: &Occasion) {
        if self.rng.f64() < 0.7 {
            self.record(occasion, 0, "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR");
        } else {
            self.record(occasion, 0, "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR");
        }
        match self.rng.f64() {
            draw if draw < 0.6 => {
                for comment in 0..self.rng.i64(1..4) {
                    self.record(occasion, 60 + comment, "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF");
                }
                self.record(occasion, 65, "PUBLISH_DUO_CODE_REVIEW_COMMENTS");
                match self.rng.f64() {
                    draw if draw < 0.15 => {
                        self.record(occasion, 900, "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT");
                    }
                    draw if draw < 0.22 => {
                        self.record(occasion, 900, "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT");
                    }
                    _ => {}
                }
            }
            draw if draw < 0.85 => self.record(occasion, 60, "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW"),
            draw if draw < 0.9 => self.record(occasion, 5, "FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR"),
            draw if draw < 0.95 => self.record(occasion, 5, "EXCLUDED_FILES_FROM_DUO_CODE_REVIEW"),
            _ => self.record(occasion, 30, "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW"),
        }
    }

    /// Adds one event, `delay` seconds after the occasion; sometimes twice.
    fn record(&mut self, occasion: &Occasion, delay: i64, event: &'static str) {
        self.events.push(occasion.event(delay, event));
        if self.rng.f64() < 0.005 {
            self.repeat_last();
        }
    }

    fn repeat_last(&mut self) {
        let last = self.events.last().expect("called after a push");
        self.events.push(UsageEvent { ..*last });
    }

    /// Adds events at exactly 00:00, where time ranges of adjacent days overlap.
    fn add_midnight_events(&mut self, day: NaiveDate, organization: &Organization, behaviors: &[Behavior]) {
        let present: Vec<usize> = (0..behaviors.len())
            .filter(|person| matches!(behaviors[*person], Behavior::Active { .. }))
            .map(|person| (person, &organization.people[person]))
            .filter(|(_, person)| person.is_member_on(day))
            .filter(|(_, person)| self.story.as_ref().is_none_or(|story| story.uses_duo(person, day)))
            .map(|(place, _)| place)
            .collect();
        if present.is_empty() {
            return;
        }
        for _ in 0..self.rng.usize(1..4) {
            let person = present[self.rng.usize(..present.len())];
            let group = organization.people[person].groups[0];
            let at = start_of(day);
            self.act(&Occasion { person, group, at });
        }
    }

    /// Adds the events that a large organization must have and that were not drawn.
    fn add_missing_events(&mut self, organization: &Organization, behaviors: &[Behavior]) {
        let days: Vec<NaiveDate> = organization.days().collect();
        let person = behaviors
            .iter()
            .position(|behavior| matches!(behavior, Behavior::Active { .. }))
            .expect("people with odd names are active");
        for event in EVENTS {
            if !self.events.iter().any(|known| known.event == event) {
                let day = days[self.rng.usize(..days.len())];
                let at = self.moment(day);
                let group = organization.people[person].groups[0];
                self.record(&Occasion { person, group, at }, 0, event);
            }
        }
    }

    fn sorted(mut self) -> Vec<UsageEvent> {
        // A stable sort: events of the same second keep the order in which they were added.
        self.events.sort_by_key(|event| event.timestamp);
        let mut id = 5_000_000_000;
        for event in &mut self.events {
            id += self.rng.u64(1..4);
            event.id = id;
        }
        self.events.sort_by_key(|event| Reverse((event.timestamp, event.id)));
        self.events
    }
}

/// A person, group and time of events.
struct Occasion {
    person: usize,
    group: usize,
    at: DateTime<Utc>,
}

impl Occasion {
    fn event(&self, delay: i64, event: &'static str) -> UsageEvent {
        // All events of an occasion are on the same day.
        let midnight = start_of(self.at.date_naive()) + TimeDelta::days(1);
        let latest = midnight - TimeDelta::seconds(1);
        UsageEvent {
            id: 0,
            person: self.person,
            group: self.group,
            event,
            timestamp: (self.at + TimeDelta::seconds(delay)).min(latest),
            language: None,
            suggestion_size: None,
            tracking: None,
            session: None,
        }
    }
}

/// Adds exactly `count` events to `acme`, spread evenly over the last day; fast for any count.
fn fill_last_day(organization: &mut Organization, count: usize, rng: &mut Rng) {
    const CYCLE: [&str; 16] = [
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_ACCEPTED_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_REJECTED_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_SHOWN_IN_IDE",
        "CODE_SUGGESTION_ACCEPTED_IN_IDE",
        "REQUEST_DUO_CHAT_RESPONSE",
        "AGENT_PLATFORM_SESSION_CREATED",
        "START_MCP_TOOL_CALL",
        "FINISH_MCP_TOOL_CALL",
    ];
    let midnight = start_of(organization.last_day);
    let members: Vec<usize> = (0..organization.people.len())
        .filter(|person| organization.people[*person].is_member_on(organization.last_day))
        .collect();
    // Newest first, as the sorted order is.
    organization.usage_events = (0..count)
        .rev()
        .map(|number| {
            let second = number as u64 * 86_400 / count as u64;
            let event = CYCLE[number % CYCLE.len()];
            let code = event.starts_with("CODE_SUGGESTION");
            UsageEvent {
                id: 5_000_000_000 + number as u64,
                person: members[rng.usize(..members.len())],
                group: ACME,
                event,
                timestamp: midnight + TimeDelta::seconds(second as i64),
                language: code.then_some(LANGUAGES[number % LANGUAGES.len()]),
                suggestion_size: code.then_some(1 + (number % 9) as u32),
                tracking: code.then_some(number as u64),
                session: None,
            }
        })
        .collect();
}
