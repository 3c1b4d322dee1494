-- Code suggestions with language and size, each once. Equal rows are one group.
SELECT
    toString(toDate(timestamp, 'UTC')) AS day,
    toString(event) AS number,
    toString(user_id) AS user,
    language,
    toString(suggestion_size) AS size,
    concat(replaceOne(toString(toDateTime64(min(timestamp), 6, 'UTC')), ' ', 'T'), 'Z') AS at,
    toString(count()) AS rows
FROM {table} FINAL
WHERE toDate(timestamp, 'UTC') BETWEEN toDate('{first}') AND toDate('{last}')
GROUP BY day, event, user_id, language, size
FORMAT JSONEachRow;
