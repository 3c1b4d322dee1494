-- Rollup lines of the kind `usage`.
SELECT
    'rollup' AS type,
    'usage' AS kind,
    instance,
    collector,
    scope,
    day,
    fetched_at,
    part,
    user,
    bot,
    event,
    feature,
    language,
    ide,
    events,
    sized,
    size AS lines
FROM duo_usage
GLOBAL ALL INNER JOIN
(
    -- The sum of both halves in decimals: it has up to thirty of them, more than a number here can hold.
    SELECT
        fetch,
        sum(high) + intDiv(sum(low), 1000000000) AS above,
        toString(sum(low) % 1000000000) AS below,
        if(above = 0, below, concat(toString(above), substring('000000000', 1, 9 - length(below)), below)) AS part
    FROM duo_parts
    GROUP BY fetch
) AS parts USING (fetch)
SETTINGS
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    max_bytes_before_external_group_by = 2000000000
FORMAT JSONEachRow;
