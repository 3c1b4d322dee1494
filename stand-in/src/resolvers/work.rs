//! Merge requests and pipelines.

use super::*;

impl<'q> Node<'q> {
    pub(super) fn merge_requests<'a>(
        &'a self,
        projects: &[usize],
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let organization = self.context.organization;
        let all = &organization.merge_requests;
        let state = text(info, "state").filter(|state| *state != "all");
        let author = text(info, "authorUsername");
        let search = text(info, "search").map(str::to_lowercase);
        let iids = texts(info, "iids");
        let created = TimeRange::read(info, "createdAfter", "createdBefore")?;
        let updated = TimeRange::read(info, "updatedAfter", "updatedBefore")?;
        let merged = TimeRange::read(info, "mergedAfter", "mergedBefore")?;
        let closed = TimeRange::read(info, "closedAfter", "closedBefore")?;
        let mut found: Vec<usize> = projects
            .iter()
            .flat_map(|project| &organization.merge_requests_of_project[*project])
            .copied()
            .filter(|position| {
                let merge_request = &all[*position];
                let username = merge_request.author.map(|person| &organization.people[person].username);
                state.is_none_or(|state| merge_request.state == state)
                    && author.is_none_or(|author| username.is_some_and(|name| name == author))
                    && search
                        .as_ref()
                        .is_none_or(|search| merge_request.title.to_lowercase().contains(search))
                    && iids.as_ref().is_none_or(|iids| iids.contains(&merge_request.iid.to_string()))
                    && created.contains(Some(merge_request.created_at))
                    && updated.contains(Some(merge_request.updated_at))
                    && merged.contains(merge_request.merged_at)
                    && closed.contains(merge_request.closed_at)
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
            // Merge requests that were not merged or closed come last in both directions.
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

    pub(super) fn merge_request<'a>(
        &'a self,
        position: usize,
        field: &str,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let organization = self.context.organization;
        let merge_request = &organization.merge_requests[position];
        let project = &organization.projects[merge_request.project];
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
            "webUrl" => ResolvedValue::leaf(format!("{}{}", self.context.url, path())),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    pub(super) fn pipelines<'a>(&'a self, project: usize, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organization = self.context.organization;
        let all = &organization.pipelines;
        let status = text(info, "status");
        let source = text(info, "source");
        let branch = text(info, "ref");
        let username = text(info, "username");
        let ids = texts(info, "ids");
        let updated = TimeRange::read(info, "updatedAfter", "updatedBefore")?;
        let mut found: Vec<usize> = organization.pipelines_of_project[project]
            .iter()
            .copied()
            .filter(|position| {
                let pipeline = &all[*position];
                let user = pipeline.user.map(|person| &organization.people[person].username);
                status.is_none_or(|status| pipeline.status == status)
                    && source.is_none_or(|source| pipeline.source == source)
                    && branch.is_none_or(|branch| branch == "main")
                    && username.is_none_or(|username| user.is_some_and(|name| name == username))
                    && ids.as_ref().is_none_or(|ids| ids.contains(&pipeline_gid(pipeline.id)))
                    && updated.contains(Some(pipeline.updated_at))
            })
            .collect();
        found.sort_by_key(|position| Reverse(all[*position].id));
        self.list("Pipeline", Kind::Pipeline, found, info)
    }

    pub(super) fn pipeline<'a>(
        &'a self,
        position: usize,
        field: &str,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let pipeline = &self.context.organization.pipelines[position];
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
}
