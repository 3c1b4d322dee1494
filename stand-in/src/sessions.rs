//! Agent sessions, editors, models, and the `extras` of events that only an administrator sees.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::Settings;
use super::organization::{OUTSIDE_GROUPS, Organization, Session, UsageEvent};

/// A status that no release of GitLab has; readers must accept unknown statuses.
pub const UNKNOWN_STATUS: &str = "awaiting_budget";

/// Flow types, their weight out of 100, and whether a person starts them from the chat.
const FLOWS: [(&str, u32, bool); 6] = [
    ("chat", 44, true),
    ("software_development", 24, true),
    ("fix_pipeline/v1", 12, false),
    ("code_review/v1", 10, false),
    ("developer/v1", 7, false),
    ("convert_to_gitlab_ci/v1", 3, false),
];

/// Editors with vendor, version and GitLab's extension, the common ones first.
const EDITORS: [(&str, &str, &str, &str); 5] = [
    ("Visual Studio Code", "Microsoft Corporation", "1.104.2", "gitlab-workflow"),
    ("IntelliJ IDEA", "JetBrains s.r.o.", "2026.2", "gitlab-jetbrains"),
    ("PyCharm", "JetBrains s.r.o.", "2026.2", "gitlab-jetbrains"),
    ("Neovim", "Neovim", "0.12.1", "gitlab.vim"),
    ("Visual Studio", "Microsoft Corporation", "18.1", "gitlab-visual-studio"),
];

/// Models and their engines.
const MODELS: [(&str, &str); 3] =
    [("codestral-2501", "fireworks_ai"), ("claude-haiku-4-5", "anthropic"), ("code-gecko", "vertex-ai")];

/// Models of agent sessions.
const SESSION_MODELS: [&str; 3] = ["claude-sonnet-4-6", "claude-haiku-4-5", "gpt-5-codex"];

const TOOLS: [&str; 5] =
    ["get_issue", "create_issue", "get_merge_request", "get_pipeline_jobs", "gitlab_search"];

/// Statuses of sessions that have not ended, with their weights out of 24. A person is awaited in
/// most. GitLab ends a session that is only created or running and untouched for 30 minutes, so
/// there are none of these.
const OPEN_STATUSES: [(&str, u64); 5] = [
    ("input_required", 10),
    ("plan_approval_required", 4),
    ("tool_call_approval_required", 4),
    ("paused", 3),
    (UNKNOWN_STATUS, 3),
];

const TIERS: [&str; 3] = ["exact", "fuzzy", "semantic"];

/// Adds the sessions, and sets the session of their events and of the tools called during them.
pub(super) fn invent(organization: &mut Organization, settings: &Settings) {
    let mut sessions: Vec<Session> = Vec::new();
    let mut positions: HashMap<u32, u32> = HashMap::new();
    let mut latest: Vec<Option<u32>> = vec![None; organization.people.len()];
    let projects: Vec<Vec<usize>> = (0..organization.groups.len())
        .map(|group| {
            let projects = organization.projects.iter().enumerate();
            let inside = projects
                .filter(|(_, project)| !project.archived && organization.is_within(project.group, group));
            inside.map(|(position, _)| position).collect()
        })
        .collect();
    // Oldest first.
    for event in organization.usage_events.iter_mut().rev() {
        if !event.event.starts_with("AGENT_PLATFORM_SESSION") {
            if event.event.ends_with("MCP_TOOL_CALL") {
                let session = latest[event.person];
                event.session = session.filter(|session| sessions[*session as usize].group == event.group);
            }
            continue;
        }
        let next = u32::try_from(sessions.len()).expect("fewer sessions than events");
        let position = match event.session {
            Some(number) => *positions.entry(number).or_insert(next),
            // An event without a session number is a session of its own.
            None => next,
        };
        if position == next {
            // Seeded by the session number, so that a release with fewer events has the same
            // sessions.
            let number = event.session.map_or(event.id, u64::from);
            let bot = organization.people[event.person].bot;
            sessions.push(session(settings, number, event, bot, &projects[event.group]));
        }
        let session = &mut sessions[position as usize];
        session.updated_at = event.timestamp;
        match event.event {
            "AGENT_PLATFORM_SESSION_CREATED" => {
                session.created_at.get_or_insert(event.timestamp);
            }
            "AGENT_PLATFORM_SESSION_FINISHED" => {
                session.finished_at = Some(event.timestamp);
                session.status = "finished";
            }
            "AGENT_PLATFORM_SESSION_DROPPED" => session.status = "failed",
            "AGENT_PLATFORM_SESSION_STOPPED" => session.status = "stopped",
            _ => {}
        }
        latest[event.person] = Some(position);
        event.session = Some(position);
    }
    for (session, number) in sessions.iter_mut().zip(0..) {
        session.id = 700_001 + number * 3;
    }
    organization.sessions = sessions;
}

