-- How many rows there are of each day, each once, as GitLab itself tells rows apart.
SELECT toString(toDate(timestamp, 'UTC')) AS day, toString(count()) AS rows
FROM {table} FINAL
GROUP BY day
FORMAT JSONEachRow;
