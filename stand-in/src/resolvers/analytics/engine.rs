//! The aggregation engine: groups facts by the dimensions that a query selects, and computes the
//! metrics that it selects.
//!
//! Pages are offsets, and only `orderBy` gives rows an order. Rows that it does not order come in
//! another order on every page, so that a client without a complete order loses some and receives
//! others twice.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Field, Selection, SelectionSet, Value as Literal};
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use super::super::super::catalog::camel_case;
use super::super::super::release::Release;
use super::super::metrics::compare;
use super::super::record::{Record, Rows};
use super::super::{Kind, QueryContext, Resolved, error, errors, text, texts, validation};

/// The names of an engine's types.
pub(super) struct TypeNames {
    pub(super) scope: &'static str,
    pub(super) connection: &'static str,
    pub(super) edge: &'static str,
    pub(super) row: &'static str,
    pub(super) dimensions: &'static str,
}

/// What an engine aggregates.
pub(super) trait Fact: Copy {
    const TYPES: TypeNames;
    /// The dimension of time.
    const TIME: &'static str;
    /// The granularities before 19.4; since then, all engines have all of them.
    const OLD_GRANULARITIES: &'static [&'static str];

    fn time(self) -> DateTime<Utc>;

    /// The value of a dimension other than time; `None` for an unknown name.
    fn dimension(self, name: &str) -> Option<Shared>;

    /// A metric of these facts; `None` for an unknown name.
    fn metric(facts: &[Self], name: &str, arguments: &Arguments) -> Option<Measured>;
}

/// A value that the facts of one row share.
pub(super) enum Shared {
    Text(Option<&'static str>),
    Day(NaiveDate),
    Person(usize),
    Project(Option<usize>),
}

/// The value of a metric.
pub(super) enum Measured {
    Leaf(JsonValue),
    Object(Record),
}

impl Measured {
    fn number(&self) -> Option<f64> {
        match self {
            Measured::Leaf(value) => value.as_f64(),
            Measured::Object(_) => None,
        }
    }
}

impl<T: Into<JsonValue>> From<T> for Measured {
    fn from(value: T) -> Measured {
        Measured::Leaf(value.into())
    }
}

/// The arguments of a metric.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) quantile: Option<f64>,
    pub(super) status: Option<Vec<String>>,
}

/// The facts that pass the filters of an engine.
pub(super) struct Engine<'q, F> {
    pub(super) context: &'q QueryContext<'q>,
    pub(super) facts: Vec<F>,
}

impl<F: Fact> ObjectValue for Engine<'_, F> {
    fn type_name(&self) -> &str {
        F::TYPES.scope
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let context = self.context;
        context.check_time(self.type_name(), info)?;
        let dimensions = self.dimensions(info)?;
        self.check_metrics(info)?;
        let mut groups: BTreeMap<Vec<String>, Vec<F>> = BTreeMap::new();
        if dimensions.is_empty() {
            groups.insert(Vec::new(), self.facts.clone());
        }
        for fact in self.facts.iter().filter(|_| !dimensions.is_empty()) {
            let key = dimensions.iter().map(|dimension| dimension.key(context, *fact));
            groups.entry(key.collect()).or_default().push(*fact);
        }
        let mut rows: Vec<(Vec<String>, Row<'a, F>)> =
            groups.into_iter().map(|(key, facts)| (key, Row { context, facts })).collect();
        let bound = |name| info.arguments().get(name).and_then(JsonValue::as_u64);
        rows.retain(|(_, row)| {
            let count = row.number("featuresCount").unwrap_or_default() as u64;
            bound("featuresCountFrom").is_none_or(|from| from <= count)
                && bound("featuresCountTo").is_none_or(|to| count <= to)
        });
        sort(&mut rows, &dimensions, info)?;
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Rows::resolve_by_number(context, F::TYPES.connection, F::TYPES.edge, rows, info)
    }
}

