//! `duoWorkflowWorkflows` of a project: the sessions that ran on a runner, one by one.

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};

use super::super::organization::Session;
use super::record::Rows;
use super::{Kind, QueryContext, Resolved, TimeRange, text, time};

/// The sessions of a project, newest first, in pages by offset. A role below Developer gets an
/// empty list.
pub(super) fn of_project<'a>(
    context: &'a QueryContext<'a>,
    project: usize,
    info: &ResolveInfo<'_>,
) -> Result<ResolvedValue<'a>, FieldError> {
    let updated = TimeRange::read(info, "updatedAfter", "updatedBefore")?;
    let is_listed = |session: &&Session| {
        session.project == Some(project)
            && session.environment == "ambient"
            && updated.contains(Some(session.updated_at))
            && context.role.owns()
    };
    let mut sessions: Vec<&Session> = context.organization.sessions.iter().filter(is_listed).collect();
    if text(info, "sort") != Some("CREATED_ASC") {
        sessions.reverse();
    }
    let rows = sessions.into_iter().map(|session| Workflow { context, session }).collect();
    Rows::resolve_by_number(context, "DuoWorkflowConnection", "DuoWorkflowEdge", rows, info)
}

struct Workflow<'q> {
    context: &'q QueryContext<'q>,
    session: &'q Session,
}

impl ObjectValue for Workflow<'_> {
    fn type_name(&self) -> &str {
        "DuoWorkflow"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let Workflow { context, session } = self;
        Ok(match info.field_name() {
            "id" => ResolvedValue::leaf(format!("gid://gitlab/Ai::DuoWorkflows::Workflow/{}", session.id)),
            "workflowDefinition" => ResolvedValue::leaf(session.flow_type),
            "status" => ResolvedValue::leaf(session.status.to_uppercase()),
            "environment" => ResolvedValue::leaf(session.environment.to_uppercase()),
            "createdAt" => time(session.began_at),
            "updatedAt" => time(session.updated_at),
            "modelMetadataName" => ResolvedValue::leaf(session.model()),
            "flowMetadataVersion" => ResolvedValue::leaf("1.0.0"),
            "goal" | "title" => ResolvedValue::leaf("what a person typed"),
            "user" => ResolvedValue::object(context.node(Kind::User("UserCore", session.person))),
            "project" => match session.project {
                Some(project) => ResolvedValue::object(context.node(Kind::Project(project))),
                None => ResolvedValue::null(),
            },
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}
