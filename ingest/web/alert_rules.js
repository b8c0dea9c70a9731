// The rules of alerts and their numbers, as the service's settings have them: to be read here, changed there.

import { useAnswer } from "./ask.js";
import { span } from "./format.js";
import { Waiting } from "./notices.js";
import { wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ for_s: number, keep_s: number, escalate_s: number | null }} Numbers */
/** @typedef {Numbers & { rule: string, severity: "act" | "look", usual: Numbers }} Rule */

/** Null: as above it. @typedef {{ rule: string, for_s: number | null, keep_s: number | null, escalate_s: number | null }} OwnRule */

/** @param {{ say: Say, titleOf: (site: string) => string }} props */
export function AlertRules({ say, titleOf }) {
  const [found, again] = useAnswer("/api/v1/alerts/rules");
  if (found.data === null) return html`<${Waiting} asked=${found} say=${say} again=${again} />`;
  /** @type {Rule[]} */
  const rules = found.data.rules;
  return html`<section>
    <h3>${say("rules")}</h3>
    <p class="quiet">${say("rules_about", { n: found.data.expiring_days })}</p>
    <table class="grid rules-grid">
      <thead><tr><th scope="col">${say("alert_rule")}</th>${["for", "keep", "escalate"].map((name) => html`<th scope="col" class="end">${say(`rule_${name}`)}</th>`)}</tr></thead>
      <tbody>
        ${rules.map(
          (one) => html`<tr key=${one.rule} class=${`severity-${one.severity}`}>
            <th scope="row"><span class="status"><i class="mark"></i>${wordOf(say, "rule_of", one.rule)}<span class="visually-hidden">${say(`severity_${one.severity}`)}</span></span></th>
            <${Cell} say=${say} own=${one.for_s} usual=${one.usual.for_s} />
            <${Cell} say=${say} own=${one.keep_s} usual=${one.usual.keep_s} />
            <${Cell} say=${say} own=${one.escalate_s} usual=${one.usual.escalate_s} isEscalation />
          </tr>`,
        )}
      </tbody>
    </table>
    ${found.data.sites.length > 0 &&
    html`<h4>${say("rules_of_sites")}</h4>
      <ul class="lines rules-of-sites">
        ${found.data.sites.map((/** @type {{ site: string, rules: OwnRule[] }} */ one) => html`<li key=${one.site}><b>${titleOf(one.site)}</b> ${one.rules.map((own) => html`<span>${wordOf(say, "rule_of", own.rule)}: ${ownText(own, say)}</span>`)}</li>`)}
      </ul>`}
  </section>`;
}

/** "Counts after 1 min · Next ones up after 10 min": what a site sets. @param {OwnRule} own @param {Say} say */
function ownText(own, say) {
  const { for_s, keep_s, escalate_s } = own;
  const waits = [[say("rule_for"), for_s], [say("rule_keep"), keep_s]].map(([name, seconds]) => (seconds === null ? "" : `${name} ${seconds === 0 ? say("rule_at_once") : span(Number(seconds) * 1000, say)}`));
  const up = escalate_s === null ? "" : `${say("rule_escalate")} ${escalate_s === 0 ? say("rule_nobody") : span(escalate_s * 1000, say)}`;
  return [...waits, up].filter((text) => text !== "").join(" · ");
}

/** @param {{ say: Say, own: number | null, usual: number | null, isEscalation?: boolean }} props */
function Cell({ say, own, usual, isEscalation = false }) {
  const text = (/** @type {number | null} */ seconds) => {
    if (seconds === null) return say("rule_nobody");
    return seconds === 0 && !isEscalation ? say("rule_at_once") : span(seconds * 1000, say);
  };
  return html`<td class="end">${own === usual ? text(own) : html`<b>${text(own)}</b> <small>${say("rule_usual", { span: text(usual) })}</small>`}</td>`;
}
