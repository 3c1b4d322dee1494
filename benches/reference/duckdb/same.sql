-- Records that two files do not contain equally often: no row, or the first such record of each
-- file. $distinct counts repeated records of $ours once.

CREATE TEMP TABLE differing AS
SELECT digest
FROM (
    SELECT $distinct hash(line) AS digest, 1 AS times FROM $ours AS line
    UNION ALL
    SELECT hash(line), -1 FROM $theirs AS line
)
GROUP BY digest
HAVING sum(times) <> 0;

(SELECT 'duo-metrics: ' || to_json(line) FROM $ours AS line
 WHERE hash(line) IN (FROM differing) ORDER BY day, ts, "row" LIMIT 1)
UNION ALL
(SELECT 'DuckDB: ' || to_json(line) FROM $theirs AS line
 WHERE hash(line) IN (FROM differing) ORDER BY day, ts, "row" LIMIT 1);
