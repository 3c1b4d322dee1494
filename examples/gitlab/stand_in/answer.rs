//! The resolvers: what each field of the schema answers about the invented organisation.

mod analytics;
mod credits;
mod dora;
mod metrics;
mod record;
mod user_metrics;

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::Operation;
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{ExecutionResponse, JsonValue};
use apollo_compiler::validation::Valid;
use chrono::{DateTime, Months, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::Settings;
use super::complexity::LARGEST_PAGE;
use super::errors;
use super::faults::digest;
use super::organisation::{Organisation, Person, UsageEvent, start_of};
use super::paging::{self, Page, Paging, Sorted};
use super::schema::Schema;
use super::sessions::mixed;
use super::validation;

/// What the token that came with the request may see.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    Anonymous,
    Guest,
    Reporter,
    Owner,
    Administrator,
}

impl Role {
    pub(super) fn user_id(self) -> u64 {
        match self {
            Role::Anonymous => 0,
            Role::Administrator => 10,
            Role::Owner => 11,
            Role::Reporter => 12,
            Role::Guest => 13,
        }
    }

    fn sees_usage(self) -> bool {
        matches!(self, Role::Reporter | Role::Owner | Role::Administrator)
    }

    fn owns(self) -> bool {
        matches!(self, Role::Owner | Role::Administrator)
    }
}

/// One request while it is answered.
pub(super) struct Question<'a> {
    pub(super) organisation: &'a Organisation,
    pub(super) settings: &'a Settings,
    pub(super) variables: &'a Map<String, Value>,
    /// Whether a window of usage events is too heavy, as far as that is known already.
    pub(super) heavy: &'a Mutex<HashMap<String, bool>>,
    /// A window was too heavy.
    pub(super) timed_out: Cell<bool>,
    /// A window was so heavy that there is no answer at all.
    pub(super) gave_up: Cell<bool>,
    /// The server's own address, for the links in answers.
    pub(super) url: &'a str,
    pub(super) role: Role,
    pub(super) score: u64,
    pub(super) limit: u64,
    /// Every connection gives up, as after GitLab's 30 seconds.
    pub(super) times_out: bool,
    /// Some usage events have no name that this release knows.
    pub(super) nameless_events: bool,
}

impl Question<'_> {
    /// Executes the operation. A failure here is a fault of the request that the checks have let pass.
    pub(super) fn answer(
        &self,
        schema: &Schema,
        document: &Valid<ExecutableDocument>,
        operation: &Operation,
    ) -> Result<ExecutionResponse, String> {
        let JsonValue::Object(variables) = JsonValue::from(Value::Object(self.variables.clone())) else {
            unreachable!("an object stays an object");
        };
        let root = self.node(Kind::Query);
        let mut response = Execution::new(&schema.types, document)
            .operation(operation)
            .raw_variable_values(&variables)
            .enable_schema_introspection(true)
            .execute_sync(&root)
            .map_err(|error| error.message().to_string())?;
        for error in &mut response.errors {
            if let Some(message) = error.message.strip_prefix("resolver error: ") {
                error.message = message.to_string();
            }
        }
        Ok(response)
    }

    fn node<'q>(&'q self, kind: Kind) -> Node<'q> {
        Node { question: self, kind }
    }

    /// GitLab's error in place of a connection, when nothing is ready in time.
    fn check_time(&self, ty: &str, info: &ResolveInfo<'_>) -> Result<(), FieldError> {
        if self.times_out && info.field_definition().ty.inner_named_type().ends_with("Connection") {
            return Err(error(errors::timeout_on(ty, info.field_name())));
        }
        Ok(())
    }
}

/// An object of the answer.
struct Node<'q> {
    question: &'q Question<'q>,
    kind: Kind,
}

