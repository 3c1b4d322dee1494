//! Texts and people as numbers: what occurs in every row is kept once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::record::NOBODY;

/// A text that occurs often, as a number; see [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub(super) u32);

/// A user of an instance, bots included, as a number from 0; see [`People`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u32);

/// Texts and their numbers.
#[derive(Debug, Default)]
pub struct Names {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, Name, RandomState>,
}

/// Everybody seen, by (instance, user).
#[derive(Debug, Default)]
pub struct People {
    numbers: HashMap<(Name, Box<str>), PersonId, RandomState>,
    users: Vec<(Name, Box<str>)>,
    bots: Vec<bool>,
    /// Who stands for users that a source does not name, one an instance.
    nobodies: Vec<PersonId>,
}

impl Names {
    /// The number of a text.
    pub fn number(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        let name = Name(next(self.texts.len()));
        self.texts.push(text.into());
        self.numbers.insert(text.into(), name);
        name
    }

    /// The number of a text, if it has one.
    pub fn find(&self, text: &str) -> Option<Name> {
        self.numbers.get(text).copied()
    }

    /// The text of a number.
    pub fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }
}

impl People {
    /// The number of a user. Whoever is once said to be a bot is one.
    pub(super) fn number(&mut self, instance: Name, user: &str, bot: bool) -> PersonId {
        let next = PersonId(next(self.bots.len()));
        let person = *self.numbers.entry((instance, user.into())).or_insert(next);
        match self.bots.get_mut(person.0 as usize) {
            Some(known) => *known |= bot,
            None => {
                self.bots.push(bot);
                if user == NOBODY {
                    self.nobodies.push(person);
                }
                self.users.push((instance, user.into()));
            }
        }
        person
    }

    /// Notes that a user is a bot or service account.
    pub(super) fn note_bot(&mut self, person: PersonId) {
        self.bots[person.0 as usize] = true;
    }

    /// The user's global id or pseudonym.
    pub fn user(&self, person: PersonId) -> &str {
        &self.users[person.0 as usize].1
    }

    /// Whether the user is a bot or service account.
    pub fn is_bot(&self, person: PersonId) -> bool {
        self.bots[person.0 as usize]
    }

    /// Whether the user is a person: no bot, and told.
    pub fn is_person(&self, person: PersonId) -> bool {
        !self.is_bot(person) && !self.nobodies.contains(&person)
    }

    /// How many users there are, bots included.
    pub fn len(&self) -> usize {
        self.bots.len()
    }

    /// Whether nobody was seen.
    pub fn is_empty(&self) -> bool {
        self.bots.is_empty()
    }
}

fn next(length: usize) -> u32 {
    u32::try_from(length).expect("four thousand million names do not fit in memory")
}
