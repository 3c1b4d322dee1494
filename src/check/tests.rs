use std::collections::BTreeSet;

use super::context::Scopes;
use super::kinds::KINDS;
use super::rules::RuleSet;

#[test]
fn every_builtin_kind_is_a_rule_and_every_kind_is_documented() {
    let rules = RuleSet::default().rules;
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let builtin: Vec<&str> = KINDS.iter().filter(|kind| kind.is_builtin).map(|kind| kind.name).collect();
    assert_eq!(names, builtin);
    let distinct: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(distinct.len(), KINDS.len());
    let document = include_str!("../../docs/alerts.md");
    for kind in &KINDS {
        let row = format!("\n| `{}` | {} |", kind.name, kind.severity);
        assert!(document.contains(&row), "docs/alerts.md has no row {row}");
    }
}

#[test]
fn a_file_changes_builtin_rules_and_adds_others_after_them() {
    let set = RuleSet::parse(
        "rules:\n  unused_seats: off\n  fall: {severity: error, scope: [acme, '*']}\n  talk:\n    kind: threshold\n    metric: chat.users\n    above: 7\n    scope: '**'\n",
    )
    .expect("valid");
    let names: Vec<&str> = set.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["stale", "missing_data", "failing", "credits_run_out", "fall", "talk"]);
    assert_eq!((set.rules[4].line, set.rules[4].severity.as_str()), (3, "error"));
    assert_eq!(set.rules[4].scopes, Scopes::Listed(vec!["acme".to_owned(), "*".to_owned()]));
    assert_eq!((set.rules[5].line, &set.rules[5].scopes), (4, &Scopes::Every));
    assert_eq!(set.rules[0].line, 0, "built in");
    assert_eq!(RuleSet::parse("rules:\nholidays: []\n").expect("valid").rules.len(), 6);
}
