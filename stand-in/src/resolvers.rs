//! The resolvers of the schema's fields.

mod analytics;
mod credits;
mod dora;
mod members;
mod metrics;
mod record;
mod seats;
mod sessions;
mod usage;
mod user_metrics;
mod work;

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
use super::complexity::MAX_PAGE_SIZE;
use super::errors;
use super::faults::digest;
use super::organization::{Organization, Person, UsageEvent, WEB, start_of};
use super::paging::{self, Page, Paging, Sorted};
use super::schema::Schema;
use super::sessions::mixed;
use super::validation;

/// The role of the request's token.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    Anonymous,
    Guest,
    /// A reporter in `acme/web` who cannot see other groups.
    WebReporter,
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
            Role::WebReporter => 14,
        }
    }

    fn sees_usage(self) -> bool {
        matches!(self, Role::WebReporter | Role::Reporter | Role::Owner | Role::Administrator)
    }

    fn owns(self) -> bool {
        matches!(self, Role::Owner | Role::Administrator)
    }
}

/// The state of one query during its execution.
pub(super) struct QueryContext<'a> {
    pub(super) organization: &'a Organization,
    pub(super) settings: &'a Settings,
    pub(super) variables: &'a Map<String, Value>,
    /// Cache: whether a time range of usage events is too heavy.
    pub(super) heavy: &'a Mutex<HashMap<String, bool>>,
    /// A time range was too heavy.
    pub(super) timed_out: Cell<bool>,
    /// A time range was so heavy that the whole request fails.
    pub(super) aborted: Cell<bool>,
    /// The server's address, for links in responses.
    pub(super) url: &'a str,
    pub(super) role: Role,
    pub(super) score: u64,
    pub(super) limit: u64,
    /// All connections time out, as after GitLab's 30 seconds.
    pub(super) times_out: bool,
    /// Some usage events have a name that this release does not know.
    pub(super) nameless_events: bool,
}

impl QueryContext<'_> {
    /// Executes the operation.
    ///
    /// # Errors
    ///
    /// If the request has an error that the checks did not find.
    pub(super) fn execute(
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
            if let Some(code) = errors::code(&error.message) {
                error.extensions.insert("code", code.into());
            }
        }
        Ok(response)
    }

    fn node<'q>(&'q self, kind: Kind) -> Node<'q> {
        Node { context: self, kind }
    }

    /// GitLab's error for a connection that times out.
    fn check_time(&self, ty: &str, info: &ResolveInfo<'_>) -> Result<(), FieldError> {
        if self.times_out && info.field_definition().ty.inner_named_type().ends_with("Connection") {
            return Err(error(errors::timeout_on(ty, info.field_name())));
        }
        Ok(())
    }
}

/// An object of the response.
struct Node<'q> {
    context: &'q QueryContext<'q>,
    kind: Kind,
}

/// An object's GraphQL type and its position in the organization.
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
    /// See [`members`].
    Member(usize),
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

/// The object of a query for usage data; only top-level groups and the instance have it.
#[derive(Clone, Copy, Debug)]
enum Source {
    Instance,
    TopLevelGroup(usize),
    Elsewhere,
}

/// The object of aggregated metrics.
#[derive(Clone, Copy)]
enum Scope {
    Group(usize),
    Project(usize),
}

/// Creates the node of a position.
type Element = fn(usize) -> Kind;

struct Connection {
    /// Name of the node type, from which the names of the connection and its edges are derived.
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
            Kind::Member(_) => "GroupMember",
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
        self.context.check_time(self.type_name(), info)?;
        match &self.kind {
            Kind::Query => self.query(field, info),
            Kind::QueryComplexity => match field {
                "score" => Ok(ResolvedValue::leaf(self.context.score)),
                "limit" => Ok(ResolvedValue::leaf(self.context.limit)),
                _ => Err(self.unknown_field_error(info)),
            },
            Kind::Metadata => match field {
                "version" => Ok(ResolvedValue::leaf(self.context.settings.release.version())),
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
            Kind::Member(member) => self.member(*member, field, info),
            Kind::AddOnPurchase(purchase) => self.purchase(*purchase, field, info),
            Kind::Assignment(purchase) => Ok(self.object(Kind::AddOnPurchase(*purchase))),
            Kind::MergeRequest(position) => self.merge_request(*position, field, info),
            Kind::DiffStats(position) => {
                let merge_request = &self.context.organization.merge_requests[*position];
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
        ResolvedValue::object(self.context.node(kind))
    }

    fn query<'a>(&'a self, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organization = self.context.organization;
        let signed_in = self.context.role != Role::Anonymous;
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
                let group = text(info, "fullPath").and_then(|path| organization.group(path));
                let is_visible = |group: &usize| {
                    self.context.role != Role::WebReporter || organization.is_within(*group, WEB)
                };
                let group = group.filter(|_| signed_in).filter(is_visible);
                Ok(self.nullable(group.map(Kind::Group)))
            }
            "project" => {
                let project = text(info, "fullPath").and_then(|path| organization.project(path));
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
                    |purchase: &usize| organization.add_on_purchases[*purchase].add_on.name() == add_on;
                Ok(self.nullable(purchases.find(meant).map(Kind::AddOnPurchase)))
            }
            "aiUsageData" if self.context.role == Role::Administrator => {
                Ok(self.object(Kind::UsageData(Source::Instance)))
            }
            "aiUsageData" => Ok(ResolvedValue::null()),
            "selfManagedAddOnEligibleUsers" if self.context.role == Role::Administrator => {
                self.eligible_users(None, info)
            }
            "selfManagedAddOnEligibleUsers" => Ok(ResolvedValue::null()),
            "subscriptionUsage" => credits::usage(self.context, info),
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
        match self.context.role {
            Role::Anonymous => None,
            Role::Guest => Some("stand-in-guest"),
            Role::WebReporter => Some("stand-in-web-reporter"),
            Role::Reporter => Some("stand-in-reporter"),
            Role::Owner => Some("stand-in-owner"),
            Role::Administrator => Some("stand-in-admin"),
        }
    }

