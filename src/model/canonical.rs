//! Canonical names in events: one name for each language, editor, environment and flow, whatever the source calls it.

use std::borrow::Cow;

use crate::events::aliases::{self, Aliases, IDES, LANGUAGES};
use crate::model::event::Event;

/// Gives the language, editor, environment and flow of an event their canonical names. The names that the source uses for
/// languages and editors stay in `language_original` and `ide_original`, the version of a flow in `flow_version`.
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
