//! Teams, and the file with the teams and cost centers of users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::aggregate::rollup::{PeopleSet, PersonId, Rollups, Symbol};
use crate::base::text::format_count;
use crate::normalize::pseudonym::{PseudonymKey, is_pseudonym};

/// What people are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TeamKind {
    /// A team, or a subgroup with its members.
    Team,
    /// A cost center.
    CostCenter,
}

/// A team or cost center: its kind and name.
pub type TeamRef = (TeamKind, String);

/// The people of each team.
pub type Teams = BTreeMap<TeamRef, Arc<PeopleSet>>;

/// A user as a file of teams names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TeamUser {
    /// A global id.
    Id(String),
    /// A pseudonym.
    Pseudonym(String),
    /// A user name in lower case: GitLab ignores the case.
    Username(String),
}

/// The teams of users, from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamFile {
    /// The name of the file, for messages.
    pub name: String,
    /// The teams of each user.
    pub users: BTreeMap<TeamUser, BTreeSet<TeamRef>>,
    /// The line of the first user name, from 1.
    pub first_username: Option<usize>,
}

/// The positions of the columns.
struct Columns {
    user: usize,
    team: usize,
    cost_center: Option<usize>,
    count: usize,
}

impl TeamKind {
    /// The dimension of its metrics.
    pub fn dimension(self) -> &'static str {
        match self {
            TeamKind::Team => "team",
            TeamKind::CostCenter => "cost_center",
        }
    }
}

impl TeamUser {
    /// Reads a user name, the number of a global id, a global id or a pseudonym.
    fn parse(text: &str) -> TeamUser {
        const GLOBAL_ID: &str = "gid://gitlab/User/";
        let number = text.strip_prefix(GLOBAL_ID).unwrap_or(text);
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = number.trim_start_matches('0');
            return TeamUser::Id(format!("{GLOBAL_ID}{number}"));
        }
        if is_pseudonym(text) {
            return TeamUser::Pseudonym(text.to_owned());
        }
        TeamUser::Username(text.strip_prefix('@').unwrap_or(text).to_lowercase())
    }
}

impl TeamFile {
    /// Reads the text of a file called `name`. The error contains the line and nothing of its
    /// content.
    pub fn parse(name: String, text: &str) -> Result<TeamFile, String> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        let mut file = TeamFile { name, ..TeamFile::default() };
        let mut columns: Option<Columns> = None;
        let mut row = StringRecord::new();
        while reader.read_record(&mut row).map_err(|_| "it is not CSV".to_owned())? {
            let start = row.position().map_or(0, csv::Position::byte);
            let line = || line_at(text, start);
            let at = |reason: &str| format!("line {}: {reason}", line());
            if row.iter().any(|field| field.contains(['\n', '\r'])) {
                return Err(at("a quotation mark is not closed"));
            }
            match &columns {
                None => columns = Some(Columns::of(&row).ok_or_else(|| at(NO_HEADER))?),
                Some(columns) => file.add(&row, columns, &line).map_err(|reason| at(&reason))?,
            }
        }
        match columns {
            Some(_) => Ok(file),
            None => Err("it is empty".to_owned()),
        }
    }

    /// The teams with the people of these rollups, and how many users of the file are not in them.
    /// Those are members of their teams, too. The error states why users cannot be matched.
    pub fn find(&self, rollups: &Rollups, key: Option<&PseudonymKey>) -> Result<(Teams, u64), String> {
        let instances: BTreeSet<Symbol> = rollups.people.all().map(|(instance, _)| instance).collect();
        let has_pseudonyms = rollups.people.all().any(|(_, user)| is_pseudonym(user));
        if let Some(line) = self.first_username.filter(|_| key.is_some() || has_pseudonyms) {
            return Err(format!("line {line}: user names cannot be matched with pseudonyms; use user ids"));
        }
        let has_ids = self.users.keys().any(|user| matches!(user, TeamUser::Id(_)));
        if has_ids && has_pseudonyms && key.is_none() {
            return Err("user ids can be matched with pseudonyms only if their key is known; set DUO_METRICS_PSEUDONYM_KEY".to_owned());
        }
        let people_of = |user: &TeamUser| -> Vec<PersonId> {
            let find = |instance: &Symbol| {
                let of_id = |id: &str| rollups.people.find(*instance, id);
                match user {
                    TeamUser::Pseudonym(pseudonym) => of_id(pseudonym),
                    TeamUser::Id(id) => {
                        let of_key = key.map(|key| key.of(rollups.symbols.text(*instance), id));
                        of_key.and_then(|pseudonym| of_id(&pseudonym)).or_else(|| of_id(id))
                    }
                    TeamUser::Username(name) => {
                        let usernames = rollups.usernames.as_ref()?;
                        usernames.get(&(*instance, name.clone())).map(|(_, person)| *person)
                    }
                }
            };
            instances.iter().filter_map(find).collect()
        };
        let mut teams: BTreeMap<TeamRef, PeopleSet> = BTreeMap::new();
        let mut unknown = 0;
        for (user, teams_of) in &self.users {
            let mut people = people_of(user);
            if people.is_empty() {
                // An id after those of all people: no record has it.
                let next = u64::try_from(rollups.people.len()).unwrap_or(u64::MAX).saturating_add(unknown);
                people.extend(u32::try_from(next).ok().map(PersonId));
                unknown += 1;
            }
            for team in teams_of {
                teams.entry(team.clone()).or_default().extend(people.iter().copied());
            }
        }
        let teams = teams.into_iter().map(|(team, people)| (team, Arc::new(people)));
        Ok((teams.collect(), unknown))
    }

    fn add(&mut self, row: &StringRecord, columns: &Columns, line: &dyn Fn() -> usize) -> Result<(), String> {
        if row.len() != columns.count {
            return Err(format!(
                "it has {}, and the header has {}",
                fields(row.len()),
                fields(columns.count)
            ));
        }
        let field = |at: usize| row.get(at).unwrap_or_default();
        let user = match field(columns.user) {
            "" => return Err("it has no user".to_owned()),
            user => TeamUser::parse(user),
        };
        let cost_center = columns.cost_center.map(field).unwrap_or_default();
        let teams = [(TeamKind::Team, field(columns.team)), (TeamKind::CostCenter, cost_center)];
        let teams = teams.map(|(kind, name)| (kind, name.to_owned()));
        if teams.iter().all(|(_, name)| name.is_empty()) {
            return Err("it has no team".to_owned());
        }
        if matches!(user, TeamUser::Username(_)) {
            self.first_username.get_or_insert_with(line);
        }
        self.users.entry(user).or_default().extend(teams.into_iter().filter(|(_, name)| !name.is_empty()));
        Ok(())
    }
}