/// What the object is: its GraphQL type and its position in the organisation.
enum Kind {
    Query,
    QueryComplexity,
    Metadata,
    CurrentUser,
    Group(usize),
    Project(usize),
    Language(&'static str, f64),
    UsageData(Source),
    UsageEvent(usize),
    CodeSuggestionEvent(usize),
    InstanceUsageEvent(usize),
    /// The type's name and the person.
    User(&'static str, usize),
    AddOnPurchase(usize),
    Assignment(usize),
    MergeRequest(usize),
    DiffStats(usize),
    Pipeline(usize),
    Connection(Connection),
    /// Element and cursor.
    Edge(&'static str, Element, usize),
    PageInfo(PageEnds),
}

/// Where usage data is asked for; only top-level groups have it, and the instance.
#[derive(Clone, Copy, Debug)]
enum Source {
    Instance,
    TopLevelGroup(usize),
    Elsewhere,
}

/// What aggregated metrics are about.
#[derive(Clone, Copy)]
enum Scope {
    Group(usize),
    Project(usize),
}

/// Makes the node of a position.
type Element = fn(usize) -> Kind;

struct Connection {
    /// Name of the node type; those of the connection and its edges follow from it.
    of: &'static str,
    type_name: String,
    element: Element,
    page: Page,
    count: usize,
    total_time_to_merge: f64,
}

struct PageEnds {
    start: Option<String>,
    end: Option<String>,
    has_next: bool,
    has_previous: bool,
}

type Resolved<'a> = Result<ResolvedValue<'a>, FieldError>;

impl ObjectValue for Node<'_> {
    fn type_name(&self) -> &str {
        match &self.kind {
            Kind::Query => "Query",
            Kind::QueryComplexity => "QueryComplexity",
            Kind::Metadata => "Metadata",
            Kind::CurrentUser => "CurrentUser",
            Kind::Group(_) => "Group",
            Kind::Project(_) => "Project",
            Kind::Language(..) => "RepositoryLanguage",
            Kind::UsageData(Source::Instance) => "AiInstanceUsageData",
            Kind::UsageData(_) => "AiUsageData",
            Kind::UsageEvent(_) => "AiUsageEvent",
            Kind::CodeSuggestionEvent(_) => "CodeSuggestionEvent",
            Kind::InstanceUsageEvent(_) => "AiInstanceUsageEvent",
            Kind::User(name, _) => name,
            Kind::AddOnPurchase(_) => "AddOnPurchase",
            Kind::Assignment(_) => "UserAddOnAssignment",
            Kind::MergeRequest(_) => "MergeRequest",
            Kind::DiffStats(_) => "DiffStatsSummary",
            Kind::Pipeline(_) => "Pipeline",
            Kind::Connection(connection) => &connection.type_name,
            Kind::Edge(name, ..) => name,
            Kind::PageInfo(_) => "PageInfo",
        }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let field = info.field_name();
        self.question.check_time(self.type_name(), info)?;
        match &self.kind {
            Kind::Query => self.query(field, info),
            Kind::QueryComplexity => match field {
                "score" => Ok(ResolvedValue::leaf(self.question.score)),
                "limit" => Ok(ResolvedValue::leaf(self.question.limit)),
                _ => Err(self.unknown_field_error(info)),
            },
            Kind::Metadata => match field {
                "version" => Ok(ResolvedValue::leaf(self.question.settings.release.version())),
                "revision" => Ok(ResolvedValue::leaf("0123456789a")),
                "enterprise" => Ok(ResolvedValue::leaf(true)),
                _ => Err(self.unknown_field_error(info)),
            },
            Kind::CurrentUser => self.current_user(field, info),
            Kind::Group(group) => self.group(*group, field, info),
            Kind::Project(project) => self.project(*project, field, info),
            Kind::Language(name, share) => match field {
                "name" => Ok(ResolvedValue::leaf(*name)),
                "share" => Ok(ResolvedValue::leaf(*share)),
                _ => Err(self.unknown_field_error(info)),
            },
            Kind::UsageData(source) => self.usage_data(*source, field, info),
            Kind::UsageEvent(event) | Kind::CodeSuggestionEvent(event) | Kind::InstanceUsageEvent(event) => {
                self.usage_event(*event, field, info)
            }
            Kind::User(_, person) => self.user(*person, field, info),
            Kind::AddOnPurchase(purchase) => self.purchase(*purchase, field, info),
            Kind::Assignment(purchase) => Ok(self.object(Kind::AddOnPurchase(*purchase))),
            Kind::MergeRequest(position) => self.merge_request(*position, field, info),
            Kind::DiffStats(position) => {
                let merge_request = &self.question.organisation.merge_requests[*position];
                match field {
                    "additions" => Ok(ResolvedValue::leaf(merge_request.additions)),
                    "deletions" => Ok(ResolvedValue::leaf(merge_request.deletions)),
                    "changes" => Ok(ResolvedValue::leaf(merge_request.additions + merge_request.deletions)),
                    "fileCount" => Ok(ResolvedValue::leaf(merge_request.files)),
                    _ => Err(self.unknown_field_error(info)),
                }
            }
            Kind::Pipeline(position) => self.pipeline(*position, field, info),
            Kind::Connection(connection) => self.connection(connection, field, info),
            Kind::Edge(_, element, position) => match field {
                "node" => Ok(self.object(element(*position))),
                "cursor" => Ok(ResolvedValue::leaf(self.cursor(*element, *position))),
                _ => Err(self.unknown_field_error(info)),
            },
            Kind::PageInfo(ends) => match field {
                "startCursor" => Ok(ResolvedValue::leaf(ends.start.clone())),
                "endCursor" => Ok(ResolvedValue::leaf(ends.end.clone())),
                "hasNextPage" => Ok(ResolvedValue::leaf(ends.has_next)),
                "hasPreviousPage" => Ok(ResolvedValue::leaf(ends.has_previous)),
                _ => Err(self.unknown_field_error(info)),
            },
        }
    }
}

impl<'q> Node<'q> {
    fn object(&self, kind: Kind) -> ResolvedValue<'q> {
        ResolvedValue::object(self.question.node(kind))
    }

    fn query<'a>(&'a self, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let signed_in = self.question.role != Role::Anonymous;
        match field {
            "currentUser" if signed_in => Ok(self.object(Kind::CurrentUser)),
            "currentUser" => Ok(ResolvedValue::null()),
            "metadata" if signed_in => Ok(self.object(Kind::Metadata)),
            "metadata" => Ok(ResolvedValue::null()),
            "queryComplexity" => Ok(self.object(Kind::QueryComplexity)),
            "echo" => {
                let text = text(info, "text").unwrap_or_default();
                Ok(ResolvedValue::leaf(match self.current_username() {
                    Some(name) => format!("\"{name}\" says: {text}"),
                    None => format!("nil says: {text}"),
                }))
            }
            "group" => {
                let group = text(info, "fullPath").and_then(|path| organisation.group(path));
                let group = group.filter(|_| signed_in);
                Ok(self.nullable(group.map(Kind::Group)))
            }
            "project" => {
                let project = text(info, "fullPath").and_then(|path| organisation.project(path));
                let project = project.filter(|_| signed_in);
                Ok(self.nullable(project.map(Kind::Project)))
            }
            "addOnPurchases" => Ok(match self.purchases(info)? {
                None => ResolvedValue::null(),
                Some(purchases) => ResolvedValue::list(
                    purchases.into_iter().map(|purchase| self.object(Kind::AddOnPurchase(purchase))),
                ),
            }),
            "addOnPurchase" => {
                let add_on = text(info, "addOnType").unwrap_or_default();
                let purchases = self.purchases(info)?.unwrap_or_default();
                let mut purchases = purchases.into_iter();
                let meant =
                    |purchase: &usize| organisation.add_on_purchases[*purchase].add_on.name() == add_on;
                Ok(self.nullable(purchases.find(meant).map(Kind::AddOnPurchase)))
            }
            "aiUsageData" if self.question.role == Role::Administrator => {
                Ok(self.object(Kind::UsageData(Source::Instance)))
            }
            "aiUsageData" => Ok(ResolvedValue::null()),
            "selfManagedAddOnEligibleUsers" if self.question.role == Role::Administrator => {
                self.eligible_users(None, info)
            }
            "selfManagedAddOnEligibleUsers" => Ok(ResolvedValue::null()),
            "subscriptionUsage" => credits::usage(self.question, info),
            _ => Err(self.unknown_field_error(info)),
        }
    }

