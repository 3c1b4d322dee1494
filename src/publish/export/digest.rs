//! A digest in Markdown, for an issue, a merge request or a chat.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::base::calendar::{Grain, Period};
use crate::model::coverage::Coverage;
use crate::model::scope::{ALL_SCOPES, INSTANCE_SCOPE};
use crate::model::topic::Topic;
use crate::publish::answer::{Answer, Assumptions, Part, Sentence, Tone};
use crate::publish::completeness::Completeness;
use crate::publish::days;
use crate::publish::gaps::{Gap, gaps, published_reason};
use crate::publish::headline::{DUO, HeadlineMetric, PROJECT};
use crate::publish::number::{self, Style, UNKNOWN};
use crate::publish::place::{Place, reported_days};
use crate::publish::privacy::{Line, SUPPRESSED};
use crate::publish::text::{MAX_LABEL_LEN, plain};

/// Limit of listed groups, and of listed gaps.
const MAX_ROWS: usize = 10;

/// The sections of a digest, with their titles.
const TOPICS: [(&str, &[HeadlineMetric<'static>]); 2] =
    [("GitLab Duo", &DUO), ("Merge requests and pipelines", &PROJECT)];

/// The answer on GitLab Duo, the headline metrics of the newest complete month (else week, else the last 28 days) with their
/// change, the gaps, and a note on suppression.
pub fn digest(
    lines: &[Line<'_>],
    coverage: &[Coverage],
    min_people: u64,
    assumptions: &Assumptions,
) -> String {
    let places = Place::all(lines);
    let mut text = String::new();
    if let Some(main) = places.first() {
        answer(&mut text, &Answer::duo(main, assumptions, min_people));
    }
    let mut reported: Option<(Period, Period)> = None;
    for (title, headline) in TOPICS {
        let Some(main) = places.first() else { continue };
        let Some(period) = newest(main, headline) else { continue };
        let before = Period::containing(period.grain, period.start.plus(-1), period.start.plus(-1));
        let _ = writeln!(text, "### {title}, {}\n", number::period(period));
        let _ = writeln!(text, "{}, compared with {}.\n", name(main.scope()), number::period(before));
        let _ = writeln!(
            text,
            "| metric | value | n of N | change | days | days collected |\n|---|--:|--:|--:|---|--:|"
        );
        for metric in headline {
            let Some(line) = in_period(main, metric, period) else { continue };
            let earlier = in_period(main, metric, before);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                metric.label,
                value(metric, line),
                parts(metric, line),
                change(metric, earlier, line, before),
                number::span(line.period.start, line.period.end),
                days(line)
            );
        }
        text.push('\n');
        let groups: Vec<&Place<'_>> = places.iter().filter(|place| !place.is_union()).collect();
        if groups.len() > 1 {
            by_group(&mut text, &groups, headline, period);
        }
        let (first, last) = reported.unwrap_or((before, period));
        reported = Some((
            if before.start < first.start { before } else { first },
            if period.end > last.end { period } else { last },
        ));
    }
    match reported {
        None => text.push_str("No complete month has been published yet.\n\n"),
        Some((first, last)) => gaps_between(&mut text, coverage, first, last),
    }
    footer(&mut text, lines, coverage, min_people);
    text
}

/// The verdict, what supports it, and what to do. Nothing without data.
fn answer(text: &mut String, answer: &Answer) {
    if answer.period.is_none() {
        return;
    }
    let all = |sentences: &[Sentence]| sentences.iter().map(markdown).collect::<Vec<_>>().join(" ");
    let _ = writeln!(text, "{}\n", all(&answer.verdict));
    if !answer.details.is_empty() {
        let _ = writeln!(text, "{}\n", all(&answer.details));
    }
    for (at, action) in answer.actions.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", at + 1, markdown(&action.sentence));
    }
    if !answer.actions.is_empty() {
        text.push('\n');
    }
}

/// A sentence as Markdown; what a server named is code.
pub fn markdown(sentence: &Sentence) -> String {
    let part = |part: &Part| match part.tone {
        Tone::Plain => part.text.clone(),
        Tone::Strong | Tone::Loss => format!("**{}**", part.text.trim()),
        Tone::Name => code(&part.text),
    };
    sentence.parts.iter().map(part).collect()
}

/// The newest period with at least one metric whose days are all complete: a month, else a week.
/// Without one, the last 28 days.
fn newest<'a>(place: &Place<'a>, headline: &[HeadlineMetric<'a>]) -> Option<Period> {
    let known = |grain| {
        let lines = headline.iter().flat_map(move |metric| place.series(metric.metric, grain, metric.by));
        lines.filter(|line| line.value.is_some() || line.is_suppressed)
    };
    let complete = |grain| known(grain).filter(|line| line.coverage >= 1.0).map(|line| line.period);
    let last = |periods: &mut dyn Iterator<Item = Period>| periods.max_by_key(|period| period.end);
    last(&mut complete(Grain::Month))
        .or_else(|| last(&mut complete(Grain::Week)))
        .or_else(|| last(&mut known(Grain::Window).map(|line| line.period)))
}

fn in_period<'a>(place: &Place<'a>, metric: &HeadlineMetric<'a>, period: Period) -> Option<&'a Line<'a>> {
    let lines = place.series(metric.metric, period.grain, metric.by);
    lines.into_iter().find(|line| line.period == period)
}

fn value(metric: &HeadlineMetric<'_>, line: &Line<'_>) -> String {
    match line.value {
        _ if line.is_suppressed => SUPPRESSED.to_owned(),
        Some(value) => metric.style.text(value.as_f64()),
        None => format!("{UNKNOWN} ({})", number::reason(line.reason)),
    }
}

/// Numerator and denominator of a rate, or the number of observations of a duration.
fn parts(metric: &HeadlineMetric<'_>, line: &Line<'_>) -> String {
    match (line.n, line.of) {
        (Some(n), Some(of)) if metric.style == Style::Percent => {
            format!("{} of {} {}", number::number(n), number::number(of), metric.of)
        }
        (Some(n), None) if metric.style == Style::Duration => number::number(n),
        _ => String::new(),
    }
}

/// The change between two periods, or why there is none.
fn change(
    metric: &HeadlineMetric<'_>,
    earlier: Option<&Line<'_>>,
    later: &Line<'_>,
    before: Period,
) -> String {
    let change = match earlier {
        Some(earlier) => days::change(metric.style, earlier, later),
        None => Some(Err(format!("no value for {}", number::period(before)))),
    };
    match change {
        Some(Ok(change)) => change,
        Some(Err(why)) => format!("{UNKNOWN} ({why})"),
        None => String::new(),
    }
}

fn days(line: &Line<'_>) -> String {
    let text = days::collected(line);
    if line.imported > 0.0 { text } else { text.trim_end_matches(" days collected").to_owned() }
}

fn by_group(text: &mut String, groups: &[&Place<'_>], headline: &[HeadlineMetric<'static>], period: Period) {
    let labels: Vec<&str> = headline.iter().map(|metric| metric.label).collect();
    let _ = writeln!(text, "| group | {} |\n|---|{}", labels.join(" | "), "--:|".repeat(labels.len()));
    for group in groups.iter().take(MAX_ROWS) {
        let cell = |metric: &HeadlineMetric<'static>| {
            let line = group.series(metric.metric, period.grain, metric.by);
            let line = line.into_iter().find(|line| line.period == period);
            line.map_or_else(|| UNKNOWN.to_owned(), |line| value(metric, line))
        };
        let cells: Vec<String> = headline.iter().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |", name(group.scope()), cells.join(" | "));
    }
    text.push('\n');
    if groups.len() > MAX_ROWS {
        let more = (groups.len() - MAX_ROWS) as u64;
        let _ = writeln!(
            text,
            "{} not listed.\n",
            number::counted(more, "further group is", "further groups are")
        );
    }
}

