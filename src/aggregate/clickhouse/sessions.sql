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
    agents,
    flow_versions,
    item_types,
    items,
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
        max(with_bot) AS is_bot,
        min(first_at) AS since,
        groupUniqArrayArray(flow_types) AS flows,
        groupUniqArrayArray(places) AS environments,
        groupUniqArrayIf((ifNull(agent, ''), concat(first_at, 'Z')), agent IS NOT NULL) AS agents,
        groupUniqArrayIf((ifNull(version, ''), concat(first_at, 'Z')), version IS NOT NULL) AS flow_versions,
        groupUniqArrayIf((ifNull(item_type, ''), concat(first_at, 'Z')), item_type IS NOT NULL) AS item_types,
        groupUniqArrayIf((ifNull(item, ''), concat(first_at, 'Z')), item IS NOT NULL) AS items,
        groupUniqArrayArray(steps_and_times) AS steps
    FROM
    (
        -- Labels change rarely, so these are a few rows per session.
        SELECT
            fetch,
            any(instance) AS instance,
            any(collector) AS collector,
            any(scope) AS scope,
            any(day) AS day,
            any(fetched_at) AS fetched_at,
            session,
            user,
            agent,
            coalesce(item_version, flow_version, nullIf(extract(flow, '/(v[0-9]+)$'), '')) AS version,
            item_type,
            item,
            max(bot) AS with_bot,
            min(substring(ts, 1, length(ts) - 1)) AS first_at,
            groupUniqArray(replaceRegexpOne(flow, '/v[0-9]+$', '')) AS flow_types,
            groupUniqArray(environment) AS places,
            groupUniqArrayIf(
                (
                    ts,
                    transform(concat(event, if(ifNull(outcome, '') = '{cancelled}', ' {cancelled}', '')), [{step_events}], [{steps}], '')
                ),
                event IN ({step_events})
            ) AS steps_and_times
        FROM duo_events_once
        WHERE session IS NOT NULL AND (event IN ({agent_events}) OR startsWith(event, '{call_of_model}'))
        GROUP BY fetch, session, user, agent, version, item_type, item
    ) AS labeled
    GROUP BY fetch, session, user
) AS sessions
{parts}
SETTINGS
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    max_bytes_before_external_group_by = 2000000000,
    distributed_aggregation_memory_efficient = 1
FORMAT JSONEachRow;