/// Sorts rows by `orderBy`, and those that it leaves equal differently for each page.
fn sort<F: Fact>(
    rows: &mut [(Vec<String>, Row<'_, F>)],
    dimensions: &[Dimension],
    info: &ResolveInfo<'_>,
) -> Result<(), FieldError> {
    let page = text(info, "after").map(str::to_owned);
    rows.sort_by_key(|(key, _)| {
        let mut hasher = DefaultHasher::new();
        (key, &page).hash(&mut hasher);
        hasher.finish()
    });
    let orders = info.arguments().get("orderBy").and_then(JsonValue::as_array).into_iter().flatten();
    let mut orders: Vec<Order> = orders.filter_map(Order::read).collect();
    // In reverse: the sort is stable, so the first order takes precedence.
    orders.reverse();
    for order in &orders {
        let place = dimensions.iter().position(|dimension| order.names(dimension));
        let is_metric = F::metric(&[], &order.identifier, &Arguments::default()).is_some();
        if place.is_none() && !is_metric {
            return Err(error(errors::identifier_not_available(&order.written)));
        }
        let compared = |one: &(Vec<String>, Row<'_, F>), other: &(Vec<String>, Row<'_, F>)| match place {
            Some(place) => one.0[place].cmp(&other.0[place]),
            None => compare(one.1.number(&order.identifier), other.1.number(&order.identifier)),
        };
        rows.sort_by(|one, other| {
            let ascending = compared(one, other);
            if order.is_descending { ascending.reverse() } else { ascending }
        });
    }
    Ok(())
}

/// One entry of `orderBy`.
struct Order {
    /// As the client wrote it.
    written: String,
    /// In camel case.
    identifier: String,
    granularity: Option<String>,
    is_descending: bool,
}

impl Order {
    fn read(order: &JsonValue) -> Option<Order> {
        let written = order.get("identifier")?.as_str()?.to_owned();
        let identifier = if written.contains('_') { camel_case(&written) } else { written.clone() };
        let granularity = order.get("parameters").and_then(|all| all.get("granularity")?.as_str());
        Some(Order {
            written,
            identifier,
            granularity: granularity.map(str::to_owned),
            is_descending: order.get("direction")?.as_str()? == "DESC",
        })
    }

    /// Whether it names the dimension, with the same parameters.
    fn names(&self, dimension: &Dimension) -> bool {
        dimension.name == self.identifier && dimension.granularity == self.granularity
    }
}

/// A dimension that the query selects.
#[derive(PartialEq)]
struct Dimension {
    name: String,
    granularity: Option<String>,
    origin: Option<String>,
}

impl Dimension {
    fn value<F: Fact>(&self, fact: F) -> Option<Shared> {
        if self.name != F::TIME {
            return fact.dimension(&self.name);
        }
        let day = bucket(fact.time().date_naive(), self.granularity.as_deref(), self.origin.as_deref());
        day.map(Shared::Day)
    }

    /// The value that the facts of one row share, in a form that can be sorted.
    fn key<F: Fact>(&self, context: &QueryContext<'_>, fact: F) -> String {
        let organization = context.organization;
        match self.value(fact) {
            Some(Shared::Text(text)) => text.unwrap_or_default().to_owned(),
            Some(Shared::Day(day)) => day.to_string(),
            Some(Shared::Person(person)) => format!("{:09}", organization.people[person].id),
            Some(Shared::Project(Some(project))) => format!("{:09}", organization.projects[project].id),
            Some(Shared::Project(None)) | None => String::new(),
        }
    }
}

/// First day of the bucket of a day, months by default; `None` for an invalid granularity.
fn bucket(day: NaiveDate, granularity: Option<&str>, origin: Option<&str>) -> Option<NaiveDate> {
    match granularity.unwrap_or("monthly") {
        "daily" => Some(day),
        "weekly" => Some(day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()))),
        "monthly" => day.with_day(1),
        text => text
            .strip_suffix('d')
            .and_then(|days| days.parse::<i64>().ok())
            .filter(|days| (1..400).contains(days))
            .map(|days| {
                let origin = origin.and_then(validation::moment).unwrap_or_default().date_naive();
                day - TimeDelta::days((day - origin).num_days().rem_euclid(days))
            }),
    }
}

