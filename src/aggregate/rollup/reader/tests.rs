//! Tests of assigned ids.

use super::*;

#[test]
fn recurring_content_keeps_its_id() {
    let mut reader = Reader::default();
    for (id, user) in (0..40).zip(["gid://gitlab/User/42", "gid://gitlab/User/042", "hmac:0"].iter().cycle())
    {
        let line = format!(
            r#"{{"type":"event","ts":"2026-10-01T12:34:56Z","instance":"i","collector":"c","scope":"s","day":"2026-10-01","fetched_at":"2026-10-02T03:00:00Z","row":"1:{id}","event":"e{}","feature":"f","user":"{user}","language":"l"}}"#,
            id % 2
        );
        assert!(matches!(reader.read(&line), Ok(None)));
    }
    let Batch { texts, people, cells, fetches, events, .. } = reader.take_batch();
    assert_eq!((texts.len(), people.len(), cells.len(), fetches.len()), (7, 3, 2, 1));
    let first: Vec<_> = events.iter().map(|event| (event.person, event.cell)).take(7).collect();
    assert_eq!(first[6], first[0]);
    assert_eq!(
        first[..3].iter().map(|(person, _)| people[*person as usize].1.as_ref()).collect::<Vec<_>>(),
        ["gid://gitlab/User/42", "gid://gitlab/User/042", "hmac:0"]
    );
}

#[test]
fn cells_that_share_a_cache_entry_stay_distinct() {
    let mut reader = Reader::default();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..2 {
        for (action, editor) in (0..40).flat_map(|action| (0..130).map(move |editor| (action, editor))) {
            let action = reader.action("e", &format!("f{action}"));
            let editor = reader.editor(Some(&format!("l{editor}")), None);
            let cell = reader.cell(action, editor);
            assert_eq!(*seen.entry((action, editor)).or_insert(cell), cell);
        }
    }
    let cells: std::collections::BTreeSet<u32> = seen.values().copied().collect();
    assert_eq!((cells.len(), reader.batch.cells.len()), (40 * 130, 40 * 130));
}
