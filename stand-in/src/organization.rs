//! The invented organization behind the stand-in: plain data, the same for the same settings.
//!
//! All of it is public and flat, so that the reference calculation of the tests can use plain
//! loops. References are indexes into the vectors of [`Organization`].

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::Settings;
use super::release::Release;
use super::{activity, delivery, people, sessions};

/// All data of the stand-in, generated once from [`Settings`].
pub struct Organization {
    /// First day with usage events.
    pub first_day: NaiveDate,
    /// Last day with usage events. The server's clock shows the next day.
    pub last_day: NaiveDate,
    /// Top-level groups and their subgroups, parents first.
    pub groups: Vec<Group>,
    /// People and bots, by ascending id.
    pub people: Vec<Person>,
    /// Purchases of seats, by ascending id.
    pub add_on_purchases: Vec<AddOnPurchase>,
    /// Projects of all groups, by ascending id.
    pub projects: Vec<Project>,
    /// Merge requests of all projects, by ascending id (and so by creation).
    pub merge_requests: Vec<MergeRequest>,
    /// Pipelines of all projects, by ascending id (and so by creation).
    pub pipelines: Vec<Pipeline>,
    /// Usage events of all groups, newest first: by timestamp, then id, both descending.
    pub usage_events: Vec<UsageEvent>,
    /// Agent sessions, by their first event and so by ascending id.
    pub sessions: Vec<Session>,

    /// Every position of `usage_events`.
    pub(super) all_events: Vec<u32>,
    pub(super) events_of_group: Vec<Vec<u32>>,
    pub(super) code_suggestions_of_group: Vec<Vec<u32>>,
    pub(super) merge_requests_of_project: Vec<Vec<usize>>,
    pub(super) pipelines_of_project: Vec<Vec<usize>>,
}

/// A group or subgroup.
pub struct Group {
    /// Number in GitLab's database.
    pub id: u64,
    /// Name, as shown.
    pub name: &'static str,
    /// Last segment of the full path.
    pub path: &'static str,
    /// Path with those of its ancestors, for example `acme/web`.
    pub full_path: &'static str,
    /// Index of the parent group; `None` for a top-level group.
    pub parent: Option<usize>,
}

/// A user: a person, a bot or a service account.
pub struct Person {
    /// Number in GitLab's database.
    pub id: u64,
    /// Name in mentions and addresses.
    pub username: String,
    /// Full name, as shown.
    pub name: String,
    /// Whether it is a bot or a service account.
    pub bot: bool,
    /// GitLab's user type, `HUMAN`, `PROJECT_BOT` or `SERVICE_ACCOUNT`.
    pub user_type: &'static str,
    /// First day in the organization; may be before the first day with data.
    pub joined: NaiveDate,
    /// Last day in the organization, if the person has left.
    pub left: Option<NaiveDate>,
    /// Top-level groups of the person (indexes into `groups`), the home group first.
    pub groups: Vec<usize>,
    /// Groups of which the person is a direct member (indexes into `groups`): subgroups, or the
    /// top-level groups of people who are in no subgroup.
    pub teams: Vec<usize>,
    /// The current seat; GitLab keeps no history of seats.
    pub seat: Option<AddOn>,
    /// Day of the last usage event. People without events may have a day before the first day.
    pub last_duo_activity_on: Option<NaiveDate>,
    /// Day of the last activity of any kind.
    pub last_activity_on: Option<NaiveDate>,
    /// Time of the last login, if any.
    pub last_login_at: Option<DateTime<Utc>>,
}

impl Person {
    /// The global id, for example `gid://gitlab/User/42`.
    pub fn gid(&self) -> String {
        format!("gid://gitlab/User/{}", self.id)
    }

    /// True from the joining day to the leaving day, both included.
    pub fn is_member_on(&self, day: NaiveDate) -> bool {
        self.joined <= day && self.left.is_none_or(|left| day <= left)
    }
}

/// What a seat is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddOn {
    /// Sold as Duo Enterprise.
    DuoEnterprise,
    /// Sold as Duo Pro.
    CodeSuggestions,
}

impl AddOn {
    /// GitLab's name, the same in `AddOnPurchase.name` and `GitlabSubscriptionsAddOnType`.
    pub fn name(self) -> &'static str {
        match self {
            AddOn::DuoEnterprise => "DUO_ENTERPRISE",
            AddOn::CodeSuggestions => "CODE_SUGGESTIONS",
        }
    }
}

/// A purchase of seats of one add-on for one top-level group.
pub struct AddOnPurchase {
    /// Number in GitLab's database.
    pub id: u64,
    /// What its seats are for.
    pub add_on: AddOn,
    /// Index of the top-level group.
    pub group: usize,
    /// Number of seats.
    pub purchased: u32,
    /// Number of assigned seats.
    pub assigned: u32,
}

impl AddOnPurchase {
    /// True if the person's seat comes from this purchase.
    pub fn is_held_by(&self, person: &Person) -> bool {
        person.seat == Some(self.add_on) && person.groups[0] == self.group
    }
}

