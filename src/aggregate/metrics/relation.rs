//! How the lines of a metric reveal each other and those of other metrics.
//!
//! Each definition declares its relations, and suppression uses all of them: a relation that is
//! missing here lets a suppressed count be computed from published ones.

use super::definition::CountRef;

/// How the lines of a metric are related to each other and to those of other metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The lines contain nothing about what people did: seats bought, days collected.
    Impersonal,
    /// The counts of all values of a dimension add up to the total, those of days to longer periods,
    /// and those of groups to their union.
    Sums,
    /// The lines count distinct people: those of a part or a group are among those of the whole. The
    /// difference of the two counts the other people.
    People,
    /// The lines count distinct people, each in exactly one line of a dimension.
    Partition,
    /// The same as `People` for people who did something in the period: those of a day are also among those of a
    /// longer period.
    ActivePeople,
    /// Statistics of the observations that `n` counts. They do not add up.
    Statistics,
    /// The observations, which `n` counts, are those that another metric counts with the same dimensions except `stat`.
    ObservationsOf(&'static str),
    /// The lines without these dimensions add up to another count in the same place: with the other
    /// dimensions of the lines and those of the reference.
    PartsOf {
        /// The dimensions that are summed over.
        over: &'static [&'static str],
        /// Only lines with this dimension and value are parts.
        only: Option<Dimension>,
        /// Lines with this dimension and value are no parts.
        except: Option<Dimension>,
        /// What the parts add up to.
        total: CountRef,
    },
    /// The lines of each value of a dimension add up to the line of another metric with this value of
    /// its own dimension.
    MarginOf {
        /// The dimension whose values are kept.
        dimension: &'static str,
        /// The other metric.
        metric: &'static str,
        /// Its dimension.
        as_dimension: &'static str,
    },
    /// Everyone who is counted is also counted there; see [`CountRef`] for where.
    SubsetOf(CountRef),
    /// The count is at most that one: it leaves some cases out, or everyone who is counted has at least one of them. See
    /// [`CountRef`] for where.
    AtMost(CountRef),
    /// Lines with exactly these dimensions have the same `n` as another line with exactly those.
    SameAs {
        /// The dimensions of the line.
        by: &'static [Dimension],
        /// The other metric.
        metric: &'static str,
        /// The dimensions of the other line.
        as_by: &'static [Dimension],
    },
    /// Lines have the same `n` as the lines of this metric with the same dimensions.
    SameLinesAs(&'static str),
}

/// A dimension and its value.
pub type Dimension = (&'static str, &'static str);

impl Relation {
    /// A count that equals `events.count` of one event.
    pub(super) const fn same_as_event(by: &'static [Dimension], as_by: &'static [Dimension]) -> Relation {
        Relation::SameAs { by, metric: "events.count", as_by }
    }
}
