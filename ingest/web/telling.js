// Who is told of alerts, and of what nobody is told for a while: a vehicle in the workshop, a fridge given away.

import { useState } from "preact/hooks";
import { AlertRules } from "./alert_rules.js";
import { change, useAnswer } from "./ask.js";
import { LANGUAGES } from "./messages.js";
import { Failure, Waiting } from "./notices.js";
import { LookOnly, may } from "./roles.js";
import { siteTitle, timeOf, treeOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./stock_words.js").Site} Site */
/** @typedef {{ what: "unit" | "site", name: string, state: "maintenance" | "decommissioned", until_at: string | null, reason: string, who: string }} Rest */
/** @typedef {{ name: string, site: string, language: import("./messages.js").Language, severities: string[], quiet: string, waiting: number, dead: number, uncertain: number }} Contact */

const PATH = "/api/v1/maintenance";
const STATES = ["maintenance", "decommissioned"];

/** @param {{ say: Say, sites: Site[] }} props */
export function Telling({ say, sites }) {
  const [rests, again] = useAnswer(PATH);
  const [contacts, againContacts] = useAnswer("/api/v1/alerts/contacts");
  const titleOf = (/** @type {string} */ name) => siteTitle(sites.find((site) => site.site === name) ?? { site: name, name: null });
  return html`<section>
      <h3>${say("rests")}</h3>
      <p class="quiet">${say("rests_about")}</p>
      ${rests.data === null
        ? html`<${Waiting} asked=${rests} say=${say} again=${again} />`
        : html`<ul class="lines">${rests.data.maintenance.map((/** @type {Rest} */ rest) => html`<li key=${`${rest.what}/${rest.name}`}><${OneRest} say=${say} rest=${rest} title=${rest.what === "site" ? titleOf(rest.name) : rest.name} again=${again} /></li>`)}</ul>`}
      <${LookOnly} say=${say} roles=${["dispatcher"]} />
      ${may("dispatcher") && html`<${NewRest} say=${say} sites=${sites} again=${again} />`}
    </section>
    <section>
      <h3>${say("contacts")}</h3>
      <p class="quiet">${say("contacts_about")}</p>
      ${contacts.data === null
        ? html`<${Waiting} asked=${contacts} say=${say} again=${againContacts} />`
        : html`<ul class="lines">${contacts.data.contacts.map((/** @type {Contact} */ one) => html`<li key=${one.name}><${OneContact} say=${say} one=${one} place=${one.site === "" ? say("all") : titleOf(one.site)} /></li>`)}</ul>`}
    </section>
    <${AlertRules} say=${say} titleOf=${titleOf} />`;
}

/** @param {{ say: Say, rest: Rest, title: string, again: () => void }} props */
function OneRest({ say, rest, title, again }) {
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const end = async () => {
    const said = await change(`${PATH}/${rest.what}/${encodeURIComponent(rest.name)}`, "DELETE");
    setError(said.error);
    if (said.error === null) again();
  };
  return html`<div class="rest">
    <p><b>${title}</b> ${say(`suppressed_${rest.state}`)} <small>${rest.until_at === null ? "" : say("rest_until", { at: timeOf(rest.until_at) })} ${rest.reason} · ${rest.who}</small></p>
    ${may("dispatcher") && html`<button type="button" class="button" onClick=${end}>${say("rest_end")}</button>`}
    <${Failure} error=${error} say=${say} />
  </div>`;
}

/** @param {{ say: Say, sites: Site[], again: () => void }} props */
function NewRest({ say, sites, again }) {
  const [units] = useAnswer("/api/v1/units");
  const [said, setSaid] = useState({ about: "", state: "maintenance", until: "", reason: "" });
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => setSaid((old) => ({ ...old, [name]: event.target.value }));
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const [what, ...name] = said.about.split("/");
    const until = said.until === "" ? null : new Date(said.until).toISOString();
    const answer = await change(`${PATH}/${what}/${encodeURIComponent(name.join("/"))}`, "PUT", { state: said.state, until, reason: said.reason });
    setError(answer.error);
    if (answer.error !== null) return;
    setSaid((old) => ({ ...old, about: "", reason: "" }));
    again();
  };
  return html`<form class="edit" onSubmit=${save}>
    <label class="field"><span>${say("rest_about")}</span>
      <select required onChange=${set("about")}>
        <option value="" selected=${said.about === ""}>–</option>
        <optgroup label=${say("units")}>${(units.data?.units ?? []).map((/** @type {any} */ unit) => html`<option value=${`unit/${unit.unit}`}>${unit.name ?? unit.unit}</option>`)}</optgroup>
        <optgroup label=${say("tab_sites")}>${treeOf(sites).map(([depth, site]) => html`<option value=${`site/${site.site}`}>${"\u2003".repeat(depth)}${siteTitle(site)}</option>`)}</optgroup>
      </select>
    </label>
    <label class="field"><span>${say("state")}</span><select onChange=${set("state")}>${STATES.map((one) => html`<option value=${one} selected=${one === said.state}>${say(`suppressed_${one}`)}</option>`)}</select></label>
    <label class="field"><span>${say("rest_until_when")}</span><input type="datetime-local" value=${said.until} onInput=${set("until")} /></label>
    <label class="field"><span>${say("reason")}</span><input required maxlength="500" value=${said.reason} onInput=${set("reason")} /></label>
    <${Failure} error=${error} say=${say} />
    <div class="buttons"><button type="submit" class="button primary">${say("save")}</button></div>
  </form>`;
}

/** @param {{ say: Say, one: Contact, place: string }} props */
function OneContact({ say, one, place }) {
  const facts = [place, one.severities.map((severity) => say(`severity_${severity}`)).join(", "), LANGUAGES[one.language].label, one.quiet === "" ? "" : say("contact_quiet", { hours: one.quiet })];
  return html`<p><b>${one.name}</b> <span class="quiet">${facts.filter((fact) => fact !== "").join(" · ")}</span></p>
    ${one.waiting + one.dead + one.uncertain > 0 && html`<p>${one.waiting > 0 && html`<small>${say("contact_waiting", { n: one.waiting })} </small>`}${one.dead + one.uncertain > 0 && html`<b class="warn">${say("undelivered", { n: one.dead + one.uncertain })}</b>`}</p>`}`;
}
