-- Code suggestions with language and size.
SELECT
    toString(toDate(timestamp, 'UTC')) AS day,
    toString(event) AS event,
    concat(replaceOne(toString(toDateTime64(timestamp, 6, 'UTC')), ' ', 'T'), 'Z') AS at,
    toString(user_id) AS user,
    namespace_path,
    unique_tracking_id,
    language,
    toString(suggestion_size) AS suggestion_size
FROM code_suggestion_events FINAL
FORMAT JSONEachRow;
