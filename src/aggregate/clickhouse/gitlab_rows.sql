-- The number of rows per day, each row once by GitLab's own sorting key.
SELECT toString(toDate(timestamp, 'UTC')) AS day, toString(count()) AS rows
FROM {table} FINAL
GROUP BY day
FORMAT JSONEachRow;
