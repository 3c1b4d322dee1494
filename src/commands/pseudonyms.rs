//! The pseudonym key of the settings, which several commands need.

use std::path::Path;

use crate::aggregate::history::{History, KnownInstance};
use crate::base::error::Error;
use crate::normalize::pseudonym::PseudonymKey;
use crate::system::settings::Environment;

/// The key of the settings, if there is one. With a history, the key also knows the former URLs for
/// which the pseudonyms of that history were computed, so a GitLab that moved keeps them; a key that
/// is not the one of the history is an error.
pub(super) fn pseudonym_key(
    environment: &Environment,
    history: Option<&History>,
) -> Result<Option<PseudonymKey>, Error> {
    let Some(key) = environment.pseudonym_key()? else { return Ok(None) };
    let key = PseudonymKey::new(&key).ok_or_else(|| {
        Error::Usage(
            "DUO_METRICS_PSEUDONYM_KEY is too short or too simple to protect anyone; use 16 or more random characters"
                .to_owned(),
        )
    })?;
    let Some(history) = history else { return Ok(Some(key)) };
    let identity = history.identity()?;
    let former =
        |(address, known): (&String, &KnownInstance)| Some((address.clone(), known.pseudonyms_of.clone()?));
    let key = key.with_former_addresses(identity.instances.iter().filter_map(former).collect());
    identity
        .check_key(|instance| key.check(instance))
        .map_err(|mismatch| history.mismatch_error(&mismatch))?;
    Ok(Some(key))
}

/// The history of the settings, if its folder exists.
pub(super) fn existing_history(
    environment: &Environment,
    flag: Option<&Path>,
) -> Result<Option<History>, Error> {
    environment
        .history(flag)
        .filter(|folder| folder.is_dir())
        .map(|folder| History::open_existing(&folder))
        .transpose()
}
