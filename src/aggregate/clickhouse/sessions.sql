-- Rollup lines of kind `session`: what the agent events report of each session and person, as sets.
SELECT
    'rollup' AS type,
    'session' AS kind,
    instance,
    collector,
    scope,
    day,
    fetched_at,
    part,
    session,
    -- Timestamps without their Z sort by time, with or without fractions of a second.
    [(user, concat(since, 'Z'))] AS users,
    if(is_bot = 1, [user], emptyArrayString()) AS bots,
    flows,
    environments,
    steps
FROM
(
    SELECT
        fetch,
        any(instance) AS instance,
        any(collector) AS collector,
        any(scope) AS scope,
        any(day) AS day,
        any(fetched_at) AS fetched_at,
        session,
        user,
        max(bot) AS is_bot,
        min(substring(ts, 1, length(ts) - 1)) AS since,
        groupUniqArray(replaceRegexpOne(flow, '/v[0-9]+$', '')) AS flows,
        groupUniqArray(environment) AS environments,
        groupUniqArrayIf(
            (
                ts,
                transform(concat(event, if(ifNull(outcome, '') = '{cancelled}', ' {cancelled}', '')), [{step_events}], [{steps}], '')
            ),
            event IN ({step_events})
        ) AS steps
    FROM duo_events_once
    WHERE session IS NOT NULL AND (event IN ({agent_events}) OR startsWith(event, '{call_of_model}'))
    GROUP BY fetch, session, user
) AS sessions
{parts}
SETTINGS
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    max_bytes_before_external_group_by = 2000000000,
    distributed_aggregation_memory_efficient = 1
FORMAT JSONEachRow;
