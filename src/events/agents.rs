//! What the events of the Duo Agent Platform mean: the steps of a session, calls of tools, and use of tokens. From its
//! steps follow how a session ended and how long it took.

use serde::{Deserialize, Serialize};

use crate::base::calendar::Timestamp;
use crate::base::lenient;
use crate::events::catalog::{self, Role as Told};

/// The flow of agentic chat, which hands the turn back instead of ending.
pub const CHAT: &str = "chat";

/// A step of a session. GitLab itself (Rails) and the service that runs sessions (Duo Workflow Service) tell different ones.
///
/// Of steps told with the same moment the earlier one here comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// GitLab made it.
    Created,
    /// The service got its start.
    Received,
    /// GitLab started it.
    Started,
    /// The service began to work.
    Requested,
    /// The service works again after it failed or was stopped.
    Retried,
    /// GitLab resumed it.
    Resumed,
    /// The service works again after a pause.
    Continued,
    /// The service waits.
    Paused,
    /// GitLab found it stuck and ended it.
    CleanedUp,
    /// Cancelled by the user, as the service tells it.
    Cancelled,
    /// The service refused its start.
    Rejected,
    /// It failed, as the service tells it.
    Failed,
    /// The service lost the connection.
    Aborted,
    /// It failed, as GitLab tells it.
    Dropped,
    /// It was stopped.
    Stopped,
    /// It succeeded, as the service tells it.
    Succeeded,
    /// It finished, as GitLab tells it.
    Finished,
}

/// How a session ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionStatus {
    /// It did what it was to do.
    Finished,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// Somebody cancelled it.
    Cancelled,
    /// GitLab found it stuck and ended it.
    Stuck,
    /// No end is told.
    Open,
}

/// What an event is to agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// The step of the session that it tells.
    pub step: Option<Step>,
    /// Whether it is the outcome of a call of a tool.
    pub is_tool_call: bool,
    /// Whether it tells tokens that a model used.
    pub tells_tokens: bool,
}

/// Counts of calls of tools and of tokens. Of each sum it is told of how many events it is: others do not tell that number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentCounts {
    /// Events, each of a row of its own.
    #[serde(deserialize_with = "lenient::count")]
    pub events: u64,
    /// Calls of a tool that succeeded.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub succeeded: u64,
    /// Calls of a tool that failed.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Tokens that went into a model, as told: with those from its cache or without.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Events that tell them.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub input_told: u64,
    /// Tokens that came out of a model.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// Events that tell them.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub output_told: u64,
    /// Tokens read from the cache.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_read: u64,
    /// Events that tell them.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_read_told: u64,
    /// Tokens written to the cache for five minutes.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_write_5m: u64,
    /// Events that tell them.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_write_5m_told: u64,
    /// Tokens written to the cache for an hour.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_write_1h: u64,
    /// Events that tell them.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_write_1h_told: u64,
    /// Tokens written to the cache, for however long.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Events that tell them.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub cache_write_told: u64,
    /// Input less what was read from and written to the cache, where the input includes it; else the input.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub uncached_input: u64,
    /// Events that tell input and what was read from the cache, and whose input includes the cache.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub inclusive_events: u64,
    /// Their input.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub inclusive_input: u64,
    /// What they read from the cache.
    #[serde(deserialize_with = "lenient::count", skip_serializing_if = "is_zero")]
    pub inclusive_cache_read: u64,
}

/// The tokens that one event tells; `None` is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Into the model.
    pub input: Option<u64>,
    /// Out of the model.
    pub output: Option<u64>,
    /// From the cache.
    pub cache_read: Option<u64>,
    /// To the cache for five minutes.
    pub cache_write_5m: Option<u64>,
    /// To the cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// To the cache, those of five minutes and of an hour included.
    pub cache_write: Option<u64>,
}

/// The outcome of a session that its user cancelled.
pub const CANCELLED: &str = "cancelled";

