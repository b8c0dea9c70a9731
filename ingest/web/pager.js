// From page to page of a list: which rows are shown, and the way to those before and after.

import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */

/**
 * `first`: how many rows came before; `each`: how many a page has; `after`: where the next page begins, null at the end.
 * @param {{ say: Say, first: number, rows: number, each: number, after: number | null, go: (at: number) => void }} props
 */
export function Pager({ say, first, rows, each, after, go }) {
  if (first === 0 && after === null) return null;
  return html`<div class="pager">
    <button type="button" class="button" disabled=${first === 0} onClick=${() => go(Math.max(0, first - each))}>${say("page_before")}</button>
    <span class="quiet number">${first + 1}–${first + rows}</span>
    <button type="button" class="button" disabled=${after === null} onClick=${() => go(after ?? 0)}>${say("page_after")}</button>
  </div>`;
}