    fn current_user<'a>(&'a self, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let username = self.current_username().unwrap_or_default();
        let role = self.context.role;
        let name = match role {
            Role::Guest => "Gustav Guestling",
            Role::WebReporter => "Wilma Webster",
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
            "lastActivityOn" => ResolvedValue::leaf(self.context.organization.now().date_naive().to_string()),
            "webPath" => ResolvedValue::leaf(format!("/{username}")),
            "webUrl" => ResolvedValue::leaf(format!("{}/{username}", self.context.url)),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn group<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organization = self.context.organization;
        let group = &organization.groups[position];
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
                let projects = organization.projects.iter();
                ResolvedValue::leaf(projects.filter(|project| project.group == position).count())
            }
            "groupMembersCount" => ResolvedValue::leaf(organization.direct_members(position).count()),
            "descendantGroupsCount" => {
                let groups = organization.groups.iter();
                ResolvedValue::leaf(groups.filter(|group| group.parent == Some(position)).count())
            }
            "aiUsageData" => self.usage_data_of(match group.parent {
                None => Source::TopLevelGroup(position),
                Some(_) => Source::Elsewhere,
            }),
            "aiMetrics" | "aiMetricsBasic" | "aiUserMetrics" | "analytics" | "dora" => {
                return self.aggregated(Scope::Group(position), field, info);
            }
            "addOnEligibleUsers" if self.context.settings.self_managed => ResolvedValue::null(),
            "addOnEligibleUsers" => return self.eligible_users(Some(position), info),
            "groupMembers" => return self.members(position, info),
            "projects" => return self.projects(position, info),
            "descendantGroups" => return self.descendants(position, info),
            "mergeRequests" => {
                let with_subgroups = flag(info, "includeSubgroups");
                let with_archived = flag(info, "includeArchived");
                let projects = (0..organization.projects.len()).filter(|project| {
                    let project = &organization.projects[*project];
                    let inside = if with_subgroups {
                        organization.is_within(project.group, position)
                    } else {
                        project.group == position
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
        let group = &self.context.organization.groups[group];
        match group.parent {
            Some(parent) => format!("{} / {}", self.full_name(parent), group.name),
            None => group.name.to_string(),
        }
    }

    fn usage_data_of(&self, source: Source) -> ResolvedValue<'q> {
        self.nullable(self.context.role.sees_usage().then_some(Kind::UsageData(source)))
    }

    /// The fields that groups and projects share.
    fn aggregated<'a>(&'a self, scope: Scope, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let context = self.context;
        if field == "analytics" {
            return Ok(analytics::analytics(context, scope));
        }
        if !context.role.sees_usage() {
            return Ok(ResolvedValue::null());
        }
        match field {
            "aiMetrics" => metrics::metrics(context, scope, info),
            "aiMetricsBasic" => metrics::basic(context, scope, info),
            "aiUserMetrics" => user_metrics::rows(context, scope, info),
            _ => Ok(dora::dora(context, scope)),
        }
    }

    fn projects<'a>(&'a self, group: usize, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organization = self.context.organization;
        let with_subgroups = flag(info, "includeSubgroups");
        // GitLab includes archived projects by default.
        let with_archived =
            info.arguments().get("includeArchived").and_then(JsonValue::as_bool) != Some(false);
        let only_archived = flag(info, "archivedOnly");
        let ids = texts(info, "ids");
        let search = text(info, "search").map(str::to_lowercase);
        let mut projects: Vec<usize> = (0..organization.projects.len())
            .filter(|position| {
                let project = &organization.projects[*position];
                let inside = if with_subgroups {
                    organization.is_within(project.group, group)
                } else {
                    project.group == group
                };
                inside
                    && (with_archived || !project.archived)
                    && (!only_archived || project.archived)
                    && ids.as_ref().is_none_or(|ids| ids.contains(&project_gid(project.id)))
                    && search.as_ref().is_none_or(|search| project.name.to_lowercase().contains(search))
            })
            .collect();
        let project = |position: &usize| &organization.projects[*position];
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
        let organization = self.context.organization;
        let all =
            info.arguments().get("includeParentDescendants").and_then(JsonValue::as_bool) != Some(false);
        let ids = texts(info, "ids");
        let search = text(info, "search").map(str::to_lowercase);
        let mut groups: Vec<usize> = (0..organization.groups.len())
            .filter(|position| {
                if all {
                    *position != group && organization.is_within(*position, group)
                } else {
                    organization.groups[*position].parent == Some(group)
                }
            })
            .filter(|position| {
                let group = &organization.groups[*position];
                let gid = format!("gid://gitlab/Group/{}", group.id);
                ids.as_ref().is_none_or(|ids| ids.contains(&gid))
                    && search.as_ref().is_none_or(|search| group.name.to_lowercase().contains(search))
            })
            .collect();
        let found = |position: &usize| &organization.groups[*position];
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
        let organization = self.context.organization;
        let project = &organization.projects[position];
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
            "rootGroup" => self.object(Kind::Group(organization.root_of(project.group))),
            "languages" => ResolvedValue::list(
                project.languages.iter().map(|(name, share)| self.object(Kind::Language(name, *share))),
            ),
            "aiUsageData" => self.usage_data_of(Source::Elsewhere),
            "aiMetrics" | "aiMetricsBasic" | "aiUserMetrics" | "analytics" | "dora" => {
                return self.aggregated(Scope::Project(position), field, info);
            }
            "mergeRequests" => return self.merge_requests(&[position], info),
            "pipelines" => return self.pipelines(position, info),
            "duoWorkflowWorkflows" => return sessions::of_project(self.context, position, info),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    fn user<'a>(&'a self, position: usize, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organization = self.context.organization;
        let person = &organization.people[position];
        let member = person.is_member_on(organization.last_day);
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
            "webUrl" => ResolvedValue::leaf(format!("{}/{}", self.context.url, person.username)),
            "addOnAssignments" => {
                let mut purchases = self.purchases_named(info)?;
                purchases.retain(|purchase| organization.add_on_purchases[*purchase].is_held_by(person));
                return self.list("UserAddOnAssignment", Kind::Assignment, purchases, info);
            }
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    /// A connection over a sorted list.
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
                let timestamp = self.context.organization.usage_events[event].timestamp;
                let timestamp = timestamp.to_rfc3339_opts(SecondsFormat::Millis, true);
                paging::encode(&[("timestamp", timestamp), ("id", id)])
            }
            _ => paging::encode(&[("id", id)]),
        }
    }

    fn id_of(&self, kind: &Kind) -> u64 {
        let organization = self.context.organization;
        match kind {
            Kind::Group(group) => organization.groups[*group].id,
            Kind::Project(project) => organization.projects[*project].id,
            Kind::UsageEvent(event) | Kind::CodeSuggestionEvent(event) | Kind::InstanceUsageEvent(event) => {
                organization.usage_events[*event].id
            }
            Kind::User(_, person) => organization.people[*person].id,
            Kind::Member(member) => *member as u64,
            Kind::Assignment(purchase) => organization.add_on_purchases[*purchase].id,
            Kind::MergeRequest(position) => organization.merge_requests[*position].id,
            Kind::Pipeline(position) => organization.pipelines[*position].id,
            _ => unreachable!("no other kind is in a list"),
        }
    }
}

/// A short list with linear search.
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
        // Objects are never deleted, so an id that is not in the list is past its end.
        Some(place.map_or(self.positions.len(), |place| place + usize::from(past)))
    }

    fn get(&self, place: usize) -> Option<usize> {
        Some(self.positions[place])
    }
}

/// Optional bounds of a time, both included. Without bounds, it contains missing times too.
struct TimeRange {
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
}

impl TimeRange {
    fn read(info: &ResolveInfo<'_>, after: &str, before: &str) -> Result<TimeRange, FieldError> {
        let read = |name| match text(info, name) {
            None => Ok(None),
            Some(text) => match validation::moment(text) {
                Some(moment) => Ok(Some(moment)),
                None => Err(error(format!("\"{text}\" is not a valid Time"))),
            },
        };
        Ok(TimeRange { after: read(after)?, before: read(before)? })
    }

    fn contains(&self, moment: Option<DateTime<Utc>>) -> bool {
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
        "GroupMember" => "GroupMemberEdge",
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
        max: MAX_PAGE_SIZE,
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
