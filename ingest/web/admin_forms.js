// What is administered: for sites, items and levels the fields of their form, and how they become what the
// API takes. Pure. A field that is left empty is not known, never zero.

import { LEVELS } from "./stock_words.js";

/**
 * `kind`: text, name (the key: only asked for what is new), site (one of the sites), choice, flag, count, date,
 * words (several, separated by spaces).
 * @typedef {{ name: string, kind: "text" | "name" | "site" | "choice" | "flag" | "count" | "date" | "words", choices?: readonly string[], prefix?: string }} Field
 */
/** @typedef {{ list: string, keys: string[], fields: Field[], columns: string[] }} Form */
/** @typedef {Record<string, string | boolean>} Texts */

export const PROFILES = ["refrigerator", "tight", "ultra_low", "shipment_1", "shipment_2", "room"];
export const VVMS = ["vvm2", "vvm7", "vvm14", "vvm30"];
const LANGUAGES = ["zh", "en", "mn"];

/** @type {Record<string, Form>} */
export const FORMS = {
  sites: {
    list: "/api/v1/stock/sites",
    keys: ["site"],
    columns: ["name", "level", "parent", "unit", "next_visit_on"],
    fields: [
      { name: "site", kind: "name" },
      { name: "name", kind: "text" },
      { name: "level", kind: "choice", choices: LEVELS, prefix: "level" },
      { name: "parent", kind: "site" },
      { name: "next_visit_on", kind: "date" },
      { name: "lead_days", kind: "count" },
      { name: "people", kind: "count" },
      { name: "unit", kind: "text" },
      { name: "source", kind: "text" },
      { name: "probes", kind: "words" },
    ],
  },
  items: {
    list: "/api/v1/stock/items",
    keys: ["item"],
    columns: ["name_zh", "name_en", "base_unit", "pack_size", "profile"],
    fields: [
      { name: "item", kind: "name" },
      ...LANGUAGES.map((language) => /** @type {Field} */ ({ name: `name_${language}`, kind: "text" })),
      { name: "base_unit", kind: "text" },
      { name: "pack_size", kind: "count" },
      { name: "profile", kind: "choice", choices: ["", ...PROFILES], prefix: "profile" },
      { name: "vvm", kind: "choice", choices: ["", ...VVMS], prefix: "vvm" },
      { name: "is_freeze_sensitive", kind: "flag" },
      { name: "codes", kind: "words" },
    ],
  },
  levels: {
    list: "/api/v1/stock/levels",
    keys: ["site", "item"],
    columns: ["min", "reorder", "max"],
    fields: [
      { name: "site", kind: "name" },
      { name: "item", kind: "name" },
      { name: "min", kind: "count" },
      { name: "reorder", kind: "count" },
      { name: "max", kind: "count" },
    ],
  },
};

/** The columns of each sheet, as the service reads them (a test holds them equal). @type {Record<string, string[]>} */
export const SHEETS = {
  items: ["item", "base_unit", "pack_size", "profile", "is_freeze_sensitive", "vvm", "name_zh", "name_en", "name_mn", "codes"],
  sites: ["site", "parent", "level", "name", "unit", "source", "probes", "people", "next_visit_on", "lead_days"],
  levels: ["site", "item", "min", "reorder", "max"],
  lots: ["item", "lot", "expires_on"],
};

/** A record of the API as the texts of a form. @param {Form} form @param {Record<string, any>} record @returns {Texts} */
export function textsOf(form, record) {
  const flat = { ...record, ...Object.fromEntries(LANGUAGES.map((language) => [`name_${language}`, record.names?.[language]])) };
  return Object.fromEntries(form.fields.map((field) => [field.name, textOf(field, flat[field.name])]));
}

/** @param {Field} field @param {any} value @returns {string | boolean} */
function textOf(field, value) {
  if (field.kind === "flag") return value === true;
  if (field.kind === "words") return (value ?? []).join(" ");
  return value === null || value === undefined ? "" : String(value);
}

/** The texts of a form as the API takes them, without the keys. @param {Form} form @param {Texts} texts */
export function bodyOf(form, texts) {
  /** @type {Record<string, any>} */
  const body = {};
  for (const field of form.fields.filter((one) => !form.keys.includes(one.name))) {
    const value = valueOf(field, texts[field.name]);
    const language = field.name.replace("name_", "");
    if (!LANGUAGES.includes(language)) {
      if (value !== null) body[field.name] = value;
    } else if (value !== null) body.names = { ...body.names, [language]: value };
  }
  return body;
}

/** @param {Field} field @param {string | boolean} text */
function valueOf(field, text) {
  if (typeof text === "boolean") return text;
  if (field.kind === "words") return text.split(/\s+/).filter((word) => word !== "");
  if (text.trim() === "") return null;
  return field.kind === "count" ? Number(text) : text.trim();
}

/** Where a record is kept. @param {Form} form @param {Texts} texts */
export const pathOf = (form, texts) => [form.list, ...form.keys.map((key) => encodeURIComponent(String(texts[key]).trim()))].join("/");
