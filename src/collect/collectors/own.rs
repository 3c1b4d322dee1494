//! A collector of somebody's own: a query in a file. Its nodes come out as raw lines under the file's name; what they
//! mean, its owner knows, who makes records of them (docs/extending.md).

use std::collections::BTreeSet;

use graphql_parser::query::{Definition, OperationDefinition, Selection, SelectionSet, parse_query};
use serde_json::json;

use super::{About, Collector, Fault, GraphQl, Level, Sink, Span, Standing, Unit, walk};
use crate::base::calendar::Day;
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::topic::Topic;

/// A query in a file, with one connection in it.
#[derive(Debug)]
pub struct OwnCollector {
    about: About,
    operation: &'static str,
    path: Vec<String>,
}

/// The variables that are filled in: the group, the first day, the midnight after the last day, the cursor.
const VARIABLES: &[&str] = &["scope", "start", "end", "after"];

impl OwnCollector {
    /// Reads a query. The error says what it has to have, and does not.
    pub fn parse(name: &str, text: &str) -> Result<OwnCollector, String> {
        let well_named = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !well_named {
            return Err(
                "its name may have small letters, digits and strokes only, since it becomes the collector's"
                    .to_owned(),
            );
        }
        let document = parse_query::<String>(text).map_err(|error| {
            format!("it is not a GraphQL query: {}", error.to_string().replace('\n', " "))
        })?;
        let mut queries = document.definitions.iter().filter_map(|definition| match definition {
            Definition::Operation(OperationDefinition::Query(query)) => Some(query),
            _ => None,
        });
        let (Some(query), None) = (queries.next(), queries.next()) else {
            return Err("it has to hold one query".to_owned());
        };
        let operation = query.name.clone().ok_or("its query has no name; write \"query Name(…) { … }\"")?;
        let path = connection(&query.selection_set).ok_or("it asks for no connection; one field has to have \"nodes\" and \"pageInfo { endCursor hasNextPage }\"")?;
        let variables: BTreeSet<String> =
            query.variable_definitions.iter().map(|variable| variable.name.clone()).collect();
        if let Some(unknown) = variables.iter().find(|name| !VARIABLES.contains(&name.as_str())) {
            return Err(format!(
                "its variable ${unknown} is not filled in; there are $scope, $start, $end and $after"
            ));
        }
        if !variables.contains("after") {
            return Err("it does not take $after, without which only the first page comes".to_owned());
        }
        // It lives as long as the program, as the collectors that are built in do.
        let keep = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let about = About {
            name: keep(name.to_owned()),
            topic: Topic::Duo,
            standing: Standing::Core,
            needs: "read access to the fields of its query",
            level: Level::Group,
            document: keep(text.to_owned()),
            span: if variables.contains("start") { Span::Day } else { Span::Snapshot },
            keeps_days: None,
        };
        Ok(OwnCollector { about, operation: keep(operation), path })
    }
}

impl Collector for OwnCollector {
    fn about(&self) -> &About {
        &self.about
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        unit: &Unit<'_>,
        _part: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let variables = json!({"scope": unit.scope, "start": unit.since, "end": unit.until.plus(1)});
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        walk(gitlab, self.about.document, self.operation, variables, &path, &mut |page, answer| {
            sink.page(&page.nodes, answer)
        })
    }

    fn read<'a>(&self, _node: &'a str, _origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        Err("a collector of your own: make records of its raw lines first".to_owned())
    }
}

/// The way to the first field that has nodes and page information. An alias is what the answer has.
fn connection(set: &SelectionSet<'_, String>) -> Option<Vec<String>> {
    set.items.iter().find_map(|selection| {
        let Selection::Field(field) = selection else { return None };
        let has = |name: &str| {
            field
                .selection_set
                .items
                .iter()
                .any(|selection| matches!(selection, Selection::Field(field) if field.name == name))
        };
        let key = field.alias.as_ref().unwrap_or(&field.name).clone();
        if has("nodes") && has("pageInfo") {
            return Some(vec![key]);
        }
        let mut path = connection(&field.selection_set)?;
        path.insert(0, key);
        Some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str =
        "query Mine($scope: ID!, $after: String) { group(fullPath: $scope) { all: projects(after: $after) {
        nodes { name } pageInfo { endCursor hasNextPage } } } }";

    #[test]
    fn the_connection_is_found_and_the_days_are_asked_for_where_the_query_takes_them() {
        let own = OwnCollector::parse("my_projects", QUERY).expect("it is a query");
        assert_eq!((own.about.name, own.operation, own.about.span), ("my_projects", "Mine", Span::Snapshot));
        assert_eq!(own.path, ["group", "all"]);
        let by_day = QUERY.replace("$after: String)", "$after: String, $start: Date!)");
        assert_eq!(OwnCollector::parse("x", &by_day).expect("it is a query").about.span, Span::Day);
    }

    #[test]
    fn what_a_query_has_to_have_is_said() {
        let refused =
            |name: &str, text: &str| OwnCollector::parse(name, text).expect_err("it cannot be used");
        assert!(refused("My Projects", QUERY).contains("small letters"));
        assert!(refused("x", "query {").contains("not a GraphQL query"));
        assert!(refused("x", &QUERY.replace("query Mine", "query")).contains("no name"));
        assert!(refused("x", &QUERY.replace("nodes { name }", "count")).contains("no connection"));
        assert!(
            refused("x", &QUERY.replace("$after: String)", "$after: String, $who: ID)")).contains("$who")
        );
        assert!(
            refused("x", &QUERY.replace(", $after: String)", ")").replace("(after: $after)", ""))
                .contains("$after")
        );
        assert!(refused("x", &format!("{QUERY} {}", QUERY.replace("Mine", "Other"))).contains("one query"));
    }
}
