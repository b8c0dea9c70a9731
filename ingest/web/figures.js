// A number that explains itself: its value, the formula, and what was put in, as the service worked it out.

import { numberText, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./stock_words.js").Figure} Figure */

/** Why a figure has no value. @param {Figure} figure @param {Say} say */
export const whyOf = (figure, say) => (figure.why === null ? "" : wordOf(say, "why", figure.why));

/** The value or a dash, with the reason in small beside it. @param {{ figure: Figure, say: Say, unit?: string }} props */
export function Value({ figure, say, unit }) {
  if (figure.value === null) return html`<span class="unknown">– <small>${whyOf(figure, say)}</small></span>`;
  return html`<b class="number">${numberText(figure.value)}</b>${unit !== undefined && html` <small>${unit}</small>`}`;
}

/** @param {{ label: string, figure: Figure, say: Say, unit?: string, isWord?: boolean }} props */
export function Explained({ label, figure, say, unit, isWord = false }) {
  const inputs = Object.entries(figure.inputs);
  return html`<div class="explained">
    <h4>${label}</h4>
    <p class="explained-value">
      ${isWord ? html`<b>${wordOf(say, "status", String(figure.value ?? "UNKNOWN"))}</b>` : html`<${Value} figure=${figure} say=${say} unit=${unit} />`}
    </p>
    <code class="formula">${figure.formula}</code>
    ${inputs.length > 0 &&
    html`<dl class="inputs">
      ${inputs.map(([name, value]) => html`<div key=${name}><dt><code>${name}</code> ${inputLabel(name, say)}</dt><dd>${inputText(name, value, say)}</dd></div>`)}
    </dl>`}
  </div>`;
}

/** @param {string} name @param {Say} say */
function inputLabel(name, say) {
  const text = wordOf(say, "input", name);
  return text === name ? "" : html`<small>${text}</small>`;
}

/** @param {string} name @param {number | string | null} value @param {Say} say */
const inputText = (name, value, say) => (name === "basis" ? wordOf(say, "basis", String(value)) : numberText(value));
