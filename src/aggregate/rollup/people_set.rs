//! Sets of distinct people.

use super::interner::PersonId;

/// A set of people as a bit set. The caller checks that each is a person, not a bot, on the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleSet {
    words: Vec<u64>,
}

impl PeopleSet {
    /// Adds a person.
    #[inline]
    pub fn add(&mut self, person: PersonId) {
        let word = person.0 as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (person.0 % 64);
    }

    /// Whether it contains a person.
    #[inline]
    pub fn contains(&self, person: PersonId) -> bool {
        self.words.get(person.0 as usize / 64).is_some_and(|word| word & (1 << (person.0 % 64)) != 0)
    }

    /// Adds all people of another set.
    pub fn add_all(&mut self, other: &PeopleSet) {
        if self.words.is_empty() {
            self.words.clone_from(&other.words);
            return;
        }
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(word, more)| *word |= more);
    }

    /// Removes all people of another set.
    pub fn remove_all(&mut self, other: &PeopleSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, less)| *word &= !less);
    }

    /// The people who are also in another set.
    #[must_use]
    pub fn intersection(&self, other: &PeopleSet) -> PeopleSet {
        let words = self.words.iter().zip(&other.words);
        PeopleSet { words: words.map(|(word, other)| word & other).collect() }
    }

    /// The size of the intersection.
    pub fn intersection_len(&self, other: &PeopleSet) -> u64 {
        let words = self.words.iter().zip(&other.words);
        words.map(|(word, other)| u64::from((word & other).count_ones())).sum()
    }

    /// The size of the union.
    pub fn union_len(&self, other: &PeopleSet) -> u64 {
        let (short, long) = if self.words.len() < other.words.len() {
            (&self.words, &other.words)
        } else {
            (&other.words, &self.words)
        };
        let (head, tail) = long.split_at(short.len());
        let union = short.iter().zip(head).map(|(word, other)| word | other);
        union.chain(tail.iter().copied()).map(|word| u64::from(word.count_ones())).sum()
    }

    /// All people, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = PersonId> {
        (0..).zip(&self.words).flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(PersonId(index * 64 + bit))
            })
        })
    }

    /// Whether it contains no one.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The number of people.
    pub fn len(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

impl FromIterator<PersonId> for PeopleSet {
    fn from_iter<T: IntoIterator<Item = PersonId>>(people: T) -> PeopleSet {
        let mut set = PeopleSet::default();
        set.extend(people);
        set
    }
}

impl Extend<PersonId> for PeopleSet {
    fn extend<T: IntoIterator<Item = PersonId>>(&mut self, people: T) {
        people.into_iter().for_each(|person| self.add(person));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_unions_intersections_and_differences() {
        let of = |numbers: &[u32]| numbers.iter().map(|number| PersonId(*number)).collect::<PeopleSet>();
        let mut some = of(&[0, 63, 64, 200]);
        assert_eq!(some.iter().map(|person| person.0).collect::<Vec<_>>(), [0, 63, 64, 200]);
        let others = of(&[63, 64, 65, 1000]);
        assert_eq!(some.intersection(&others).iter().map(|person| person.0).collect::<Vec<_>>(), [63, 64]);
        assert_eq!((some.len(), some.intersection_len(&others), of(&[]).len()), (4, 2, 0));
        assert_eq!((some.union_len(&others), others.union_len(&some), some.union_len(&of(&[]))), (6, 6, 4));
        let mut all = of(&[]);
        all.add_all(&some);
        assert_eq!(all.iter().collect::<Vec<_>>(), some.iter().collect::<Vec<_>>());
        some.add_all(&of(&[64, 500]));
        some.remove_all(&of(&[0, 63, 9999]));
        assert_eq!(some.iter().map(|person| person.0).collect::<Vec<_>>(), [64, 200, 500]);
    }
}