/// What is wrong with the first line.
const NO_HEADER: &str = "the header must be user,team or user,team,cost_center, separated by commas";

impl Columns {
    fn of(header: &StringRecord) -> Option<Columns> {
        let column = |name: &str| {
            let mut found = header.iter().enumerate().filter(|(_, field)| field.eq_ignore_ascii_case(name));
            let (at, _) = found.next()?;
            found.next().is_none().then_some(at)
        };
        let (user, team) = (column("user")?, column("team")?);
        Some(Columns { user, team, cost_center: column("cost_center"), count: header.len() })
    }
}

/// The line of the row that starts at this byte, from 1. The position of a row can be that of the
/// line breaks before it.
fn line_at(text: &str, start: u64) -> usize {
    let before = usize::try_from(start).ok().and_then(|start| text.get(..start)).unwrap_or(text);
    let breaks = text[before.len()..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    1 + text.bytes().take(before.len() + breaks).filter(|byte| *byte == b'\n').count()
}

fn fields(count: usize) -> String {
    format_count(count as u64, "field")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TeamFile, String> {
        TeamFile::parse("teams.csv".to_owned(), text)
    }

    #[test]
    fn reads_users_in_every_form_with_several_teams() {
        let text = "User , team,note,cost_center\r\nAna.B,Web,x,\r\n@ana.b,\"Plat, form\",,77\r\n\r\n\
                    42,Web,,\ngid://gitlab/User/0042,Web,,\nhmac:12ab,,,77\nana.b,Web,y,\n";
        let file = parse(text).expect("it is valid");
        let teams = |user: &str| -> Vec<(&str, &str)> {
            let teams = &file.users[&TeamUser::parse(user)];
            teams.iter().map(|(kind, name)| (kind.dimension(), name.as_str())).collect()
        };
        assert_eq!(teams("ana.b"), [("team", "Plat, form"), ("team", "Web"), ("cost_center", "77")]);
        assert_eq!(teams("42"), [("team", "Web")]);
        assert_eq!(teams("hmac:12ab"), [("cost_center", "77")]);
        assert_eq!((file.users.len(), file.first_username), (3, Some(2)));
        assert_eq!(parse("user,team\n7,a\n").expect("valid").first_username, None);
    }

    #[test]
    fn errors_contain_the_line_and_no_name() {
        for (text, words) in [
            ("", "empty"),
            ("\n\n", "empty"),
            ("user;team\nana;web\n", "line 1: the header"),
            ("user,team,user\nana,web,x\n", "line 1: the header"),
            ("name,team\nana,web\n", "line 1: the header"),
            ("user,team\nana,web\nben,web,x\n", "line 3: it has 3 fields, and the header has 2 fields"),
            ("user,team\nana,web\n ,web\n", "line 3: it has no user"),
            ("user,team,cost_center\r\nana, ,\r\n", "line 2: it has no team"),
            ("user,team\nana,\"web\nben,web\n", "line 2: a quotation mark is not closed"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(words) && !error.contains("ana"), "{text:?}: {error}");
        }
    }
}
