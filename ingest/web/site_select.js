// The choice of a site, in the order and depth of the tree of supply.

import { siteTitle, treeOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */

/** @param {{ say: Say, sites: import("./stock_words.js").Site[], value: string, onChange: (site: string) => void, isRequired?: boolean }} props */
export function SiteSelect({ say, sites, value, onChange, isRequired = false }) {
  return html`<select required=${isRequired} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>
    <option value="">${say("all")}</option>
    ${treeOf(sites).map(([depth, site]) => html`<option value=${site.site} selected=${site.site === value}>${"\u2003".repeat(depth)}${siteTitle(site)}</option>`)}
  </select>`;
}
