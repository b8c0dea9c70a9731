// What a page says when it has nothing to show yet, nothing at all, or could not ask.

import { wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./ask.js").Asked} Asked */

const OWN = ["unreachable", "file_changed"]; // what the page itself finds wrong

/** Why something did not work, and whether waiting helps. @param {{ error: import("./ask.js").Refusal | null, say: Say }} props */
export function Failure({ error, say }) {
  if (error === null) return null;
  const text = OWN.includes(error.code) ? say(`failed_${error.code}`) : say(error.retry ? "failed_busy" : "failed_refused");
  const own = wordOf(say, "refused", error.code);
  if (own !== error.code) return html`<p class="notice failure" role="alert">${own}</p>`;
  return html`<p class="notice failure" role="alert">${text}${error.detail !== "" && html` <span lang="en">${error.detail}</span>`}</p>`;
}

/** Until there is something to show. @param {{ asked: Asked, say: Say, again: () => void }} props */
export function Waiting({ asked, say, again }) {
  if (asked.error !== null)
    return html`<div class="waiting"><${Failure} error=${asked.error} say=${say} /><button type="button" class="button" onClick=${again}>${say("again")}</button></div>`;
  return html`<p class="waiting quiet" role="status">${say("reading")}</p>`;
}
