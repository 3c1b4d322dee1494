//! Totals that GitLab computed itself, many in one object.

use serde_json::{Map, Value};

use crate::model::line;
use crate::model::number::Number;
use crate::model::record::Totals;

/// Every number in a node, by its path in snake case: `{"chat":{"usersCount":3}}` is
/// `chat.users_count`. `feature`, if there is one, is the prefix of top-level fields. Nulls, lists
/// and texts are omitted. `renamed` has pairs of an older and a newer name; if both are present,
/// the newer one counts.
pub(super) fn totals(
    node: &str,
    feature: Option<&str>,
    renamed: &[(&str, &str)],
) -> Result<Totals<'static>, String> {
    let object: Map<String, Value> = line::parse(node)?;
    let mut totals = Totals::new();
    collect(&object, feature.unwrap_or_default(), &mut totals);
    for (old, new) in renamed {
        if let Some(number) = totals.remove(*old) {
            totals.entry((*new).to_owned().into()).or_insert(number);
        }
    }
    if totals.is_empty() { Err("no numeric field".to_owned()) } else { Ok(totals) }
}

fn collect(object: &Map<String, Value>, feature: &str, totals: &mut Totals<'static>) {
    for (name, value) in object {
        let name = match feature {
            "" => snake_case(name),
            feature => format!("{feature}.{}", snake_case(name)),
        };
        match value {
            Value::Number(number) => {
                let count = number.as_u64().map(Number::Count);
                totals.extend(
                    count
                        .or_else(|| number.as_f64().map(Number::Measure))
                        .map(|number| (name.into(), number)),
                );
            }
            Value::Object(object) => collect(object, &name, totals),
            _ => {}
        }
    }
}

fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_by_path_and_adds_no_zeros() {
        let node = r#"{"shown":7,"usedCount":3,"chat":{"usersCount":0,"rate":0.5,"list":[1],"x":null,"text":"9"},
            "codeReview":null,"suggestions":{"shownCount":8}}"#;
        let renamed = [("shown", "suggestions.shown_count"), ("used_count", "all.used_count")];
        let found = serde_json::to_string(&totals(node, None, &renamed).expect("numbers")).expect("JSON");
        let expected =
            r#"{"all.used_count":3,"chat.rate":0.5,"chat.users_count":0,"suggestions.shown_count":8}"#;
        assert_eq!(found, expected);
        let found = totals(r#"{"totalCount":2}"#, Some("agents"), &[]).expect("numbers");
        assert_eq!(found["agents.total_count"], Number::Count(2));
        for nothing in [r#"{"chat":{"usersCount":null}}"#, "{}"] {
            assert!(totals(nothing, None, &[]).is_err(), "{nothing}");
        }
    }
}
