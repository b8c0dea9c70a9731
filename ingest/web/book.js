// The book of a site, newest first, page by page: nothing in it is ever changed, so a page that was read stays.

import { useEffect, useState } from "preact/hooks";
import { ask, withQuery } from "./ask.js";
import { Failure } from "./notices.js";
import { nameOf, signed, timeOf, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/**
 * @typedef {{
 *   id: number, item: string, lot: string, kind: string, quantity: number, happened_at: string, clock: string, learned_at: string,
 *   reason: string | null, actor: string | null, other_site: string | null, pieces: number | null, change: number | null,
 * }} Line
 */

const LINES = 50;
const LATE_MS = 3_600_000;
const UNSURE_CLOCKS = ["estimated", "none", "ahead", "behind"];

/** @param {{ say: Say, language: Language, site: string, names: Record<string, Record<string, string>>, first: Line[], before: string | null }} props */
export function Book({ say, language, site, names, first, before }) {
  const [older, setOlder] = useState({ lines: /** @type {Line[]} */ ([]), before });
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  useEffect(() => setOlder({ lines: [], before }), [before]);
  const read = async () => {
    const said = await ask(withQuery(`/api/v1/stock/sites/${encodeURIComponent(site)}`, { before: older.before, limit: LINES }));
    setError(said.error);
    if (said.error === null) setOlder({ lines: [...older.lines, ...said.data.book], before: said.data.before });
  };
  return html`<section>
    <h3>${say("book")}</h3>
    ${first.length === 0 && html`<p class="quiet">${say("book_empty")}</p>`}
    <ol class="lines book">
      ${[...first, ...older.lines].map((line) => html`<li key=${line.id}><${BookLine} say=${say} language=${language} line=${line} names=${names} /></li>`)}
    </ol>
    <${Failure} error=${error} say=${say} />
    ${older.before !== null && html`<button type="button" class="button" onClick=${read}>${say("older")}</button>`}
  </section>`;
}

/** @param {{ say: Say, language: Language, line: Line, names: Record<string, Record<string, string>> }} props */
function BookLine({ say, language, line, names }) {
  const isLate = Date.parse(line.learned_at) - Date.parse(line.happened_at) > LATE_MS;
  const notes = [
    line.lot === "" ? "" : `${say("lot")} ${line.lot}`,
    line.other_site ?? "",
    line.actor ?? "",
    line.reason ?? "",
    UNSURE_CLOCKS.includes(line.clock) ? say("time_unsure") : "",
    isLate ? say("learned", { at: timeOf(line.learned_at) }) : "",
  ].filter((note) => note !== "");
  return html`<time class="number">${timeOf(line.happened_at)}</time>
    <b class="number amount">${line.kind === "count" ? countText(line) : signed(line.quantity)}</b>
    <span>${wordOf(say, "kind", line.kind)} · ${nameOf(names[line.item] ?? {}, language, line.item)}</span>
    <small>${notes.join(" · ")}</small>`;
}

/** @param {Line} line */
const countText = (line) => (line.pieces === null ? `(${signed(line.change ?? 0)})` : `= ${line.pieces}`);