    fn nullable(&self, kind: Option<Kind>) -> ResolvedValue<'q> {
        match kind {
            Some(kind) => self.object(kind),
            None => ResolvedValue::null(),
        }
    }

    fn current_username(&self) -> Option<&'static str> {
        match self.question.role {
            Role::Anonymous => None,
            Role::Guest => Some("stand-in-guest"),
            Role::Reporter => Some("stand-in-reporter"),
            Role::Owner => Some("stand-in-owner"),
            Role::Administrator => Some("stand-in-admin"),
        }
    }

    fn current_user<'a>(&'a self, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let username = self.current_username().unwrap_or_default();
        let role = self.question.role;
        let name = match role {
            Role::Guest => "Gustav Guestling",
            Role::Reporter => "Rita Reportage",
            Role::Owner | Role::Anonymous => "Olga Ownwright",
            Role::Administrator => "Ada Administratix",
        };
        Ok(match field {
            "id" => ResolvedValue::leaf(format!("gid://gitlab/User/{}", role.user_id())),
            "username" => ResolvedValue::leaf(username),
            "name" => ResolvedValue::leaf(name),
            "state" => ResolvedValue::leaf("active"),
            "type" => ResolvedValue::leaf("HUMAN"),
            "active" | "human" => ResolvedValue::leaf(true),
            "admin" => ResolvedValue::leaf(role == Role::Administrator),
            "bot" => ResolvedValue::leaf(false),
            "avatarUrl" | "publicEmail" | "createdAt" => ResolvedValue::null(),
            "lastActivityOn" => {
                ResolvedValue::leaf(self.question.organisation.now().date_naive().to_string())
            }
            "webPath" => ResolvedValue::leaf(format!("/{username}")),
            "webUrl" => ResolvedValue::leaf(format!("{}/{username}", self.question.url)),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    /// Positions of the purchases of the namespace, or of the instance; none if they are not for this user.
    fn purchases(&self, info: &ResolveInfo<'_>) -> Result<Option<Vec<usize>>, FieldError> {
        let organisation = self.question.organisation;
        let all = 0..organisation.add_on_purchases.len();
        let Some(id) = text(info, "namespaceId") else {
            // That is the question to a Self-Managed instance.
            let sees_them = self.question.settings.self_managed && self.question.role == Role::Administrator;
            return Ok(sees_them.then(|| all.collect()));
        };
        let number: u64 = id
            .strip_prefix("gid://gitlab/Group/")
            .or_else(|| id.strip_prefix("gid://gitlab/Namespace/"))
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| error(errors::invalid_id(id, "Namespace")))?;
        let group = organisation.groups.iter().position(|group| group.id == number);
        if self.question.settings.self_managed || !self.question.role.owns() {
            return Ok(None);
        }
        Ok(group.map(|group| {
            all.filter(|purchase| organisation.add_on_purchases[*purchase].group == group).collect()
        }))
    }

    fn purchase<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let purchase = &self.question.organisation.add_on_purchases[position];
        Ok(match field {
            "id" => ResolvedValue::leaf(purchase_gid(purchase.id)),
            "name" => ResolvedValue::leaf(purchase.add_on.name()),
            "purchasedQuantity" => ResolvedValue::leaf(purchase.purchased),
            "assignedQuantity" => ResolvedValue::leaf(purchase.assigned),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn group<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let group = &organisation.groups[position];
        let members = || {
            let people = organisation.people.iter();
            people.filter(|person| {
                person.is_member_on(organisation.last_day) && person.groups.contains(&position)
            })
        };
        Ok(match field {
            "id" => ResolvedValue::leaf(format!("gid://gitlab/Group/{}", group.id)),
            "name" => ResolvedValue::leaf(group.name),
            "path" => ResolvedValue::leaf(group.path),
            "fullPath" => ResolvedValue::leaf(group.full_path),
            "fullName" => ResolvedValue::leaf(self.full_name(position)),
            "archived" => ResolvedValue::leaf(false),
            "visibility" => ResolvedValue::leaf("private"),
            "duoFeaturesEnabled" => ResolvedValue::leaf(true),
            "parent" => self.nullable(group.parent.map(Kind::Group)),
            "projectsCount" => {
                let projects = organisation.projects.iter();
                ResolvedValue::leaf(projects.filter(|project| project.group == position).count())
            }
            "groupMembersCount" => ResolvedValue::leaf(members().count()),
            "descendantGroupsCount" => {
                let groups = organisation.groups.iter();
                ResolvedValue::leaf(groups.filter(|group| group.parent == Some(position)).count())
            }
            "aiUsageData" => self.usage_data_of(match group.parent {
                None => Source::TopLevelGroup(position),
                Some(_) => Source::Elsewhere,
            }),
            "aiMetrics" | "aiMetricsBasic" | "aiUserMetrics" | "analytics" | "dora" => {
                return self.aggregated(Scope::Group(position), field, info);
            }
            "addOnEligibleUsers" if self.question.settings.self_managed => ResolvedValue::null(),
            "addOnEligibleUsers" => return self.eligible_users(Some(position), info),
            "projects" => return self.projects(position, info),
            "descendantGroups" => return self.descendants(position, info),
            "mergeRequests" => {
                let with_subgroups = flag(info, "includeSubgroups");
                let with_archived = flag(info, "includeArchived");
                let projects = (0..organisation.projects.len()).filter(|project| {
                    let project = &organisation.projects[*project];
                    let inside = match with_subgroups {
                        true => organisation.is_within(project.group, position),
                        false => project.group == position,
                    };
                    inside && (with_archived || !project.archived)
                });
                let projects: Vec<usize> = projects.collect();
                return self.merge_requests(&projects, info);
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn full_name(&self, group: usize) -> String {
        let group = &self.question.organisation.groups[group];
        match group.parent {
            Some(parent) => format!("{} / {}", self.full_name(parent), group.name),
            None => group.name.to_string(),
        }
    }

    fn usage_data_of(&self, source: Source) -> ResolvedValue<'q> {
        self.nullable(self.question.role.sees_usage().then_some(Kind::UsageData(source)))
    }

    /// The fields that groups and projects have in common.
    fn aggregated<'a>(&'a self, scope: Scope, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let question = self.question;
        if !question.role.sees_usage() {
            return Ok(ResolvedValue::null());
        }
        match field {
            "aiMetrics" => metrics::metrics(question, scope, info),
            "aiMetricsBasic" => metrics::basic(question, scope, info),
            "aiUserMetrics" => user_metrics::rows(question, scope, info),
            "analytics" => Ok(analytics::analytics(question, scope)),
            _ => Ok(dora::dora(question, scope)),
        }
    }

    /// People of a top-level group, or of the instance.
    fn eligible_users<'a>(&'a self, group: Option<usize>, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let is_below = group.is_some_and(|group| organisation.groups[group].parent.is_some());
        if !self.question.role.owns() || is_below {
            return Ok(ResolvedValue::null());
        }
        let purchases: Vec<usize> = self.purchases_named(info)?;
        let add_on = text(info, "addOnType").unwrap_or_default();
        let search = text(info, "search").map(str::to_lowercase);
        let assigned = match text(info, "filterByAssignedSeat") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        let holds = |person: &Person| {
            purchases.iter().any(|purchase| {
                let purchase = &organisation.add_on_purchases[*purchase];
                purchase.add_on.name() == add_on && purchase.is_held_by(person)
            })
        };
        let mut people: Vec<usize> = (0..organisation.people.len())
            .filter(|person| {
                let person = &organisation.people[*person];
                !person.bot
                    && person.is_member_on(organisation.last_day)
                    && group.is_none_or(|group| person.groups.contains(&group))
                    && assigned.is_none_or(|assigned| holds(person) == assigned)
                    && search.as_ref().is_none_or(|search| {
                        person.name.to_lowercase().contains(search)
                            || person.username.to_lowercase().contains(search)
                    })
            })
            .collect();
        let person = |position: &usize| &organisation.people[*position];
        match text(info, "sort").unwrap_or("ID_DESC") {
            "NAME_ASC" => people.sort_by_key(|position| person(position).name.clone()),
            "NAME_DESC" => people.sort_by_key(|position| Reverse(person(position).name.clone())),
            "LAST_ACTIVITY_ON_ASC" => people.sort_by_key(|position| person(position).last_activity_on),
            "LAST_ACTIVITY_ON_DESC" => {
                people.sort_by_key(|position| Reverse(person(position).last_activity_on));
            }
            "ID_ASC" => {}
            _ => people.reverse(),
        }
        self.list("AddOnUser", |person| Kind::User("AddOnUser", person), people, info)
    }

    /// Positions of the purchases whose ids are given; unknown ones are passed over.
    fn purchases_named(&self, info: &ResolveInfo<'_>) -> Result<Vec<usize>, FieldError> {
        let mut positions = Vec::new();
        for id in texts(info, "addOnPurchaseIds").unwrap_or_default() {
            let number: u64 = id
                .strip_prefix("gid://gitlab/GitlabSubscriptions::AddOnPurchase/")
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| error(errors::invalid_id(&id, "GitlabSubscriptions::AddOnPurchase")))?;
            let purchases = &self.question.organisation.add_on_purchases;
            positions.extend(purchases.iter().position(|purchase| purchase.id == number));
        }
        Ok(positions)
    }

    fn projects<'a>(&'a self, group: usize, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let with_subgroups = flag(info, "includeSubgroups");
        // GitLab leaves archived projects in unless told otherwise.
        let with_archived =
            info.arguments().get("includeArchived").and_then(JsonValue::as_bool) != Some(false);
        let only_archived = flag(info, "archivedOnly");
        let ids = texts(info, "ids");
        let search = text(info, "search").map(str::to_lowercase);
        let mut projects: Vec<usize> = (0..organisation.projects.len())
            .filter(|position| {
                let project = &organisation.projects[*position];
                let inside = match with_subgroups {
                    true => organisation.is_within(project.group, group),
                    false => project.group == group,
                };
                inside
                    && (with_archived || !project.archived)
                    && (!only_archived || project.archived)
                    && ids.as_ref().is_none_or(|ids| ids.contains(&project_gid(project.id)))
                    && search.as_ref().is_none_or(|search| project.name.to_lowercase().contains(search))
            })
            .collect();
        let project = |position: &usize| &organisation.projects[*position];
        match text(info, "sort") {
            Some("FULL_PATH_ASC") => projects.sort_by_key(|position| &project(position).full_path),
            Some("FULL_PATH_DESC") => {
                projects.sort_by_key(|position| Reverse(&project(position).full_path));
            }
            Some("PATH_ASC") => projects.sort_by_key(|position| &project(position).path),
            Some("PATH_DESC") => projects.sort_by_key(|position| Reverse(&project(position).path)),
            Some("ACTIVITY_DESC") => {
                projects.sort_by_key(|position| Reverse(project(position).last_activity_at));
            }
            _ => projects.reverse(),
        }
        self.list("Project", Kind::Project, projects, info)
    }

    fn descendants<'a>(&'a self, group: usize, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let all = flag(info, "includeParentDescendants");
        let ids = texts(info, "ids");
        let search = text(info, "search").map(str::to_lowercase);
        let mut groups: Vec<usize> = (0..organisation.groups.len())
            .filter(|position| match all {
                true => *position != group && organisation.is_within(*position, group),
                false => organisation.groups[*position].parent == Some(group),
            })
            .filter(|position| {
                let group = &organisation.groups[*position];
                let gid = format!("gid://gitlab/Group/{}", group.id);
                ids.as_ref().is_none_or(|ids| ids.contains(&gid))
                    && search.as_ref().is_none_or(|search| group.name.to_lowercase().contains(search))
            })
            .collect();
        let found = |position: &usize| &organisation.groups[*position];
        match text(info, "sort").unwrap_or("NAME_ASC") {
            "ID_ASC" | "CREATED_AT_ASC" => groups.sort_by_key(|position| found(position).id),
            "ID_DESC" | "CREATED_AT_DESC" => groups.sort_by_key(|position| Reverse(found(position).id)),
            "PATH_ASC" => groups.sort_by_key(|position| found(position).path),
            "PATH_DESC" => groups.sort_by_key(|position| Reverse(found(position).path)),
            "NAME_DESC" => groups.sort_by_key(|position| Reverse(found(position).name)),
            _ => groups.sort_by_key(|position| found(position).name),
        }
        self.list("Group", Kind::Group, groups, info)
    }

    fn project<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let project = &organisation.projects[position];
        Ok(match field {
            "id" => ResolvedValue::leaf(project_gid(project.id)),
            "name" => ResolvedValue::leaf(project.name.as_str()),
            "path" => ResolvedValue::leaf(project.path.as_str()),
            "fullPath" => ResolvedValue::leaf(project.full_path.as_str()),
            "nameWithNamespace" => {
                ResolvedValue::leaf(format!("{} / {}", self.full_name(project.group), project.name))
            }
            "archived" => ResolvedValue::leaf(project.archived),
            "duoFeaturesEnabled" => ResolvedValue::leaf(!project.archived),
            "createdAt" => time(project.created_at),
            "lastActivityAt" => time(project.last_activity_at),
            "group" => self.object(Kind::Group(project.group)),
            "rootGroup" => self.object(Kind::Group(organisation.root_of(project.group))),
            "languages" => ResolvedValue::list(
                project.languages.iter().map(|(name, share)| self.object(Kind::Language(name, *share))),
            ),
            "aiUsageData" => self.usage_data_of(Source::Elsewhere),
            "aiMetrics" | "aiMetricsBasic" | "aiUserMetrics" | "analytics" | "dora" => {
                return self.aggregated(Scope::Project(position), field, info);
            }
            "mergeRequests" => return self.merge_requests(&[position], info),
            "pipelines" => return self.pipelines(position, info),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn usage_data<'a>(&'a self, source: Source, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let (of, element, places): (_, Element, _) = match (source, field) {
            (Source::Elsewhere, _) => return Err(error(errors::NOT_AVAILABLE)),
            (Source::Instance, _) => {
                ("AiInstanceUsageEvent", Kind::InstanceUsageEvent, &organisation.all_events)
            }
            (Source::TopLevelGroup(group), "all") => {
                ("AiUsageEvent", Kind::UsageEvent, &organisation.events_of_group[group])
            }
            (Source::TopLevelGroup(group), _) => (
                "CodeSuggestionEvent",
                Kind::CodeSuggestionEvent,
                &organisation.code_suggestions_of_group[group],
            ),
        };
        let (start, end) = self.window(info)?;
        if self.question.settings.forbidden_day.is_some_and(|day| {
            let midnight = start_of(day);
            start <= midnight && midnight < end
        }) {
            return Err(error(errors::NOT_PERMITTED));
        }
        let list = Events {
            organisation,
            places: organisation.between(places, start, end),
            events: texts(info, "events"),
            people: texts(info, "userIds").map(|ids| {
                let people = ids.iter().filter_map(|id| id.rsplit('/').next()?.parse::<u64>().ok());
                people
                    .filter_map(|id| organisation.people.binary_search_by_key(&id, |person| person.id).ok())
                    .collect()
            }),
        };
        self.check_weight(&format!("{source:?}.{field} {start} {end}"), &list, info)?;
        let page = paging_of(info).page(&list).map_err(error)?;
        let count = list.places.len();
        Ok(self.connect(of, element, page, count, 0.0))
    }

    /// A page of too many events is not ready in time; and whatever the page, a window that holds too many is not.
    fn check_weight(
        &self,
        window: &str,
        list: &Events<'_>,
        info: &ResolveInfo<'_>,
    ) -> Result<(), FieldError> {
        let settings = self.question.settings;
        let filters = (texts(info, "events"), texts(info, "userIds"));
        let key = format!("{window} {filters:?}");
        let number = mixed(digest(key.as_bytes()));
        let paging = paging_of(info);
        let size = paging.first.or(paging.last).unwrap_or(paging.largest);
        let mut heavy = settings.largest_page.is_some_and(|largest| size > largest);
        if let Some(most) = settings.too_heavy {
            let mut known = self.question.heavy.lock().expect("no panic while held");
            heavy |= *known
                .entry(key)
                .or_insert_with(|| (0..list.len()).filter_map(|place| list.get(place)).nth(most).is_some());
        }
        if !heavy {
            return Ok(());
        }
        self.question.timed_out.set(true);
        if number.is_multiple_of(2) {
            self.question.gave_up.set(true);
        }
        Err(error(errors::timeout_on(self.type_name(), info.field_name())))
    }

    /// First and last moment asked for, both included. An end date is the midnight at its start.
    fn window(&self, info: &ResolveInfo<'_>) -> Result<(DateTime<Utc>, DateTime<Utc>), FieldError> {
        let today = self.question.organisation.now().date_naive();
        let date = |name| -> Option<NaiveDate> { text(info, name).and_then(validation::day) };
        let start = match date("startDate") {
            Some(start) => start_of(start),
            None => start_of(today) - TimeDelta::days(7),
        };
        let end = match date("endDate") {
            Some(end) => start_of(end),
            None => start_of(today) + TimeDelta::days(1) - TimeDelta::milliseconds(1),
        };
        let month_before = end.date_naive() - Months::new(1);
        let earliest = month_before.and_time(end.time()).and_utc();
        if start <= earliest {
            return Err(error(errors::RANGE_TOO_LONG));
        }
        Ok((start, end))
    }

    fn usage_event<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let event = &self.question.organisation.usage_events[position];
        Ok(match field {
            "event" if self.question.nameless_events && event.id.is_multiple_of(5) => {
                return Err(error(errors::null_event(self.type_name())));
            }
            "event" => ResolvedValue::leaf(event.event),
            "extras" => ResolvedValue::leaf(JsonValue::from(self.question.organisation.extras(event))),
            "namespacePath" => ResolvedValue::leaf(self.question.organisation.namespace_path(event)),
            "timestamp" => time(event.timestamp),
            "user" => self.object(Kind::User("UserCore", event.person)),
            "language" => ResolvedValue::leaf(event.language),
            "suggestionSize" => ResolvedValue::leaf(event.suggestion_size.map(|lines| lines.to_string())),
            "uniqueTrackingId" => ResolvedValue::leaf(event.unique_tracking_id()),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn user<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let person = &organisation.people[position];
        let member = person.is_member_on(organisation.last_day);
        let day = |day: Option<NaiveDate>| ResolvedValue::leaf(day.map(|day| day.to_string()));
        Ok(match field {
            "id" => ResolvedValue::leaf(person.gid()),
            "username" => ResolvedValue::leaf(person.username.as_str()),
            "name" => ResolvedValue::leaf(person.name.as_str()),
            "bot" => ResolvedValue::leaf(person.bot),
            "human" => ResolvedValue::leaf(!person.bot),
            "type" => ResolvedValue::leaf(person.user_type),
            "active" => ResolvedValue::leaf(member),
            "state" => ResolvedValue::leaf(if member { "active" } else { "deactivated" }),
            "avatarUrl" | "publicEmail" => ResolvedValue::null(),
            "createdAt" => time(start_of(person.joined)),
            "lastActivityOn" => day(person.last_activity_on),
            "lastDuoActivityOn" => day(person.last_duo_activity_on),
            "lastLoginAt" => person.last_login_at.map_or_else(ResolvedValue::null, time),
            "webPath" => ResolvedValue::leaf(format!("/{}", person.username)),
            "webUrl" => ResolvedValue::leaf(format!("{}/{}", self.question.url, person.username)),
            "addOnAssignments" => {
                let mut purchases = self.purchases_named(info)?;
                purchases.retain(|purchase| organisation.add_on_purchases[*purchase].is_held_by(person));
                return self.list("UserAddOnAssignment", Kind::Assignment, purchases, info);
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn merge_requests<'a>(&'a self, projects: &[usize], info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let all = &organisation.merge_requests;
        let state = text(info, "state").filter(|state| *state != "all");
        let author = text(info, "authorUsername");
        let search = text(info, "search").map(str::to_lowercase);
        let iids = texts(info, "iids");
        let created = Between::read(info, "createdAfter", "createdBefore")?;
        let updated = Between::read(info, "updatedAfter", "updatedBefore")?;
        let merged = Between::read(info, "mergedAfter", "mergedBefore")?;
        let closed = Between::read(info, "closedAfter", "closedBefore")?;
        let mut found: Vec<usize> = projects
            .iter()
            .flat_map(|project| &organisation.merge_requests_of_project[*project])
            .copied()
            .filter(|position| {
                let merge_request = &all[*position];
                let username = merge_request.author.map(|person| &organisation.people[person].username);
                state.is_none_or(|state| merge_request.state == state)
                    && author.is_none_or(|author| username.is_some_and(|name| name == author))
                    && search
                        .as_ref()
                        .is_none_or(|search| merge_request.title.to_lowercase().contains(search))
                    && iids.as_ref().is_none_or(|iids| iids.contains(&merge_request.iid.to_string()))
                    && created.holds(Some(merge_request.created_at))
                    && updated.holds(Some(merge_request.updated_at))
                    && merged.holds(merge_request.merged_at)
                    && closed.holds(merge_request.closed_at)
            })
            .collect();
        let merge_request = |position: &usize| &all[*position];
        let id = |position: &usize| all[*position].id;
        match text(info, "sort").unwrap_or("CREATED_DESC") {
            "CREATED_ASC" => found.sort_by_key(id),
            "UPDATED_ASC" => found.sort_by_key(|place| (merge_request(place).updated_at, id(place))),
            "UPDATED_DESC" => {
                found.sort_by_key(|place| Reverse((merge_request(place).updated_at, id(place))));
            }
            // Those never merged or closed come last in both directions.
            "MERGED_AT_ASC" => found.sort_by_key(|place| {
                let merged_at = merge_request(place).merged_at;
                (merged_at.is_none(), merged_at, id(place))
            }),
            "MERGED_AT_DESC" => {
                found.sort_by_key(|place| Reverse((merge_request(place).merged_at, id(place))));
            }
            "CLOSED_AT_ASC" => found.sort_by_key(|place| {
                let closed_at = merge_request(place).closed_at;
                (closed_at.is_none(), closed_at, id(place))
            }),
            "CLOSED_AT_DESC" => {
                found.sort_by_key(|place| Reverse((merge_request(place).closed_at, id(place))));
            }
            "TITLE_ASC" => found.sort_by_key(|place| (&merge_request(place).title, id(place))),
            "TITLE_DESC" => found.sort_by_key(|place| Reverse((&merge_request(place).title, id(place)))),
            _ => found.sort_by_key(|place| Reverse(id(place))),
        }
        let seconds = found.iter().filter_map(|place| {
            let merge_request = merge_request(place);
            Some((merge_request.merged_at? - merge_request.created_at).num_milliseconds() as f64 / 1_000.0)
        });
        let total: f64 = seconds.sum();
        let count = found.len();
        let page = self.page_of(&found, Kind::MergeRequest, info)?;
        Ok(self.connect("MergeRequest", Kind::MergeRequest, page, count, total))
    }

    fn merge_request<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let merge_request = &organisation.merge_requests[position];
        let project = &organisation.projects[merge_request.project];
        let path = || format!("/{}/-/merge_requests/{}", project.full_path, merge_request.iid);
        Ok(match field {
            "id" => ResolvedValue::leaf(format!("gid://gitlab/MergeRequest/{}", merge_request.id)),
            "iid" => ResolvedValue::leaf(merge_request.iid.to_string()),
            "title" => ResolvedValue::leaf(merge_request.title.as_str()),
            "state" => ResolvedValue::leaf(merge_request.state),
            "draft" => ResolvedValue::leaf(false),
            "createdAt" => time(merge_request.created_at),
            "updatedAt" => time(merge_request.updated_at),
            "mergedAt" => merge_request.merged_at.map_or_else(ResolvedValue::null, time),
            "closedAt" => merge_request.closed_at.map_or_else(ResolvedValue::null, time),
            "sourceBranch" => ResolvedValue::leaf(format!("change-{}", merge_request.iid)),
            "targetBranch" => ResolvedValue::leaf("main"),
            "author" => {
                let author = merge_request.author;
                self.nullable(author.map(|person| Kind::User("MergeRequestAuthor", person)))
            }
            "diffStatsSummary" => self.object(Kind::DiffStats(position)),
            "project" => self.object(Kind::Project(merge_request.project)),
            "projectId" => ResolvedValue::leaf(project.id),
            "reference" if flag(info, "full") => {
                ResolvedValue::leaf(format!("{}!{}", project.full_path, merge_request.iid))
            }
            "reference" => ResolvedValue::leaf(format!("!{}", merge_request.iid)),
            "webPath" => ResolvedValue::leaf(path()),
            "webUrl" => ResolvedValue::leaf(format!("{}{}", self.question.url, path())),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn pipelines<'a>(&'a self, project: usize, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organisation = self.question.organisation;
        let all = &organisation.pipelines;
        let status = text(info, "status");
        let source = text(info, "source");
        let branch = text(info, "ref");
        let username = text(info, "username");
        let ids = texts(info, "ids");
        let updated = Between::read(info, "updatedAfter", "updatedBefore")?;
        let mut found: Vec<usize> = organisation.pipelines_of_project[project]
            .iter()
            .copied()
            .filter(|position| {
                let pipeline = &all[*position];
                let user = pipeline.user.map(|person| &organisation.people[person].username);
                status.is_none_or(|status| pipeline.status == status)
                    && source.is_none_or(|source| pipeline.source == source)
                    && branch.is_none_or(|branch| branch == "main")
                    && username.is_none_or(|username| user.is_some_and(|name| name == username))
                    && ids.as_ref().is_none_or(|ids| ids.contains(&pipeline_gid(pipeline.id)))
                    && updated.holds(Some(pipeline.updated_at))
            })
            .collect();
        found.sort_by_key(|position| Reverse(all[*position].id));
        self.list("Pipeline", Kind::Pipeline, found, info)
    }

    fn pipeline<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let pipeline = &self.question.organisation.pipelines[position];
        let complete = matches!(pipeline.status, "SUCCESS" | "FAILED" | "CANCELED" | "SKIPPED");
        Ok(match field {
            "id" => ResolvedValue::leaf(pipeline_gid(pipeline.id)),
            "iid" => ResolvedValue::leaf(pipeline.iid.to_string()),
            "status" => ResolvedValue::leaf(pipeline.status),
            "source" => ResolvedValue::leaf(pipeline.source),
            "ref" => ResolvedValue::leaf("main"),
            "child" => ResolvedValue::leaf(false),
            "complete" => ResolvedValue::leaf(complete),
            "active" => ResolvedValue::leaf(!complete && pipeline.status != "MANUAL"),
            "duration" => ResolvedValue::leaf(pipeline.duration),
            "queuedDuration" => ResolvedValue::leaf(pipeline.queued_duration),
            "createdAt" => time(pipeline.created_at),
            "updatedAt" => time(pipeline.updated_at),
            "startedAt" => pipeline.started_at.map_or_else(ResolvedValue::null, time),
            "finishedAt" => pipeline.finished_at.map_or_else(ResolvedValue::null, time),
            "project" => self.object(Kind::Project(pipeline.project)),
            "user" => self.nullable(pipeline.user.map(|person| Kind::User("UserCore", person))),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    /// A connection over a list that is sorted already.
    fn list<'a>(
        &'a self,
        of: &'static str,
        element: Element,
        positions: Vec<usize>,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let page = self.page_of(&positions, element, info)?;
        Ok(self.connect(of, element, page, positions.len(), 0.0))
    }

    fn page_of(
        &self,
        positions: &[usize],
        element: Element,
        info: &ResolveInfo<'_>,
    ) -> Result<Page, FieldError> {
        let list = Positions { positions, id: &|position| self.id_of(&element(position)) };
        paging_of(info).page(&list).map_err(error)
    }

    fn connect(
        &self,
        of: &'static str,
        element: Element,
        page: Page,
        count: usize,
        total_time_to_merge: f64,
    ) -> ResolvedValue<'q> {
        self.object(Kind::Connection(Connection {
            of,
            type_name: format!("{of}Connection"),
            element,
            page,
            count,
            total_time_to_merge,
        }))
    }

    fn connection<'a>(
        &'a self,
        connection: &'a Connection,
        field: &str,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let Connection { element, page, .. } = connection;
        Ok(match field {
            "nodes" => {
                ResolvedValue::list(page.positions.iter().map(|position| self.object(element(*position))))
            }
            "edges" => {
                let name = edge_name(connection.of);
                ResolvedValue::list(
                    page.positions
                        .iter()
                        .map(move |position| self.object(Kind::Edge(name, *element, *position))),
                )
            }
            "pageInfo" => {
                let cursor = |position: &usize| self.cursor(*element, *position);
                self.object(Kind::PageInfo(PageEnds {
                    start: page.positions.first().map(cursor),
                    end: page.positions.last().map(cursor),
                    has_next: page.has_next,
                    has_previous: page.has_previous,
                }))
            }
            "count" => {
                let limit = info.arguments().get("limit").and_then(JsonValue::as_u64);
                let limit = limit.map_or(usize::MAX, |limit| limit as usize + 1);
                ResolvedValue::leaf(connection.count.min(limit))
            }
            "totalTimeToMerge" if connection.total_time_to_merge > 0.0 => {
                ResolvedValue::leaf(connection.total_time_to_merge)
            }
            "totalTimeToMerge" => ResolvedValue::null(),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn cursor(&self, element: Element, position: usize) -> String {
        let kind = element(position);
        let id = self.id_of(&kind).to_string();
        match kind {
            Kind::UsageEvent(event) | Kind::CodeSuggestionEvent(event) | Kind::InstanceUsageEvent(event) => {
                let timestamp = self.question.organisation.usage_events[event].timestamp;
                let timestamp = timestamp.to_rfc3339_opts(SecondsFormat::Millis, true);
                paging::encode(&[("timestamp", timestamp), ("id", id)])
            }
            _ => paging::encode(&[("id", id)]),
        }
    }

    fn id_of(&self, kind: &Kind) -> u64 {
        let organisation = self.question.organisation;
        match kind {
            Kind::Group(group) => organisation.groups[*group].id,
            Kind::Project(project) => organisation.projects[*project].id,
            Kind::UsageEvent(event) | Kind::CodeSuggestionEvent(event) | Kind::InstanceUsageEvent(event) => {
                organisation.usage_events[*event].id
            }
            Kind::User(_, person) => organisation.people[*person].id,
            Kind::Assignment(purchase) => organisation.add_on_purchases[*purchase].id,
            Kind::MergeRequest(position) => organisation.merge_requests[*position].id,
            Kind::Pipeline(position) => organisation.pipelines[*position].id,
            _ => unreachable!("nothing else is listed"),
        }
    }
}

impl Organisation {
    /// The places whose events lie between the moments, both included.
    fn between<'a>(&self, places: &'a [u32], start: DateTime<Utc>, end: DateTime<Utc>) -> &'a [u32] {
        let timestamp = |place: &u32| self.usage_events[*place as usize].timestamp;
        let from = places.partition_point(|place| timestamp(place) > end);
        let to = places.partition_point(|place| timestamp(place) >= start);
        &places[from..to.max(from)]
    }
}

/// Usage events of one window, newest first.
struct Events<'a> {
    organisation: &'a Organisation,
    places: &'a [u32],
    events: Option<Vec<String>>,
    people: Option<HashSet<usize>>,
}

impl Sorted for Events<'_> {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn seek(&self, cursor: &Value, past: bool) -> Option<usize> {
        let timestamp = validation::moment(cursor.get("timestamp")?.as_str()?)?;
        let wanted = (timestamp, paging::id_of(cursor)?);
        Some(self.places.partition_point(|place| {
            let event = &self.organisation.usage_events[*place as usize];
            let key = (event.timestamp, event.id);
            key > wanted || past && key == wanted
        }))
    }

    fn get(&self, place: usize) -> Option<usize> {
        let position = self.places[place] as usize;
        let event = &self.organisation.usage_events[position];
        if let Some(events) = &self.events
            && !events.iter().any(|name| name == event.event)
        {
            return None;
        }
        if self.people.as_ref().is_some_and(|people| !people.contains(&event.person)) {
            return None;
        }
        Some(position)
    }
}

/// A list short enough to be searched from its start.
struct Positions<'a> {
    positions: &'a [usize],
    id: &'a dyn Fn(usize) -> u64,
}

impl Sorted for Positions<'_> {
    fn len(&self) -> usize {
        self.positions.len()
    }

    fn seek(&self, cursor: &Value, past: bool) -> Option<usize> {
        let wanted = paging::id_of(cursor)?;
        let place = self.positions.iter().position(|position| (self.id)(*position) == wanted);
        // Nothing of this organisation ever goes away, so an id not in the list is past its end.
        Some(place.map_or(self.positions.len(), |place| place + usize::from(past)))
    }

    fn get(&self, place: usize) -> Option<usize> {
        Some(self.positions[place])
    }
}

