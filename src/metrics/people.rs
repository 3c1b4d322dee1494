//! Counting distinct people.

use crate::rollup::{People, PersonId};

/// A set of people, a bit each; bots do not get in.
#[derive(Clone, Debug, Default)]
pub(super) struct PeopleSet {
    words: Vec<u64>,
}

impl PeopleSet {
    /// Adds somebody who is not a bot.
    pub(super) fn add(&mut self, person: PersonId, people: &People) {
        if !people.is_bot(person) {
            self.add_any(person);
        }
    }

    /// Adds a user, bot or not.
    pub(super) fn add_any(&mut self, person: PersonId) {
        let word = person.0 as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (person.0 % 64);
    }

    /// Whether somebody is in it.
    pub(super) fn contains(&self, person: PersonId) -> bool {
        self.words.get(person.0 as usize / 64).is_some_and(|word| word & (1 << (person.0 % 64)) != 0)
    }

    /// How many are in it.
    pub(super) fn len(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}
