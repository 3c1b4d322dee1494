//! `duoCodeSuggestions`: a suggestion is a row, with all its events under the time of the first.

use std::collections::{BTreeMap, HashSet};

use apollo_compiler::resolvers::{FieldError, ResolveInfo};
use chrono::{DateTime, Days, Utc};

use super::super::super::organization::UsageEvent;
use super::super::TimeRange;
use super::super::metrics::rounded;
use super::engine::{Arguments, Fact, Measured, Shared, TypeNames};
use super::{Analytics, Filter};

/// One suggestion.
#[derive(Clone, Copy)]
pub(super) struct Suggestion<'q> {
    first: &'q UsageEvent,
    is_shown: bool,
    is_accepted: bool,
    is_rejected: bool,
}

impl<'q> Analytics<'q> {
    /// The suggestions that pass the filters.
    pub(super) fn suggestions(&self, info: &ResolveInfo<'_>) -> Result<Vec<Suggestion<'q>>, FieldError> {
        let organization = self.context.organization;
        let range = TimeRange::read(info, "timestampFrom", "timestampTo")?;
        let (editors, languages) = (Filter::texts(info, "ideName"), Filter::texts(info, "language"));
        let users = Filter::ids(info, "userId");
        let mut suggestions: BTreeMap<u64, Suggestion<'q>> = BTreeMap::new();
        // The events of a suggestion are at most a day apart.
        let first = range.after.map_or(organization.first_day, |after| after.date_naive() - Days::new(1));
        let last = range.before.map_or(organization.last_day, |before| before.date_naive() + Days::new(1));
        for event in self.context.events(self.scope, (first, last)) {
            let Some(tracking) = event.tracking.filter(|_| event.is_code_suggestion()) else { continue };
            let suggestion = suggestions.entry(tracking).or_insert(Suggestion {
                first: event,
                is_shown: false,
                is_accepted: false,
                is_rejected: false,
            });
            if event.timestamp < suggestion.first.timestamp {
                suggestion.first = event;
            }
            match event.event {
                "CODE_SUGGESTION_SHOWN_IN_IDE" => suggestion.is_shown = true,
                "CODE_SUGGESTION_ACCEPTED_IN_IDE" => suggestion.is_accepted = true,
                "CODE_SUGGESTION_REJECTED_IN_IDE" => suggestion.is_rejected = true,
                _ => {}
            }
        }
        let is_asked = |suggestion: &Suggestion<'_>| {
            let event = suggestion.first;
            range.contains(Some(event.timestamp))
                && editors.has_text(event.ide_name())
                && languages.has_text(event.language)
                && users.has_id(Some(organization.people[event.person].id))
        };
        Ok(suggestions.into_values().filter(is_asked).collect())
    }
}

impl Fact for Suggestion<'_> {
    const TYPES: TypeNames = TypeNames {
        scope: "DuoCodeSuggestionsAggregationScope",
        connection: "DuoCodeSuggestionsAggregationResponseConnection",
        edge: "DuoCodeSuggestionsAggregationResponseEdge",
        row: "DuoCodeSuggestionsAggregationResponse",
        dimensions: "DuoCodeSuggestionsAggregationResponseDimensions",
    };
    const TIME: &'static str = "timestamp";
    const OLD_GRANULARITIES: &'static [&'static str] = &["monthly"];

    fn time(self) -> DateTime<Utc> {
        self.first.timestamp
    }

    fn dimension(self, name: &str) -> Option<Shared> {
        Some(match name {
            "ideName" => Shared::Text(Some(self.first.ide_name().unwrap_or_default())),
            "language" => Shared::Text(Some(self.first.language.unwrap_or_default())),
            "user" => Shared::Person(self.first.person),
            _ => return None,
        })
    }

    fn metric(facts: &[Self], name: &str, _: &Arguments) -> Option<Measured> {
        let count = |does: fn(&&Suggestion<'_>) -> bool| facts.iter().filter(does).count();
        let shown = count(|suggestion| suggestion.is_shown);
        let accepted = count(|suggestion| suggestion.is_accepted);
        Some(match name {
            "totalCount" => facts.len().into(),
            "shownCount" => shown.into(),
            "acceptedCount" => accepted.into(),
            "rejectedCount" => count(|suggestion| suggestion.is_rejected).into(),
            "acceptanceRate" => (shown > 0).then(|| rounded(accepted as f64 / shown as f64)).into(),
            "suggestionSizeSum" => {
                let sizes = facts.iter().map(|fact| fact.first.suggestion_size.unwrap_or(0));
                sizes.sum::<u32>().into()
            }
            "usersCount" => facts.iter().map(|fact| fact.first.person).collect::<HashSet<_>>().len().into(),
            _ => return None,
        })
    }
}
