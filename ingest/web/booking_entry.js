// A line for the book as somebody writes it by hand: which item is meant, and what the service is told. Pure.

/** @typedef {import("./stock_words.js").Item} Item */
/** @typedef {import("./stock_page.js").Lot} Lot */
/** Texts of the form's fields; a `lot` of null is not chosen yet. @typedef {{ kind: string, site: string, item: string, lot: string | null, quantity: string, expires_on: string, other_site: string, reason: string, at: string }} Texts */

export const KINDS = ["receive", "dispense", "transfer", "discard", "adjust", "count"];
const OUTWARD = ["dispense", "transfer", "discard"];
const REASONED = ["discard", "adjust"];
const GTIN_DIGITS = 14;

/** Whether it takes away from what lies there. @param {string} kind */
export const isOutward = (kind) => OUTWARD.includes(kind);

/** @param {string} kind */
export const needsReason = (kind) => REASONED.includes(kind);

/**
 * The item that a text means: its id, one of its codes, or its name in any language.
 * @param {Item[]} items
 * @param {string} text
 */
export function itemOf(items, text) {
  const said = text.trim();
  const gtin = said.padStart(GTIN_DIGITS, "0");
  const byCode = (/** @type {Item} */ item) => item.codes.some((code) => code === said || code.padStart(GTIN_DIGITS, "0") === gtin);
  const byName = items.filter((item) => Object.values(item.names).some((name) => name.toLowerCase() === said.toLowerCase()));
  if (said === "") return null;
  return items.find((item) => item.item === said) ?? items.find(byCode) ?? (byName.length === 1 ? byName[0] : null);
}

/**
 * The lot to take from, when nobody has said which: the first to expire of those that may be given out; of what
 * is thrown away the first that may not. Lots come in order of expiry.
 * @param {string} kind
 * @param {Lot[]} lots
 */
export function lotToTake(kind, lots) {
  const there = lots.filter((lot) => lot.on_hand > 0);
  const wanted = there.find((lot) => (lot.unusable_because === null) === (kind !== "discard"));
  return (wanted ?? there[0])?.lot ?? "";
}

/**
 * What the service is told; a field that the kind does not have says nothing.
 * @param {string} id
 * @param {Texts} texts
 * @param {string} item
 * @param {string} lot
 */
export function entryOf(id, texts, item, lot) {
  /** @type {Record<string, string | number>} */
  const entry = { id, site: texts.site, item, lot, kind: texts.kind, quantity: Number(texts.quantity) };
  if (texts.kind === "transfer") entry.other_site = texts.other_site;
  if (texts.kind === "receive" && texts.expires_on !== "") entry.expires_on = texts.expires_on;
  if (texts.reason.trim() !== "") entry.reason = texts.reason.trim();
  if (texts.at !== "") entry.at = new Date(texts.at).toISOString();
  return entry;
}
