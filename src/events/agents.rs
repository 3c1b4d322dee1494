//! The events of the Duo Agent Platform: steps of a session, tool calls and tokens. The steps
//! determine how a session ended and how long it took.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::calendar::Timestamp;
use crate::base::lenient;
use crate::events::catalog::{self, Role as EventRole};

/// The flow of agentic chat. Its sessions wait for the person instead of ending.
pub const CHAT: &str = "chat";

/// A step of a session. GitLab itself (Rails) and the service that runs sessions (Duo Workflow
/// Service) report different steps.
///
/// Steps with the same timestamp are sorted in the order of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// GitLab created the session.
    Created,
    /// The service received the request to start.
    Received,
    /// GitLab started the session.
    Started,
    /// The service started to work.
    Requested,
    /// The service works again after a failure or stop.
    Retried,
    /// GitLab resumed the session.
    Resumed,
    /// The service works again after a pause.
    Continued,
    /// The service waits.
    Paused,
    /// GitLab ended the session because it was stuck.
    CleanedUp,
    /// The service reports that the user canceled the session.
    Cancelled,
    /// The service refused to start.
    Rejected,
    /// The service reports a failure.
    Failed,
    /// The service lost the connection.
    Aborted,
    /// GitLab reports a failure.
    Dropped,
    /// GitLab reports that the session was stopped.
    Stopped,
    /// The service reports success.
    Succeeded,
    /// GitLab reports the end.
    Finished,
}

/// How a session ended, if it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionStatus {
    /// It completed its task.
    Finished,
    /// It failed.
    Failed,
    /// A person stopped it.
    Stopped,
    /// A person canceled it.
    Cancelled,
    /// GitLab ended it because it was stuck.
    Stuck,
    /// No end is reported.
    Open,
    /// A status that is not known here, or that the source does not report.
    Other,
}

/// What an event means for agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentRole {
    /// The step of the session that it reports.
    pub step: Option<Step>,
    /// Whether it reports the outcome of a tool call.
    pub is_tool_call: bool,
    /// Whether it reports the tokens of a model call.
    pub reports_tokens: bool,
}

/// Counts of tool calls and tokens. Each sum of tokens has the number of events that carry the
/// value; other events do not report it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(default)]
pub struct AgentCounts {
    /// Events. Each is one row.
    #[serde(deserialize_with = "lenient::integer")]
    pub events: u64,
    /// Tool calls that succeeded.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub succeeded: u64,
    /// Tool calls that failed.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Input tokens as reported: some models include tokens from the cache, some do not.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Events with this value.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub input_told: u64,
    /// Output tokens.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// Events with this value.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub output_told: u64,
    /// Tokens read from the cache.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_read: u64,
    /// Events with this value.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_read_told: u64,
    /// Tokens written to the cache for five minutes.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_write_5m: u64,
    /// Events with this value.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_write_5m_told: u64,
    /// Tokens written to the cache for one hour.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_write_1h: u64,
    /// Events with this value.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_write_1h_told: u64,
    /// Tokens written to the cache for any duration.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Events with this value.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub cache_write_told: u64,
    /// Input tokens without those read from and written to the cache, if the input includes them;
    /// else the input tokens.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub uncached_input: u64,
    /// Events with input tokens and cache reads whose input includes the cache.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub inclusive_events: u64,
    /// The input tokens of these events.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub inclusive_input: u64,
    /// The cache reads of these events.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "is_zero")]
    pub inclusive_cache_read: u64,
}

/// The tokens of one event; `None` is not reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input tokens.
    pub input: Option<u64>,
    /// Output tokens.
    pub output: Option<u64>,
    /// Read from the cache.
    pub cache_read: Option<u64>,
    /// Written to the cache for five minutes.
    pub cache_write_5m: Option<u64>,
    /// Written to the cache for one hour.
    pub cache_write_1h: Option<u64>,
    /// Written to the cache for any duration.
    pub cache_write: Option<u64>,
}

/// The outcome of a session that its user canceled, as the service reports it.
pub const CANCELLED: &str = "cancelled";

