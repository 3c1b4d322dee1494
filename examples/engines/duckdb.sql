-- Makes rollup lines of record lines (docs/streams.md), and passes every other line on as it is:
--
--   duckdb < duckdb.sql < nothing; the stream is read from the file named below, and the result is `duo-metrics aggregate`'s input.
--
-- Any engine that can group JSON lines can do the same.
COPY (
    WITH
    streams AS MATERIALIZED (
        SELECT json AS line FROM read_ndjson_objects('records.jsonl', maximum_object_size = 67108864)
    ),
    -- What is told of sessions, agents and tokens is not counted here: such events are passed on.
    judged AS MATERIALIZED (
        SELECT
            line,
            line->>'type' = 'event'
                AND coalesce(
                    line->>'session', line->>'flow', line->>'environment', line->>'tool', line->>'agent',
                    line->>'agent_type', line->>'flow_version', line->>'outcome', line->>'input_tokens',
                    line->>'output_tokens', line->>'total_tokens'
                ) IS NULL
                AND line->>'ts' LIKE line->>'day' || 'T%' AS is_counted
        FROM streams
    ),
    -- A row counts once, however often it comes.
    rows AS MATERIALIZED (
        SELECT DISTINCT ON (instance, collector, scope, day, fetched_at, place) *
        FROM (
            SELECT
                line->>'instance' AS instance,
                line->>'collector' AS collector,
                line->>'scope' AS scope,
                line->>'day' AS day,
                line->>'fetched_at' AS fetched_at,
                line->>'row' AS place,
                line->>'user' AS person,
                coalesce(line->>'bot' = 'true', false) AS bot,
                line->>'event' AS event,
                line->>'feature' AS feature,
                line->>'language' AS language,
                line->>'ide' AS ide,
                CAST(line->>'lines' AS UBIGINT) AS size,
                line->>'event_id' AS event_id
            FROM judged
            WHERE is_counted
        )
    ),
    -- Which rows of a fetch were counted together: the sum of the first 15 hexadecimal digits of each one's SHA-256.
    parts AS (
        SELECT
            instance, collector, scope, day, fetched_at,
            CAST(sum(CAST('0x' || substr(sha256(place), 1, 15) AS HUGEINT)) AS VARCHAR) AS part
        FROM rows
        GROUP BY ALL
    ),
    -- Where a source has ids of its own, the same id in another row is the same event.
    events AS (
        SELECT DISTINCT ON (instance, collector, scope, day, fetched_at, coalesce('id ' || event_id, 'row ' || place)) *
        FROM rows
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
    SELECT CAST(line AS VARCHAR) FROM judged WHERE NOT coalesce(is_counted, false)
)
TO '/dev/stdout' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\x01');