fn session(settings: &Settings, number: u64, event: &UsageEvent, bot: bool, projects: &[usize]) -> Session {
    let mut rng = Rng::with_seed(settings.seed ^ 0x5e55 ^ mixed(number));
    let mut draw = rng.u32(..100);
    let mut flow = FLOWS[0];
    for candidate in FLOWS {
        flow = candidate;
        if draw < candidate.1 {
            break;
        }
        draw -= candidate.1;
    }
    // Bots do not chat.
    let (flow_type, _, from_chat) = if bot && flow.2 { FLOWS[2] } else { flow };
    let alone = from_chat && rng.u32(..5) == 0 || projects.is_empty();
    Session {
        id: 0,
        person: event.person,
        group: event.group,
        project: if alone { None } else { Some(projects[rng.usize(..projects.len())]) },
        flow_type,
        status: open_status(number),
        began_at: event.timestamp,
        updated_at: event.timestamp,
        environment: if from_chat { "chat" } else { "ambient" },
        created_at: None,
        finished_at: None,
        credits: rng.u32(5..400),
    }
}

/// The status of a session that has not ended. Derived from its number, so that the random choices
/// of other data stay the same.
fn open_status(number: u64) -> &'static str {
    let mut draw = mixed(number ^ 0x57a7_0505) % 24;
    for (status, weight) in OPEN_STATUSES {
        if draw < weight {
            return status;
        }
        draw -= weight;
    }
    UNKNOWN_STATUS
}

impl Session {
    /// The model that the session was billed for. GitLab bills no failed, created, running or
    /// paused session, and knows the model of about three of four others.
    pub fn model(&self) -> Option<&'static str> {
        let is_billed = !matches!(self.status, "failed" | "created" | "running" | "paused");
        let draw = mixed(self.id ^ 0x30de1) % 8;
        (is_billed && draw < 6).then(|| SESSION_MODELS[(draw / 2) as usize])
    }
}

impl UsageEvent {
    /// The editor of a code suggestion. Most people use one editor, and sometimes another.
    pub fn ide_name(&self) -> Option<&'static str> {
        self.editor().map(|editor| editor.0)
    }

    /// The model of a code suggestion.
    pub fn model_name(&self) -> Option<&'static str> {
        self.model().map(|model| model.0)
    }

    fn editor(&self) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
        let tracking = mixed(self.tracking?);
        let own = mixed(self.person as u64) % 8;
        let place = if tracking.is_multiple_of(16) { tracking >> 32 } else { own };
        Some(EDITORS[(place % 8).saturating_sub(3) as usize])
    }

    fn model(&self) -> Option<(&'static str, &'static str)> {
        let place = mixed(self.tracking? ^ 0x30de1) % 10;
        Some(MODELS[place.saturating_sub(7) as usize])
    }
}

impl Organization {
    /// Ids of the groups of an event, outermost first, for example `101/103/`; `None` outside all
    /// groups.
    pub fn namespace_path(&self, event: &UsageEvent) -> Option<String> {
        if self.groups[event.group].full_path == OUTSIDE_GROUPS {
            return None;
        }
        let session = event.session.map(|session| &self.sessions[session as usize]);
        let project = session.and_then(|session| session.project);
        let mut group = project.map_or(event.group, |project| self.projects[project].group);
        let mut path = format!("{}/", self.groups[group].id);
        while let Some(parent) = self.groups[group].parent {
            path = format!("{}/{path}", self.groups[parent].id);
            group = parent;
        }
        Some(path)
    }

