-- Usage events, each once, as GitLab itself tells rows apart.
SELECT
    toString(toDate(timestamp, 'UTC')) AS day,
    toString(event) AS event,
    concat(replaceOne(toString(toDateTime64(timestamp, 6, 'UTC')), ' ', 'T'), 'Z') AS at,
    toString(user_id) AS user,
    namespace_path,
    extras
FROM ai_usage_events FINAL
FORMAT JSONEachRow;
