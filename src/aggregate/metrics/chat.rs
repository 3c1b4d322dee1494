//! Duo Chat: messages, and the people who write them.

use super::definition::{Count, EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::aggregate::rollup::Cell;
use crate::aggregate::view::{Source, View};
use crate::base::calendar::Grain;
use crate::model::record::Number;

pub(super) const FAMILY: Family =
    Family { definitions: &[&MESSAGES, &USERS, &MESSAGES_PER_USER, &USER_BANDS], compute };

const MESSAGES: Definition = Definition {
    metric: "chat.messages",
    title: "Chat messages",
    unit: Unit::Events,
    grains: EVERY_GRAIN,
    by: &[TOTAL],
    text: "Questions put to Duo Chat, those of bots and service accounts included. GitLab tells messages, not conversations.",
};

const USERS: Definition = Definition {
    metric: "chat.users",
    title: "People using Chat",
    unit: Unit::People,
    grains: EVERY_GRAIN,
    by: &[TOTAL],
    text: "Distinct people who put a question to Duo Chat.",
};

const MESSAGES_PER_USER: Definition = Definition {
    metric: "chat.messages_per_user",
    title: "Chat messages per person",
    unit: Unit::PerPerson(&[&[Count::of("chat.messages")], &[Count::of("chat.users")]]),
    grains: EVERY_GRAIN,
    by: &[TOTAL],
    text: "Questions that people (not bots) put to Duo Chat, divided by those people.",
};

const USER_BANDS: Definition = Definition {
    metric: "chat.user_bands",
    title: "People by chat messages",
    unit: Unit::People,
    grains: &[Grain::Month, Grain::Window],
    by: &["band"],
    text: "People who put a question to Duo Chat, by how many they put in the period: 1 to 4, 5 to 19, 20 to 49, 50 and \
           more.",
};

/// The bands, each with the least number of messages in it.
const BANDS: [(&str, u64); 4] = [("1-4", 1), ("5-19", 5), ("20-49", 20), ("50+", 50)];

fn compute(view: &View<'_>, page: &mut Page<'_, '_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let (mut messages, mut of_people) = (0_u64, 0_u64);
    let mut people = PeopleSet::default();
    let mut of_person = vec![0_u64; view.people.len()];
    let is_question = |cell: &Cell| view.names.text(cell.event) == "request_duo_chat_response";
    for (day, _, askers) in view.usage_in(page.period).filter(|(_, cell, _)| is_question(cell)) {
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
    page.emit(&MESSAGES, &[], Figure::count(messages, Some(count)));
    page.emit(&USERS, &[], Figure::people(count));
    page.emit(
        &MESSAGES_PER_USER,
        &[],
        Figure::rate(Number::Count(of_people), Number::Count(count), Some(count)),
    );
    let mut in_bands = [0; BANDS.len()];
    for messages in of_person {
        if let Some(band) = BANDS.iter().rposition(|(_, least)| messages >= *least) {
            in_bands[band] += 1;
        }
    }
    for ((band, _), people) in BANDS.iter().zip(in_bands) {
        page.emit(&USER_BANDS, &[("band", band)], Figure::people(people));
    }
}
