-- Rollup lines of kind `usage`.
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
{parts}
SETTINGS
    output_format_json_quote_64bit_integers = 0,
    output_format_json_escape_forward_slashes = 0,
    max_bytes_before_external_group_by = 2000000000
FORMAT JSONEachRow;