impl Role {
    /// What an event of this name is; `None` when it is nothing to agents.
    pub fn of(event: &str) -> Option<Role> {
        let of_step = |step| Role { step: Some(step), ..Role::default() };
        Some(match catalog::role(event)? {
            Told::Created => of_step(Step::Created),
            Told::Started => of_step(Step::Started),
            Told::Resumed => of_step(Step::Resumed),
            Told::Finished => of_step(Step::Finished),
            Told::Dropped => of_step(Step::Dropped),
            Told::Stopped => of_step(Step::Stopped),
            Told::CleanedUp => of_step(Step::CleanedUp),
            Told::Received => of_step(Step::Received),
            Told::Requested => of_step(Step::Requested),
            Told::Continued => of_step(Step::Continued),
            Told::Retried => of_step(Step::Retried),
            Told::Paused => of_step(Step::Paused),
            Told::Succeeded => of_step(Step::Succeeded),
            Told::Failed => of_step(Step::Failed),
            Told::Aborted => of_step(Step::Aborted),
            Told::Rejected => of_step(Step::Rejected),
            Told::ToolSucceeded | Told::ToolFailed | Told::McpFinished => {
                Role { is_tool_call: true, ..Role::default() }
            }
            Told::TokenUsage => Role { tells_tokens: true, ..Role::default() },
            _ => return None,
        })
    }

    /// The step that an event with this outcome tells: a session that was cancelled is a success by its name.
    pub fn step(self, outcome: Option<&str>) -> Option<Step> {
        self.step.map(|step| match step {
            Step::Succeeded if outcome == Some(CANCELLED) => Step::Cancelled,
            step => step,
        })
    }
}

/// A flow type without its version, which only some sources tell: `fix_pipeline/v1` is `fix_pipeline`.
pub fn flow_type(flow: &str) -> &str {
    let is_version = |text: &str| {
        text.strip_prefix('v')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match flow.rsplit_once('/') {
        Some((name, version)) if is_version(version) => name,
        _ => flow,
    }
}

/// Whether a call of a tool failed; `None` when the event does not tell.
pub fn has_failed(event: &str, outcome: Option<&str>) -> Option<bool> {
    match (catalog::role(event), outcome) {
        (Some(Told::ToolSucceeded), _) | (_, Some("success")) => Some(false),
        (Some(Told::ToolFailed), _) | (_, Some("failure")) => Some(true),
        _ => None,
    }
}

impl AgentCounts {
    /// Events that tell tokens: as many as tell the kind that most of them do.
    pub fn told(&self) -> u64 {
        let cache = self.cache_write_5m_told.max(self.cache_write_1h_told).max(self.cache_write_told);
        self.input_told.max(self.output_told).max(self.cache_read_told).max(cache)
    }

    /// The counts of one event: of a call of a tool that failed or not, or of tokens.
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

    /// Adds other counts; a sum that a number cannot hold becomes [`TOO_LARGE`](crate::model::record::TOO_LARGE).
    pub fn add(&mut self, other: &AgentCounts) {
        for (sum, more) in self.all_mut().into_iter().zip(other.all()) {
            *sum = sum.saturating_add(more);
        }
    }

    /// The counts of so many of what these are the counts of; a sum that a number cannot hold becomes
    /// [`TOO_LARGE`](crate::model::record::TOO_LARGE).
    pub fn times(mut self, many: u64) -> AgentCounts {
        self.all_mut().into_iter().for_each(|sum| *sum = sum.saturating_mul(many));
        self
    }

    /// Whether there can be such events: no more tell a number than there are, and a sum is of events that tell it.
    pub fn are_possible(&self) -> bool {
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
        let are_told = sums.iter().all(|(sum, told)| *told <= self.events && (*sum == 0 || *told > 0));
        let calls = self.succeeded.checked_add(self.failed);
        self.events > 0 && are_told && calls.is_some_and(|calls| calls <= self.events)
    }

    /// Every number, in a fixed order.
    pub fn all(mut self) -> [u64; 19] {
        self.all_mut().map(|number| *number)
    }

    /// The same, to be changed.
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
    /// Every one, in order.
    pub const ALL: [Step; 17] = {
        use Step::*;
        [
            Created, Received, Started, Requested, Retried, Resumed, Continued, Paused, CleanedUp, Cancelled,
            Rejected, Failed, Aborted, Dropped, Stopped, Succeeded, Finished,
        ]
    };

    /// Whether GitLab itself tells it.
    fn is_of_gitlab(self) -> bool {
        use Step::*;
        matches!(self, Created | Started | Resumed | Finished | Dropped | Stopped | CleanedUp)
    }

    /// How a session is after this step; `None` when the step ends nothing.
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

    /// Whether a session goes on with this step.
    fn restarts(self) -> bool {
        use Step::*;
        matches!(self, Started | Requested | Retried | Resumed | Continued)
    }
}

impl SessionStatus {
    /// Every one, in the order they are shown.
    pub const ALL: [SessionStatus; 6] = [
        SessionStatus::Finished,
        SessionStatus::Failed,
        SessionStatus::Stopped,
        SessionStatus::Cancelled,
        SessionStatus::Stuck,
        SessionStatus::Open,
    ];

    /// The word in the streams.
    pub fn as_str(self) -> &'static str {
        match self {
            SessionStatus::Finished => "finished",
            SessionStatus::Failed => "failed",
            SessionStatus::Stopped => "stopped",
            SessionStatus::Cancelled => "cancelled",
            SessionStatus::Stuck => "stuck",
            SessionStatus::Open => "open",
        }
    }
}

