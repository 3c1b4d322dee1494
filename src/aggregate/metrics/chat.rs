//! GitLab Duo Chat: messages, and the people who write them.

use super::definition::{ALL_GRAINS, CountRef, TOTAL};
use super::people::PeopleSet;
use super::relation::Relation;
use super::sink::MetricSink;
use super::value::MetricValue;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Cell;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::number::Number;

pub(super) const FAMILY: Family =
    Family { definitions: &[&MESSAGES, &USERS, &MESSAGES_PER_USER, &USER_BANDS], compute };

const MESSAGES: Definition = Definition {
    metric: "chat.messages",
    title: "Chat messages",
    unit: Unit::Events,
    grains: ALL_GRAINS,
    by: &[TOTAL, "team", "cost_center"],
    relations: &[Relation::Sums, Relation::same_as_event(&[], &[("event", "request_duo_chat_response")])],
    text: "Questions asked in GitLab Duo Chat, including those of bots and service accounts. GitLab \
           reports messages, not conversations. By team, only its people count; teams overlap, so \
           they do not add up.",
};

const USERS: Definition = Definition {
    metric: "chat.users",
    title: "People using Chat",
    unit: Unit::People,
    grains: ALL_GRAINS,
    by: &[TOTAL, "team", "cost_center"],
    relations: &[
        Relation::AtMost(CountRef::of("chat.messages")),
        Relation::ActivePeople,
        Relation::SubsetOf(CountRef::of("users.active")),
    ],
    text: "Distinct people who asked a question in GitLab Duo Chat. By team, only its people count; \
           teams overlap, so they do not add up.",
};

const MESSAGES_PER_USER: Definition = Definition {
    metric: "chat.messages_per_user",
    title: "Chat messages per person",
    unit: Unit::PerPerson(&[&[CountRef::of("chat.messages")], &[CountRef::of("chat.users")]]),
    grains: ALL_GRAINS,
    by: &[TOTAL],
    relations: &[Relation::Statistics, Relation::AtMost(CountRef::of("chat.messages"))],
    text: "Questions that people (not bots) asked in GitLab Duo Chat, divided by the number of these \
           people.",
};

const USER_BANDS: Definition = Definition {
    metric: "chat.user_bands",
    title: "People by chat messages",
    unit: Unit::People,
    grains: &[Grain::Month, Grain::Window],
    by: &["band"],
    relations: &[
        Relation::Partition,
        Relation::PartsOf { over: &["band"], only: None, except: None, total: CountRef::of("chat.users") },
    ],
    text: "People who asked a question in GitLab Duo Chat, by the number of their questions in the \
           period: 1 to 4, 5 to 19, 20 to 49, 50 or more.",
};

/// The bands, each with its minimum number of messages.
const BANDS: [(&str, u64); 4] = [("1-4", 1), ("5-19", 5), ("20-49", 20), ("50+", 50)];

fn compute(view: &View<'_>, sink: &mut MetricSink<'_, '_>) {
    if !sink.require(Source::Usage, FAMILY.definitions) {
        return;
    }
    let (mut messages, mut of_people) = (0_u64, 0_u64);
    let mut people = PeopleSet::default();
    let mut of_person = vec![0_u64; view.people.len()];
    let is_question = |cell: &Cell| view.symbols.text(cell.event) == "request_duo_chat_response";
    for (day, _, askers) in view.usage_in(sink.period).filter(|(_, cell, _)| is_question(cell)) {
        for (person, usage) in askers {
            messages = messages.saturating_add(usage.events);
            if view.is_person(person, day) {
                people.add(person);
                of_people = of_people.saturating_add(usage.events);
                let of_person = &mut of_person[person.0 as usize];
                *of_person = of_person.saturating_add(usage.events);
            }
        }
    }
    let count = people.len();
    sink.emit(&MESSAGES, &[], MetricValue::count(messages, Some(count)));
    sink.emit(&USERS, &[], MetricValue::people(count));
    sink.emit(
        &MESSAGES_PER_USER,
        &[],
        MetricValue::rate(Number::Count(of_people), Number::Count(count), Some(count)),
    );
    let mut in_bands = [0; BANDS.len()];
    for messages in of_person {
        if let Some(band) = BANDS.iter().rposition(|(_, min)| messages >= *min) {
            in_bands[band] += 1;
        }
    }
    for ((band, _), people) in BANDS.iter().zip(in_bands) {
        sink.emit(&USER_BANDS, &[("band", band)], MetricValue::people(people));
    }
}
