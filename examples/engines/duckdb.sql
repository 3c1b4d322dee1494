-- Converts the record lines in records.jsonl to rollup lines (docs/streams.md), and copies all
-- other lines unchanged:
--
--     duckdb :memory: < duckdb.sql | duo-metrics aggregate > metrics.jsonl
--
-- Any engine that can group JSON lines can do the same.
COPY (
    WITH
    lines AS MATERIALIZED (
        SELECT json AS line FROM read_ndjson_objects('records.jsonl', maximum_object_size = 67108864)
    ),
    -- Events of agents are not counted but copied. So are events of another day than their fetch,
    -- which `aggregate` rejects.
    classified AS MATERIALIZED (
        SELECT
            line,
            coalesce(
                line->>'type' = 'event'
                AND line->>'event' NOT IN (
                    'agent_platform_session_created', 'create_agent_platform_session',
                    'agent_platform_session_started', 'start_agent_platform_session',
                    'agent_platform_session_resumed', 'agent_platform_session_finished',
                    'agent_platform_session_dropped', 'agent_platform_session_stopped',
                    'cleanup_stuck_agent_platform_session', 'receive_start_duo_workflow', 'request_duo_workflow',
                    'resume_duo_workflow', 'retry_request_duo_workflow', 'pause_duo_workflow',
                    'request_duo_workflow_success', 'request_duo_workflow_failure', 'request_duo_workflow_aborted',
                    'reject_duo_agent_platform', 'duo_workflow_tool_success', 'duo_workflow_tool_failure',
                    'finish_mcp_tool_call'
                )
                AND NOT starts_with(line->>'event', 'token_usage_')
                AND starts_with(line->>'ts', (line->>'day') || 'T'),
                false
            ) AS is_counted
        FROM lines
    ),
    -- Repeated events count once: by id, or without an id by row.
    events AS MATERIALIZED (
        SELECT DISTINCT ON (instance, collector, scope, day, fetched_at, event_id IS NULL, identity) *
        FROM (
            SELECT
                line->>'instance' AS instance,
                line->>'collector' AS collector,
                line->>'scope' AS scope,
                line->>'day' AS day,
                line->>'fetched_at' AS fetched_at,
                line->>'event_id' AS event_id,
                coalesce(line->>'event_id', line->>'row') AS identity,
                line->>'user' AS person,
                coalesce(line->>'bot' = 'true', false) AS bot,
                line->>'event' AS event,
                line->>'feature' AS feature,
                line->>'language' AS language,
                line->>'ide' AS ide,
                CAST(line->>'lines' AS UBIGINT) AS size
            FROM classified
            WHERE is_counted
        )
    ),
    -- Checksum of the events of a fetch: the sum of the first 15 hexadecimal digits of each one's
    -- SHA-256.
    parts AS (
        SELECT
            instance, collector, scope, day, fetched_at,
            CAST(sum(CAST('0x' || substr(sha256(identity), 1, 15) AS HUGEINT)) AS VARCHAR) AS part
        FROM events
        GROUP BY ALL
    ),
    rollups AS (
        SELECT
            'rollup' AS type, 'usage' AS kind, instance, collector, scope, day, fetched_at, part, person AS user,
            bool_or(bot) AS bot, event, feature, language, ide,
            count(*) AS events, count(size) AS sized, coalesce(sum(size), 0) AS lines
        FROM events JOIN parts USING (instance, collector, scope, day, fetched_at)
        GROUP BY instance, collector, scope, day, fetched_at, part, person, event, feature, language, ide
    )
    SELECT CAST(to_json(rollups) AS VARCHAR) FROM rollups
    UNION ALL
    SELECT CAST(line AS VARCHAR) FROM classified WHERE NOT is_counted
)
TO '/dev/stdout' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\x01');
