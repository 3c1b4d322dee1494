//! Sets of distinct people.

pub(super) use crate::aggregate::rollup::PeopleSet;
