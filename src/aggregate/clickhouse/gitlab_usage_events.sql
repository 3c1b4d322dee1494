-- Usage events, each once by GitLab's own sorting key. Equal rows are one group: canonical `extras`
-- are reduced to the counted keys, and only steps of sessions keep their own timestamps.
SELECT
    toString(toDate(timestamp, 'UTC')) AS day,
    toString(event) AS number,
    toString(user_id) AS user,
    if(
        match(extras, '^\\{({pair}(,{pair})*)?\\}$'),
        concat('{', arrayStringConcat(extractAll(extras, '"(?:{counted})":{value}'), ','), '}'),
        extras
    ) AS counted_extras,
    concat(replaceOne(toString(toDateTime64(min(timestamp), 6, 'UTC')), ' ', 'T'), 'Z') AS at,
    toString(count()) AS rows
FROM {table} FINAL
WHERE toDate(timestamp, 'UTC') BETWEEN toDate('{first}') AND toDate('{last}')
GROUP BY day, event, user_id, counted_extras, if(event IN ({step_numbers}), toString(timestamp), '')
FORMAT JSONEachRow;
