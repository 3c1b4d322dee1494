//! The people of the invented organization, and their seats.

use chrono::{Days, TimeDelta};
use fastrand::Rng;

use super::Settings;
use super::organization::{
    ACME, AddOn, AddOnPurchase, DATA, GLOBEX, Organization, PLATFORM, Person, WEB, start_of,
};
use super::sessions::mixed;

/// Usernames and names that break careless programs.
/// GitLab does not allow the second username, but a page must still survive it.
const UNUSUAL_NAMES: [(&str, &str); 12] = [
    ("o.quote", r#"Olive "Ollie" O'Quote"#),
    ("<script>alert(1)</script>", "Mallory Scriptname"),
    ("script_name", "<script>alert(1)</script>"),
    ("b.slash", r"Back\slash Bo\\rge"),
    ("zoe.aether", "Zoë Ærøskøbing-Ñandú"),
    ("sheet_formula", r#"=HYPERLINK("x")"#),
    ("party", "Pat 🎉👩🏽‍💻 Party"),
    ("rtl", "ليلى الخيالية"),
    ("hebrew_mix", "דנה \u{202e}evil\u{202c} Override"),
    ("kana", "架空 花子"),
    (
        "a_very_long_username_that_no_column_of_any_table_was_made_for_and_that_goes_on",
        "Longinus Barnabeus Winterbottom Longname the Third of Upper Lower Middle Nether Puddlewick \
         and of the Many Further Estates Whose Names Would Not Fit Upon This Line Either",
    ),
    ("single", "X"),
];

const FIRST: [&str; 24] = [
    "Ada", "Bruno", "Chidi", "Dora", "Emre", "Frida", "Gita", "Hugo", "Ines", "Jonas", "Kaya", "Liam",
    "Mina", "Noor", "Otto", "Priya", "Quinn", "Rosa", "Sami", "Tove", "Uma", "Viggo", "Wanda", "Yuki",
];

const LAST: [&str; 20] = [
    "Ambergate",
    "Brindlewick",
    "Copperfold",
    "Dunmarrow",
    "Eldergrove",
    "Fennimoor",
    "Glasswater",
    "Hollowbrook",
    "Inkpenny",
    "Juniperhill",
    "Kestrelby",
    "Larkenfield",
    "Mossgarth",
    "Nettlecombe",
    "Oakenshaw",
    "Pebbleford",
    "Quillerton",
    "Rushmere",
    "Silverthorn",
    "Thistledown",
];

/// Whether a person has an unusual name. These people are always active, so that the names appear.
pub(super) fn has_unusual_name(position: usize) -> bool {
    position < UNUSUAL_NAMES.len()
}

/// Adds the people and bots, without seats and last activity.
pub(super) fn invent(organization: &mut Organization, settings: &Settings) {
    let mut rng = Rng::with_seed(settings.seed ^ 0x9e0b);
    let count = settings.people.max(1);
    // Bots come last: people created them.
    let bots = if count < 5 { 0 } else { (count / 25).max(1) };
    let mut id = 1_000;
    for position in 0..count {
        id += rng.u64(1..12);
        let bot = position >= count - bots;
        let (username, name, user_type) = if bot {
            bot_name(position, id)
        } else if let Some((username, name)) = UNUSUAL_NAMES.get(position) {
            (username.to_string(), name.to_string(), "HUMAN")
        } else {
            let first = FIRST[rng.usize(..FIRST.len())];
            let last = LAST[rng.usize(..LAST.len())];
            let username = format!("{}.{}{position}", first.to_lowercase(), last.to_lowercase());
            (username, format!("{first} {last}"), "HUMAN")
        };
        let ordinary = !bot && !has_unusual_name(position);
        let joined = if ordinary && rng.f64() < 0.06 {
            organization.first_day + Days::new(rng.u64(0..u64::from(settings.days.max(1))))
        } else {
            organization.first_day - Days::new(rng.u64(1..2_000))
        };
        let left = (ordinary && rng.f64() < 0.05)
            .then(|| organization.first_day + Days::new(rng.u64(0..u64::from(settings.days.max(1)))))
            .map(|left| left.max(joined));
        let home = if rng.f64() < 0.08 { GLOBEX } else { ACME };
        let mut groups = vec![home];
        if rng.f64() < 0.04 {
            groups.push(if home == ACME { GLOBEX } else { ACME });
        }
        organization.people.push(Person {
            id,
            username,
            name,
            bot,
            user_type,
            joined,
            left,
            teams: teams(id, &groups),
            groups,
            seat: None,
            last_duo_activity_on: None,
            last_activity_on: None,
            last_login_at: None,
        });
    }
}

/// The groups of which a person of these top-level groups is a direct member: by id, so that more
/// people do not change those of others. Some are in several subgroups, some in none.
fn teams(id: u64, groups: &[usize]) -> Vec<usize> {
    let of_acme: &[usize] = match mixed(id) % 10 {
        0..4 => &[WEB],
        4..6 => &[PLATFORM],
        6 => &[DATA],
        7 => &[WEB, PLATFORM],
        8 => &[WEB, PLATFORM, DATA],
        _ => &[ACME],
    };
    let of_group = |group: &usize| if *group == ACME { of_acme.to_vec() } else { vec![*group] };
    groups.iter().flat_map(of_group).collect()
}

/// Sets the last activity of each person, based on the usage events.
pub(super) fn note_last_activity(organization: &mut Organization, settings: &Settings) {
    let mut rng = Rng::with_seed(settings.seed ^ 0x1a57);
    // Oldest first, so that the last write is the newest event.
    for event in organization.usage_events.iter().rev() {
        organization.people[event.person].last_duo_activity_on = Some(event.timestamp.date_naive());
    }
    let (first_day, last_day) = (organization.first_day, organization.last_day);
    for person in &mut organization.people {
        if person.last_duo_activity_on.is_none() && person.joined < first_day && rng.bool() {
            let day = first_day - Days::new(rng.u64(1..120));
            person.last_duo_activity_on = (day >= person.joined).then_some(day);
        }
        let latest = person.left.unwrap_or(last_day).min(last_day);
        let seen = person.last_duo_activity_on.unwrap_or(person.joined);
        let other = latest - Days::new(rng.u64(0..20));
        person.last_activity_on = Some(seen.max(other.max(person.joined)).min(last_day));
        let signed_in = person.last_activity_on.expect("set in the line above");
        person.last_login_at =
            (!person.bot).then(|| start_of(signed_in) + TimeDelta::seconds(rng.i64(21_600..72_000)));
    }
}

/// Assigns seats to about 70% of the current people, a few of them of the smaller add-on.
pub(super) fn assign_seats(organization: &mut Organization, settings: &Settings) {
    let mut rng = Rng::with_seed(settings.seed ^ 0x5ea7);
    let last_day = organization.last_day;
    let mut handful = 1 + settings.people / 100;
    for person in &mut organization.people {
        if person.bot || !person.is_member_on(last_day) {
            continue;
        }
        let draw = rng.f64();
        person.seat = if draw < 0.7 {
            Some(AddOn::DuoEnterprise)
        } else if draw < 0.76 && handful > 0 && person.groups[0] == ACME {
            handful -= 1;
            Some(AddOn::CodeSuggestions)
        } else {
            None
        };
    }
    let bought = [
        (31, AddOn::DuoEnterprise, ACME),
        (32, AddOn::CodeSuggestions, ACME),
        (57, AddOn::DuoEnterprise, GLOBEX),
    ];
    for (id, add_on, group) in bought {
        let mut purchase = AddOnPurchase { id, add_on, group, purchased: 0, assigned: 0 };
        let holders = organization.people.iter().filter(|person| purchase.is_held_by(person));
        purchase.assigned = u32::try_from(holders.count()).expect("fewer people than u32 holds");
        let spare = if settings.story { purchase.assigned / 4 } else { purchase.assigned / 12 };
        purchase.purchased = purchase.assigned + spare + 2;
        organization.add_on_purchases.push(purchase);
    }
}

fn bot_name(position: usize, id: u64) -> (String, String, &'static str) {
    match position % 3 {
        0 => (
            format!("project_{id}_bot_{:06x}", id * 7_919 % 0xff_ffff),
            "nightly token".to_string(),
            "PROJECT_BOT",
        ),
        1 => (
            format!("service_account_group_101_{:08x}", id * 104_729),
            "Deploy service".to_string(),
            "SERVICE_ACCOUNT",
        ),
        _ => (format!("renovate-{position}"), "Dependency updates".to_string(), "SERVICE_ACCOUNT"),
    }
}
