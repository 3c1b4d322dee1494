-- One table over those of all nodes. All rows of a person are on one node, so each node's counts of
-- people are exact.
CREATE TABLE IF NOT EXISTS duo_events
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
    event_id String
)
ENGINE = Distributed({cluster}, currentDatabase(), duo_events_local, sipHash64(instance, user));

CREATE TABLE IF NOT EXISTS duo_lines
(
    day String,
    line String
)
ENGINE = Distributed({cluster}, currentDatabase(), duo_lines_local, sipHash64(line));

CREATE TABLE IF NOT EXISTS duo_usage
(
    fetch FixedString(16),
    instance String,
    collector String,
    scope String,
    day String,
    fetched_at String,
    user String,
    bot UInt8,
    event String,
    feature String,
    language Nullable(String),
    ide Nullable(String),
    events UInt64,
    sized UInt64,
    size UInt64
)
ENGINE = Distributed({cluster}, currentDatabase(), duo_usage_local);

CREATE TABLE IF NOT EXISTS duo_events_once
(
    fetch FixedString(16),
    instance String,
    collector String,
    scope String,
    day String,
    fetched_at String,
    ts String,
    event String,
    user String,
    bot UInt8,
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
    cache_write Nullable(UInt32)
)
ENGINE = Distributed({cluster}, currentDatabase(), duo_events_once_local);

CREATE TABLE IF NOT EXISTS duo_parts
(
    fetch FixedString(16),
    high UInt64,
    low UInt64
)
ENGINE = Distributed({cluster}, currentDatabase(), duo_parts_local);

CREATE TABLE IF NOT EXISTS duo_schema
(
    version UInt32
)
ENGINE = Distributed({cluster}, currentDatabase(), duo_schema_local);
