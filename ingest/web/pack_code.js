// The code on a pack, as a scanner types it: which product, which lot, until when, how many packs. Pure.
//
// Of GS1 what stands on medicine: (01) GTIN, (10) lot, (11) to (17) dates, (21) serial, (30) count. Behind an element
// of variable length stands FNC1 unless it is the last; a keyboard cannot type it, so scanners are set to send some
// other sign for it. Chinese packs carry twenty digits that are no GS1, of which the first seven name the product.

/** `product` is a GTIN of fourteen digits, or the seven of a Chinese code. @typedef {{ product: string, lot: string, expires_on: string, packs: number }} PackCode */

const SYMBOLOGY = /^\][A-Za-z]\d/;
const SEPARATOR = /[\x1d|^]/;
const FIXED = { "01": 14, 11: 6, 12: 6, 13: 6, 15: 6, 16: 6, 17: 6 };
const VARIABLE = { 10: 20, 21: 20, 22: 20, 30: 8, 90: 30, 91: 90, 92: 90, 93: 90, 94: 90, 95: 90, 96: 90, 97: 90, 98: 90, 99: 90 };
const FIRST_OF_LAST_CENTURY = 51;

/** What a scanned text names; null for one that is no code of a pack. @param {string} text @returns {PackCode | null} */
export function packCodeOf(text) {
  const isMarked = SYMBOLOGY.test(text);
  const rest = text.trim().replace(SYMBOLOGY, "");
  if (!isMarked && /^\d{20}$/.test(rest)) return { product: rest.slice(0, 7), lot: "", expires_on: "", packs: 1 };
  if (/^(\d{8}|\d{12,14})$/.test(rest)) return hasCheckDigit(rest) ? { product: rest.padStart(14, "0"), lot: "", expires_on: "", packs: 1 } : null;
  const found = elementsOf(rest);
  const gtin = found?.["01"];
  if (found === null || gtin === undefined || !hasCheckDigit(gtin)) return null;
  const expires_on = found["17"] === undefined ? "" : dateOf(found["17"]);
  if (expires_on === null) return null;
  return { product: gtin, lot: found["10"] ?? "", expires_on, packs: Number(found["30"] ?? 1) };
}

/** @param {string} text @returns {Record<string, string> | null} */
function elementsOf(text) {
  /** @type {Record<string, string>} */
  const found = {};
  let rest = text.replace(/^[\x1d|^]/, "");
  while (rest !== "") {
    const key = rest.slice(0, 2);
    const fixed = /** @type {Record<string, number>} */ (FIXED)[key];
    const most = /** @type {Record<string, number>} */ (VARIABLE)[key];
    if (fixed === undefined && most === undefined) return null;
    const length = fixed ?? endOf(rest) - 2;
    const value = rest.slice(2, 2 + length);
    const isGood = fixed === undefined ? value.length > 0 && value.length <= most : value.length === fixed && /^\d+$/.test(value);
    if (!isGood || (key === "30" && !/^\d+$/.test(value)) || (found[key] ?? value) !== value) return null;
    found[key] = value;
    rest = rest.slice(2 + length).replace(SEPARATOR, (sign, at) => (at === 0 ? "" : sign));
  }
  return found;
}

/** @param {string} text */
function endOf(text) {
  const at = text.search(SEPARATOR);
  return at < 0 ? text.length : at;
}

/** "2028-04-30" of "280430"; day 00 is the last of the month; null for no date. @param {string} digits */
function dateOf(digits) {
  const [year, month, day] = [0, 2, 4].map((at) => Number(digits.slice(at, at + 2)));
  if (year >= FIRST_OF_LAST_CENTURY || month < 1 || month > 12) return null;
  const last = new Date(Date.UTC(2000 + year, month, 0)).getUTCDate();
  return day > last ? null : new Date(Date.UTC(2000 + year, month - 1, day === 0 ? last : day)).toISOString().slice(0, 10);
}

/** GS1's check digit: weights 3 and 1 from the right. @param {string} digits */
function hasCheckDigit(digits) {
  const sum = [...digits].reverse().reduce((total, digit, at) => total + Number(digit) * (at % 2 === 1 ? 3 : 1), 0);
  return sum % 10 === 0;
}
