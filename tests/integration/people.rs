//! `export --people`: the list of reclaimable seats, its rules, and where it must not be written.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::{Value, json};

use crate::bench::{Bench, CommandResult, lines_of, run_command};

const KEY: &str = "a key made for these tests";

/// The rows of a list by user, with cells by header.
fn list(bench: &Bench, name: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(bench.path(name)).expect("the list");
    let headings = reader.headers().expect("a heading").clone();
    let mut list = BTreeMap::new();
    for row in reader.records() {
        let row = row.expect("a row of as many cells as the heading");
        let row: BTreeMap<String, String> =
            headings.iter().zip(&row).map(|(heading, cell)| (heading.to_owned(), cell.to_owned())).collect();
        assert!(list.insert(row["user"].clone(), row).is_none(), "each person once");
    }
    list
}

/// Writes the list, and asserts that standard output and messages contain no person.
fn people(bench: &Bench, arguments: &[&str], input: &[u8], code: i32) -> CommandResult {
    let result = bench.pipe(&[&["export", "--people"], arguments].concat(), input);
    assert_eq!(result.code, code, "{}", result.stderr);
    assert!(result.stdout.is_empty(), "names are on standard output");
    assert!(!result.stderr.contains("User/"), "{}", result.stderr);
    result
}

/// Builder of records: seat lists, and events on completely collected days.
#[derive(Default)]
struct Story {
    lines: Vec<Value>,
}

impl Story {
    fn line(&mut self, collector: &str, day: &str, row: usize, fields: Value) {
        let mut line = json!({
            "instance": "https://gitlab.example.com", "collector": collector, "scope": "acme", "day": day,
            "fetched_at": fetched_at(collector, day), "row": format!("1:{row}"),
        });
        line.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.lines.push(line);
    }

    fn covered(&mut self, collector: &str, day: &str, status: &str, rows: usize) {
        self.lines.push(json!({
            "type": "coverage", "collector": collector, "instance": "https://gitlab.example.com", "scope": "acme",
            "day": day, "status": status, "rows": rows, "fetched_at": fetched_at(collector, day), "reason": null,
        }));
    }

    /// Adds a seat list: users and GitLab's last day of activity.
    fn seats(&mut self, day: &str, holders: &[(u32, Option<&str>)]) {
        for (row, (user, last_activity)) in holders.iter().enumerate() {
            let seat = json!({
                "type": "seat", "user": format!("gid://gitlab/User/{user}"), "username": username(*user),
                "assigned": true, "add_on": "DUO_PRO", "last_duo_activity_on": last_activity,
            });
            self.line("seats", day, row, seat);
        }
        self.covered("seats", day, "complete", holders.len());
    }

    /// Adds the days of September and October with these events. All days are complete except the
    /// gaps, which have a status, or no coverage line if it is empty.
    fn days(&mut self, events: &[(&str, u32, &str)], gaps: &[(&str, &str)]) {
        let days = (1..=30).map(|day| format!("2026-09-{day:02}"));
        for day in days.chain((1..=31).map(|day| format!("2026-10-{day:02}"))) {
            let of_day: Vec<_> = events.iter().filter(|(on, ..)| *on == day).collect();
            for (row, (_, user, event)) in of_day.iter().enumerate() {
                let event = json!({
                    "type": "event", "ts": format!("{day}T10:00:00Z"), "event": event, "feature": "chat",
                    "user": format!("gid://gitlab/User/{user}"),
                });
                self.line("usage_events", &day, row, event);
            }
            match gaps.iter().find(|(gap, _)| *gap == day) {
                None => self.covered("usage_events", &day, "complete", of_day.len()),
                Some((_, "")) => {}
                Some((_, status)) => self.covered("usage_events", &day, status, of_day.len()),
            }
        }
    }

    fn text(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }
}

fn fetched_at(collector: &str, day: &str) -> String {
    match collector {
        "seats" => format!("{day}T03:00:00Z"),
        _ => "2026-11-01T03:00:00Z".to_owned(),
    }
}

fn username(user: u32) -> String {
    match user {
        9 => "=HYPERLINK(\"https://evil.example\")".to_owned(),
        user => format!("somebody{user}"),
    }
}

const ASKED: &str = "request_duo_chat_response";
const SHOWN: &str = "complete_duo_chat_response";

