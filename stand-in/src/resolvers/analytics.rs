//! `analytics`: aggregation engines over agent sessions, flows and code suggestions.

mod engine;
mod sessions;
mod suggestions;
mod workflows;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;

use self::engine::Engine;
use super::super::release::Release;
use super::{QueryContext, Resolved, Scope, error, errors, texts};

/// Maximum number of groups and projects in `descendantsScope`.
const MAX_SOURCES: usize = 20;

/// `analytics`. Roles and stores are checked by its engines.
pub(super) fn analytics<'a>(context: &'a QueryContext<'a>, scope: Scope) -> ResolvedValue<'a> {
    ResolvedValue::object(Analytics { context, scope })
}

struct Analytics<'q> {
    context: &'q QueryContext<'q>,
    scope: Scope,
}

impl ObjectValue for Analytics<'_> {
    fn type_name(&self) -> &str {
        "Analytics"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let context = self.context;
        self.check_role()?;
        match info.field_name() {
            // What these two return without ClickHouse is not documented.
            "agentPlatformSessions" | "duoCodeSuggestions" if !context.settings.clickhouse => {
                Ok(ResolvedValue::null())
            }
            "agentPlatformSessions" => {
                let facts = self.sessions(info)?;
                Ok(ResolvedValue::object(Engine { context, facts }))
            }
            "duoCodeSuggestions" => {
                let facts = self.suggestions(info)?;
                Ok(ResolvedValue::object(Engine { context, facts }))
            }
            "duoWorkflows" => {
                self.check_workflows()?;
                let facts = self.workflows(info)?;
                Ok(ResolvedValue::object(Engine { context, facts }))
            }
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

impl Analytics<'_> {
    /// GitLab's error for a role below Reporter; its text changed in 2026.
    fn check_role(&self) -> Result<(), FieldError> {
        let context = self.context;
        if context.role.sees_usage() {
            return Ok(());
        }
        let organization = context.organization;
        let path = match self.scope {
            Scope::Group(group) => organization.groups[group].full_path,
            Scope::Project(project) => &organization.projects[project].full_path,
        };
        Err(error(match context.settings.release {
            Release::Newest => errors::sources_not_accessible(path),
            _ => errors::RESOURCE_NOT_AVAILABLE.to_owned(),
        }))
    }

    /// GitLab's errors where flows are switched off, are not replicated, or have no store.
    fn check_workflows(&self) -> Result<(), FieldError> {
        let settings = self.context.settings;
        if !settings.duo_workflows {
            Err(error(errors::FLAG_DISABLED))
        } else if !settings.siphon {
            Err(error(errors::NO_SIPHON))
        } else if !settings.clickhouse {
            Err(error(errors::CLICKHOUSE_NOT_CONFIGURED))
        } else {
            Ok(())
        }
    }

    /// The groups and projects of `descendantsScope`.
    fn sources(&self, info: &ResolveInfo<'_>) -> Result<Option<Vec<Scope>>, FieldError> {
        let organization = self.context.organization;
        let Some(given) = info.arguments().get("descendantsScope").and_then(JsonValue::as_object) else {
            return Ok(None);
        };
        let paths = |name| {
            let paths = given.get(name).and_then(JsonValue::as_array).into_iter().flatten();
            paths.filter_map(JsonValue::as_str)
        };
        let groups = paths("groupFullPaths");
        let projects = paths("projectFullPaths");
        if groups.clone().count() + projects.clone().count() > MAX_SOURCES {
            return Err(error(format!("descendantsScope is limited to {MAX_SOURCES} sources")));
        }
        let groups = groups.filter_map(|path| organization.group(path)).map(Scope::Group);
        let projects = projects.filter_map(|path| organization.project(path)).map(Scope::Project);
        Ok(Some(groups.chain(projects).collect()))
    }
}

/// A filter by values of a dimension, and its negation (`nameNot`).
struct Filter<T> {
    wanted: Option<Vec<T>>,
    unwanted: Option<Vec<T>>,
}

impl Filter<String> {
    fn texts(info: &ResolveInfo<'_>, name: &str) -> Filter<String> {
        Filter { wanted: texts(info, name), unwanted: texts(info, &format!("{name}Not")) }
    }

    fn has_text(&self, value: Option<&str>) -> bool {
        let lists = |list: &Vec<String>| value.is_some_and(|value| list.iter().any(|one| one == value));
        self.wanted.as_ref().is_none_or(lists) && !self.unwanted.as_ref().is_some_and(lists)
    }
}

impl Filter<u64> {
    /// Ids, given as numbers or global ids.
    fn ids(info: &ResolveInfo<'_>, name: &str) -> Filter<u64> {
        let numbers = |name: &str| {
            let ids = texts(info, name)?;
            Some(ids.iter().filter_map(|id| id.rsplit('/').next()?.parse().ok()).collect())
        };
        Filter { wanted: numbers(name), unwanted: numbers(&format!("{name}Not")) }
    }

    fn has_id(&self, value: Option<u64>) -> bool {
        let lists = |list: &Vec<u64>| value.is_some_and(|value| list.contains(&value));
        self.wanted.as_ref().is_none_or(lists) && !self.unwanted.as_ref().is_some_and(lists)
    }
}
