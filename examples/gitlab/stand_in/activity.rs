//! What the people of the invented organisation do with Duo: the usage events.

use std::cmp::Reverse;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use fastrand::Rng;

use super::Settings;
use super::organisation::{ACME, Organisation, UsageEvent, start_of};
use super::people::is_odd;

/// The event that no release of GitLab has: a reader must take it as it comes.
pub const UNKNOWN_EVENT: &str = "TELEPORT_CODE_BEAM";

/// Events too rare to have a story of their own, the unknown one among them.
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

/// Every event that occurs, for the promise that a large organisation has each of them.
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

/// From this size on an organisation has every event at least once.
const LARGE: usize = 100;

/// Languages as editors send them, the common ones first: no agreement on case or name.
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

/// How a person takes part.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    Never,
    /// Things are shown to them; they never do anything themselves.
    Exposed,
    /// Actions on a full working day, and the share of working days with any.
    Active {
        actions: f64,
        presence: f64,
    },
}

/// Fills in the usage events, sorted and numbered.
pub(super) fn invent(organisation: &mut Organisation, settings: &Settings) {
    let mut rng = Rng::with_seed(settings.seed ^ 0xac71);
    if let Some(count) = settings.events_on_last_day {
        fill_last_day(organisation, count, &mut rng);
        return;
    }
    let habits = habits(organisation, &mut rng);
    let mut diary = Diary { rng, events: Vec::new(), tracking: 0, sessions: 0 };
    for day in organisation.days() {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        for (person, habit) in habits.iter().enumerate() {
            if !organisation.people[person].is_member_on(day) {
                continue;
            }
            diary.live_through(day, weekend, organisation, person, *habit);
        }
        diary.mark_midnight(day, organisation, &habits);
    }
    if settings.people >= LARGE {
        diary.complete(organisation, &habits);
    }
    organisation.usage_events = diary.sorted();
}

fn habits(organisation: &Organisation, rng: &mut Rng) -> Vec<Habit> {
    let count = organisation.people.len();
    let mut rank: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut rank);
    (0..count)
        .map(|person| {
            let draw = rng.f64();
            if !is_odd(person) && draw < 0.09 {
                return Habit::Never;
            }
            if !is_odd(person) && draw < 0.14 {
                return Habit::Exposed;
            }
            // Few do most of it: intensity falls with a power of the rank.
            let place = rank[person] as f64;
            Habit::Active {
                actions: 34.0 / (1.0 + place).powf(0.62),
                presence: (0.97 - 0.75 * place / count as f64).max(0.3),
            }
        })
        .collect()
}

struct Diary {
    rng: Rng,
    events: Vec<UsageEvent>,
    tracking: u64,
    /// Agent sessions so far; their events carry the number until the sessions themselves are made.
    sessions: u32,
}

impl Diary {
    fn live_through(
        &mut self,
        day: NaiveDate,
        weekend: bool,
        organisation: &Organisation,
        person: usize,
        habit: Habit,
    ) {
        let (actions, presence) = match habit {
            Habit::Never => return,
            Habit::Exposed => (2.0, 0.25),
            Habit::Active { actions, presence } => (actions, presence),
        };
        let presence = if weekend { presence * 0.06 } else { presence };
        if self.rng.f64() >= presence {
            return;
        }
        let bot = organisation.people[person].bot;
        let actions = actions * (0.4 + 1.2 * self.rng.f64()) * if bot { 0.25 } else { 1.0 };
        let certain = actions.floor();
        let count = certain as usize + usize::from(self.rng.f64() < actions - certain);
        let groups = &organisation.people[person].groups;
        for _ in 0..count {
            // Members of two groups are mostly at home.
            let group = match groups[..] {
                [_, other] if self.rng.f64() < 0.3 => other,
                _ => groups[0],
            };
            let at = self.moment(day);
            let scene = Scene { person, group, at };
            if habit == Habit::Exposed {
                self.suggestion(&scene, false);
            } else if bot {
                match self.rng.u8(..3) {
                    0 => self.session(&scene),
                    1 => self.tool_call(&scene),
                    _ => self.review(&scene),
                }
            } else {
                self.act(&scene);
            }
        }
    }

