-- Rollup lines of kind `agent`: tool calls, and model calls with their tokens.
SELECT
    'rollup' AS type,
    'agent' AS kind,
    instance,
    collector,
    scope,
    day,
    fetched_at,
    part,
    user,
    is_bot AS bot,
    event,
    flow_type AS flow,
    of_session AS session,
    tool,
    model,
    events,
    successes AS succeeded,
    failures AS failed,
    input_sum AS input_tokens,
    input_told,
    output_sum AS output_tokens,
    output_told,
    read_sum AS cache_read,
    cache_read_told,
    written_5m_sum AS cache_write_5m,
    cache_write_5m_told,
    written_1h_sum AS cache_write_1h,
    cache_write_1h_told,
    written_sum AS cache_write,
    cache_write_told,
    uncached_input,
    inclusive_events,
    inclusive_input,
    inclusive_cache_read
FROM
(
    -- Only model calls carry tokens. If the input count is not less than the tokens read from and
    -- written to the cache, it includes them.
    WITH
        startsWith(event, '{call_of_model}') AS is_of_model,
        if(is_of_model, input_tokens, NULL) AS input,
        if(is_of_model, output_tokens, NULL) AS output,
        if(is_of_model, toUInt64(cache_read), NULL) AS from_cache,
        if(is_of_model, toUInt64(cache_write_5m), NULL) AS written_5m,
        if(is_of_model, toUInt64(cache_write_1h), NULL) AS written_1h,
        if(
            is_of_model AND (cache_write IS NOT NULL OR cache_write_5m IS NOT NULL OR cache_write_1h IS NOT NULL),
            ifNull(toUInt64(cache_write), ifNull(written_5m, 0) + ifNull(written_1h, 0)),
            NULL
        ) AS written,
        ifNull(from_cache, 0) + ifNull(written, 0) AS cached,
        cached <= ifNull(input, 0) AS includes_cache,
        includes_cache AND input IS NOT NULL AND from_cache IS NOT NULL AS is_inclusive,
        NOT is_of_model AND (event IN ({succeeded_tools}) OR ifNull(outcome, '') = 'success') AS is_success,
        NOT is_of_model AND NOT is_success AND (event IN ({failed_tools}) OR ifNull(outcome, '') = 'failure') AS is_failure
    SELECT
        fetch,
        any(instance) AS instance,
        any(collector) AS collector,
        any(scope) AS scope,
        any(day) AS day,
        any(fetched_at) AS fetched_at,
        user,
        max(bot) AS is_bot,
        event,
        replaceRegexpOne(flow, '/v[0-9]+$', '') AS flow_type,
        if(flow IS NULL, session, NULL) AS of_session,
        tool,
        model,
        count() AS events,
        countIf(is_success) AS successes,
        countIf(is_failure) AS failures,
        sum(ifNull(input, 0)) AS input_sum,
        count(input) AS input_told,
        sum(ifNull(output, 0)) AS output_sum,
        count(output) AS output_told,
        sum(ifNull(from_cache, 0)) AS read_sum,
        count(from_cache) AS cache_read_told,
        sum(ifNull(written_5m, 0)) AS written_5m_sum,
        count(written_5m) AS cache_write_5m_told,
        sum(ifNull(written_1h, 0)) AS written_1h_sum,
        count(written_1h) AS cache_write_1h_told,
        sum(ifNull(written, 0)) AS written_sum,
        count(written) AS cache_write_told,
        sum(if(includes_cache, toUInt64(ifNull(input, 0) - cached), toUInt64(ifNull(input, 0)))) AS uncached_input,
        countIf(is_inclusive) AS inclusive_events,
        sumIf(ifNull(input, 0), is_inclusive) AS inclusive_input,
        sumIf(ifNull(from_cache, 0), is_inclusive) AS inclusive_cache_read
    FROM duo_events_once
    WHERE event IN ({tools}) OR startsWith(event, '{call_of_model}')
    GROUP BY fetch, user, event, flow_type, of_session, tool, model
) AS agents
{parts}
SETTINGS
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    max_bytes_before_external_group_by = 2000000000,
    distributed_aggregation_memory_efficient = 1
FORMAT JSONEachRow;
