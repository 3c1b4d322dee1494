-- The reference job `aggregate`: the input of a dashboard of Duo usage, as lines of text with one value each:
--   D day feature events people        A day people        W monday people        M month people
--   L language shown accepted rate (in basis points, rounded down)
--   S month flow sessions p50 p95 (milliseconds from start to end), by the month of the first step
--   U user active_days events active_days_of_the_last_28 segment
-- $events are the usage events to count. A person with an event of intentional use is active (docs/metrics.md).

CREATE TEMP TABLE events AS
SELECT day::DATE AS day, feature, event, "user", language, ts, session, flow FROM $events;

CREATE TEMP TABLE features AS
SELECT day, feature, "user", count(*) AS events,
       bool_or(event NOT IN ('code_suggestion_shown_in_ide', 'code_suggestions_requested',
                             'agent_platform_session_finished', 'agent_platform_session_dropped')
               AND NOT starts_with(event, 'post_comment_') AND NOT starts_with(event, 'find_no')
               AND NOT ends_with(event, '_mcp_tool_call')) AS is_active
FROM events GROUP BY ALL;

CREATE TEMP TABLE days AS
SELECT day, "user", sum(events) AS events, bool_or(is_active) AS is_active FROM features GROUP BY ALL;

CREATE TEMP TABLE sessions AS
SELECT min(flow) AS flow, min(moment) FILTER (is_step) AS first,
       coalesce(min(moment) FILTER (step = 'created'), min(moment) FILTER (step = 'started')) AS started,
       max(moment) FILTER (step IN ('finished', 'dropped', 'stopped')) AS ended
FROM (
    SELECT session, flow, ts::TIMESTAMP AS moment, starts_with(event, 'agent_platform_session_') AS is_step,
           replace(event, 'agent_platform_session_', '') AS step
    -- Sessions consist of steps and ends of tool calls; other events do not count.
    FROM events WHERE session IS NOT NULL AND (is_step OR event = 'finish_mcp_tool_call')
)
GROUP BY session;

COPY (
    SELECT concat_ws(chr(9), 'D', day, feature, sum(events), count(*)) FROM features GROUP BY day, feature
    UNION ALL
    SELECT concat_ws(chr(9), 'A', day, count(*)) FROM days GROUP BY day
    UNION ALL
    SELECT concat_ws(chr(9), 'W', monday::DATE, count(DISTINCT "user"))
    FROM (SELECT date_trunc('week', day) AS monday, "user" FROM days) GROUP BY monday
    UNION ALL
    SELECT concat_ws(chr(9), 'M', strftime(first, '%Y-%m'), count(DISTINCT "user"))
    FROM (SELECT date_trunc('month', day) AS first, "user" FROM days) GROUP BY first
    UNION ALL
    SELECT concat_ws(chr(9), 'L', language, shown, accepted,
                     CASE shown WHEN 0 THEN '-' ELSE (accepted * 10000 // shown)::VARCHAR END)
    FROM (
        SELECT coalesce(language, '(none)') AS language,
               count(*) FILTER (event = 'code_suggestion_shown_in_ide') AS shown,
               count(*) FILTER (event = 'code_suggestion_accepted_in_ide') AS accepted
        FROM events
        WHERE event IN ('code_suggestion_shown_in_ide', 'code_suggestion_accepted_in_ide')
        GROUP BY ALL
    )
    UNION ALL
    SELECT concat_ws(chr(9), 'S', strftime(first, '%Y-%m'), flow, count(*), coalesce(quantile_disc(duration, 0.5)::VARCHAR, 'None'),
                     coalesce(quantile_disc(duration, 0.95)::VARCHAR, 'None'))
    -- The duration of a session that ended before it began is unknown.
    FROM (
        SELECT first, flow, CASE WHEN ended >= started THEN epoch_ms(ended) - epoch_ms(started) END AS duration
        FROM sessions WHERE first IS NOT NULL
    )
    GROUP BY strftime(first, '%Y-%m'), flow
    UNION ALL
    SELECT concat_ws(chr(9), 'U', "user", active_days, events, active_28,
                     CASE WHEN active_28 = 0 THEN 'inactive' WHEN active_28 < 4 THEN 'experimenting'
                          WHEN active_28 < 12 THEN 'regular' ELSE 'heavy' END)
    FROM (
        SELECT "user", count(*) FILTER (is_active) AS active_days, sum(events) AS events,
               count(*) FILTER (is_active AND day > (SELECT max(day) FROM days) - 28) AS active_28
        FROM days GROUP BY "user"
    )
) TO '$output' (FORMAT csv, HEADER false, DELIMITER '\x1f', QUOTE '');