impl<F: Fact> Engine<'_, F> {
    /// The fields selected below `nodes` and `edges`.
    fn selected<'d>(&self, info: &ResolveInfo<'d>) -> Vec<&'d Field> {
        let document = info.document();
        let mut found = Vec::new();
        for field in info.field_selections() {
            let mut nodes = named(document, &field.selection_set, "nodes");
            for edges in named(document, &field.selection_set, "edges") {
                nodes.extend(named(document, &edges.selection_set, "node"));
            }
            found.extend(nodes.into_iter().flat_map(|node| fields(document, &node.selection_set)));
        }
        found.retain(|field| !field.name.starts_with("__"));
        found
    }

    /// The dimensions selected, whatever their aliases.
    fn dimensions(&self, info: &ResolveInfo<'_>) -> Result<Vec<Dimension>, FieldError> {
        let document = info.document();
        let mut dimensions = Vec::new();
        for selected in self.selected(info).into_iter().filter(|field| field.name == "dimensions") {
            for field in fields(document, &selected.selection_set) {
                let dimension = Dimension {
                    name: field.name.to_string(),
                    granularity: self.argument(field, "granularity"),
                    origin: self.argument(field, "origin"),
                };
                self.check_granularity(&dimension)?;
                if !field.name.starts_with("__") && !dimensions.contains(&dimension) {
                    dimensions.push(dimension);
                }
            }
        }
        Ok(dimensions)
    }

    fn check_granularity(&self, dimension: &Dimension) -> Result<(), FieldError> {
        let granularity = dimension.granularity.as_deref();
        let is_known = self.context.settings.release >= Release::Newest
            || granularity.is_none_or(|granularity| F::OLD_GRANULARITIES.contains(&granularity));
        match granularity {
            Some(text) if !is_known || bucket(NaiveDate::default(), granularity, None).is_none() => {
                Err(error(errors::invalid_granularity(text)))
            }
            _ => Ok(()),
        }
    }

    /// GitLab's errors if no metric is selected, or one twice under different aliases.
    fn check_metrics(&self, info: &ResolveInfo<'_>) -> Result<(), FieldError> {
        let mut metrics: Vec<(&str, String)> = Vec::new();
        for field in self.selected(info).into_iter().filter(|field| field.name != "dimensions") {
            let metric = format!("{} {:?}", field.name, field.arguments);
            let key = field.response_key().as_str();
            if metrics.iter().any(|(known, same)| *known != key && *same == metric) {
                return Err(error(errors::DUPLICATED_IDENTIFIERS));
            }
            metrics.push((key, metric));
        }
        if metrics.is_empty() { Err(error(errors::NO_METRIC)) } else { Ok(()) }
    }

    fn argument(&self, field: &Field, name: &str) -> Option<String> {
        match field.specified_argument_by_name(name)?.as_ref() {
            Literal::Variable(variable) => {
                Some(self.context.variables.get(variable.as_str())?.as_str()?.to_string())
            }
            literal => literal.as_str().map(str::to_string),
        }
    }
}

fn named<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, name: &str) -> Vec<&'a Field> {
    let mut fields = fields(document, set);
    fields.retain(|field| field.name == name);
    fields
}

/// The fields of a selection, including those of fragments.
fn fields<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Vec<&'a Field> {
    let fields_of = |selection: &'a Selection| match selection {
        Selection::Field(field) => vec![&**field],
        Selection::InlineFragment(inline) => fields(document, &inline.selection_set),
        Selection::FragmentSpread(spread) => match spread.fragment_def(document) {
            Some(fragment) => fields(document, &fragment.selection_set),
            None => Vec::new(),
        },
    };
    set.selections.iter().flat_map(fields_of).collect()
}

/// The facts with the same dimensions.
struct Row<'q, F> {
    context: &'q QueryContext<'q>,
    facts: Vec<F>,
}

impl<F: Fact> Row<'_, F> {
    fn number(&self, metric: &str) -> Option<f64> {
        F::metric(&self.facts, metric, &Arguments::default())?.number()
    }
}

impl<F: Fact> ObjectValue for Row<'_, F> {
    fn type_name(&self) -> &str {
        F::TYPES.row
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        if info.field_name() == "dimensions" {
            return Ok(ResolvedValue::object(Dimensions { row: self }));
        }
        let quantile = info.arguments().get("quantile").and_then(JsonValue::as_f64);
        let arguments = Arguments { quantile, status: texts(info, "status") };
        match F::metric(&self.facts, info.field_name(), &arguments) {
            Some(Measured::Leaf(value)) => Ok(ResolvedValue::leaf(value)),
            Some(Measured::Object(record)) => Ok(ResolvedValue::object(record)),
            None => Err(self.unknown_field_error(info)),
        }
    }
}

struct Dimensions<'r, 'q, F> {
    row: &'r Row<'q, F>,
}

impl<F: Fact> ObjectValue for Dimensions<'_, '_, F> {
    fn type_name(&self) -> &str {
        F::TYPES.dimensions
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let context = self.row.context;
        // All facts of a row have the same dimensions.
        let Some(fact) = self.row.facts.first() else {
            return Ok(ResolvedValue::null());
        };
        let dimension = Dimension {
            name: info.field_name().to_owned(),
            granularity: text(info, "granularity").map(str::to_owned),
            origin: text(info, "origin").map(str::to_owned),
        };
        Ok(match dimension.value(*fact) {
            Some(Shared::Text(text)) => ResolvedValue::leaf(text),
            Some(Shared::Day(day)) => ResolvedValue::leaf(day.to_string()),
            Some(Shared::Person(person)) => {
                ResolvedValue::object(context.node(Kind::User("UserCore", person)))
            }
            Some(Shared::Project(Some(project))) => {
                ResolvedValue::object(context.node(Kind::Project(project)))
            }
            Some(Shared::Project(None)) => ResolvedValue::null(),
            None => return Err(self.unknown_field_error(info)),
        })
    }
}
