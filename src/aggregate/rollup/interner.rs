//! Interned texts and people: what occurs in every row is stored once.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::model::placeholder::is_no_user;

/// The id of a text in an [`Interner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub(super) u32);

impl Symbol {
    /// The number of symbols from this one to a later one.
    pub fn distance_to(self, later: Symbol) -> u32 {
        later.0 - self.0
    }
}

/// A user of an instance, bots included, in [`People`]; ids start at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u32);

/// Stores each text once.
#[derive(Debug, Default)]
pub struct Interner {
    texts: Texts,
    /// Each symbol with half of the hash of its text. Texts are far away in memory and are compared
    /// only if the halves match.
    ids: HashTable<(u32, Symbol)>,
    hasher: RandomState,
}

/// Texts by index, concatenated.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: String,
    /// The end of each text.
    ends: Vec<usize>,
}

/// All users seen, by (instance, user).
#[derive(Debug, Default)]
pub struct People {
    ids: HashMap<(Symbol, Box<str>), PersonId, RandomState>,
    users: Vec<(Symbol, Box<str>)>,
    /// Placeholders for users that a source does not report: a few per instance.
    placeholders: Vec<PersonId>,
}

impl Interner {
    /// The symbol of a text; adds the text if it is new.
    pub fn intern(&mut self, text: &str) -> Symbol {
        let half = self.hash_half(text);
        if let Some(symbol) = self.find_hashed(text, half) {
            return symbol;
        }
        let symbol = Symbol(self.texts.push(text));
        self.ids.insert_unique(expand(half), (half, symbol), |(half, _)| expand(*half));
        symbol
    }

    /// The symbol of a text, if it was interned.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.find_hashed(text, self.hash_half(text))
    }

    /// The text of a symbol.
    pub fn text(&self, symbol: Symbol) -> &str {
        self.texts.text(symbol.0)
    }

    fn hash_half(&self, text: &str) -> u32 {
        (self.hasher.hash_one(text) >> 32) as u32
    }

    fn find_hashed(&self, text: &str, half: u32) -> Option<Symbol> {
        let is_it = |(other, symbol): &(u32, Symbol)| *other == half && self.text(*symbol) == text;
        self.ids.find(expand(half), is_it).map(|(_, symbol)| *symbol)
    }
}

/// Expands half of a hash: the table uses bits from both ends.
fn expand(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

impl Texts {
    /// Appends a text, even one that is there already, and returns its index.
    pub(super) fn push(&mut self, text: &str) -> u32 {
        let index = next_id(self.ends.len());
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        index
    }

    /// The text at an index.
    fn text(&self, index: u32) -> &str {
        let index = index as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start..self.ends[index]]
    }

    /// All texts by index.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..next_id(self.ends.len())).map(|index| self.text(index))
    }
}

impl People {
    /// The id of a user; adds the user if new.
    pub(super) fn intern(&mut self, instance: Symbol, user: &str) -> PersonId {
        let new = PersonId(next_id(self.users.len()));
        let person = *self.ids.entry((instance, user.into())).or_insert(new);
        if person == new {
            if is_no_user(user) {
                self.placeholders.push(person);
            }
            self.users.push((instance, user.into()));
        }
        person
    }

    /// The id of a user, if it was seen.
    pub fn find(&self, instance: Symbol, user: &str) -> Option<PersonId> {
        self.ids.get(&(instance, user.into())).copied()
    }

    /// All users except placeholders, with their instance.
    pub fn all(&self) -> impl Iterator<Item = (Symbol, &str)> {
        self.users.iter().map(|(instance, user)| (*instance, &**user)).filter(|(_, user)| !is_no_user(user))
    }

    /// The user's global id or pseudonym.
    pub fn user(&self, person: PersonId) -> &str {
        &self.users[person.0 as usize].1
    }

    /// The instance of a user.
    pub fn instance(&self, person: PersonId) -> Symbol {
        self.users[person.0 as usize].0
    }

    /// Whether this is a placeholder for users that a source does not report.
    pub fn is_placeholder(&self, person: PersonId) -> bool {
        self.placeholders.contains(&person)
    }

    /// Number of users, bots included.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

fn next_id(length: usize) -> u32 {
    u32::try_from(length).expect("four billion entries do not fit in memory")
}