impl AgentRole {
    /// The role of an event of this name; `None` if it does not concern agents.
    pub fn of(event: &str) -> Option<AgentRole> {
        let of_step = |step| AgentRole { step: Some(step), ..AgentRole::default() };
        Some(match catalog::role(event)? {
            EventRole::Created => of_step(Step::Created),
            EventRole::Started => of_step(Step::Started),
            EventRole::Resumed => of_step(Step::Resumed),
            EventRole::Finished => of_step(Step::Finished),
            EventRole::Dropped => of_step(Step::Dropped),
            EventRole::Stopped => of_step(Step::Stopped),
            EventRole::CleanedUp => of_step(Step::CleanedUp),
            EventRole::Received => of_step(Step::Received),
            EventRole::Requested => of_step(Step::Requested),
            EventRole::Continued => of_step(Step::Continued),
            EventRole::Retried => of_step(Step::Retried),
            EventRole::Paused => of_step(Step::Paused),
            EventRole::Succeeded => of_step(Step::Succeeded),
            EventRole::Failed => of_step(Step::Failed),
            EventRole::Aborted => of_step(Step::Aborted),
            EventRole::Rejected => of_step(Step::Rejected),
            EventRole::ToolSucceeded | EventRole::ToolFailed | EventRole::McpFinished => {
                AgentRole { is_tool_call: true, ..AgentRole::default() }
            }
            EventRole::TokenUsage => AgentRole { reports_tokens: true, ..AgentRole::default() },
            _ => return None,
        })
    }

    /// The step that an event with this outcome reports. The service reports canceled sessions by
    /// its success event.
    pub fn step(self, outcome: Option<&str>) -> Option<Step> {
        self.step.map(|step| match step {
            Step::Succeeded if outcome == Some(CANCELLED) => Step::Cancelled,
            step => step,
        })
    }
}

/// A flow type without its version, which only some sources report: `fix_pipeline/v1` is
/// `fix_pipeline`.
pub fn flow_type(flow: &str) -> &str {
    flow_and_version(flow).0
}