/// Nine people with a seat since August, except the eighth, who has a new one after a gap.
fn story(gaps: &[(&str, &str)]) -> Story {
    let mut story = Story::default();
    let everybody = [
        (1, None),
        (2, Some("2026-08-15")),
        (3, None),
        (4, None),
        (5, Some("2026-10-01")),
        (6, None),
        (7, None),
        (8, Some("2026-08-20")),
        (9, Some("2026-07-01")),
    ];
    story.seats("2026-08-01", &everybody);
    story.seats("2026-09-15", &everybody[..7]);
    story.seats("2026-11-01", &everybody);
    story.days(
        &[
            ("2026-10-20", 1, ASKED),
            ("2026-09-10", 4, ASKED),
            ("2026-09-20", 5, ASKED),
            ("2026-09-05", 6, ASKED),
            ("2026-10-25", 6, SHOWN),
            ("2026-10-12", 1, ASKED),
        ],
        gaps,
    );
    story
}

#[test]
fn each_seat_is_judged_by_events_gitlabs_activity_day_and_seat_lists() {
    let bench = Bench::new(20, 3);
    fs::write(bench.path("hold"), "# the board\n@Somebody7 # for ever\n\n12345\n").expect("written");
    let result = people(&bench, &["people.csv", "--hold", "hold"], &story(&[]).text(), 0);
    assert!(result.stderr.contains("matches 1 line of the file of --hold"), "{}", result.stderr);
    assert!(result.stderr.contains("9 seats"), "{}", result.stderr);
    let list = list(&bench, "people.csv");
    let cells = |user: u32, headers: [&str; 6]| {
        let row = &list[&format!("gid://gitlab/User/{user}")];
        headers.map(|header| row[header].clone()).join(" ")
    };
    let of = |user| {
        cells(user, ["tier", "reclaim", "reason", "days_idle", "last_activity_on", "first_seen_with_seat_on"])
    };
    assert_eq!(of(1), "active no in use 11 2026-10-20 2026-08-01");
    assert_eq!(of(2), "certain yes idle 77 2026-08-15 2026-08-01");
    assert_eq!(of(3), "certain yes idle   2026-08-01", "never used");
    assert_eq!(of(4), "probable ask probably idle 51 2026-09-10 2026-08-01");
    assert_eq!(
        of(5),
        "probable ask probably idle 30 2026-10-01 2026-08-01",
        "GitLab's activity day is later than the events"
    );
    assert_eq!(of(6), "active no in use 6 2026-10-25 2026-08-01", "a shown suggestion is use of a seat");
    assert_eq!(list["gid://gitlab/User/6"]["last_deliberate_event_on"], "2026-09-05");
    assert_eq!(of(7), "certain no held   2026-08-01");
    assert_eq!(of(8), "certain no in grace 72 2026-08-20 2026-11-01", "no seat in between");
    assert_eq!(list["gid://gitlab/User/9"]["username"], "'=HYPERLINK(\"https://evil.example\")");
    for row in list.values() {
        assert_eq!((&*row["judged_on"], &*row["list_taken_on"]), ("2026-10-31", "2026-11-01"));
        assert_eq!(row["add_on"], "DUO_PRO");
    }
    people(&bench, &["people.csv", "--grace-days", "0"], &story(&[]).text(), 0);
    assert_eq!(self::list(&bench, "people.csv")["gid://gitlab/User/8"]["reclaim"], "yes");
}

#[test]
fn unknown_days_never_make_a_seat_reclaimable() {
    let bench = Bench::new(20, 3);
    let result = people(&bench, &["people.csv"], &story(&[("2026-10-10", "failed")]).text(), 3);
    assert!(result.stderr.contains("2026-10-10"), "{}", result.stderr);
    let list = list(&bench, "people.csv");
    let of = |user: u32| {
        let row = &list[&format!("gid://gitlab/User/{user}")];
        format!("{} {} {}", row["tier"], row["reclaim"], row["reason"])
    };
    assert_eq!(of(1), "active no in use");
    assert_eq!(of(2), "certain yes idle", "GitLab reports the day");
    for user in [3, 4, 7] {
        assert_eq!(of(user), "unknown no days are not known", "{user}");
    }
}

