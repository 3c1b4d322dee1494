// The change between two periods of equal length.

import { decimalFormat, FORMATTERS, percentFormat, periodName, wholePercentFormat } from "./format.js";
import { isImported } from "./metrics.js";

/**
 * @import {Style} from "./format.js"
 * @import {Line} from "./metrics.js"
 */

/** What is written where two values differ by less than chance alone would make them. */
export const NO_CLEAR_CHANGE = "no clear change";

/** The normal quantile of a 95% interval. */
const Z = 1.96;

/** Suggestions and sessions of one person resemble each other, which doubles the variance of a rate. */
const DESIGN_EFFECT = 2;

/** Events that a person causes together: about so many vary as one. */
const EVENTS_PER_PERSON = 10;

/**
 * About how many independent people a count stands for, where the line does not contain it.
 * @param {Line} line
 */
function peopleBehind(line) {
  const count = line.n ?? line.value ?? 0;
  const isOfPeople = /(^users|\.users|^engagement|^seats|^teams|people)/.test(line.metric);
  return isOfPeople ? count : count / EVENTS_PER_PERSON;
}

/**
 * The difference below which a change is not clear: half of a 95% interval of the difference, under the assumption that
 * people act independently. Null where the lines do not contain enough to compute it.
 * @param {Line} from
 * @param {Line} to
 * @param {Style} style
 * @returns {?number}
 */
export function noise(from, to, style) {
  if (style === "percent") {
    if (from.of === null || to.of === null || from.n === null || to.n === null) return null;
    if (from.of === 0 || to.of === 0) return null;
    const rate = (from.n + to.n) / (from.of + to.of);
    return Z * Math.sqrt(DESIGN_EFFECT * rate * (1 - rate) * (1 / from.of + 1 / to.of));
  }
  const [before, now] = [from, to].map((line) => line.people ?? peopleBehind(line));
  if (before <= 0 || now <= 0) return null;
  return Z * Math.sqrt(1 / before + 1 / now) * Math.max(from.value ?? 0, to.value ?? 0);
}

/**
 * Why two lines are not compared: only complete periods are. Empty when they can be.
 * @param {Line|undefined} from
 * @param {Line|undefined} to
 */
export function incomparableReason(from, to) {
  const line = [to, from].find((line) => line && line.coverage < 1);
  if (!line) return "";
  const name = periodName(line.period);
  return isImported(line) ? `completeness of ${name} is unknown` : `${name} is incomplete`;
}

/**
 * The change between two lines of the same grain; empty when they cannot be compared, and {@link NO_CLEAR_CHANGE} below the
 * noise.
 * @param {Line|undefined} from
 * @param {Line|undefined} to
 * @param {Style} style
 */
export function changeText(from, to, style) {
  if (!from || !to || from.value === null || to.value === null || incomparableReason(from, to)) return "";
  const difference = to.value - from.value;
  const unclear = noise(from, to, style);
  if (unclear !== null && Math.abs(difference) < unclear) return NO_CLEAR_CHANGE;
  const sign = difference < 0 ? "−" : "+";
  if (style === "percent") {
    const points = decimalFormat.format(Math.abs(difference) * 100);
    if (points === decimalFormat.format(0)) return NO_CLEAR_CHANGE;
    return `${sign}${points} ${points === decimalFormat.format(1) ? "point" : "points"}`;
  }
  const size = FORMATTERS[style](Math.abs(difference));
  if (size === FORMATTERS[style](0)) return NO_CLEAR_CHANGE;
  // A percentage of a small base is less informative than the difference.
  if (from.value < 20) return `${sign}${size}`;
  const share = Math.abs(difference) / from.value;
  if (share < 0.0005) return NO_CLEAR_CHANGE;
  return `${sign}${(share < 0.0095 ? percentFormat : wholePercentFormat).format(share)}`;
}