/// A flow type, and its version if it has one: `fix_pipeline/v1` is version `v1` of `fix_pipeline`.
pub fn flow_and_version(flow: &str) -> (&str, Option<&str>) {
    let is_version = |text: &str| {
        text.strip_prefix('v')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match flow.rsplit_once('/') {
        Some((name, version)) if is_version(version) => (name, Some(version)),
        _ => (flow, None),
    }
}

/// Whether a tool call failed; `None` if the event does not report it.
pub fn has_failed(event: &str, outcome: Option<&str>) -> Option<bool> {
    match (catalog::role(event), outcome) {
        (Some(EventRole::ToolSucceeded), _) | (_, Some("success")) => Some(false),
        (Some(EventRole::ToolFailed), _) | (_, Some("failure")) => Some(true),
        _ => None,
    }
}

impl AgentCounts {
    /// Events that report tokens: as many as carry the most frequent kind of tokens.
    pub fn events_with_tokens(&self) -> u64 {
        let cache = self.cache_write_5m_told.max(self.cache_write_1h_told).max(self.cache_write_told);
        self.input_told.max(self.output_told).max(self.cache_read_told).max(cache)
    }

    /// The counts of one event: the outcome of a tool call, or tokens.
    pub fn of_event(failed: Option<bool>, tokens: Tokens) -> AgentCounts {
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h, cache_write } = tokens;
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        };
        let cache_write = cache_write.or(sum(cache_write_5m, cache_write_1h));
        let cached = sum(cache_read, cache_write).unwrap_or(0);
        let includes_cache = input.is_some_and(|input| cached <= input);
        let is_compared = includes_cache && cache_read.is_some();
        let compared = |tokens: Option<u64>| tokens.filter(|_| is_compared).unwrap_or(0);
        AgentCounts {
            events: 1,
            succeeded: (failed == Some(false)).into(),
            failed: (failed == Some(true)).into(),
            input_tokens: input.unwrap_or(0),
            input_told: input.is_some().into(),
            output_tokens: output.unwrap_or(0),
            output_told: output.is_some().into(),
            cache_read: cache_read.unwrap_or(0),
            cache_read_told: cache_read.is_some().into(),
            cache_write_5m: cache_write_5m.unwrap_or(0),
            cache_write_5m_told: cache_write_5m.is_some().into(),
            cache_write_1h: cache_write_1h.unwrap_or(0),
            cache_write_1h_told: cache_write_1h.is_some().into(),
            cache_write: cache_write.unwrap_or(0),
            cache_write_told: cache_write.is_some().into(),
            uncached_input: input.unwrap_or(0) - if includes_cache { cached } else { 0 },
            inclusive_events: is_compared.into(),
            inclusive_input: compared(input),
            inclusive_cache_read: compared(cache_read),
        }
    }

    /// Adds other counts. Sums saturate at [`TOO_LARGE`](crate::model::number::TOO_LARGE).
    pub fn add(&mut self, other: &AgentCounts) {
        for (sum, more) in self.all_mut().into_iter().zip(other.all()) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Multiplies the counts. Sums saturate at [`TOO_LARGE`](crate::model::number::TOO_LARGE).
    pub fn times(mut self, many: u64) -> AgentCounts {
        self.all_mut().into_iter().for_each(|sum| *sum = sum.saturating_mul(many));
        self
    }

    /// Whether such events can exist: no value is carried by more events than there are, and every
    /// positive sum has an event that carries it.
    pub fn are_consistent(&self) -> bool {
        let sums = [
            (self.input_tokens, self.input_told),
            (self.output_tokens, self.output_told),
            (self.cache_read, self.cache_read_told),
            (self.cache_write_5m, self.cache_write_5m_told),
            (self.cache_write_1h, self.cache_write_1h_told),
            (self.cache_write, self.cache_write_told),
            (self.uncached_input, self.input_told),
            (self.inclusive_input, self.inclusive_events),
            (self.inclusive_cache_read, self.inclusive_events),
        ];
        let have_events = |(sum, events): &(u64, u64)| *events <= self.events && (*sum == 0 || *events > 0);
        let calls = self.succeeded.checked_add(self.failed);
        self.events > 0 && sums.iter().all(have_events) && calls.is_some_and(|calls| calls <= self.events)
    }

    /// Every count, in a fixed order.
    pub fn all(mut self) -> [u64; 19] {
        self.all_mut().map(|number| *number)
    }

    /// Every count as a mutable reference, in the same order.
    pub fn all_mut(&mut self) -> [&mut u64; 19] {
        [
            &mut self.events,
            &mut self.succeeded,
            &mut self.failed,
            &mut self.input_tokens,
            &mut self.input_told,
            &mut self.output_tokens,
            &mut self.output_told,
            &mut self.cache_read,
            &mut self.cache_read_told,
            &mut self.cache_write_5m,
            &mut self.cache_write_5m_told,
            &mut self.cache_write_1h,
            &mut self.cache_write_1h_told,
            &mut self.cache_write,
            &mut self.cache_write_told,
            &mut self.uncached_input,
            &mut self.inclusive_events,
            &mut self.inclusive_input,
            &mut self.inclusive_cache_read,
        ]
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 17] = {
        use Step::*;
        [
            Created, Received, Started, Requested, Retried, Resumed, Continued, Paused, CleanedUp, Cancelled,
            Rejected, Failed, Aborted, Dropped, Stopped, Succeeded, Finished,
        ]
    };

    /// Whether GitLab itself reports it.
    fn is_of_gitlab(self) -> bool {
        use Step::*;
        matches!(self, Created | Started | Resumed | Finished | Dropped | Stopped | CleanedUp)
    }

    /// The status after this step; `None` if the step does not end a session.
    fn end(self) -> Option<SessionStatus> {
        Some(match self {
            Step::Finished | Step::Succeeded => SessionStatus::Finished,
            Step::Dropped | Step::Failed | Step::Aborted | Step::Rejected => SessionStatus::Failed,
            Step::Stopped => SessionStatus::Stopped,
            Step::Cancelled => SessionStatus::Cancelled,
            Step::CleanedUp => SessionStatus::Stuck,
            _ => return None,
        })
    }

    /// Whether a session continues with this step.
    fn restarts(self) -> bool {
        use Step::*;
        matches!(self, Started | Requested | Retried | Resumed | Continued)
    }
}

impl SessionStatus {
    /// Every status, in the order of display.
    pub const ALL: [SessionStatus; 7] = [
        SessionStatus::Finished,
        SessionStatus::Failed,
        SessionStatus::Stopped,
        SessionStatus::Cancelled,
        SessionStatus::Stuck,
        SessionStatus::Open,
        SessionStatus::Other,
    ];

    /// The name in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            SessionStatus::Finished => "finished",
            SessionStatus::Failed => "failed",
            SessionStatus::Stopped => "stopped",
            SessionStatus::Cancelled => "cancelled",
            SessionStatus::Stuck => "stuck",
            SessionStatus::Open => "open",
            SessionStatus::Other => "other",
        }
    }
}

