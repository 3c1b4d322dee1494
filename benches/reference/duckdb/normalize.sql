-- The reference job `normalize`: a record for each row of the raw pages that belongs to the day of
-- its page. $pages are the raw lines, $distinct removes repeated rows. Features and aliases cover
-- only the events of the generator.

COPY (
    WITH rows AS (
        SELECT instance, collector, scope, day, fetched_at, page || ':' || index AS "row", node, node.extras AS extras,
               lower(node.event) AS event
        FROM (
            SELECT * EXCLUDE (nodes), unnest(nodes) AS node, generate_subscripts(nodes, 1) - 1 AS index
            FROM $pages
        )
        WHERE try_cast(node.timestamp AS TIMESTAMP)::DATE = day::DATE
    ),
    events AS (
        SELECT *, CASE WHEN starts_with(event, 'code_suggestion') THEN 'code_suggestions'
                       WHEN event = 'request_duo_chat_response' THEN 'chat'
                       WHEN event = 'troubleshoot_job' THEN 'troubleshoot_job'
                       WHEN contains(event, '_duo_code_review') THEN 'code_review'
                       WHEN starts_with(event, 'agent_platform_session_') THEN 'agent_platform'
                       WHEN ends_with(event, '_mcp_tool_call') THEN 'mcp'
                       ELSE 'other' END AS feature,
               CASE lower(extras.ide_name) WHEN 'visual studio code' THEN 'vscode'
                                           ELSE lower(extras.ide_name) END AS ide
        FROM rows
    )
    SELECT $distinct 'event' AS type, node.timestamp AS ts, instance, collector, scope, day, fetched_at, "row",
           event, feature, node."user".id AS "user", node."user".username AS username,
           nullif(node."user".bot, false) AS bot,
           CASE feature WHEN 'code_suggestions' THEN coalesce(lower(extras.language), '(none)') END AS language,
           ide, CASE WHEN ide <> extras.ide_name THEN extras.ide_name END AS ide_original,
           CASE feature WHEN 'code_suggestions' THEN try_cast(extras.suggestion_size AS UINTEGER) END AS lines,
           node.namespacePath AS namespace, 'gid://gitlab/Project/' || extras.project_id AS project,
           extras.session_id AS session, extras.flow_type AS flow, CASE extras.environment WHEN 'ide' THEN 'chat' WHEN 'web' THEN 'ambient' ELSE extras.environment END AS environment,
           extras.tool_name AS tool, extras.model_name AS model
    FROM events
) TO '$output' (FORMAT json);