    /// A moment of a working day, around noon; a few with a fraction of a second.
    fn moment(&mut self, day: NaiveDate) -> DateTime<Utc> {
        let second = 6 * 3_600 + self.rng.i64(0..21_600) + self.rng.i64(0..21_600);
        let millisecond = if self.rng.f64() < 0.02 { self.rng.i64(1..1_000) } else { 0 };
        start_of(day) + TimeDelta::seconds(second) + TimeDelta::milliseconds(millisecond)
    }

    /// One deed of a person, weighted so that the events come out in the proportions seen in the field.
    fn act(&mut self, scene: &Scene) {
        match self.rng.f64() * 100.0 {
            draw if draw < 83.6 => self.suggestion(scene, true),
            draw if draw < 90.4 => self.chat(scene),
            draw if draw < 93.7 => self.session(scene),
            draw if draw < 97.9 => self.tool_call(scene),
            draw if draw < 98.7 => self.review(scene),
            draw if draw < 99.2 => self.note(scene, 0, "TROUBLESHOOT_JOB"),
            _ => {
                let event = RARE[self.rng.usize(..RARE.len())];
                self.note(scene, 0, event);
            }
        }
    }

    fn suggestion(&mut self, scene: &Scene, answered: bool) {
        self.tracking += 1;
        let tracking = self.tracking.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let language = (self.rng.f64() >= 0.005).then(|| {
            // Most people write a language or two, and common languages are common.
            let own = (scene.person * 7 % 24).min(scene.person * 11 % 24);
            let pick = if self.rng.f64() < 0.8 { own } else { self.rng.usize(..24) };
            LANGUAGES[pick]
        });
        let size = (self.rng.f64() >= 0.03).then(|| 1 + self.rng.u32(..4) * self.rng.u32(..6));
        let outcome = match self.rng.f64() {
            draw if draw < 0.22 => Some("CODE_SUGGESTION_ACCEPTED_IN_IDE"),
            draw if draw < 0.33 => Some("CODE_SUGGESTION_REJECTED_IN_IDE"),
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
                ..scene.event(delay, event)
            });
            if self.rng.f64() < 0.005 {
                self.repeat_last();
            }
        }
    }

    fn chat(&mut self, scene: &Scene) {
        self.note(scene, 0, "REQUEST_DUO_CHAT_RESPONSE");
        if self.rng.f64() < 0.12 {
            let commands = ["EXPLAIN_CODE", "FIX_CODE", "REFACTOR_CODE", "WRITE_TESTS"];
            let command = commands[self.rng.usize(..commands.len())];
            self.note(scene, 0, command);
        }
        if self.rng.f64() < 0.3 {
            self.note(scene, 3, "TOOL_SUCCEEDED_DUO_CHAT");
        }
        if self.rng.f64() < 0.05 {
            self.note(scene, 4, "TOOL_FAILED_DUO_CHAT");
        }
        if self.rng.f64() < 0.4 {
            self.note(scene, 9, "COMPLETE_DUO_CHAT_RESPONSE");
            self.note(scene, 9, "REPORT_DUO_CHAT_TOKEN_USAGE");
        }
    }

    fn session(&mut self, scene: &Scene) {
        let first = self.events.len();
        self.note(scene, 0, "AGENT_PLATFORM_SESSION_CREATED");
        self.note(scene, 2, "AGENT_PLATFORM_SESSION_STARTED");
        let length = self.rng.i64(30..5_000);
        if self.rng.f64() < 0.1 {
            self.note(scene, length / 2, "AGENT_PLATFORM_SESSION_RESUMED");
        }
        match self.rng.f64() {
            draw if draw < 0.74 => self.note(scene, length, "AGENT_PLATFORM_SESSION_FINISHED"),
            draw if draw < 0.86 => self.note(scene, length, "AGENT_PLATFORM_SESSION_DROPPED"),
            draw if draw < 0.94 => self.note(scene, length, "AGENT_PLATFORM_SESSION_STOPPED"),
            _ => {}
        }
        for event in &mut self.events[first..] {
            event.session = Some(self.sessions);
        }
        self.sessions += 1;
    }

    fn tool_call(&mut self, scene: &Scene) {
        self.note(scene, 0, "START_MCP_TOOL_CALL");
        if self.rng.f64() < 0.95 {
            self.note(scene, 1, "FINISH_MCP_TOOL_CALL");
        }
    }

    fn review(&mut self, scene: &Scene) {
        if self.rng.f64() < 0.7 {
            self.note(scene, 0, "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_AUTHOR");
        } else {
            self.note(scene, 0, "REQUEST_REVIEW_DUO_CODE_REVIEW_ON_MR_BY_NON_AUTHOR");
        }
        match self.rng.f64() {
            draw if draw < 0.6 => {
                for comment in 0..self.rng.i64(1..4) {
                    self.note(scene, 60 + comment, "POST_COMMENT_DUO_CODE_REVIEW_ON_DIFF");
                }
                self.note(scene, 65, "PUBLISH_DUO_CODE_REVIEW_COMMENTS");
                match self.rng.f64() {
                    draw if draw < 0.15 => {
                        self.note(scene, 900, "REACT_THUMBS_UP_ON_DUO_CODE_REVIEW_COMMENT");
                    }
                    draw if draw < 0.22 => {
                        self.note(scene, 900, "REACT_THUMBS_DOWN_ON_DUO_CODE_REVIEW_COMMENT");
                    }
                    _ => {}
                }
            }
            draw if draw < 0.85 => self.note(scene, 60, "FIND_NO_ISSUES_DUO_CODE_REVIEW_AFTER_REVIEW"),
            draw if draw < 0.9 => self.note(scene, 5, "FIND_NOTHING_TO_REVIEW_DUO_CODE_REVIEW_ON_MR"),
            draw if draw < 0.95 => self.note(scene, 5, "EXCLUDED_FILES_FROM_DUO_CODE_REVIEW"),
            _ => self.note(scene, 30, "ENCOUNTER_DUO_CODE_REVIEW_ERROR_DURING_REVIEW"),
        }
    }

    /// Writes down one event, `delay` seconds into the scene; now and then its twin as well.
    fn note(&mut self, scene: &Scene, delay: i64, event: &'static str) {
        self.events.push(scene.event(delay, event));
        if self.rng.f64() < 0.005 {
            self.repeat_last();
        }
    }

    fn repeat_last(&mut self) {
        let last = self.events.last().expect("called after a push");
        self.events.push(UsageEvent { ..*last });
    }

    /// Events at exactly midnight at the start of the day: the server's windows overlap there.
    fn mark_midnight(&mut self, day: NaiveDate, organisation: &Organisation, habits: &[Habit]) {
        let present: Vec<usize> = (0..habits.len())
            .filter(|person| matches!(habits[*person], Habit::Active { .. }))
            .filter(|person| organisation.people[*person].is_member_on(day))
            .collect();
        if present.is_empty() {
            return;
        }
        for _ in 0..self.rng.usize(1..4) {
            let person = present[self.rng.usize(..present.len())];
            let group = organisation.people[person].groups[0];
            let at = start_of(day);
            self.act(&Scene { person, group, at });
        }
    }

    /// Adds what a large organisation must have and chance has left out.
    fn complete(&mut self, organisation: &Organisation, habits: &[Habit]) {
        let days: Vec<NaiveDate> = organisation.days().collect();
        let person = habits
            .iter()
            .position(|habit| matches!(habit, Habit::Active { .. }))
            .expect("people with odd names are active");
        for event in EVENTS {
            if !self.events.iter().any(|known| known.event == event) {
                let day = days[self.rng.usize(..days.len())];
                let at = self.moment(day);
                let group = organisation.people[person].groups[0];
                self.note(&Scene { person, group, at }, 0, event);
            }
        }
    }

    fn sorted(mut self) -> Vec<UsageEvent> {
        // A stable sort: twins and equal seconds keep the order in which they were written down.
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

/// Who does something, where and when.
struct Scene {
    person: usize,
    group: usize,
    at: DateTime<Utc>,
}

impl Scene {
    fn event(&self, delay: i64, event: &'static str) -> UsageEvent {
        // Nobody works past midnight: the end of a story stays within its day.
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

/// Exactly `count` events, spread evenly over the last day, all in `acme`: quick to build, however many.
fn fill_last_day(organisation: &mut Organisation, count: usize, rng: &mut Rng) {
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
    let midnight = start_of(organisation.last_day);
    let members: Vec<usize> = (0..organisation.people.len())
        .filter(|person| organisation.people[*person].is_member_on(organisation.last_day))
        .collect();
    // Newest first, as the sorted order is.
    organisation.usage_events = (0..count)
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
