// Counts that differ from the book. Nothing changes the stock but a person: they confirm the difference, which
// books an adjustment as of the count, or say why the count was wrong, which leaves the book as it is.

import { useEffect, useState } from "preact/hooks";
import { change, useAnswer } from "./ask.js";
import { Failure } from "./notices.js";
import { LookOnly, may } from "./roles.js";
import { nameOf, numberText, signed, timeOf, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {{ id: string, item: string, lot: string, quantity: number, observed: number, booked: number, reason: string, happened_at: string }} Proposal */
/** @typedef {Proposal & { site: string, site_name: string | null, names: Record<string, string> }} Difference */
/** @typedef {{ item: string, lot: string, quantity: number, observed: number, booked: number, happened_at: string, reason: string, actor: string, rejected_at: string }} Rejected */

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
    html`<${LookOnly} say=${say} roles=${["health"]} /><ul>
      ${(found.data?.differences ?? []).map(
        (/** @type {Difference} */ one) => html`<li key=${one.id}>
          <${OneProposal} say=${say} site=${one.site} one=${one} title=${nameOf(one.names, language, one.item)} place=${one.site_name ?? one.site} onBooked=${booked} />
        </li>`,
      )}
    </ul>`}
  </section>`;
}

/**
 * Those of one site, and what was rejected there.
 * @param {{ say: Say, language: Language, site: string, names: Record<string, Record<string, string>>, proposals: Proposal[], rejected: Rejected[], onBooked: () => void }} props
 */
export function Proposals({ say, language, site, names, proposals, rejected, onBooked }) {
  const title = (/** @type {string} */ item) => nameOf(names[item] ?? {}, language, item);
  return html`${proposals.length > 0 &&
    html`<section class="proposals">
      <h3>${say("proposals")}</h3>
      <${LookOnly} say=${say} roles=${["health"]} />
      <ul>${proposals.map((one) => html`<li key=${one.id}><${OneProposal} say=${say} site=${site} one=${one} title=${title(one.item)} onBooked=${onBooked} /></li>`)}</ul>
    </section>`}
    ${rejected.length > 0 &&
    html`<section class="rejected">
      <h4>${say("rejected")}</h4>
      <ul class="lines">${rejected.map((one) => html`<li><${OneRejected} say=${say} one=${one} title=${title(one.item)} /></li>`)}</ul>
    </section>`}`;
}

/** @param {{ say: Say, one: Rejected, title: string }} props */
const OneRejected = ({ say, one, title }) =>
  html`<b>${title}</b>${one.lot !== "" && html` <small>${say("lot")} ${one.lot}</small>`} <span class="number">${signed(one.quantity)}</span> ·
    <small>${timeOf(one.happened_at)} · ${say("rejected_by", { who: one.actor, at: timeOf(one.rejected_at) })}</small> <span>${one.reason}</span>`;

/** @param {{ say: Say, site: string, one: Proposal, title: string, place?: string, onBooked: () => void }} props */
function OneProposal({ say, site, one, title, place, onBooked }) {
  const [why, setWhy] = useState(/** @type {string | null} */ (null));
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const seen = say(`proposal_${one.reason}`, { observed: numberText(one.observed), booked: numberText(one.booked) });
  /** @param {string} path @param {Record<string, unknown>} body */
  const send = async (path, body) => {
    setSending(true);
    const { error: refused } = await change(path, "POST", { site, item: one.item, ...body });
    setSending(false);
    setError(refused);
    if (refused === null) onBooked();
  };
  // One difference is confirmed once, whoever presses: the line's id is the difference's.
  const accept = () => send("/api/v1/stock/entries", { id: `difference-${one.id}`, lot: one.lot, kind: "adjust", quantity: one.quantity, reason: `${one.reason}: ${one.observed} / ${one.booked}`, at: one.happened_at });
  const reject = (/** @type {Event} */ event) => {
    event.preventDefault();
    void send(`/api/v1/stock/differences/${one.id}/reject`, { reason: (why ?? "").trim() });
  };
  return html`<div class="proposal">
    <p>${place !== undefined && html`${place} · `}<b>${title}</b>${one.lot !== "" && html` <small>${say("lot")} ${one.lot}</small>`} <b class="number delta">${signed(one.quantity)}</b></p>
    <p><small>${timeOf(one.happened_at)} · ${wordOf(say, "proposal_by", one.reason)}</small><br />${seen}</p>
    ${may("health") &&
    html`<div class="buttons">
      <button type="button" class="button primary" disabled=${isSending} onClick=${accept}>${say("proposal_accept", { n: signed(one.quantity) })}</button>
      <button type="button" class="button" aria-expanded=${why !== null} onClick=${() => setWhy(why === null ? "" : null)}>${say("proposal_reject")}</button>
    </div>`}
    ${why !== null &&
    html`<form class="decision" onSubmit=${reject}>
      <label class="field"><span>${say("proposal_why")}</span><input value=${why} required maxlength="256" onInput=${(/** @type {any} */ event) => setWhy(event.target.value)} /></label>
      <div class="buttons"><button type="submit" class="button" disabled=${isSending || why.trim() === ""}>${say("proposal_reject_sure")}</button></div>
    </form>`}
    <${Failure} error=${error} say=${say} />
  </div>`;
}
