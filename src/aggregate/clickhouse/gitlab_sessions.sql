-- Sessions per day of creation. Each should have one creation event; fewer events mean that some
-- are missing.
SELECT toString(toDate(created, 'UTC')) AS day, toString(count()) AS rows
FROM
(
    SELECT anyIfMerge(created_event_at) AS created
    FROM agent_platform_sessions
    GROUP BY namespace_path, user_id, session_id, flow_type
) AS sessions
WHERE created IS NOT NULL
GROUP BY day
FORMAT JSONEachRow;
