-- Every line except the counted usage events, unchanged.
SELECT line FROM duo_lines FINAL
FORMAT TabSeparatedRaw;
