//! Agent sessions split by what the AI Context reports: agent, item type and version of the flow.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::agents::{NO_VALUE, label};
use super::sink::By;
use crate::aggregate::rollup::Symbol;
use crate::aggregate::view::{Session, SessionLabels, View};

/// One or two crossed dimensions.
struct Split {
    dimensions: &'static [&'static str],
    /// The value that the split is about; `None` if the session has none.
    value: for<'a> fn(&View<'a>, &Session) -> Option<Cow<'a, str>>,
}

const SPLITS: [Split; 3] = [
    // The name of the agent, else the id of the custom item.
    Split {
        dimensions: &["agent"],
        value: |view, session| {
            let item = || Some(format!("item {}", view.symbols.text(session.labels.item?)).into());
            text(view, session.labels.agent).or_else(item)
        },
    },
    Split { dimensions: &["item_type"], value: |view, session| text(view, session.labels.item_type) },
    Split {
        dimensions: &["flow_version", "flow"],
        value: |view, session| text(view, session.labels.version),
    },
];

fn text<'a>(view: &View<'a>, name: Option<Symbol>) -> Option<Cow<'a, str>> {
    name.map(|name| view.symbols.text(name).into())
}

/// Sums sessions by each label that one of them has, so that the parts add up to all sessions, and
/// calls `emit` with each sum and its dimensions.
pub(super) fn for_each_label<T: Default, I: Iterator<Item = Session>>(
    view: &View<'_>,
    sessions: impl Fn() -> I,
    add: impl Fn(&mut T, &Session),
    mut emit: impl FnMut(&mut T, By<'_>),
) {
    let mut is_reported = [false; SPLITS.len()];
    for session in sessions().filter(|session| session.labels != SessionLabels::default()) {
        for (is_reported, split) in is_reported.iter_mut().zip(&SPLITS) {
            *is_reported |= (split.value)(view, &session).is_some();
        }
    }
    let reported = SPLITS.iter().zip(is_reported).filter(|(_, is_reported)| *is_reported);
    for (Split { dimensions, value }, _) in reported {
        let mut sums: BTreeMap<(Cow<'_, str>, Option<&str>), T> = BTreeMap::new();
        for session in sessions() {
            let flow = dimensions.contains(&"flow").then(|| label(view, session.flow));
            let value = value(view, &session).unwrap_or(NO_VALUE.into());
            add(sums.entry((value, flow)).or_default(), &session);
        }
        for ((value, flow), sum) in &mut sums {
            let values = [Some(&**value), *flow].into_iter().flatten();
            let by: Vec<(&str, &str)> = dimensions.iter().copied().zip(values).collect();
            emit(sum, &by);
        }
    }
}