#[test]
fn metrics_and_list_agree_on_idle_seats_for_any_known_days() {
    let bench = Bench::new(20, 3);
    let gaps: [&[(&str, &str)]; 6] = [
        &[],
        // The day has events, but it is unknown whether others were active.
        &[("2026-10-12", "partial")],
        &[("2026-10-10", "failed")],
        &[("2026-10-10", "")],
        &[("2026-09-03", ""), ("2026-09-12", "denied"), ("2026-09-14", "partial")],
        &[("2026-10-31", "partial"), ("2026-09-02", "failed")],
    ];
    let counts = gaps.map(|gaps| {
        let mut story = story(gaps);
        // User 3 has had seats of two add-ons, one after the other; user 2 has both.
        let both = [3, 2].map(|user: u32| {
            json!({"type": "seat", "user": format!("gid://gitlab/User/{user}"), "username": username(user),
                "assigned": true, "add_on": "DUO_ENTERPRISE"})
        });
        story.lines.retain(|line| {
            !(line["day"] == "2026-11-01" && line["user"] == "gid://gitlab/User/3" && line["type"] == "seat")
        });
        for (row, seat) in (9..).zip(both) {
            story.line("seats", "2026-11-01", row, seat);
        }
        let lists =
            story.lines.iter_mut().filter(|line| line["type"] == "coverage" && line["day"] == "2026-11-01");
        lists.for_each(|line| line["rows"] = json!(10));
        let input = story.text();

        let written = bench.pipe(&["export", "--people", "people.csv"], &input);
        assert_eq!(written.code, if gaps.is_empty() { 0 } else { 3 }, "{gaps:?}: {}", written.stderr);
        let mut reader = csv::Reader::from_path(bench.path("people.csv")).expect("the list");
        let rows = reader.deserialize().map(|row| row.expect("a row"));
        let tiers: BTreeMap<String, String> = rows
            .map(|mut row: BTreeMap<String, String>| (row.remove("user"), row.remove("tier")))
            .map(|(user, tier)| (user.expect("a user"), tier.expect("a tier")))
            .collect();
        assert_eq!(tiers.len(), 9, "{tiers:?}");
        let of_list = |tier: &str| tiers.values().filter(|other| *other == tier).count();

        let metrics = bench.pipe(&["aggregate"], &input);
        let metrics = lines_of(&metrics.stdout, "metric");
        for tier in ["certain", "probable"] {
            let is_it = |line: &&Value| line["metric"] == "seats.idle" && line["by"] == json!({"tier": tier});
            let line = metrics.iter().filter(is_it).max_by_key(|line| line["end"].as_str());
            let line = line.expect("the line");
            assert_eq!(
                (&line["end"], &line["value"]),
                (&json!("2026-10-31"), &json!(of_list(tier))),
                "{gaps:?}"
            );
            assert_eq!(line["basis"], (9 - of_list("unknown")) as f64 / 9.0, "{gaps:?}");
        }
        (of_list("certain"), of_list("probable"), of_list("unknown"))
    });
    // GitLab has no activity day of users 3, 4 and 7, and user 4 was active on September 10.
    assert_eq!(counts, [(5, 2, 0), (3, 1, 3), (3, 1, 3), (3, 1, 3), (3, 1, 3), (3, 1, 3)]);
}

#[test]
fn the_newest_complete_seat_list_counts_and_groups_without_one_are_reported() {
    let bench = Bench::new(20, 3);
    let mut story = story(&[]);
    story.lines.retain(|line| line["day"] != "2026-11-01");
    let holders = [(1, None), (2, None)];
    story.seats("2026-10-31", &holders);
    let add_partial_list = |story: &mut Story, day: &str, scope: &str| {
        story.covered("seats", day, "partial", 0);
        story.lines.last_mut().expect("a line")["scope"] = scope.into();
    };
    add_partial_list(&mut story, "2026-11-01", "acme");
    add_partial_list(&mut story, "2026-10-31", "globex");
    let result = people(&bench, &["people.csv"], &story.text(), 3);
    assert!(result.stderr.contains("seats of globex on 2026-10-31"), "{}", result.stderr);
    assert_eq!(list(&bench, "people.csv").len(), 2);
}

