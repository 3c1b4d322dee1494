//! Reads the published lines of a site back from its `metrics.csv`.

use serde_json::{Map, Value, json};

use crate::model::metric::Metric;

/// A line of a `metrics.csv`.
#[derive(Clone, Debug)]
pub struct PublishedMetric {
    /// The line as it was published: without people behind it, and without a value if suppressed.
    pub metric: Metric,
    /// Whether its value was suppressed.
    pub is_suppressed: bool,
}

/// The lines of a `metrics.csv`. The error names the row and the column.
pub fn read_table(csv: &[u8]) -> Result<Vec<PublishedMetric>, String> {
    let mut reader = csv::Reader::from_reader(csv);
    let header: Vec<String> = reader.headers().map_err(text)?.iter().map(str::to_owned).collect();
    if !["metric", "scope", "grain", "start", "end", "value"]
        .iter()
        .all(|name| header.iter().any(|h| h == name))
    {
        return Err("it has no columns metric, scope, grain, start, end and value".to_owned());
    }
    let row = |(at, record): (usize, csv::Result<csv::StringRecord>)| {
        let record = record.map_err(text)?;
        line(&header, &record).map_err(|error| format!("row {}: {error}", at + 2))
    };
    reader.records().enumerate().map(row).collect()
}

fn text(error: csv::Error) -> String {
    format!("it is not CSV: {error}")
}

fn line(header: &[String], record: &csv::StringRecord) -> Result<PublishedMetric, String> {
    let mut fields: Map<String, Value> = Map::new();
    let mut by: Map<String, Value> = Map::new();
    let mut is_suppressed = false;
    for (name, cell) in header.iter().zip(record) {
        // Spreadsheets must not run or convert it.
        let label = cell.strip_prefix('\'').unwrap_or(cell);
        match (name.as_str(), name.strip_prefix("by.")) {
            (_, Some(dimension)) if !cell.is_empty() => drop(by.insert(dimension.to_owned(), json!(label))),
            (_, Some(_)) => {}
            ("hidden", _) => is_suppressed = !cell.is_empty(),
            ("value" | "n" | "of" | "people" | "coverage" | "basis" | "imported", _) => {
                let number = serde_json::from_str(cell).unwrap_or(Value::Null);
                if !cell.is_empty() && !number.is_number() {
                    return Err(format!("{name} is not a number"));
                }
                fields.insert(name.clone(), number);
            }
            ("final", _) => drop(fields.insert(name.clone(), json!(cell == "true"))),
            _ if cell.is_empty() => drop(fields.insert(name.clone(), Value::Null)),
            _ => drop(fields.insert(name.clone(), json!(label))),
        }
    }
    fields.insert("type".to_owned(), json!("metric"));
    fields.insert("by".to_owned(), Value::Object(by));
    // Sites of one instance do not name it.
    if fields.get("instance").is_none_or(Value::is_null) {
        fields.insert("instance".to_owned(), json!(""));
    }
    if fields.get("imported").is_none_or(Value::is_null) {
        fields.insert("imported".to_owned(), json!(0.0));
    }
    let metric = serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
    Ok(PublishedMetric { metric, is_suppressed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::number::Number;

    #[test]
    fn reads_values_dimensions_and_marks() {
        let csv = b"metric,instance,scope,grain,start,end,by.language,value,n,of,people,coverage,basis,final,reason,hidden\n\
            code_suggestions.shown,,acme,week,2026-11-09,2026-11-15,'1.10,7,7,,,1,1,true,,\n\
            code_suggestions.shown,,acme,week,2026-11-09,2026-11-15,go,,,,,1,,true,,suppressed\n";
        let lines = read_table(csv).expect("valid CSV");
        assert_eq!(lines[0].metric.value, Some(Number::Count(7)));
        assert_eq!(lines[0].metric.by.get("language"), Some("1.10"));
        assert!(!lines[0].is_suppressed && lines[1].is_suppressed && lines[1].metric.value.is_none());
    }

    #[test]
    fn names_the_row_that_is_wrong() {
        let csv = b"metric,scope,grain,start,end,value,coverage,final\nchat.users,acme,week,x,y,7,1,true\n";
        assert!(read_table(csv).expect_err("no day").starts_with("row 2: "), "the header is row 1");
        assert!(read_table(b"name,count\na,1\n").is_err());
    }
}