    /// The `extras` of an event, by its kind, without null values.
    pub fn extras(&self, event: &UsageEvent) -> Value {
        let session = event.session.map(|session| &self.sessions[session as usize]);
        let session_id = session.map(|session| session.id);
        // The same for duplicates of an event.
        let number = mixed(event.timestamp.timestamp_millis() as u64 ^ mixed(event.person as u64));
        let mut extras = match event.event {
            "CODE_SUGGESTION_SHOWN_IN_IDE"
            | "CODE_SUGGESTION_ACCEPTED_IN_IDE"
            | "CODE_SUGGESTION_REJECTED_IN_IDE" => self.suggestion_extras(event),
            "TROUBLESHOOT_JOB" => json!({
                "job_id": 8_000_000 + number % 1_000_000,
                "project_id": self.some_project(event.group, number),
                "pipeline_id": 900_001 + number % 2_000,
                "merge_request_id": (!number.is_multiple_of(3)).then_some(70_001 + number % 900),
            }),
            "START_MCP_TOOL_CALL" => json!({
                "session_id": session_id,
                "tool_name": TOOLS[number as usize % TOOLS.len()],
            }),
            "FINISH_MCP_TOOL_CALL" => {
                let failed = number.is_multiple_of(13);
                json!({
                    "session_id": session_id,
                    "tool_name": TOOLS[number as usize % TOOLS.len()],
                    "has_tool_call_success": !failed,
                    "failure_reason": failed.then_some("timeout"),
                    "error_status": failed.then_some(504),
                })
            }
            "DUO_WORKFLOW_WORKLOAD_COMPLETED" => json!({
                "workflow_id": 700_001 + number % 3_000,
                "workflow_definition": FLOWS[number as usize % FLOWS.len()].0,
            }),
            "AI_DUO_MESSAGING_FEEDBACK_SUBMITTED" => json!({
                "feedback": if number.is_multiple_of(3) { "negative" } else { "positive" },
                "workflow_id": 700_001 + number % 3_000,
                "surface": "slack",
            }),
            "RESOLVE_FEATURE_DISCOVERY_SEARCH" => json!({
                "resolution_tier": TIERS[number as usize % TIERS.len()],
                "latency_ms": 5 + number % 400,
            }),
            _ => match session {
                Some(session) => json!({
                    "project_id": session.project.map(|project| self.projects[project].id),
                    "session_id": session.id,
                    "flow_type": session.flow_type,
                    "environment": session.environment,
                }),
                None => json!({}),
            },
        };
        if let Value::Object(extras) = &mut extras {
            extras.retain(|_, value| !value.is_null());
        }
        extras
    }

    fn suggestion_extras(&self, event: &UsageEvent) -> Value {
        let mut extras = Map::new();
        if let (Some(editor), Some(model)) = (event.editor(), event.model()) {
            let (ide_name, ide_vendor, ide_version, extension_name) = editor;
            let strings = [
                ("ide_name", ide_name),
                ("ide_vendor", ide_vendor),
                ("ide_version", ide_version),
                ("extension_name", extension_name),
                ("extension_version", "6.47.3"),
                ("language_server_version", "8.31.0"),
                ("model_name", model.0),
                ("model_engine", model.1),
                ("branch_name", "main"),
            ];
            extras.extend(strings.map(|(name, value)| (name.to_string(), json!(value))));
        }
        extras.insert("unique_tracking_id".to_string(), json!(event.unique_tracking_id()));
        extras.insert("suggestion_size".to_string(), json!(event.suggestion_size));
        extras.insert("language".to_string(), json!(event.language));
        Value::Object(extras)
    }

    fn some_project(&self, group: usize, number: u64) -> Option<u64> {
        let inside: Vec<u64> = self
            .projects
            .iter()
            .filter(|project| self.is_within(project.group, group))
            .map(|project| project.id)
            .collect();
        (!inside.is_empty()).then(|| inside[number as usize % inside.len()])
    }
}

/// Mixes the bits of a number (the finalizer of SplitMix64).
pub(super) fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