#[test]
fn the_list_matches_the_organization() {
    let bench = Bench::new(120, 70);
    let raw = bench.fetch(&["--since", "2026-08-31", "--collector", "usage_events", "--collector", "seats"]);
    let records = bench.normalize(&raw);
    people(&bench, &["lists/people.csv", "--grace-days", "0"], &records, 0);
    let mode = fs::metadata(bench.path("lists/people.csv")).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let list = list(&bench, "lists/people.csv");
    let organization = bench.gitlab.organization();
    let holders: Vec<_> = organization
        .people
        .iter()
        .filter(|person| {
            organization.add_on_purchases.iter().any(|seats| seats.group == 0 && seats.is_held_by(person))
        })
        .collect();
    assert!(holders.len() > 30);
    assert_eq!(list.len(), holders.iter().filter(|person| !person.bot).count());
    let mut tiers: BTreeMap<&str, u32> = BTreeMap::new();
    for person in holders.into_iter().filter(|person| !person.bot) {
        let row = &list[&person.gid()];
        let last = person.last_duo_activity_on;
        assert_eq!(row["last_activity_on"], last.map(|day| day.to_string()).unwrap_or_default(), "{row:?}");
        let tier = match last.map(|last| (organization.last_day - last).num_days()) {
            None => "new",
            Some(days) if days < 28 => "active",
            Some(days) if days < 60 => "probable",
            Some(_) => "certain",
        };
        assert_eq!(row["tier"], tier, "{row:?}");
        *tiers.entry(tier).or_default() += 1;
    }
    assert!(tiers.len() >= 3, "{tiers:?}");

    // The list does not depend on order and is the same from rollups.
    let before = fs::read(bench.path("lists/people.csv")).expect("the file");
    let mut shuffled: Vec<&str> = std::str::from_utf8(&records).expect("text").lines().collect();
    fastrand::Rng::with_seed(3).shuffle(&mut shuffled);
    people(&bench, &["shuffled.csv", "--grace-days", "0"], shuffled.join("\n").as_bytes(), 0);
    let rollups = bench.pipe(&["aggregate", "--emit", "rollups"], &records).stdout;
    people(&bench, &["rollups.csv", "--grace-days", "0"], &rollups, 0);
    for name in ["shuffled.csv", "rollups.csv"] {
        assert!(fs::read(bench.path(name)).expect("the file") == before, "{name}");
    }
}

#[test]
fn pseudonyms_are_resolved_with_key_and_name_list() {
    let bench = Bench::new(80, 40);
    let raw = bench.fetch(&["--since", "2026-10-02", "--collector", "usage_events", "--collector", "seats"]);
    let records = bench.normalize(&raw);
    let seats: Vec<u8> =
        lines_of(&records, "seat").iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
    fs::write(bench.path("seats.jsonl"), &seats).expect("written");
    fs::write(bench.path("hold"), "nobody\n").expect("written");
    let with_key = |arguments: &[&str], key: &str, input: &[u8]| {
        let mut command: Command = bench.command(arguments);
        command.env("DUO_METRICS_PSEUDONYM_KEY", key);
        run_command(command, input)
    };
    let pseudonymous = with_key(&["normalize"], KEY, &raw).stdout;
    assert!(!String::from_utf8_lossy(&pseudonymous).contains("User/"));

    let grace = ["--grace-days", "0"];
    let plain =
        bench.pipe(&[&["export", "--people", "plain.csv", "--hold", "hold"], &grace[..]].concat(), &records);
    let arguments =
        [&["export", "--people", "named.csv", "--seats", "seats.jsonl", "--hold", "hold"], &grace[..]]
            .concat();
    let resolved = with_key(&arguments, KEY, &pseudonymous);
    assert_eq!(
        (plain.code, resolved.code),
        (3, 3),
        "days before the first one are unknown: {}",
        resolved.stderr
    );
    assert!(resolved.stdout.is_empty());
    let read = |name: &str| fs::read_to_string(bench.path(name)).expect("the file");
    assert!(read("plain.csv").contains("gid://gitlab/User/"));
    assert_eq!(read("plain.csv"), read("named.csv"));

    // With another key no person is found, and people without a name cannot be matched with those
    // to keep.
    let unresolved = with_key(&arguments, "another key for these tests", &pseudonymous);
    assert_eq!(unresolved.code, 3, "{}", unresolved.stderr);
    assert!(unresolved.stderr.contains("user name is not known"), "{}", unresolved.stderr);
    let list = list(&bench, "named.csv");
    assert!(list.values().all(|row| row["user"].starts_with("hmac:") && row["username"].is_empty()));
    assert!(list.values().all(|row| row["reclaim"] == "no" && row["reason"] == "no name to look up"));

    let refused = |seats: &[u8], words: &str| {
        fs::write(bench.path("bad.jsonl"), seats).expect("written");
        let result = with_key(&["export", "--people", "bad.csv", "--seats", "bad.jsonl"], KEY, &pseudonymous);
        assert_eq!(result.code, 78, "{}", result.stderr);
        assert!(result.stderr.contains(words), "{}", result.stderr);
        assert!(!bench.path("bad.csv").exists());
    };
    refused(&lines_of(&pseudonymous, "seat")[0].to_string().into_bytes(), "pseudonym");
    refused(&raw, "normalize");
    refused(b"", "no seat record");
    let result = bench.pipe(&["export", "--people", "bad.csv", "--seats", "seats.jsonl"], &pseudonymous);
    assert_eq!(result.code, 2, "{}", result.stderr);
}