/// The status of a session by its sorted steps: that of the last step that ended it. GitLab then
/// reports a session that it cleaned up as failed, and a canceled one as stopped or finished; these
/// repetitions change nothing.
pub fn status(steps: &[(Timestamp, Step)]) -> SessionStatus {
    let (mut status, mut has_restarted) = (SessionStatus::Open, false);
    for (_, step) in steps {
        has_restarted |= step.restarts();
        let Some(end) = step.end() else { continue };
        let only_repeats = match status {
            SessionStatus::Stuck => end == SessionStatus::Failed,
            SessionStatus::Cancelled => matches!(end, SessionStatus::Stopped | SessionStatus::Finished),
            _ => false,
        };
        if !only_repeats || has_restarted {
            status = end;
        }
        has_restarted = false;
    }
    status
}

/// Milliseconds from the first creation that any source reports to the last end; without a
/// creation, from the first start. `None` while one of the two is missing. No source has all steps:
/// only GitLab reports the creation, and an export of the service alone may have the end.
pub fn wall_time(steps: &[(Timestamp, Step)]) -> Option<u64> {
    let first = |is: fn(Step) -> bool| steps.iter().find(|(_, step)| is(*step)).map(|(at, _)| *at);
    let created = first(|step| step == Step::Created);
    let start = created.or_else(|| first(|step| matches!(step, Step::Started | Step::Requested)))?;
    let (end, _) = steps.iter().rfind(|(_, step)| step.end().is_some())?;
    u64::try_from(end.milliseconds_since(start)).ok()
}