/// A project of a group.
pub struct Project {
    /// Number in GitLab's database.
    pub id: u64,
    /// Index of the group that directly contains it.
    pub group: usize,
    /// Name, as shown.
    pub name: String,
    /// Last segment of the full path.
    pub path: String,
    /// Path with those of its groups, for example `acme/web/storefront`.
    pub full_path: String,
    /// Whether it is archived.
    pub archived: bool,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    /// Time of the last activity.
    pub last_activity_at: DateTime<Utc>,
    /// Programming language and its share in percent.
    pub languages: Vec<(&'static str, f64)>,
}

/// A merge request. `author` is `None` for deleted users.
pub struct MergeRequest {
    /// Number in GitLab's database.
    pub id: u64,
    /// Number within the project.
    pub iid: u64,
    /// Index of the project.
    pub project: usize,
    /// Index of the user.
    pub author: Option<usize>,
    /// `opened`, `merged` or `closed`.
    pub state: &'static str,
    /// Title, as shown.
    pub title: String,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Time of merging, if it is merged.
    pub merged_at: Option<DateTime<Utc>>,
    /// Time of closing, if it is closed and not merged.
    pub closed_at: Option<DateTime<Utc>>,
    /// In lines.
    pub additions: u32,
    /// In lines.
    pub deletions: u32,
    /// Number of changed files.
    pub files: u32,
}

/// A pipeline.
pub struct Pipeline {
    /// Number in GitLab's database.
    pub id: u64,
    /// Number within the project.
    pub iid: u64,
    /// Index of the project.
    pub project: usize,
    /// Index of the user who started it, if known.
    pub user: Option<usize>,
    /// GitLab's status in upper case, such as `SUCCESS`.
    pub status: &'static str,
    /// GitLab's name of what started it, such as `push`.
    pub source: &'static str,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Time at which it left the queue, if it did.
    pub started_at: Option<DateTime<Utc>>,
    /// Time of its end, if it has ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Seconds; `None` for pipelines that have not finished or ran no job.
    pub duration: Option<u32>,
    /// Seconds in the queue.
    pub queued_duration: Option<f64>,
}

/// One usage event. Only code suggestion events have `language`, `suggestion_size` and `tracking`.
pub struct UsageEvent {
    /// Number in GitLab's database.
    pub id: u64,
    /// Index of the user.
    pub person: usize,
    /// Index of the top-level group.
    pub group: usize,
    /// GitLab's enum value, in upper case.
    pub event: &'static str,
    /// Mostly whole seconds; GitLab returns it truncated to seconds.
    pub timestamp: DateTime<Utc>,
    /// As the editor spelled it.
    pub language: Option<&'static str>,
    /// In lines.
    pub suggestion_size: Option<u32>,
    /// Shared by the shown, accepted and rejected events of one suggestion.
    pub tracking: Option<u64>,
    /// Index of the agent session: the event's own, or the one that called the tool.
    pub session: Option<u32>,
}

/// A session of an agent, which its created, started, resumed, finished, dropped and stopped events
/// share.
pub struct Session {
    /// Number in GitLab's database.
    pub id: u64,
    /// Index of the user.
    pub person: usize,
    /// Index of the top-level group.
    pub group: usize,
    /// Index of the project that it works in, if any.
    pub project: Option<usize>,
    /// GitLab's name of the flow, such as `code_review/v1`.
    pub flow_type: &'static str,
    /// `chat` or `ambient`.
    pub environment: &'static str,
    /// GitLab's status now. Waiting and paused sessions have no event of that, and a few have a
    /// status that no release of GitLab has; readers must accept unknown ones.
    pub status: &'static str,
    /// Time of creation, whether or not there is a created event.
    pub began_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Time of the created event; `None` if there is no such event.
    pub created_at: Option<DateTime<Utc>>,
    /// Time of the finished event; `None` for sessions that were dropped, stopped or left open.
    pub finished_at: Option<DateTime<Utc>>,
    /// Hundredths of a GitLab credit.
    pub credits: u32,
}

impl Session {
    /// Seconds from created to finished.
    pub fn seconds(&self) -> Option<i64> {
        Some((self.finished_at? - self.created_at?).num_seconds())
    }
}

impl UsageEvent {
    /// Whether `codeSuggestionEvents` returns the event.
    pub fn is_code_suggestion(&self) -> bool {
        self.event.starts_with("CODE_SUGGESTION")
    }