/// Bounds of a time, both included; without bounds everything holds, a missing time too.
struct Between {
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
}

impl Between {
    fn read(info: &ResolveInfo<'_>, after: &str, before: &str) -> Result<Between, FieldError> {
        let read = |name| match text(info, name) {
            None => Ok(None),
            Some(text) => match validation::moment(text) {
                Some(moment) => Ok(Some(moment)),
                None => Err(error(format!("\"{text}\" is not a valid Time"))),
            },
        };
        Ok(Between { after: read(after)?, before: read(before)? })
    }

    fn holds(&self, moment: Option<DateTime<Utc>>) -> bool {
        match moment {
            None => self.after.is_none() && self.before.is_none(),
            Some(moment) => {
                self.after.is_none_or(|after| after <= moment)
                    && self.before.is_none_or(|before| moment <= before)
            }
        }
    }
}

fn edge_name(of: &str) -> &'static str {
    match of {
        "AddOnUser" => "AddOnUserEdge",
        "AiInstanceUsageEvent" => "AiInstanceUsageEventEdge",
        "AiUsageEvent" => "AiUsageEventEdge",
        "CodeSuggestionEvent" => "CodeSuggestionEventEdge",
        "Group" => "GroupEdge",
        "MergeRequest" => "MergeRequestEdge",
        "Pipeline" => "PipelineEdge",
        "Project" => "ProjectEdge",
        _ => "UserAddOnAssignmentEdge",
    }
}

