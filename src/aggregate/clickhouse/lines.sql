-- Every line that is no counted usage event, as it was loaded.
SELECT line FROM duo_lines FINAL
FORMAT TabSeparatedRaw;
