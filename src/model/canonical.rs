//! Canonical names in events: one name for each language, editor, environment and flow.

use std::borrow::Cow;

use crate::events::aliases::{self, Aliases, IDES, LANGUAGES};
use crate::model::event::Event;

/// Replaces the language, editor, environment and flow of an event with their canonical names. If
/// the source uses other names for the language or editor, `language_original` and `ide_original`
/// keep them; `flow_version` keeps the version of the flow.
pub fn canonicalize(event: &mut Event<'_>) {
    if let Some((name, version)) = event.flow.take().map(aliases::split_flow_version) {
        event.flow = Some(name);
        event.flow_version = event.flow_version.take().or(version);
    }
    event.environment = event.environment.take().map(aliases::canonical_environment);
    canonicalize_name(&mut event.language, &mut event.language_original, &LANGUAGES);
    canonicalize_name(&mut event.ide, &mut event.ide_original, &IDES);
}

fn canonicalize_name<'a>(
    name: &mut Option<Cow<'a, str>>,
    original: &mut Option<Cow<'a, str>>,
    aliases: &Aliases,
) {
    let Some(alias) = name.take() else { return };
    let canonical = aliases.canonical(alias);
    *original = original.take().or(canonical.original);
    *name = Some(canonical.name);
}
