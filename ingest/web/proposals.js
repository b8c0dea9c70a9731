// Counts that differ from the book. Nothing changes the stock but a person: they confirm the difference, which
// books an adjustment as of the count, or say that the book is right, which books a newer count of what it says.

import { useEffect, useState } from "preact/hooks";
import { change, newId, useAnswer } from "./ask.js";
import { Failure } from "./notices.js";
import { nameOf, numberText, signed, timeOf, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {{ item: string, lot: string, quantity: number, observed: number, booked: number, reason: string, happened_at: string }} Proposal */
/** @typedef {Proposal & { site: string, site_name: string | null, names: Record<string, string>, on_hand: number }} Difference */

const AGAIN_EVERY_MS = 60_000;

/** What waits for a decision at all sites, behind one line. @param {{ say: Say, language: Language, onBooked: () => void }} props */
export function Differences({ say, language, onBooked }) {
  const [found, again] = useAnswer("/api/v1/stock/differences");
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const timer = setInterval(again, AGAIN_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const n = found.data?.count ?? 0;
  const booked = () => {
    again();
    onBooked();
  };
  // The line is there from the start: what comes late must not push the board down.
  return html`<section class="proposals">
    <button type="button" class="disclose" aria-expanded=${isOpen} disabled=${n === 0} onClick=${() => setOpen(!isOpen)}>${found.data === null ? say("reading") : n === 0 ? say("differences_none") : say("differences", { n })}</button>
    ${isOpen &&
    html`<ul>
      ${(found.data?.differences ?? []).map(
        (/** @type {Difference} */ one) => html`<li key=${`${one.site}/${one.item}/${one.lot}/${one.happened_at}`}>
          <${OneProposal} say=${say} site=${one.site} one=${one} title=${nameOf(one.names, language, one.item)} place=${one.site_name ?? one.site} there=${one.on_hand} onBooked=${booked} />
        </li>`,
      )}
    </ul>`}
  </section>`;
}

/**
 * Those of one site. `onHand(item, lot)`: what the book says now, of the whole item where the lot is empty.
 * @param {{ say: Say, language: Language, site: string, names: Record<string, Record<string, string>>, proposals: Proposal[], onHand: (item: string, lot: string) => number, onBooked: () => void }} props
 */
export function Proposals({ say, language, site, names, proposals, onHand, onBooked }) {
  if (proposals.length === 0) return null;
  return html`<section class="proposals">
    <h3>${say("proposals")}</h3>
    <ul>
      ${proposals.map(
        (one) => html`<li key=${`${one.item}/${one.lot}/${one.happened_at}`}>
          <${OneProposal} say=${say} site=${site} one=${one} title=${nameOf(names[one.item] ?? {}, language, one.item)} there=${onHand(one.item, one.lot)} onBooked=${onBooked} />
        </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {{ say: Say, site: string, one: Proposal, title: string, place?: string, there: number, onBooked: () => void }} props */
function OneProposal({ say, site, one, title, place, there, onBooked }) {
  const [id] = useState(newId);
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const seen = say(`proposal_${one.reason}`, { observed: numberText(one.observed), booked: numberText(one.booked) });
  /** @param {Record<string, unknown>} entry */
  const book = async (entry) => {
    setSending(true);
    const { error: refused } = await change("/api/v1/stock/entries", "POST", { site, item: one.item, lot: one.lot, ...entry });
    setSending(false);
    setError(refused);
    if (refused === null) onBooked();
  };
  const accept = () => book({ id: `${id}-a`, kind: "adjust", quantity: one.quantity, reason: `${one.reason}: ${seen}`, at: one.happened_at });
  const reject = () => book({ id: `${id}-r`, kind: "count", quantity: there });
  return html`<div class="proposal">
    <p>${place !== undefined && html`${place} · `}<b>${title}</b>${one.lot !== "" && html` <small>${say("lot")} ${one.lot}</small>`} <b class="number delta">${signed(one.quantity)}</b></p>
    <p><small>${timeOf(one.happened_at)} · ${wordOf(say, "proposal_by", one.reason)}</small><br />${seen}</p>
    <div class="buttons">
      <button type="button" class="button primary" disabled=${isSending} onClick=${accept}>${say("proposal_accept", { n: signed(one.quantity) })}</button>
      <button type="button" class="button" disabled=${isSending || there < 0} onClick=${reject}>${say("proposal_reject", { n: there })}</button>
    </div>
    <${Failure} error=${error} say=${say} />
  </div>`;
}
