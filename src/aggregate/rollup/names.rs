//! Texts and people as numbers: what occurs in every row is kept once.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::model::record::is_nobody;

/// A text that occurs often, as a number; see [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub(super) u32);

impl Name {
    /// How many numbers there are from this one to a later one.
    pub fn distance_to(self, later: Name) -> u32 {
        later.0 - self.0
    }
}

/// A user of an instance, bots included, as a number from 0; see [`People`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u32);

/// Texts and their numbers, each text once.
#[derive(Debug, Default)]
pub struct Names {
    texts: Texts,
    /// Each name with half of the hash of its text: texts are far away, and are looked at only when that is the same.
    numbers: HashTable<(u32, Name)>,
    hasher: RandomState,
}

/// Texts by their place, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
}

/// Everybody seen, by (instance, user).
#[derive(Debug, Default)]
pub struct People {
    numbers: HashMap<(Name, Box<str>), PersonId, RandomState>,
    users: Vec<(Name, Box<str>)>,
    /// Who stands for users that a source does not name: a few an instance.
    nobodies: Vec<PersonId>,
}

impl Names {
    /// The number of a text.
    pub fn number(&mut self, text: &str) -> Name {
        let half = self.half_of_hash(text);
        if let Some(name) = self.find_hashed(text, half) {
            return name;
        }
        let name = Name(self.texts.push(text));
        self.numbers.insert_unique(whole(half), (half, name), |(half, _)| whole(*half));
        name
    }

    /// The number of a text, if it has one.
    pub fn find(&self, text: &str) -> Option<Name> {
        self.find_hashed(text, self.half_of_hash(text))
    }

    /// The text of a number.
    pub fn text(&self, name: Name) -> &str {
        self.texts.text(name.0)
    }

    fn half_of_hash(&self, text: &str) -> u32 {
        (self.hasher.hash_one(text) >> 32) as u32
    }

    fn find_hashed(&self, text: &str, half: u32) -> Option<Name> {
        let is_it = |(other, name): &(u32, Name)| *other == half && self.text(*name) == text;
        self.numbers.find(whole(half), is_it).map(|(_, name)| *name)
    }
}

/// What a table wants of a hash: it takes some bits from above, others from below.
fn whole(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

impl Texts {
    /// Adds a text, whether it is there or not, and returns its place.
    pub(super) fn push(&mut self, text: &str) -> u32 {
        let place = next(self.ends.len());
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        place
    }

    /// The text at a place.
    fn text(&self, place: u32) -> &str {
        let place = place as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start..self.ends[place]]
    }

    /// All texts, by their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..next(self.ends.len())).map(|place| self.text(place))
    }
}

impl People {
    /// The number of a user.
    pub(super) fn number(&mut self, instance: Name, user: &str) -> PersonId {
        let next = PersonId(next(self.users.len()));
        let person = *self.numbers.entry((instance, user.into())).or_insert(next);
        if person == next {
            if is_nobody(user) {
                self.nobodies.push(person);
            }
            self.users.push((instance, user.into()));
        }
        person
    }

    /// Everybody who has a name, with the instance.
    pub fn all(&self) -> impl Iterator<Item = (Name, &str)> {
        self.users.iter().map(|(instance, user)| (*instance, &**user)).filter(|(_, user)| !is_nobody(user))
    }

    /// The user's global id or pseudonym.
    pub fn user(&self, person: PersonId) -> &str {
        &self.users[person.0 as usize].1
    }

    /// Whether this stands for users that a source does not name.
    pub fn is_nobody(&self, person: PersonId) -> bool {
        self.nobodies.contains(&person)
    }

    /// How many users there are, bots included.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nobody was seen.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

fn next(length: usize) -> u32 {
    u32::try_from(length).expect("four thousand million names do not fit in memory")
}
