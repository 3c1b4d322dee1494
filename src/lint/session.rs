//! The events of sessions in the order of their times.

use super::place::Place;
use crate::events::catalog::Role;

/// An event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What has happened, where the name tells.
    pub role: Option<Role>,
    /// Where it stands.
    pub place: Place,
    /// A number for each kind of id of the user: on the instance, the hash of that, and the global one; 0 where it is not
    /// told.
    pub users: [u64; 3],
}

/// A session.
pub struct Session<'a> {
    /// Its events, in the order of their times.
    pub steps: &'a [Step],
}

/// How long after GitLab closed a session the service may still be at work, in milliseconds: two machines have two
/// clocks, and a stop takes its time.
const GRACE: i64 = 60_000;

impl Step {
    /// Whether a session runs by it.
    pub fn is_start(&self) -> bool {
        matches!(self.role, Some(Role::Created | Role::Started | Role::Requested)) || self.is_restart()
    }

    /// Whether a session goes on by it, also after its end.
    pub fn is_restart(&self) -> bool {
        matches!(self.role, Some(Role::Resumed | Role::Continued | Role::Retried))
    }

    /// The moment after which nothing of the session is expected any more, where a session ends with this event.
    fn over_after(&self) -> Option<i64> {
        match self.role? {
            Role::Succeeded | Role::Failed | Role::Aborted | Role::Rejected | Role::CleanedUp => {
                Some(self.at)
            }
            Role::Finished | Role::Dropped | Role::Stopped => Some(self.at + GRACE),
            _ => None,
        }
    }
}

impl Session<'_> {
    /// The moment from which on the session runs, as far as that is told.
    pub fn first_start(&self) -> Option<i64> {
        self.steps.iter().find(|step| step.is_start()).map(|step| step.at)
    }

    /// The events of these roles that come after the end of the session, with their numbers and the end: nothing
    /// restarted it in between.
    pub fn after_end(&self, roles: &'static [Role]) -> Vec<(usize, &Step)> {
        let mut found = Vec::new();
        let mut end: Option<(i64, &Step)> = None;
        let mut restarted_at = None;
        for (number, step) in self.steps.iter().enumerate() {
            if let Some((_, end)) = end.filter(|(over, _)| *over < step.at)
                && step.role.is_some_and(|role| roles.contains(&role))
            {
                found.push((number, end));
            }
            if step.is_start() {
                (end, restarted_at) = (None, Some(step.at));
            } else if let Some(over) = step.over_after()
                && restarted_at != Some(step.at)
                && end.is_none_or(|(earlier, _)| over < earlier)
            {
                end = Some((over, step));
            }
        }
        found
    }

    /// The events of these roles, with their numbers.
    pub fn those(&self, roles: &'static [Role]) -> impl Iterator<Item = (usize, &Step)> {
        let is_sought = |step: &Step| step.role.is_some_and(|role| roles.contains(&role));
        self.steps.iter().enumerate().filter(move |(_, step)| is_sought(step))
    }
}
