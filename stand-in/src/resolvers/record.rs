//! Objects and lists that are computed for one response, as opposed to positions in the
//! organization.

use std::borrow::Cow;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use serde_json::Value;

use super::super::paging::{self, Page, Sorted};
use super::{Kind, Node, PageEnds, QueryContext, Resolved, error, paging_of};

/// An object with all its fields.
pub(super) struct Record {
    type_name: Cow<'static, str>,
    fields: Vec<(String, FieldValue)>,
}

/// The value of a field of a [`Record`].
pub(super) enum FieldValue {
    Leaf(JsonValue),
    Records(Vec<Record>),
}

impl Record {
    pub(super) fn new(type_name: impl Into<Cow<'static, str>>) -> Record {
        Record { type_name: type_name.into(), fields: Vec::new() }
    }

    pub(super) fn with(mut self, field: impl Into<String>, value: impl Into<JsonValue>) -> Record {
        self.fields.push((field.into(), FieldValue::Leaf(value.into())));
        self
    }

    pub(super) fn with_list(mut self, field: impl Into<String>, records: Vec<Record>) -> Record {
        self.fields.push((field.into(), FieldValue::Records(records)));
        self
    }
}

impl ObjectValue for Record {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let field = self.fields.iter().find(|(name, _)| name == info.field_name());
        match field {
            None => Err(self.unknown_field_error(info)),
            Some((_, FieldValue::Leaf(JsonValue::Array(values)))) => {
                Ok(ResolvedValue::list(values.iter().map(|value| ResolvedValue::leaf(value.clone()))))
            }
            Some((_, FieldValue::Leaf(value))) => Ok(ResolvedValue::leaf(value.clone())),
            Some((_, FieldValue::Records(records))) => {
                Ok(ResolvedValue::list(records.iter().map(|record| ResolvedValue::object(Borrowed(record)))))
            }
        }
    }
}

/// An object owned by another one.
pub(super) struct Borrowed<'a, T>(pub(super) &'a T);

impl<T: ObjectValue> ObjectValue for Borrowed<'_, T> {
    fn type_name(&self) -> &str {
        self.0.type_name()
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        self.0.resolve_field(info)
    }
}

/// A connection of computed objects.
pub(super) struct Rows<'q, T> {
    context: &'q QueryContext<'q>,
    connection: &'static str,
    edge: &'static str,
    rows: Vec<T>,
    cursors: Vec<String>,
    page: Page,
}

impl<'q, T: ObjectValue + 'q> Rows<'q, T> {
    /// The requested page of sorted rows with unique keys. A cursor of another sort order is
    /// ignored.
    pub(super) fn resolve<'a>(
        context: &'q QueryContext<'q>,
        (connection, edge): (&'static str, &'static str),
        (sort, max): (&str, usize),
        keyed: Vec<(String, T)>,
        info: &ResolveInfo<'_>,
    ) -> Result<ResolvedValue<'a>, FieldError>
    where
        'q: 'a,
    {
        let (keys, rows): (Vec<String>, Vec<T>) = keyed.into_iter().unzip();
        let mut paging = paging_of(info);
        paging.max = max;
        let page = paging.page(&Keys { keys: &keys, sort }).map_err(error)?;
        let cursor = |key| paging::encode(&[("sort", sort.to_string()), ("key", key)]);
        let cursors = keys.into_iter().map(cursor).collect();
        Ok(ResolvedValue::object(Rows { context, connection, edge, rows, cursors, page }))
    }

    /// The requested page of a list paged by offset: cursors are row numbers, and do not depend on
    /// the order of the rows.
    pub(super) fn resolve_by_number<'a>(
        context: &'q QueryContext<'q>,
        connection: &'static str,
        edge: &'static str,
        rows: Vec<T>,
        info: &ResolveInfo<'_>,
    ) -> Result<ResolvedValue<'a>, FieldError>
    where
        'q: 'a,
    {
        let mut paging = paging_of(info);
        paging.max = context.settings.largest_aggregate_page;
        let page = paging.page(&Numbers(rows.len())).map_err(error)?;
        let cursors = (1..=rows.len()).map(paging::encode_number).collect();
        Ok(ResolvedValue::object(Rows { context, connection, edge, rows, cursors, page }))
    }
}

/// The numbers of this many rows.
struct Numbers(usize);

impl Sorted for Numbers {
    fn len(&self) -> usize {
        self.0
    }

    fn seek(&self, cursor: &Value, past: bool) -> Option<usize> {
        let number = usize::try_from(cursor.as_u64()?).ok()?;
        Some(if past { number } else { number.saturating_sub(1) }.min(self.0))
    }

    fn get(&self, place: usize) -> Option<usize> {
        Some(place)
    }
}

struct Keys<'a> {
    keys: &'a [String],
    sort: &'a str,
}

impl Sorted for Keys<'_> {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn seek(&self, cursor: &Value, past: bool) -> Option<usize> {
        let (sort, key) = (cursor.get("sort")?.as_str()?, cursor.get("key")?.as_str()?);
        if sort != self.sort {
            return Some(if past { 0 } else { self.keys.len() });
        }
        let place = self.keys.iter().position(|known| known == key);
        Some(place.map_or(self.keys.len(), |place| place + usize::from(past)))
    }

    fn get(&self, place: usize) -> Option<usize> {
        Some(place)
    }
}

impl<'q, T: ObjectValue + 'q> ObjectValue for Rows<'q, T> {
    fn type_name(&self) -> &str {
        self.connection
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let Rows { rows, cursors, page, .. } = self;
        Ok(match info.field_name() {
            "nodes" => {
                let rows = page.positions.iter().map(|place| ResolvedValue::object(Borrowed(&rows[*place])));
                ResolvedValue::list(rows)
            }
            "edges" => ResolvedValue::list(page.positions.iter().map(|place| {
                ResolvedValue::object(Edge {
                    type_name: self.edge,
                    node: &rows[*place],
                    cursor: &cursors[*place],
                })
            })),
            "pageInfo" => ResolvedValue::object(Node {
                context: self.context,
                kind: Kind::PageInfo(PageEnds {
                    start: page.positions.first().map(|place| cursors[*place].clone()),
                    end: page.positions.last().map(|place| cursors[*place].clone()),
                    has_next: page.has_next,
                    has_previous: page.has_previous,
                }),
            }),
            "count" => ResolvedValue::leaf(rows.len()),
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

struct Edge<'a, T> {
    type_name: &'static str,
    node: &'a T,
    cursor: &'a str,
}

impl<T: ObjectValue> ObjectValue for Edge<'_, T> {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        match info.field_name() {
            "node" => Ok(ResolvedValue::object(Borrowed(self.node))),
            "cursor" => Ok(ResolvedValue::leaf(self.cursor)),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}
