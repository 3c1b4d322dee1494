//! The topics of the dashboards, shared by collectors, settings and pages.

/// The topic of a dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// GitLab Duo: who uses it, and how.
    Duo,
    /// Merge requests and pipelines.
    Project,
}

impl Topic {
    /// The name of the topic in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Duo => "Duo",
            Topic::Project => "project",
        }
    }
}
