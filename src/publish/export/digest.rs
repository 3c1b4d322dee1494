//! A digest in Markdown, for an issue, a merge request or a chat.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::base::calendar::{Grain, Period};
use crate::model::record::{ALL_SCOPES, Coverage, INSTANCE_SCOPE};
use crate::model::topic::Topic;
use crate::publish::completeness::Completeness;
use crate::publish::days;
use crate::publish::gaps::{Gap, gaps, published_reason};
use crate::publish::headline::{DUO, Figure, PROJECT};
use crate::publish::number::{self, Style, UNKNOWN};
use crate::publish::place::{Place, reported_days};
use crate::publish::privacy::Line;
use crate::publish::text::{LONGEST_LABEL, plain};

/// Groups and gaps that a digest lists, at most.
const MOST_ROWS: usize = 10;

/// The parts of a digest.
const TOPICS: [(&str, &[Figure<'static>]); 2] =
    [("GitLab Duo", &DUO), ("Merge requests and pipelines", &PROJECT)];

/// The headline figures of the newest whole month (else week, else of the 28 days) with their change, what is missing,
/// and what is hidden.
pub fn digest(lines: &[Line<'_>], coverage: &[Coverage], small_group: u64) -> String {
    let places = Place::all(lines);
    let mut text = String::new();
    let mut told: Option<(Period, Period)> = None;
    for (title, figures) in TOPICS {
        let Some(main) = places.first() else { continue };
        let Some(period) = newest(main, figures) else { continue };
        let before = Period::holding(period.grain, period.start.plus(-1), period.start.plus(-1));
        let _ = writeln!(text, "### {title}, {}\n", number::period(period));
        let _ = writeln!(text, "{}, against {}.\n", name(main.scope()), number::period(before));
        let _ = writeln!(
            text,
            "| figure | value | n of N | change | days | days collected |\n|---|--:|--:|--:|---|--:|"
        );
        for figure in figures {
            let Some(line) = in_period(main, figure, period) else { continue };
            let earlier = in_period(main, figure, before);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                figure.label,
                value(figure, line),
                parts(figure, line),
                change(figure, earlier, line, before),
                number::span(line.period.start, line.period.end),
                days(line)
            );
        }
        text.push('\n');
        let groups: Vec<&Place<'_>> = places.iter().filter(|place| !place.is_union()).collect();
        if groups.len() > 1 {
            by_group(&mut text, &groups, figures, period);
        }
        let (first, last) = told.unwrap_or((before, period));
        told = Some((
            if before.start < first.start { before } else { first },
            if period.end > last.end { period } else { last },
        ));
    }
    match told {
        None => text.push_str("No figure is known yet.\n\n"),
        Some((first, last)) => missing(&mut text, coverage, first, last),
    }
    foot(&mut text, lines, coverage, small_group);
    text
}

/// The newest period of which all days were collected for at least one figure: a month, else a week. Without one, the
/// newest 28 days.
fn newest<'a>(place: &Place<'a>, figures: &[Figure<'a>]) -> Option<Period> {
    let told = |grain| {
        let lines = figures.iter().flat_map(move |figure| place.series(figure.metric, grain, figure.by));
        lines.filter(|line| line.value.is_some() || line.hidden.is_some())
    };
    let whole = |grain| told(grain).filter(|line| line.coverage >= 1.0).map(|line| line.period);
    let last = |periods: &mut dyn Iterator<Item = Period>| periods.max_by_key(|period| period.end);
    last(&mut whole(Grain::Month))
        .or_else(|| last(&mut whole(Grain::Week)))
        .or_else(|| last(&mut told(Grain::Window).map(|line| line.period)))
}

fn in_period<'a>(place: &Place<'a>, figure: &Figure<'a>, period: Period) -> Option<&'a Line<'a>> {
    let lines = place.series(figure.metric, period.grain, figure.by);
    lines.into_iter().find(|line| line.period == period)
}

fn value(figure: &Figure<'_>, line: &Line<'_>) -> String {
    match (line.hidden, line.value) {
        (Some(hidden), _) => hidden.text(),
        (None, Some(value)) => figure.style.text(value.as_f64()),
        (None, None) => format!("{UNKNOWN} ({})", number::reason(line.reason)),
    }
}

/// What a rate is made of, and over how many things a statistic is.
fn parts(figure: &Figure<'_>, line: &Line<'_>) -> String {
    match (line.n, line.of) {
        (Some(n), Some(of)) if figure.style == Style::Percent => {
            format!("{} of {} {}", number::number(n), number::number(of), figure.of)
        }
        (Some(n), None) if figure.style == Style::Duration => number::number(n),
        _ => String::new(),
    }
}

/// The change between two periods, or why there is none.
fn change(figure: &Figure<'_>, earlier: Option<&Line<'_>>, later: &Line<'_>, before: Period) -> String {
    let change = match earlier {
        Some(earlier) => days::change(figure.style, earlier, later),
        None => Some(Err(format!("no value of {}", number::period(before)))),
    };
    match change {
        Some(Ok(change)) => change,
        Some(Err(why)) => format!("{UNKNOWN} ({why})"),
        None => String::new(),
    }
}

fn days(line: &Line<'_>) -> String {
    match line.imported > 0.0 {
        true => days::collected(line),
        false => days::collected(line).trim_end_matches(" days collected").to_owned(),
    }
}

fn by_group(text: &mut String, groups: &[&Place<'_>], figures: &[Figure<'static>], period: Period) {
    let labels: Vec<&str> = figures.iter().map(|figure| figure.label).collect();
    let _ = writeln!(text, "| group | {} |\n|---|{}", labels.join(" | "), "--:|".repeat(labels.len()));
    for group in groups.iter().take(MOST_ROWS) {
        let cell = |figure: &Figure<'static>| {
            let line = group.series(figure.metric, period.grain, figure.by);
            let line = line.into_iter().find(|line| line.period == period);
            line.map_or_else(|| UNKNOWN.to_owned(), |line| value(figure, line))
        };
        let cells: Vec<String> = figures.iter().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |", name(group.scope()), cells.join(" | "));
    }
    text.push('\n');
    if groups.len() > MOST_ROWS {
        let more = (groups.len() - MOST_ROWS) as u64;
        let _ = writeln!(
            text,
            "{} not listed.\n",
            number::counted(more, "further group is", "further groups are")
        );
    }
}

/// What was not collected of the periods told.
fn missing(text: &mut String, coverage: &[Coverage], first: Period, last: Period) {
    if coverage.is_empty() {
        text.push_str("What is missing is not known: no coverage line came with the numbers.\n\n");
        return;
    }
    let of_both = [Topic::Duo, Topic::Project].map(|topic| Completeness::of(topic, coverage));
    let is_reported = |gap: &Gap<'_>| gap.first <= last.end && gap.last >= first.start;
    let lines: Vec<&Coverage> = of_both.iter().flat_map(|found| found.gaps.iter().copied()).collect();
    let gaps: Vec<Gap<'_>> = gaps(&lines).into_iter().filter(is_reported).collect();
    let importing: BTreeSet<String> =
        of_both.iter().flat_map(|found| &found.imported).map(|line| code(&line.collector)).collect();
    if !importing.is_empty() {
        let names: Vec<String> = importing.iter().cloned().collect();
        let _ = writeln!(text, "Completeness unknown (imported events): {}.\n", names.join(", "));
    }
    if gaps.is_empty() && !importing.is_empty() {
        text.push_str("Nothing is known to be missing.\n\n");
        return;
    }
    if gaps.is_empty() {
        text.push_str("Of what was asked for, nothing is missing.\n\n");
        return;
    }
    text.push_str("Missing:\n\n");
    for gap in gaps.iter().take(MOST_ROWS) {
        let scopes = match gap.scopes.as_slice() {
            [scope] => name(scope),
            scopes => number::counted(scopes.len() as u64, "group", "groups"),
        };
        let reason = published_reason(gap.line).map(|reason| format!(", {}", code(&reason)));
        let _ = writeln!(
            text,
            "- {}: {} of {scopes} {}{}",
            number::span(gap.first, gap.last),
            code(&gap.line.collector),
            gap.line.status.as_str(),
            reason.unwrap_or_default()
        );
    }
    if gaps.len() > MOST_ROWS {
        let more = (gaps.len() - MOST_ROWS) as u64;
        let _ = writeln!(text, "- {}", number::counted(more, "further gap", "further gaps"));
    }
    text.push('\n');
}

fn foot(text: &mut String, lines: &[Line<'_>], coverage: &[Coverage], small_group: u64) {
    if let Some((first, last)) = reported_days(lines.iter().map(|line| (line.metric, line.period))) {
        let _ = write!(text, "Days reported: {}", number::span(first, last));
        if let Some(at) = coverage.iter().filter_map(|line| line.fetched_at).max() {
            let _ = write!(text, ", collected {}", number::instant(at));
        }
        text.push_str(". ");
    }
    let _ = writeln!(
        text,
        "Numbers about fewer than {small_group} people are hidden, with others where subtraction would give them away. Nobody is named."
    );
}

/// What a group is called.
fn name(scope: &str) -> String {
    match scope {
        ALL_SCOPES => "All groups".to_owned(),
        INSTANCE_SCOPE => "The whole instance".to_owned(),
        path => code(path),
    }
}

/// Text of others as code, within which there is no markup, no reference and no mention. What would end the code, the
/// cell or the line, or mean something to a chat that does not know code, is replaced by what looks like it.
fn code(text: &str) -> String {
    let harmless = |c: char| match c {
        '`' => 'ˋ',
        '|' => '¦',
        '<' => '‹',
        '>' => '›',
        '@' => '＠',
        '\\' => '＼',
        c => c,
    };
    match plain(text, LONGEST_LABEL).chars().map(harmless).collect::<String>() {
        empty if empty.is_empty() => "(no name)".to_owned(),
        text => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_code_of_one_line_and_mentions_nobody() {
        let hostile = "`@all` | <script>\n/close [x](http://evil) \\";
        assert_eq!(code(hostile), "`ˋ＠allˋ ¦ ‹script› /close [x](http://evil) ＼`");
        assert_eq!(code("\u{202e}\u{200b}\n"), "(no name)");
        assert_eq!(code("acme/web-1.2"), "`acme/web-1.2`");
    }
}
