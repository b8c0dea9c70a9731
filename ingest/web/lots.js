// The lots at a site: when they expire, what they went through on their way, and whether somebody holds them
// back. Quarantine is only ever proposed; a person decides, with a reason that stays in the ledger.

import { useState } from "preact/hooks";
import { change } from "./ask.js";
import { Explained } from "./figures.js";
import { span } from "./format.js";
import { Failure } from "./notices.js";
import { LookOnly, may } from "./roles.js";
import { daysUntil, nameOf, numberText, timeOf, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./stock_page.js").Lot} Lot */
/** @typedef {import("./stock_words.js").Figure} Figure */
/** @typedef {{ code: string, measured: number, allowed: number, unit: string }} Reason */
/** @typedef {{ site: string | null, probe: string | null, from: string, to: string, minutes_known: number, minutes_unknown: number, minutes_low: number | null, minutes_high: number | null, lowest_c: number | null, highest_c: number | null }} Leg */
/**
 * @typedef {{
 *   item: string, lot: string, profile: string | null, minutes_unknown: number, minutes_low: number | null, minutes_high: number | null,
 *   lowest_c: number | null, highest_c: number | null, mean_kinetic_c: Figure, vvm_used_pct: Figure, way: Leg[],
 *   decided: { is_held: boolean, vvm_stage: number | null, reason: string, actor: string, at: string } | null,
 *   proposal: { reasons: Reason[] } | null,
 * }} ColdLot
 */
/** @typedef {{ say: Say, language: Language, site: string, names: Record<string, Record<string, string>>, lots: Lot[], cold: ColdLot[], now_ms: number, onDecided: () => void }} Props */

const MINUTE_MS = 60_000;
const SOON_DAYS = 30;

/** Where a decision about a lot at a site goes; one without a number has an address of its own. @param {string} site @param {string} item @param {string} lot */
export const decisionPath = (site, item, lot) => `/api/v1/stock/${["sites", site, "lots", item, ...(lot === "" ? [] : [lot])].map(encodeURIComponent).join("/")}`;

/** @param {Props} props */
export function Lots({ say, language, site, names, lots, cold, now_ms, onDecided }) {
  const [open, setOpen] = useState("");
  if (lots.length === 0) return null;
  return html`<section>
    <h3>${say("lots")}</h3>
    <table class="grid lots-grid">
      <thead>
        <tr><th scope="col">${say("item")}</th><th scope="col">${say("lot")}</th><th scope="col" class="end">${say("on_hand")}</th><th scope="col">${say("expiry")}</th><th scope="col">${say("exposure")}</th></tr>
      </thead>
      ${lots.map((lot) => {
        const key = `${lot.item}/${lot.lot}`;
        return html`<${LotRow}
          key=${key}
          say=${say}
          site=${site}
          title=${nameOf(names[lot.item] ?? {}, language, lot.item)}
          lot=${lot}
          cold=${cold.find((one) => one.item === lot.item && one.lot === lot.lot)}
          now_ms=${now_ms}
          isOpen=${open === key}
          toggle=${() => setOpen(open === key ? "" : key)}
          onDecided=${onDecided}
        />`;
      })}
    </table>
  </section>`;
}

/** @param {{ say: Say, site: string, title: string, lot: Lot, cold: ColdLot | undefined, now_ms: number, isOpen: boolean, toggle: () => void, onDecided: () => void }} props */
function LotRow({ say, site, title, lot, cold, now_ms, isOpen, toggle, onDecided }) {
  const isProposed = cold !== undefined && cold.proposal !== null;
  return html`<tbody class=${isOpen ? "is-open" : ""}>
    <tr class=${lot.unusable_because === null ? "" : "is-unusable"}>
      <th scope="row">${title}</th>
      <td><button type="button" class="disclose" aria-expanded=${isOpen} onClick=${toggle}>${lot.lot === "" ? say("lot_unknown") : lot.lot}</button></td>
      <td class="end"><b class="number">${lot.on_hand}</b></td>
      <td><${Expiry} expires_on=${lot.expires_on} now_ms=${now_ms} say=${say} /></td>
      <td>${isProposed ? html`<b class="warn">${say("quarantine_proposed")}</b>` : lot.unusable_because === null ? "" : html`<span class="warn">${wordOf(say, "unusable", lot.unusable_because)}</span>`} <small>${exposureText(cold, say)}</small></td>
    </tr>
    ${isOpen && html`<tr class="detail"><td colspan="5"><div class="detail-box"><${LookOnly} say=${say} roles=${["health"]} />${may("health") && html`<${Decision} say=${say} site=${site} lot=${lot} cold=${cold} onDecided=${onDecided} />`}${cold !== undefined && html`<${Way} say=${say} cold=${cold} />`}</div></td></tr>`}
  </tbody>`;
}

/** @param {{ expires_on: string | null, now_ms: number, say: Say }} props */
function Expiry({ expires_on, now_ms, say }) {
  if (expires_on === null) return html`<span class="quiet">${say("expiry_unknown")}</span>`;
  const days = daysUntil(expires_on, now_ms);
  return html`<span class="number">${expires_on}</span> <small class=${days < SOON_DAYS ? "warn" : ""}>${days < 0 ? say("expired") : say("span_d", { n: days })}</small>`;
}

/** "outside 72 min · MKT 6.4 °C": only what there is. @param {ColdLot | undefined} cold @param {Say} say */
function exposureText(cold, say) {
  if (cold === undefined) return "";
  const parts = [];
  const outside = (cold.minutes_low ?? 0) + (cold.minutes_high ?? 0);
  if (outside > 0) parts.push(say("outside_for", { span: span(outside * MINUTE_MS, say) }));
  if (cold.mean_kinetic_c.value !== null) parts.push(`MKT ${Number(cold.mean_kinetic_c.value).toFixed(1)}\u00a0°C`);
  if (cold.vvm_used_pct.value !== null) parts.push(`VVM ${numberText(cold.vvm_used_pct.value)}\u00a0%`);
  return parts.join(" · ");
}

/** @param {Reason} reason @param {Say} say */
export const reasonText = (reason, say) =>
  say("quarantine_reason", { what: wordOf(say, "quarantine", reason.code), measured: measureText(reason.measured, reason.unit, say), allowed: measureText(reason.allowed, reason.unit, say) });

/** @param {number} value @param {string} unit @param {Say} say */
const measureText = (value, unit, say) =>
  unit === "min" ? say("span_min", { n: numberText(value) }) : `${numberText(value)}\u00a0${unit === "deg C" ? "°C" : unit}`;

/** @param {{ say: Say, site: string, lot: Lot, cold: ColdLot | undefined, onDecided: () => void }} props */
function Decision({ say, site, lot, cold, onDecided }) {
  const reasons = cold?.proposal?.reasons ?? [];
  const proposed = reasons.map((one) => reasonText(one, say)).join("; ");
  const [reason, setReason] = useState(proposed);
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const [expiry, setExpiry] = useState(lot.expires_on ?? "");
  const confirm = async () => {
    const path = ["lots", lot.item, lot.lot].map(encodeURIComponent).join("/");
    const said = await change(`/api/v1/stock/${path}`, "PUT", { expires_on: expiry === "" ? null : expiry });
    setError(said.error);
    if (said.error === null) onDecided();
  };
  /** @param {boolean} is_held */
  const decide = async (is_held) => {
    const said = await change(decisionPath(site, lot.item, lot.lot), "PUT", { is_held, vvm_stage: lot.vvm_stage, reason });
    setError(said.error);
    if (said.error === null) onDecided();
  };
  const decided = cold?.decided ?? null;
  return html`<div class=${reasons.length > 0 ? "proposal" : "decision"}>
    ${reasons.length > 0 && html`<p><b>${say("quarantine_proposed")}</b></p><ul>${reasons.map((one) => html`<li>${reasonText(one, say)}</li>`)}</ul>`}
    ${decided !== null && html`<p>${say(decided.is_held ? "decided_held" : "decided_released", { who: decided.actor, at: timeOf(decided.at) })} <small>${decided.reason}</small></p>`}
    <label class="field"><span>${say("reason")}</span><input value=${reason} maxlength="256" onInput=${(/** @type {any} */ event) => setReason(event.target.value)} /></label>
    <div class="buttons">
      <button type="button" class=${reasons.length > 0 ? "button primary" : "button"} disabled=${lot.is_held || reason.trim() === ""} onClick=${() => decide(true)}>${say("hold")}</button>
      ${(lot.is_held || reasons.length > 0) && html`<button type="button" class="button" disabled=${reason.trim() === ""} onClick=${() => decide(false)}>${say("release")}</button>`}
    </div>
    ${lot.lot !== "" && html`<label class="field"><span>${say("set_expiry")}</span>
      <span class="with-button"><input type="date" value=${expiry} onInput=${(/** @type {any} */ event) => setExpiry(event.target.value)} /><button type="button" class="button" disabled=${expiry === (lot.expires_on ?? "")} onClick=${confirm}>${say("save")}</button></span>
    </label>`}
    <${Failure} error=${error} say=${say} />
  </div>`;
}

/** @param {{ say: Say, cold: ColdLot }} props */
function Way({ say, cold }) {
  return html`<h4>${say("way")}</h4>
    <ol class="way">
      ${cold.way.map(
        (leg) => html`<li>
          <b>${leg.site ?? say("between_sites")}</b>
          <small>${timeOf(leg.from)} – ${timeOf(leg.to)}</small>
          <span class="number">${leg.lowest_c === null || leg.highest_c === null ? say("no_readings") : `${leg.lowest_c.toFixed(1)} … ${leg.highest_c.toFixed(1)}\u00a0°C`}</span>
          ${(leg.minutes_low ?? 0) + (leg.minutes_high ?? 0) > 0 && html`<b class="warn">${say("outside_for", { span: span(((leg.minutes_low ?? 0) + (leg.minutes_high ?? 0)) * MINUTE_MS, say) })}</b>`}
          ${leg.minutes_unknown > 0 && html`<small>${say("unknown_for", { span: span(leg.minutes_unknown * MINUTE_MS, say) })}</small>`}
        </li>`,
      )}
    </ol>
    <div class="explanations">
      <${Explained} label=${say("mean_kinetic")} figure=${cold.mean_kinetic_c} say=${say} unit="°C" />
      <${Explained} label=${say("vvm_used")} figure=${cold.vvm_used_pct} say=${say} unit="%" />
    </div>`;
}
