//! Definitions of the answer: verdict, staircase, trend, impact and actions.
//!
//! No family computes them: [`crate::aggregate`] knows values that are suppressed later. They are
//! made from published lines only (`publish/answer`).

use super::definition::{Definition, Unit};
use crate::base::calendar::Grain;

/// The definitions of all answers.
pub const DEFINITIONS: [&Definition; 5] = [&VERDICT, &STAIRCASE, &TREND, &IMPACT, &ACTION];

const WINDOW: &[Grain] = &[Grain::Window];

/// The sentence at the top of the dashboard.
pub const VERDICT: Definition = Definition {
    metric: "answer.verdict",
    title: "Verdict",
    unit: Unit::Share(&[]),
    grains: WINDOW,
    by: &["sentence"],
    relations: &[],
    text: "The first sentence of the dashboard, with the share of assigned seats that were active \
           (seats.active): in_use from 50%, partly_used from 20%, hardly_used below, not_used at 0. \
           If a day is missing, only in_use is certain, and the sentence says \"at least\"; below \
           50% it is incomplete. Without seats it is used_without_seats (users.active; no share) or \
           nobody; without people, agents_only (agents.sessions; n is the number of sessions). \
           suppressed and unknown have no value: whether Duo is in use cannot be said.",
};

/// From purchased seats to habit.
pub const STAIRCASE: Definition = Definition {
    metric: "answer.staircase",
    title: "Staircase from money to habit",
    unit: Unit::Seats,
    grains: WINDOW,
    by: &["step"],
    relations: &[],
    text: "Seats by step: purchased and assigned (sums of seats.purchased and seats.assigned over \
           the add-ons, on the day of the seat list of seats.active), active (n of seats.active), \
           regular (engagement.users of seat holders, segments regular and heavy) and heavy. A step \
           is suppressed if one of its inputs is, and unknown for the reason of its input.",
};

/// The change of weekly values, with its noise.
pub const TREND: Definition = Definition {
    metric: "answer.trend",
    title: "Trend and its noise",
    unit: Unit::Share(&[]),
    grains: WINDOW,
    by: &["about×stat"],
    relations: &[],
    text: "The newest four complete weeks (n) compared with the four before (of). About people, \
           change is the relative change of the mean number of active people a week (users.active); \
           about acceptance, it is the difference of the acceptance rates of code suggestions, each \
           a ratio of sums. noise is the size below which there is no clear change: 1.48 times the \
           median absolute difference of neighboring weeks (of up to 13 weeks), at least 2% for \
           people; at least 0.5 percentage points and the 95% interval of the difference of two \
           shares for acceptance. Of each four weeks, one may be missing or \
           suppressed.",
};

/// Whether merge requests of people who use Duo are merged faster.
pub const IMPACT: Definition = Definition {
    metric: "answer.impact",
    title: "Impact in words",
    unit: Unit::Share(&[]),
    grains: WINDOW,
    by: &["sentence"],
    relations: &[],
    text: "The median time to merge of authors who use Duo divided by that of others \
           (impact.time_to_merge_seconds, p50; n and of are the seconds). The sentence is overlap if \
           the two intervals (low to high) overlap: then no difference can be shown; else shorter or \
           longer. Suppressed or unknown inputs give no line. A difference does not prove a cause.",
};

/// What to do, by rule.
pub const ACTION: Definition = Definition {
    metric: "answer.action",
    title: "What to do this month",
    unit: Unit::Share(&[]),
    grains: &[Grain::Month, Grain::Window],
    by: &["rule", "rule×flow", "rule×tool"],
    relations: &[],
    text: "The rules that fire, with n of N (k is the smallest published group, 5 by default). \
           seats_never_assigned: purchased seats that are not assigned, of the purchased; from k and \
           2%. seats_idle: seat holders idle for certain (seats.idle), of the seat holders; from k \
           and 2%. active_without_seat: active people less active seat holders, of the active \
           people; from k and 5%. slipping_back: people who were regular or heavy users 28 days ago \
           and are now experimenting or inactive (engagement.movement), of all seat holders (without a \
           seat list, of all people); from k and 5%; n counts the published ones of the four pairs \
           of segments, and basis is their share. flow_fails_most: sessions of the \
           flow with the highest share that did not finish, of those that ended \
           (agents.success_rate); from 30 sessions, k failures and 25%. tool_fails_most: failed calls of the \
           tool with the highest share (agents.tool_failure_rate); from 30 calls, k failures and 10%. \
           credits_run_out: day of the newest month on which half of the simulated months have used up \
           their credits (credits.run_out_on, p50), of its days; whenever there is such a day and \
           the month is not over. A \
           rule with an input that is suppressed or unknown stays silent.",
};