#[test]
fn the_list_is_never_written_into_a_site_or_over_a_non_file() {
    let bench = Bench::new(20, 3);
    let input = story(&[]).text();
    let refused = |path: &str, more: &[&str], code: i32| {
        let result = bench.pipe(&[&["export", "--people", path], more].concat(), &input);
        assert_eq!((result.code, result.stdout.len()), (code, 0), "{path}: {}", result.stderr);
        assert!(result.stderr.lines().count() == 1, "{}", result.stderr);
        // The target of /dev/stdout depends on how the tests are run.
        assert!(path.starts_with("/dev") || !bench.path(path).is_file(), "{path}");
    };
    // The folder of the site, before it exists.
    refused("public/people.csv", &[], 78);
    refused("public/deep/people.csv", &[], 78);
    refused("other/../public/people.csv", &[], 78);
    refused("pages/people.csv", &["--site", "pages"], 78);
    // A site in another folder is recognized by its dashboards.
    fs::create_dir_all(bench.path("www/duo-metrics/more")).expect("folders");
    fs::write(bench.path("www/duo-metrics/dashboard.json"), "{}").expect("written");
    for path in [
        "www/people.csv",
        "www/new/people.csv",
        "www/duo-metrics/people.csv",
        "www/duo-metrics/more/people.csv",
    ] {
        refused(path, &[], 78);
    }
    symlink(bench.path("www"), bench.path("link")).expect("a link");
    refused("link/people.csv", &[], 78);
    // Not a file.
    fs::create_dir(bench.path("folder")).expect("a folder");
    refused("folder", &[], 78);
    symlink("/dev/null", bench.path("null")).expect("a link");
    refused("null", &[], 78);
    refused("/dev/stdout", &[], 2);
    refused("-", &[], 2);

    // A file that others can read is replaced by one that they cannot read.
    fs::write(bench.path("people.csv"), "old").expect("written");
    fs::set_permissions(bench.path("people.csv"), fs::Permissions::from_mode(0o644)).expect("set");
    people(&bench, &["people.csv"], &input, 0);
    assert_eq!(fs::metadata(bench.path("people.csv")).expect("the file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn without_a_complete_seat_list_or_with_bad_lines_it_exits_with_65_and_writes_no_file() {
    let bench = Bench::new(20, 3);
    let records = bench.normalize(&bench.fetch(&["--since", "2026-10-30", "--collector", "usage_events"]));
    let metrics = bench.aggregate(&records);
    let mut broken = story(&[]).text();
    broken.extend_from_slice(b"{\"type\":\"seat\"}\n");
    for input in [&records[..], &metrics, &broken, b""] {
        people(&bench, &["people.csv"], input, 65);
        assert!(!bench.path("people.csv").exists());
    }
    for arguments in [
        &["--hold", "x"][..],
        &["--seats", "x"],
        &["--grace-days", "3"],
        &["--people", "x", "--format", "csv"],
    ] {
        assert_eq!(bench.pipe(&[&["export"], arguments].concat(), &records).code, 2, "{arguments:?}");
    }
    people(&bench, &["people.csv", "--hold", "not-there"], &story(&[]).text(), 78);
}
