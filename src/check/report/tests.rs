use super::*;
use crate::check::RuleSet;
use crate::publish::answer::Sentence;

/// The judgment of the first rule, with this many findings in groups of their own.
fn judged(rules: &RuleSet, findings: usize) -> Vec<(&Rule, Judgment)> {
    let finding = |at: usize| Finding {
        instance: "https://gitlab.example.com".to_owned(),
        scope: format!("acme/{at}"),
        metric: None,
        by: Dimensions::default(),
        subject: "Duo".to_owned(),
        days: None,
        value: Some(4.0),
        limit: Some(3.0),
        sentence: Sentence::plain("old"),
    };
    let findings = (0..findings).map(finding).collect();
    vec![(&rules.rules[0], Judgment { findings, unknown: Vec::new() })]
}

#[test]
fn a_fingerprint_depends_on_what_a_finding_is_about_and_not_on_its_value() {
    let rules = RuleSet::default();
    let judged = judged(&rules, 1);
    let (rule, finding) = (judged[0].0, &judged[0].1.findings[0]);
    let own = fingerprint_of(rule, finding);
    let same = Finding { value: Some(5.0), sentence: Sentence::plain("older"), ..finding.clone() };
    assert_eq!(fingerprint_of(rule, &same), own);
    for other in [
        Finding { scope: "acme/1".to_owned(), ..finding.clone() },
        Finding { subject: "project".to_owned(), ..finding.clone() },
        Finding { metric: Some("users.active"), ..finding.clone() },
        Finding { by: [("flow", "chat")].into_iter().collect(), ..finding.clone() },
        Finding { instance: "https://gitlab.example.org".to_owned(), ..finding.clone() },
    ] {
        assert_ne!(fingerprint_of(rule, &other), own, "{other:?}");
    }
    assert_ne!(fingerprint_of(&rules.rules[1], finding), own);
}

#[test]
fn a_chat_message_has_an_end_and_names_what_it_leaves_out() {
    let rules = RuleSet::default();
    let judged = judged(&rules, MAX_CHAT_FINDINGS + 2);
    let message = Report::new(&judged).slack();
    assert_eq!(message.matches("old [stale]").count(), MAX_CHAT_FINDINGS);
    assert!(
        message.contains("22 errors, 0 warnings, 0 notes") && message.contains("and 2 more"),
        "{message}"
    );
}

#[test]
fn the_instance_is_named_where_there_are_several() {
    let rules = RuleSet::default();
    let mut judged = judged(&rules, 2);
    assert!(!Report::new(&judged).text().contains("https://"));
    judged[0].1.findings[1].instance = "https://gitlab.example.org".to_owned();
    let text = Report::new(&judged).text();
    assert!(text.contains("error: https://gitlab.example.org, acme/1: old [stale]"), "{text}");
}