fn paging_of<'a>(info: &'a ResolveInfo<'a>) -> Paging<'a> {
    let number = |name| {
        let value = info.arguments().get(name).and_then(JsonValue::as_i64)?;
        usize::try_from(value).ok()
    };
    Paging {
        first: number("first"),
        last: number("last"),
        after: text(info, "after").filter(|cursor| !cursor.is_empty()),
        before: text(info, "before").filter(|cursor| !cursor.is_empty()),
        largest: LARGEST_PAGE,
    }
}

fn text<'a>(info: &'a ResolveInfo<'_>, name: &str) -> Option<&'a str> {
    info.arguments().get(name)?.as_str()
}

fn texts(info: &ResolveInfo<'_>, name: &str) -> Option<Vec<String>> {
    let values = info.arguments().get(name)?.as_array()?;
    Some(values.iter().filter_map(|value| value.as_str()).map(str::to_string).collect())
}

fn flag(info: &ResolveInfo<'_>, name: &str) -> bool {
    info.arguments().get(name).and_then(JsonValue::as_bool) == Some(true)
}

fn time<'a>(moment: DateTime<Utc>) -> ResolvedValue<'a> {
    ResolvedValue::leaf(moment.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn error(message: impl Into<String>) -> FieldError {
    FieldError { message: message.into() }
}

fn project_gid(id: u64) -> String {
    format!("gid://gitlab/Project/{id}")
}

fn pipeline_gid(id: u64) -> String {
    format!("gid://gitlab/Ci::Pipeline/{id}")
}

fn purchase_gid(id: u64) -> String {
    format!("gid://gitlab/GitlabSubscriptions::AddOnPurchase/{id}")
}
