-- Every line that is no counted usage event, as it was loaded.
SELECT DISTINCT line FROM duo_lines
FORMAT TabSeparatedRaw;
