//! What a user probably meant by a name that does not exist.

/// The closest of the known names: one that differs only in case, hyphens or a plural, has a typing error, or contains the
/// name. `None` if none is close.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = folded(name);
    // Short names have many neighbors.
    let limit = (name.len() / 3).min(3);
    let rank = |known: &str| {
        let known = folded(known);
        let distance = strsim::osa_distance(&name, &known);
        let is_part = name.len() >= 4 && (known.contains(&name) || name.contains(&known));
        (distance <= limit || is_part).then_some(distance)
    };
    let ranked = known.into_iter().filter_map(|known| Some((rank(known)?, known)));
    ranked.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// The end of a message about an unknown name: the closest one, or else what to do.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    match closest(name, known) {
        Some(known) => format!("did you mean {known:?}?"),
        None => otherwise.to_owned(),
    }
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace(['-', ' ', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_suggested_and_none_if_all_are_far() {
        let known =
            ["usage_events", "merge_requests", "seats", "pipelines", "code_suggestions.acceptance_rate"];
        for (name, expected) in [
            ("usage-events", Some("usage_events")),
            ("USAGE_EVENT", Some("usage_events")),
            ("usage_evenst", Some("usage_events")),
            ("merge_request", Some("merge_requests")),
            ("seat", Some("seats")),
            ("acceptance_rate", Some("code_suggestions.acceptance_rate")),
            ("sea", None),
            ("x", None),
            ("", None),
            ("deployments", None),
        ] {
            assert_eq!(closest(name, known), expected, "{name}");
        }
        assert_eq!(did_you_mean("seat", known, "see the list"), "did you mean \"seats\"?");
        assert_eq!(did_you_mean("x", known, "see the list"), "see the list");
    }
}
