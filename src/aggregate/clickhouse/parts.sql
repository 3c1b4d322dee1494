GLOBAL ALL INNER JOIN
(
    -- The sum of both halves in decimal notation: up to thirty digits, more than a number type here
    -- can hold.
    SELECT
        fetch,
        sum(high) + intDiv(sum(low), 1000000000) AS above,
        toString(sum(low) % 1000000000) AS below,
        if(above = 0, below, concat(toString(above), substring('000000000', 1, 9 - length(below)), below)) AS part
    FROM duo_parts
    GROUP BY fetch
) AS parts USING (fetch)
