//! The scopes that are not the path of one group, and which scopes include others.

/// The scope of the union of several groups.
pub const ALL_SCOPES: &str = "*";

/// The scope of a whole instance, including what belongs to no group. It is the ancestor of all
/// groups and the path of none.
pub const INSTANCE_SCOPE: &str = "/";

/// The path of the top-level group that contains a group, or of the group itself.
pub fn top_level(group: &str) -> &str {
    group.split('/').next().unwrap_or(group)
}

/// Whether a group is a descendant of another one, by their paths; every group is one of the
/// instance.
pub fn is_within(scope: &str, ancestor: &str) -> bool {
    if ancestor == INSTANCE_SCOPE {
        return scope != INSTANCE_SCOPE;
    }
    scope.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
}