/// The gaps between the first and the last reported period.
fn gaps_between(text: &mut String, coverage: &[Coverage], first: Period, last: Period) {
    if coverage.is_empty() {
        text.push_str("Completeness unknown: the input contains no coverage lines.\n\n");
        return;
    }
    let completeness = [Topic::Duo, Topic::Project].map(|topic| Completeness::of(topic, coverage));
    let is_reported = |gap: &Gap<'_>| gap.first <= last.end && gap.last >= first.start;
    let lines: Vec<&Coverage> = completeness.iter().flat_map(|found| found.gaps.iter().copied()).collect();
    let gaps: Vec<Gap<'_>> = gaps(&lines).into_iter().filter(is_reported).collect();
    let imported: BTreeSet<String> =
        completeness.iter().flat_map(|found| &found.imported).map(|line| code(&line.collector)).collect();
    if !imported.is_empty() {
        let names: Vec<String> = imported.iter().cloned().collect();
        let _ = writeln!(text, "Completeness unknown (imported events): {}.\n", names.join(", "));
    }
    if gaps.is_empty() && !imported.is_empty() {
        text.push_str("No known gaps.\n\n");
        return;
    }
    if gaps.is_empty() {
        text.push_str("All requested data was collected.\n\n");
        return;
    }
    text.push_str("Missing:\n\n");
    for gap in gaps.iter().take(MAX_ROWS) {
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
    if gaps.len() > MAX_ROWS {
        let more = (gaps.len() - MAX_ROWS) as u64;
        let _ = writeln!(text, "- {}", number::counted(more, "further gap", "further gaps"));
    }
    text.push('\n');
}

fn footer(text: &mut String, lines: &[Line<'_>], coverage: &[Coverage], min_people: u64) {
    if let Some((first, last)) = reported_days(lines.iter().map(|line| (line.metric, line.period))) {
        let _ = write!(text, "Days reported: {}", number::span(first, last));
        if let Some(at) = coverage.iter().filter_map(|line| line.fetched_at).max() {
            let _ = write!(text, ", collected {}", number::instant(at));
        }
        text.push_str(". ");
    }
    let _ = writeln!(
        text,
        "Values with fewer than {min_people} people behind them are suppressed, and so are values that would reveal them by subtraction. The digest contains no names."
    );
}

/// The display name of a scope.
fn name(scope: &str) -> String {
    match scope {
        ALL_SCOPES => "All groups".to_owned(),
        INSTANCE_SCOPE => "The whole instance".to_owned(),
        path => code(path),
    }
}

/// External text as inline code, where Markdown has no markup, references or mentions. Characters
/// that end the code, the cell or the line, or that a chat without inline code interprets, are
/// replaced by lookalikes.
fn code(text: &str) -> String {
    let lookalike = |c: char| match c {
        '`' => 'ˋ',
        '|' => '¦',
        '<' => '‹',
        '>' => '›',
        '@' => '＠',
        '\\' => '＼',
        c => c,
    };
    match plain(text, MAX_LABEL_LEN).chars().map(lookalike).collect::<String>() {
        empty if empty.is_empty() => "(no name)".to_owned(),
        text => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_text_is_one_line_of_code_without_mentions() {
        let hostile = "`@all` | <script>\n/close [x](http://evil) \\";
        assert_eq!(code(hostile), "`ˋ＠allˋ ¦ ‹script› /close [x](http://evil) ＼`");
        assert_eq!(code("\u{202e}\u{200b}\n"), "(no name)");
        assert_eq!(code("acme/web-1.2"), "`acme/web-1.2`");
    }
}