/// How a session is by its steps, in their order: as the last step says that ended it. That GitLab calls a session failed
/// which it has just cleaned up, or finished one that was cancelled, changes nothing.
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

/// Milliseconds from the first creation that any source reports to the last end that any reports; without a creation from
/// the first start. `None` while one of the two is missing. No source has all steps: only GitLab reports the creation, and
/// an export of the service alone can have the end.
pub fn wall(steps: &[(Timestamp, Step)]) -> Option<u64> {
    let first = |is: fn(Step) -> bool| steps.iter().find(|(_, step)| is(*step)).map(|(at, _)| *at);
    let created = first(|step| step == Step::Created);
    let start = created.or_else(|| first(|step| matches!(step, Step::Started | Step::Requested)))?;
    let (end, _) = steps.iter().rfind(|(_, step)| step.end().is_some())?;
    u64::try_from(end.milliseconds_since(start)).ok()
}

/// Milliseconds that the service worked on a session, its pauses left out; `None` where the service tells nothing, or a
/// stretch of work without its end, which is also that of a session found stuck.
pub fn active(steps: &[(Timestamp, Step)]) -> Option<u64> {
    let opens = |step: Step| matches!(step, Step::Requested | Step::Continued | Step::Retried);
    let (mut sum, mut is_told) = (0, false);
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
        is_told = true;
    }
    is_told.then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::Step::*;
    use super::*;

    /// Steps at these seconds.
    fn steps(told: &[(u32, Step)]) -> Vec<(Timestamp, Step)> {
        let at = |seconds: u32| {
            format!("2026-08-18T09:{:02}:{:02}Z", seconds / 60, seconds % 60).parse().expect("a moment")
        };
        let mut steps: Vec<_> = told.iter().map(|(seconds, step)| (at(*seconds), *step)).collect();
        steps.sort_unstable();
        steps
    }

    #[test]
    fn the_last_end_says_how_a_session_is_unless_it_only_repeats_it() {
        for (told, expected) in [
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
            assert_eq!(status(&steps(told)), expected, "{told:?}");
        }
    }

    #[test]
    fn every_step_stands_at_its_place() {
        assert!(Step::ALL.iter().enumerate().all(|(place, step)| *step as usize == place));
    }

    #[test]
    fn the_wall_time_is_from_the_first_creation_of_any_source_to_the_last_end_of_any() {
        let both = steps(&[(0, Created), (6, Requested), (661, Finished), (662, Succeeded)]);
        assert_eq!(wall(&both), Some(662_000));
        // One source has the creation alone, the other all but that.
        assert_eq!(wall(&steps(&[(0, Created), (300, Requested), (360, Succeeded)])), Some(360_000));
        assert_eq!(wall(&steps(&[(0, Created), (1, Created), (6, Requested), (9, Stopped)])), Some(9_000));
        // A start before the creation does not matter: clocks differ.
        assert_eq!(wall(&steps(&[(0, Requested), (2, Created), (9, Finished)])), Some(7_000));
        let service = steps(&[(0, Received), (2, Requested), (41, Paused), (662, Succeeded)]);
        assert_eq!(wall(&service), Some(660_000));
        assert_eq!(wall(&steps(&[(1, Requested), (600, CleanedUp)])), Some(599_000));
        assert_eq!(wall(&steps(&[(1, Created), (2, Started)])), None);
        assert_eq!(wall(&steps(&[(5, Finished)])), None);
    }

    #[test]
    fn pauses_are_no_work_and_an_end_that_is_not_told_is_not_made_up() {
        let paused =
            steps(&[(2, Requested), (41, Paused), (641, Continued), (661, Finished), (662, Succeeded)]);
        assert_eq!(active(&paused), Some(60_000));
        assert_eq!(active(&steps(&[(0, Created), (2, Requested), (9, Stopped)])), Some(7_000));
        assert_eq!(active(&steps(&[(0, Created), (9, Finished)])), None);
        assert_eq!(active(&steps(&[(2, Requested), (9, CleanedUp), (9, Dropped)])), None);
        assert_eq!(active(&steps(&[(2, Requested)])), None);
        assert_eq!(active(&steps(&[(2, Requested), (5, Retried), (9, Failed)])), None);
    }

    #[test]
    fn input_that_holds_the_cache_is_told_from_input_that_does_not() {
        let told = |input, cache_read, cache_write| {
            let tokens = Tokens { input, cache_read, cache_write, ..Tokens::default() };
            let counts = AgentCounts::of_event(None, tokens);
            (
                counts.uncached_input,
                counts.inclusive_events,
                counts.inclusive_input,
                counts.inclusive_cache_read,
            )
        };
        assert_eq!(told(Some(15_000), Some(9_000), Some(3_000)), (3_000, 1, 15_000, 9_000));
        assert_eq!(told(Some(500), Some(2_000), Some(300)), (500, 0, 0, 0));
        // What was read from the cache is not told: the share of it is not known.
        assert_eq!(told(Some(500), None, Some(300)), (200, 0, 0, 0));
        assert_eq!(told(Some(500), Some(0), None), (500, 1, 500, 0));
        assert_eq!(told(None, Some(7), None), (0, 0, 0, 0));
        let split = Tokens { cache_write_5m: Some(3), cache_write_1h: Some(4), ..Tokens::default() };
        let mut counts = AgentCounts::of_event(None, split);
        assert_eq!((counts.cache_write, counts.cache_write_told), (7, 1));
        counts.add(&AgentCounts { cache_write: u64::MAX, ..AgentCounts::default() });
        assert_eq!(counts.cache_write, u64::MAX);
    }

    #[test]
    fn names_tell_steps_tools_and_tokens() {
        let role = |event| Role::of(event).unwrap_or_default();
        assert_eq!(role("request_duo_workflow_success").step(Some("completed")), Some(Succeeded));
        assert_eq!(role("request_duo_workflow_success").step(Some("cancelled")), Some(Cancelled));
        assert_eq!(role("agent_platform_session_finished").step(Some("cancelled")), Some(Finished));
        assert!(role("token_usage_duo_chat").tells_tokens && role("finish_mcp_tool_call").is_tool_call);
        assert_eq!((Role::of("start_mcp_tool_call"), Role::of("request_duo_chat_response")), (None, None));
        assert_eq!(has_failed("finish_mcp_tool_call", Some("failure")), Some(true));
        assert_eq!(has_failed("finish_mcp_tool_call", None), None);
        assert_eq!(has_failed("duo_workflow_tool_success", None), Some(false));
        assert_eq!(
            ["fix_pipeline/v1", "a/b", "x/v", "x/v1a"].map(flow_type),
            ["fix_pipeline", "a/b", "x/v", "x/v1a"]
        );
    }
}
