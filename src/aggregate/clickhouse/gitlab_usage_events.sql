-- Usage events, each once, as GitLab itself tells rows apart. Those that say the same are one group: of `extras` that are
-- spelled plainly only what counts is left, and only the steps of sessions have each its own moment.
SELECT
    toString(toDate(timestamp, 'UTC')) AS day,
    toString(event) AS number,
    toString(user_id) AS user,
    if(
        match(extras, '^\\{({pair}(,{pair})*)?\\}$'),
        concat('{', arrayStringConcat(extractAll(extras, '"(?:{counted})":{value}'), ','), '}'),
        extras
    ) AS told,
    concat(replaceOne(toString(toDateTime64(min(timestamp), 6, 'UTC')), ' ', 'T'), 'Z') AS at,
    toString(count()) AS rows
FROM {table} FINAL
WHERE toDate(timestamp, 'UTC') BETWEEN toDate('{first}') AND toDate('{last}')
GROUP BY day, event, user_id, told, if(event IN ({step_numbers}), toString(timestamp), '')
FORMAT JSONEachRow;
