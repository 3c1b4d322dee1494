// Writes the numbers that are in the page from the start, which are English, as the reader's locale writes them: the script
// formats its own numbers that way, and "1,000" beside "1.000" would be misread.

/** A number with separators or a percent sign; not part of a name such as `model-3.5` or of a version such as `1.2.3`. */
const ENGLISH_NUMBER = /(?<![\w.,-])(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(%?)(?![\w-]|[.,]\d)/g;

/**
 * @param {string} text
 * @param {string} [locale] of the browser, if absent
 */
export function localizedNumbers(text, locale) {
  return text.replace(ENGLISH_NUMBER, (found, whole, fraction, percent) => {
    if (found === whole && !whole.includes(",")) return found;
    const digits = fraction?.length ?? 0;
    const value = Number(`${whole.replaceAll(",", "")}.${fraction ?? 0}`);
    const format = new Intl.NumberFormat(locale, {
      style: percent ? "percent" : "decimal",
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    return format.format(percent ? value / 100 : value);
  });
}

/**
 * Names, groups and the reasons of missing data, which state versions, stay as they are.
 * @param {Element} root
 */
export function localizeNumbers(root) {
  if (localizedNumbers("1,234.5%") === "1,234.5%") return;
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, ({ parentElement }) =>
    parentElement?.closest(".name, .facts-list, .answer-scope")
      ? NodeFilter.FILTER_REJECT
      : NodeFilter.FILTER_ACCEPT,
  );
  for (let text = texts.nextNode(); text; text = texts.nextNode())
    text.nodeValue = localizedNumbers(text.nodeValue ?? "");
}
