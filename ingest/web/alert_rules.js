// The rules of alerts and their numbers, as the service's settings have them: to be read here, changed there.

import { useAnswer } from "./ask.js";
import { span } from "./format.js";
import { Waiting } from "./notices.js";
import { wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ for_s: number, keep_s: number, escalate_s: number | null }} Numbers */
/** @typedef {Numbers & { rule: string, severity: "act" | "look", usual: Numbers }} Rule */

/** @param {{ say: Say }} props */
export function AlertRules({ say }) {
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
  </section>`;
}

/** @param {{ say: Say, own: number | null, usual: number | null, isEscalation?: boolean }} props */
function Cell({ say, own, usual, isEscalation = false }) {
  const text = (/** @type {number | null} */ seconds) => {
    if (seconds === null) return say("rule_nobody");
    return seconds === 0 && !isEscalation ? say("rule_at_once") : span(seconds * 1000, say);
  };
  return html`<td class="end">${own === usual ? text(own) : html`<b>${text(own)}</b> <small>${say("rule_usual", { span: text(usual) })}</small>`}</td>`;
}
