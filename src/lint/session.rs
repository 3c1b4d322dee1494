//! The events of a session, ordered by time.

use super::location::Location;
use crate::events::catalog::Role;

/// An event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStep {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// What the event means for the session, if the catalog has the event.
    pub role: Option<Role>,
    /// Where the event is.
    pub location: Location,
    /// A hash for each kind of user id (numeric id on the instance, hash of that id, global id);
    /// 0 if the id is missing.
    pub users: [u64; 3],
}

/// All events of a session.
pub struct SessionTimeline<'a> {
    /// The events, ordered by time.
    pub steps: &'a [SessionStep],
}

/// How long the service may still be at work after GitLab closed a session, in milliseconds: the
/// two run on different machines, whose clocks differ, and stopping takes time.
const GRACE_MS: i64 = 60_000;

impl SessionStep {
    /// Whether the session runs from this event on.
    pub fn is_start(&self) -> bool {
        matches!(self.role, Some(Role::Created | Role::Started | Role::Requested)) || self.is_restart()
    }

    /// Whether the session continues with this event, even after its end.
    pub fn is_restart(&self) -> bool {
        matches!(self.role, Some(Role::Resumed | Role::Continued | Role::Retried))
    }

    /// If this event ends the session: the time after which no further event is expected.
    fn closed_after(&self) -> Option<i64> {
        match self.role? {
            Role::Succeeded | Role::Failed | Role::Aborted | Role::Rejected | Role::CleanedUp => {
                Some(self.at)
            }
            Role::Finished | Role::Dropped | Role::Stopped => Some(self.at + GRACE_MS),
            _ => None,
        }
    }
}

impl SessionTimeline<'_> {
    /// The time of the first event that starts the session, if there is one.
    pub fn first_start(&self) -> Option<i64> {
        self.steps.iter().find(|step| step.is_start()).map(|step| step.at)
    }

    /// The events with one of these roles that come after the end of the session without a restart
    /// in between: the index of each, and the event that ended the session.
    pub fn after_end(&self, roles: &'static [Role]) -> Vec<(usize, &SessionStep)> {
        let mut found = Vec::new();
        let mut end: Option<(i64, &SessionStep)> = None;
        let mut restarted_at = None;
        for (index, step) in self.steps.iter().enumerate() {
            if let Some((_, end)) = end.filter(|(closed, _)| *closed < step.at)
                && step.role.is_some_and(|role| roles.contains(&role))
            {
                found.push((index, end));
            }
            if step.is_start() {
                (end, restarted_at) = (None, Some(step.at));
            } else if let Some(closed) = step.closed_after()
                && restarted_at != Some(step.at)
                && end.is_none_or(|(earlier, _)| closed < earlier)
            {
                end = Some((closed, step));
            }
        }
        found
    }

    /// The events with one of these roles, with their indexes.
    pub fn with_roles(&self, roles: &'static [Role]) -> impl Iterator<Item = (usize, &SessionStep)> {
        let has_role = |step: &SessionStep| step.role.is_some_and(|role| roles.contains(&role));
        self.steps.iter().enumerate().filter(move |(_, step)| has_role(step))
    }
}
