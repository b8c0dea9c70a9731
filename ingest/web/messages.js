// The page's words. One file per language, all with the same keys and placeholders (tested).

/** @typedef {"zh" | "en" | "mn"} Language */
/** @typedef {(key: string, values?: Record<string, string | number>) => string} Say */

/**
 * `script` "mong" is written in columns from left to right; the style sheet turns the panels.
 * @type {Record<Language, { label: string, lang: string, script: "line" | "mong" }>}
 */
export const LANGUAGES = {
  zh: { label: "中文", lang: "zh-Hans", script: "line" },
  en: { label: "English", lang: "en", script: "line" },
  mn: { label: "ᠮᠣᠩᠭᠣᠯ", lang: "mn-Mong", script: "mong" },
};

/** @param {string} text @returns {text is Language} */
export const isLanguage = (text) => Object.hasOwn(LANGUAGES, text);

/**
 * The first language of the reader's list that the page speaks; Chinese if there is none.
 * @param {readonly string[]} wanted
 * @returns {Language}
 */
export function preferredLanguage(wanted) {
  const known = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage);
  return known ?? "zh";
}

/** @param {Language} language @returns {Promise<Record<string, string>>} */
export async function loadMessages(language) {
  const answer = await fetch(`/static/messages/${language}.json`);
  if (!answer.ok) throw new Error(`messages/${language}.json: ${answer.status}`);
  return answer.json();
}

/** @param {Record<string, string>} messages @returns {Say} */
export function sayer(messages) {
  return (key, values = {}) =>
    (messages[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
