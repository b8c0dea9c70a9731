// Lots that excursions propose to hold back, wherever they lie: what waits for somebody to look at it. Nothing is
// held back but by a person, with a reason that stays in the ledger.

import { useEffect, useState } from "preact/hooks";
import { change, useAnswer, withQuery } from "./ask.js";
import { decisionPath, reasonText } from "./lots.js";
import { Failure } from "./notices.js";
import { Pager } from "./pager.js";
import { LookOnly, may } from "./roles.js";
import { nameOf, timeOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./lots.js").Reason & { excursion: { unit: string, probe: string, number: number, began_at: string } }} SuspectReason */
/** @typedef {{ site: string, site_name: string | null, item: string, names: Record<string, string>, lot: string, on_hand: number, reasons: SuspectReason[] }} Suspect */

const ROWS = 20;
const AGAIN_EVERY_MS = 60_000;

/** Below a site and of an item where these are chosen, behind one line. @param {{ say: Say, language: Language, under: string, item: string, onDecided: () => void }} props */
export function Suspects({ say, language, under, item, onDecided }) {
  const [after, setAfter] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const [found, again] = useAnswer(withQuery("/api/v1/stock/quarantine", { under, item, after: after || null, limit: ROWS }));
  useEffect(() => {
    const timer = setInterval(again, AGAIN_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => setAfter(0), [under, item]);
  const n = found.data?.count ?? 0;
  const decided = () => {
    again();
    onDecided();
  };
  /** @type {Suspect[]} */
  const lots = found.data?.lots ?? [];
  // The line is there from the start: what comes late must not push the board down.
  return html`<section class="proposals suspects">
    <button type="button" class="disclose" aria-expanded=${isOpen} disabled=${n === 0} onClick=${() => setOpen(!isOpen)}>${found.data === null ? say("reading") : n === 0 ? say("suspects_none") : say("suspects", { n })}</button>
    ${isOpen &&
    html`<${LookOnly} say=${say} roles=${["health"]} /><ul>${lots.map((one) => html`<li key=${`${one.site}/${one.item}/${one.lot}`}><${OneSuspect} say=${say} language=${language} one=${one} onDecided=${decided} /></li>`)}</ul>
      <${Pager} say=${say} first=${after} rows=${lots.length} each=${ROWS} after=${found.data?.after ?? null} go=${setAfter} />`}
  </section>`;
}

/** @param {{ say: Say, language: Language, one: Suspect, onDecided: () => void }} props */
function OneSuspect({ say, language, one, onDecided }) {
  const [reason, setReason] = useState(() => one.reasons.map((why) => reasonText(why, say)).join("; "));
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  /** @param {boolean} is_held */
  const decide = async (is_held) => {
    const said = await change(decisionPath(one.site, one.item, one.lot), "PUT", { is_held, reason: reason.trim() });
    setError(said.error);
    if (said.error === null) onDecided();
  };
  const isEmpty = reason.trim() === "";
  return html`<div class="proposal">
    <p>${one.site_name ?? one.site} · <b>${nameOf(one.names, language, one.item)}</b> <small>${one.lot === "" ? say("lot_unknown") : `${say("lot")} ${one.lot}`}</small> <b class="number delta">${one.on_hand}</b></p>
    <ul class="reasons">${one.reasons.map((why) => html`<li>${reasonText(why, say)} <small>${why.excursion.unit} · ${why.excursion.probe} · ${timeOf(why.excursion.began_at)}</small></li>`)}</ul>
    ${may("health") &&
    html`<label class="field"><span>${say("reason")}</span><input value=${reason} maxlength="256" onInput=${(/** @type {any} */ event) => setReason(event.target.value)} /></label>
      <div class="buttons">
        <button type="button" class="button primary" disabled=${isEmpty} onClick=${() => decide(true)}>${say("hold")}</button>
        <button type="button" class="button" disabled=${isEmpty} onClick=${() => decide(false)}>${say("release")}</button>
      </div>`}
    <p class="links"><a href=${withQuery("/cabinets", { site: one.site, open: one.item })}>${say("open_site")}</a></p>
    <${Failure} error=${error} say=${say} />
  </div>`;
}