    /// The tracking id as GitLab returns it.
    pub fn unique_tracking_id(&self) -> Option<String> {
        let tracking = self.tracking?;
        Some(format!(
            "{:08x}-{:04x}-4000-8000-{:012x}",
            tracking >> 32,
            tracking >> 16 & 0xffff,
            tracking & 0xffff_ffff_ffff
        ))
    }
}

impl Organization {
    /// Generates the organization. Pure: uses no clock and no environment.
    pub fn invent(settings: &Settings) -> Organization {
        let last_day = settings.until;
        let first_day = last_day
            .checked_sub_days(Days::new(u64::from(settings.days.max(1)) - 1))
            .expect("a first day within chrono's calendar");
        let mut organization = Organization {
            first_day,
            last_day,
            groups: groups(),
            people: Vec::new(),
            add_on_purchases: Vec::new(),
            projects: Vec::new(),
            merge_requests: Vec::new(),
            pipelines: Vec::new(),
            usage_events: Vec::new(),
            sessions: Vec::new(),
            all_events: Vec::new(),
            events_of_group: Vec::new(),
            code_suggestions_of_group: Vec::new(),
            merge_requests_of_project: Vec::new(),
            pipelines_of_project: Vec::new(),
        };
        people::invent(&mut organization, settings);
        activity::invent(&mut organization, settings);
        if settings.release < Release::Newest {
            organization.usage_events.retain(|event| settings.release.has_event(event.event));
        }
        people::note_last_activity(&mut organization, settings);
        people::assign_seats(&mut organization, settings);
        delivery::invent(&mut organization, settings);
        sessions::invent(&mut organization, settings);
        if settings.events_outside_groups {
            organization.move_events_outside_groups();
        }
        organization.index();
        organization
    }

    /// The server's clock: 03:00 UTC of the day after the last day.
    pub fn now(&self) -> DateTime<Utc> {
        start_of(self.last_day) + TimeDelta::hours(27)
    }

    /// Index of the group with this full path. GitLab ignores case.
    pub fn group(&self, full_path: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.full_path.eq_ignore_ascii_case(full_path))
    }

    /// Index of the project with this full path. GitLab ignores case.
    pub fn project(&self, full_path: &str) -> Option<usize> {
        self.projects.iter().position(|project| project.full_path.eq_ignore_ascii_case(full_path))
    }

    /// All days with usage events, in order.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let last_day = self.last_day;
        self.first_day.iter_days().take_while(move |day| *day <= last_day)
    }

    /// Whether `group` is `ancestor` or one of its descendants.
    pub fn is_within(&self, group: usize, ancestor: usize) -> bool {
        group == ancestor || self.groups[group].parent.is_some_and(|parent| self.is_within(parent, ancestor))
    }

    /// Index of the top-level group that contains a group, or of the group itself.
    pub fn root_of(&self, group: usize) -> usize {
        self.groups[group].parent.map_or(group, |parent| self.root_of(parent))
    }

    /// The direct members of a group today (indexes into `people`).
    pub fn direct_members(&self, group: usize) -> impl Iterator<Item = usize> {
        let people = self.people.iter().enumerate();
        people
            .filter(move |(_, person)| person.teams.contains(&group) && person.is_member_on(self.last_day))
            .map(|(place, _)| place)
    }

    /// Moves some events to a group that has no path.
    fn move_events_outside_groups(&mut self) {
        let outside = self.groups.len();
        self.groups.push(Group { id: 0, name: "", path: "", full_path: OUTSIDE_GROUPS, parent: None });
        for event in self.usage_events.iter_mut().filter(|event| event.session.is_none()) {
            if event.id % 11 == 3 {
                event.group = outside;
            }
        }
    }

    fn index(&mut self) {
        self.all_events = (0..).take(self.usage_events.len()).collect();
        self.events_of_group = vec![Vec::new(); self.groups.len()];
        self.code_suggestions_of_group = vec![Vec::new(); self.groups.len()];
        for (position, event) in self.usage_events.iter().enumerate() {
            let position = u32::try_from(position).expect("fewer than 2^32 events");
            self.events_of_group[event.group].push(position);
            if event.is_code_suggestion() {
                self.code_suggestions_of_group[event.group].push(position);
            }
        }
        self.merge_requests_of_project = vec![Vec::new(); self.projects.len()];
        for (position, merge_request) in self.merge_requests.iter().enumerate() {
            self.merge_requests_of_project[merge_request.project].push(position);
        }
        self.pipelines_of_project = vec![Vec::new(); self.projects.len()];
        for (position, pipeline) in self.pipelines.iter().enumerate() {
            self.pipelines_of_project[pipeline.project].push(position);
        }
    }
}

/// Stands for the full path of events outside all groups; not a valid path of a group.
pub const OUTSIDE_GROUPS: &str = "(outside)";

/// Index of `acme` in the groups.
pub(super) const ACME: usize = 0;
/// Index of `acme/web` in the groups.
pub(super) const WEB: usize = 1;
/// Index of `acme/platform` in the groups.
pub(super) const PLATFORM: usize = 2;
/// Index of `acme/platform/data` in the groups.
pub(super) const DATA: usize = 3;
/// Index of `globex` in the groups.
pub(super) const GLOBEX: usize = 4;

fn groups() -> Vec<Group> {
    let group = |id, name, path, full_path, parent| Group { id, name, path, full_path, parent };
    vec![
        group(101, "Acme & Söhne", "acme", "acme", None),
        group(102, "Web", "web", "acme/web", Some(ACME)),
        group(103, "Platform", "platform", "acme/platform", Some(ACME)),
        group(104, "Data <3", "data", "acme/platform/data", Some(2)),
        group(205, "Globex", "globex", "globex", None),
    ]
}

/// Midnight at the start of the day.
pub(super) fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}
