-- The tables of duo-metrics in ClickHouse, version 3. On a cluster, each node has them with the
-- suffix `_local`, and a distributed table covers those of all nodes.

-- Usage events, one row per line. Texts stay texts, so no value is out of range for its type. The
-- columns that identify a row are computed here: `fetch` is the fetch; within it the id of the
-- event or, without one, its row (`page` and `place`). The sorting key contains all of these, so
-- FINAL returns an event once however often it was loaded. `digest` is its share of `part`. User
-- names are not stored.
CREATE TABLE IF NOT EXISTS duo_events{local}
(
    ts String,
    instance String,
    collector String,
    scope String,
    day String,
    fetched_at String,
    row String,
    event String,
    feature String,
    user String,
    bot UInt8,
    language Nullable(String),
    ide Nullable(String),
    lines Nullable(UInt32),
    session Nullable(String),
    flow Nullable(String),
    environment Nullable(String),
    agent Nullable(String),
    flow_version Nullable(String),
    item_type Nullable(String),
    item Nullable(String),
    item_version Nullable(String),
    tool Nullable(String),
    model Nullable(String),
    outcome Nullable(String),
    input_tokens Nullable(UInt32),
    output_tokens Nullable(UInt32),
    cache_read Nullable(UInt32),
    cache_write_5m Nullable(UInt32),
    cache_write_1h Nullable(UInt32),
    cache_write Nullable(UInt32),
    event_id String,
    fetch FixedString(16) DEFAULT MD5(concat(instance, '\n', collector, '\n', scope, '\n', day, '\n', fetched_at)),
    page UInt32 DEFAULT if(event_id != '' OR position(row, ':') = 0, 0, toUInt32OrZero(substring(row, 1, position(row, ':') - 1))),
    place UInt32 DEFAULT if(event_id != '', 0, toUInt32OrZero(substring(row, position(row, ':') + 1))),
    digest UInt64 DEFAULT bitShiftRight(reinterpretAsUInt64(reverse(substring(SHA256(if(event_id = '', row, event_id)), 1, 8))), 4)
)
ENGINE = ReplacingMergeTree
PARTITION BY substring(day, 1, 7)
ORDER BY (day, fetch, event_id, page, place);

-- All other lines (coverage, seats, merge requests, rollups, …), unchanged.
CREATE TABLE IF NOT EXISTS duo_lines{local}
(
    day String,
    line String,
    digest FixedString(16) DEFAULT MD5(line)
)
ENGINE = ReplacingMergeTree
PARTITION BY substring(day, 1, 7)
ORDER BY (day, digest);

-- Usage events counted, as in rollup lines.
CREATE VIEW IF NOT EXISTS duo_usage{local} AS
SELECT
    fetch,
    any(instance) AS instance,
    any(collector) AS collector,
    any(scope) AS scope,
    any(day) AS day,
    any(fetched_at) AS fetched_at,
    user,
    max(bot) AS bot,
    event,
    feature,
    language,
    ide,
    count() AS events,
    count(lines) AS sized,
    sum(ifNull(lines, 0)) AS size
FROM duo_events{local} FINAL
GROUP BY fetch, user, event, feature, language, ide;

-- Usage events, each once, for the statements about agents, which select their events themselves.
CREATE VIEW IF NOT EXISTS duo_events_once{local} AS
SELECT
    fetch, instance, collector, scope, day, fetched_at, ts, event, user, bot, session, flow, environment, agent,
    flow_version, item_type, item, item_version, tool, model, outcome, input_tokens, output_tokens, cache_read,
    cache_write_5m, cache_write_1h, cache_write
FROM duo_events{local} FINAL;

-- The digests of each fetch, summed in two halves: the last nine decimal digits, and those above.
CREATE VIEW IF NOT EXISTS duo_parts{local} AS
SELECT fetch, sum(intDiv(digest, 1000000000)) AS high, sum(digest % 1000000000) AS low
FROM duo_events{local} FINAL
GROUP BY fetch;

CREATE VIEW IF NOT EXISTS duo_schema{local} AS SELECT toUInt32(3) AS version;
