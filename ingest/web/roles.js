// Who is logged in, and what a page offers them. The service decides; here nobody is shown a form that it refuses.

import { ask } from "./ask.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** The words of x-roles in openapi.json. @typedef {"viewer" | "dispatcher" | "health" | "librarian" | "admin"} Role */
/** @typedef {{ name: string, roles: Role[] }} Me */

/** Null until it is known, and where it cannot be. @type {Me | null} */
let me = null;

/** To be asked before a page is drawn. */
export async function loadMe() {
  if (me === null) me = (await ask("/api/v1/me")).data;
}

/** Whether the reader has one of these roles; an administrator has them all. @param {Role[]} roles */
export const may = (...roles) => me === null || me.roles.includes("admin") || roles.some((role) => me?.roles.includes(role));

/** Why there is no form, to whom there is none. @param {{ say: Say, roles: Role[] }} props */
export function LookOnly({ say, roles }) {
  if (me === null || may(...roles)) return null;
  const word = (/** @type {Role} */ role) => say(`role_${role}`);
  const wanted = roles.map(word).reduce((one, other) => say("list_or", { one, other }));
  return html`<p class="notice look-only">${say("look_only", { name: me.name, own: me.roles.map(word).join(", "), roles: wanted })}</p>`;
}
