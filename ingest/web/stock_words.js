// What things of the stock are called in the reader's language. Pure.

import { dateTime, newsAge } from "./format.js";

/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ value: number | string | null, formula: string, inputs: Record<string, number | string | null>, why: string | null }} Figure */
/** @typedef {{ site: string, parent: string | null, level: string, name: string | null, unit: string | null, source: string, probes: string[], people: number | null, next_visit_on: string | null, lead_days: number | null }} Site */
/** @typedef {{ item: string, base_unit: string, pack_size: number, profile: string | null, is_freeze_sensitive: boolean, vvm: string | null, names: Record<string, string>, codes: string[] }} Item */

export const STATUSES = ["STOCK_OUT", "EXPIRED_ONLY", "UNKNOWN", "LOW_STOCK", "REORDER", "OVERSTOCK", "IN_STOCK"];
export const LEVELS = ["county", "township", "vehicle", "cabinet"];

/** A name in the reader's language, else in the county's, else the id. @param {Record<string, string>} names @param {Language} language @param {string} id */
export const nameOf = (names, language, id) => names[language] ?? names.zh ?? names.en ?? id;

/** @param {{ site: string, name: string | null }} site */
export const siteTitle = (site) => site.name ?? site.site;

/** A word of the service by its message; one that has none is shown as it is. @param {Say} say @param {string} prefix @param {string} word */
export function wordOf(say, prefix, word) {
  const key = `${prefix}_${word}`;
  const text = say(key);
  return text === key ? word : text;
}

/** @param {number | string | null | undefined} value */
export function numberText(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 1 : 0;
  return value.toFixed(digits);
}

/** "−12", "+3". @param {number} quantity */
export const signed = (quantity) => (quantity > 0 ? `+${quantity}` : `${quantity}`.replace("-", "\u2212"));

/** @param {string | null} iso @param {number} now_ms @param {Say} say */
export const ageOf = (iso, now_ms, say) => newsAge(iso === null ? null : Date.parse(iso), now_ms, say);

/** @param {string | null} iso */
export const timeOf = (iso) => (iso === null ? "–" : dateTime(Date.parse(iso)).slice(0, 16));

/** Whole days from today to a date as "2026-12-01", by the service's clock. @param {string} date @param {number} now_ms */
export function daysUntil(date, now_ms) {
  const today = new Date(now_ms);
  const [year, month, day] = date.split("-").map(Number);
  return Math.round((Date.UTC(year, month - 1, day) - Date.UTC(today.getFullYear(), today.getMonth(), today.getDate())) / 86_400_000);
}

/**
 * Sites as a tree, each under its parent: [depth, site] in the order in which a list shows them.
 * @param {Site[]} sites
 * @returns {[number, Site][]}
 */
export function treeOf(sites) {
  const known = new Set(sites.map((site) => site.site));
  /** @type {Map<string, Site[]>} */
  const children = new Map();
  for (const site of sites) {
    const parent = site.parent !== null && known.has(site.parent) ? site.parent : "";
    children.set(parent, [...(children.get(parent) ?? []), site]);
  }
  /** @type {[number, Site][]} */
  const found = [];
  /** @param {string} at @param {number} depth */
  const walk = (at, depth) => {
    for (const site of children.get(at) ?? []) {
      found.push([depth, site]);
      walk(site.site, depth + 1);
    }
  };
  walk("", 0);
  return found;
}

/** @param {string | null} expires_on @param {number} now_ms @param {Say} say */
export function expiryText(expires_on, now_ms, say) {
  if (expires_on === null) return say("expiry_unknown");
  const days = daysUntil(expires_on, now_ms);
  return days < 0 ? say("expired_on", { date: expires_on }) : say("expires_on", { date: expires_on, n: days });
}
