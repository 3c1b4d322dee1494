//! Duo Chat: messages, and the people who write them.

use super::definition::{EVERY_GRAIN, TOTAL};
use super::page::{Figure, Page};
use super::people::PeopleSet;
use super::{Definition, Family, Unit};
use crate::record::Number;
use crate::view::{Source, View};

pub(super) const FAMILY: Family = Family { definitions: &[&MESSAGES, &USERS, &MESSAGES_PER_USER], compute };

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
    unit: Unit::PerPerson,
    grains: EVERY_GRAIN,
    by: &[TOTAL],
    text: "Questions that people (not bots) put to Duo Chat, divided by those people.",
};

fn compute(view: &View<'_>, page: &mut Page<'_>) {
    if !page.rest_on(Source::Usage, FAMILY.definitions) {
        return;
    }
    let (mut messages, mut of_people) = (0, 0);
    let mut people = PeopleSet::default();
    for (_, row) in view.usage_in(page.period) {
        if view.names.text(row.group.event) == "request_duo_chat_response" {
            messages += row.usage.events;
            people.add(row.person, view.people);
            of_people += if view.people.is_bot(row.person) { 0 } else { row.usage.events };
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
}