/// Milliseconds that the service worked on a session, without pauses. `None` if the service reports
/// no work, or work without an end, as in a stuck session.
pub fn active_time(steps: &[(Timestamp, Step)]) -> Option<u64> {
    let opens = |step: Step| matches!(step, Step::Requested | Step::Continued | Step::Retried);
    let (mut sum, mut has_work) = (0, false);
    for (place, (opened_at, _)) in steps.iter().enumerate().filter(|(_, (_, step))| opens(*step)) {
        let rest = &steps[place + 1..];
        let until_next = rest.iter().position(|(_, step)| opens(*step)).unwrap_or(rest.len());
        let span = &rest[..until_next];
        let closes = |(_, step): &&(Timestamp, Step)| {
            *step == Step::Paused || (step.end().is_some() && !step.is_of_gitlab())
        };
        let ends = |(_, step): &&(Timestamp, Step)| step.end().is_some();
        let (closed_at, step) = span.iter().find(closes).or_else(|| span.iter().find(ends))?;
        if *step == Step::CleanedUp {
            return None;
        }
        sum += u64::try_from(closed_at.milliseconds_since(*opened_at)).ok()?;
        has_work = true;
    }
    has_work.then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::Step::*;
    use super::*;

    /// Steps at these seconds.
    fn steps(list: &[(u32, Step)]) -> Vec<(Timestamp, Step)> {
        let at = |seconds: u32| {
            format!("2026-08-18T09:{:02}:{:02}Z", seconds / 60, seconds % 60).parse().expect("a moment")
        };
        let mut steps: Vec<_> = list.iter().map(|(seconds, step)| (at(*seconds), *step)).collect();
        steps.sort_unstable();
        steps
    }

    #[test]
    fn the_last_end_determines_the_status_unless_it_repeats_one() {
        for (list, expected) in [
            (&[(0, Created), (3, Started)][..], SessionStatus::Open),
            (&[(0, Created), (3, Started), (9, Finished)], SessionStatus::Finished),
            (&[(9, Dropped), (11, Finished)], SessionStatus::Finished),
            (&[(9, Failed), (10, Dropped)], SessionStatus::Failed),
            (&[(9, Rejected)], SessionStatus::Failed),
            (&[(9, CleanedUp), (10, Dropped)], SessionStatus::Stuck),
            (&[(9, CleanedUp), (9, Dropped)], SessionStatus::Stuck),
            (&[(9, CleanedUp), (10, Retried), (12, Failed)], SessionStatus::Failed),
            (&[(9, CleanedUp), (10, Finished)], SessionStatus::Finished),
            (&[(9, Cancelled), (10, Stopped)], SessionStatus::Cancelled),
            (&[(9, Cancelled), (9, Finished)], SessionStatus::Cancelled),
            (&[(9, Cancelled), (10, Continued), (11, Succeeded)], SessionStatus::Finished),
            (&[(9, Cancelled), (10, Dropped)], SessionStatus::Failed),
            (&[(9, Stopped), (10, Resumed)], SessionStatus::Stopped),
        ] {
            assert_eq!(status(&steps(list)), expected, "{list:?}");
        }
    }

    #[test]
    fn lists_every_step_in_order() {
        assert!(Step::ALL.iter().enumerate().all(|(place, step)| *step as usize == place));
    }

    #[test]
    fn wall_time_spans_all_sources() {
        let both = steps(&[(0, Created), (6, Requested), (661, Finished), (662, Succeeded)]);
        assert_eq!(wall_time(&both), Some(662_000));
        // One source has the creation alone, the other all but that.
        assert_eq!(wall_time(&steps(&[(0, Created), (300, Requested), (360, Succeeded)])), Some(360_000));
        assert_eq!(
            wall_time(&steps(&[(0, Created), (1, Created), (6, Requested), (9, Stopped)])),
            Some(9_000)
        );
        // A start before the creation is ignored: clocks differ.
        assert_eq!(wall_time(&steps(&[(0, Requested), (2, Created), (9, Finished)])), Some(7_000));
        let service = steps(&[(0, Received), (2, Requested), (41, Paused), (662, Succeeded)]);
        assert_eq!(wall_time(&service), Some(660_000));
        assert_eq!(wall_time(&steps(&[(1, Requested), (600, CleanedUp)])), Some(599_000));
        assert_eq!(wall_time(&steps(&[(1, Created), (2, Started)])), None);
        assert_eq!(wall_time(&steps(&[(5, Finished)])), None);
    }

    #[test]
    fn active_time_excludes_pauses_and_requires_an_end() {
        let paused =
            steps(&[(2, Requested), (41, Paused), (641, Continued), (661, Finished), (662, Succeeded)]);
        assert_eq!(active_time(&paused), Some(60_000));
        assert_eq!(active_time(&steps(&[(0, Created), (2, Requested), (9, Stopped)])), Some(7_000));
        assert_eq!(active_time(&steps(&[(0, Created), (9, Finished)])), None);
        assert_eq!(active_time(&steps(&[(2, Requested), (9, CleanedUp), (9, Dropped)])), None);
        assert_eq!(active_time(&steps(&[(2, Requested)])), None);
        assert_eq!(active_time(&steps(&[(2, Requested), (5, Retried), (9, Failed)])), None);
    }

    #[test]
    fn detects_whether_input_includes_the_cache() {
        let inclusive = |input, cache_read, cache_write| {
            let tokens = Tokens { input, cache_read, cache_write, ..Tokens::default() };
            let counts = AgentCounts::of_event(None, tokens);
            (
                counts.uncached_input,
                counts.inclusive_events,
                counts.inclusive_input,
                counts.inclusive_cache_read,
            )
        };
        assert_eq!(inclusive(Some(15_000), Some(9_000), Some(3_000)), (3_000, 1, 15_000, 9_000));
        assert_eq!(inclusive(Some(500), Some(2_000), Some(300)), (500, 0, 0, 0));
        // Without cache reads, the share of the cache is unknown.
        assert_eq!(inclusive(Some(500), None, Some(300)), (200, 0, 0, 0));
        assert_eq!(inclusive(Some(500), Some(0), None), (500, 1, 500, 0));
        assert_eq!(inclusive(None, Some(7), None), (0, 0, 0, 0));
        let split = Tokens { cache_write_5m: Some(3), cache_write_1h: Some(4), ..Tokens::default() };
        let mut counts = AgentCounts::of_event(None, split);
        assert_eq!((counts.cache_write, counts.cache_write_told), (7, 1));
        counts.add(&AgentCounts { cache_write: u64::MAX, ..AgentCounts::default() });
        assert_eq!(counts.cache_write, u64::MAX);
    }

    #[test]
    fn derives_roles_from_names() {
        let role = |event| AgentRole::of(event).unwrap_or_default();
        assert_eq!(role("request_duo_workflow_success").step(Some("completed")), Some(Succeeded));
        assert_eq!(role("request_duo_workflow_success").step(Some("cancelled")), Some(Cancelled));
        assert_eq!(role("agent_platform_session_finished").step(Some("cancelled")), Some(Finished));
        assert!(role("token_usage_duo_chat").reports_tokens && role("finish_mcp_tool_call").is_tool_call);
        assert_eq!(
            (AgentRole::of("start_mcp_tool_call"), AgentRole::of("request_duo_chat_response")),
            (None, None)
        );
        assert_eq!(has_failed("finish_mcp_tool_call", Some("failure")), Some(true));
        assert_eq!(has_failed("finish_mcp_tool_call", None), None);
        assert_eq!(has_failed("duo_workflow_tool_success", None), Some(false));
        assert_eq!(
            ["fix_pipeline/v1", "a/b", "x/v", "x/v1a"].map(flow_type),
            ["fix_pipeline", "a/b", "x/v", "x/v1a"]
        );
    }
}
