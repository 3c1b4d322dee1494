//! What stands in place of a name that the source does not state.

/// The language of a suggestion whose source states that it has none.
pub const NO_LANGUAGE: &str = "(none)";

/// The user of an event whose source names no user. It does not count as a person.
pub const NO_USER: &str = "(none)";

/// Whether this is not the id of a user: [`NO_USER`], or empty or blank.
pub fn is_no_user(user: &str) -> bool {
    user == NO_USER || user.trim().is_empty()
}
