//! The topics of the dashboards, which collectors, settings and pages share.

/// What a dashboard is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// GitLab Duo: who uses it, and how.
    Duo,
    /// Merge requests and pipelines.
    Project,
}

impl Topic {
    /// The word for it in a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Duo => "Duo",
            Topic::Project => "project",
        }
    }
}
