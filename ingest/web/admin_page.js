// Administration: places, things, and how much of what should be where; each by a form, or many by a sheet.

import { useState } from "preact/hooks";
import { useAddress } from "./address.js";
import { bodyOf, FORMS, pathOf, SHEETS, textsOf } from "./admin_forms.js";
import { change, useAnswer, withQuery } from "./ask.js";
import { Firmware } from "./firmware.js";
import { Failure, Waiting } from "./notices.js";
import { LookOnly, may } from "./roles.js";
import { SheetImport } from "./sheet_import.js";
import { SiteSelect } from "./site_select.js";
import { nameOf, siteTitle, treeOf, wordOf } from "./stock_words.js";
import { Telling } from "./telling.js";
import { html } from "./view.js";

/** @typedef {import("./frame.js").PageProps} PageProps */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./admin_forms.js").Form} Form */
/** @typedef {import("./admin_forms.js").Field} Field */
/** @typedef {import("./admin_forms.js").Texts} Texts */
/** @typedef {import("./stock_words.js").Site} Site */
/** @typedef {import("./stock_words.js").Item} Item */
/** @typedef {{ say: Say, language: Language, sites: Site[], items: Item[] }} Around */

/** Who may change the records of a tab. @type {Record<string, import("./roles.js").Role[]>} */
const WHOSE = { sites: ["dispatcher"], items: ["health"], levels: ["health"] };
const TABS = [...Object.keys(FORMS), "import", "telling", "firmware"];
const NEW = "\u0000new";

/** @param {PageProps} props */
export function Page({ say, language }) {
  const [wanted, setWanted] = useAddress(["tab", "site", "item"]);
  const [sites, againSites] = useAnswer(FORMS.sites.list);
  const [items, againItems] = useAnswer(FORMS.items.list);
  const tab = TABS.includes(wanted.tab) ? wanted.tab : TABS[0];
  /** @type {Around} */
  const around = { say, language, sites: sites.data?.sites ?? [], items: items.data?.items ?? [] };
  const again = () => {
    againSites();
    againItems();
  };
  return html`<div class="sheet">
    <header class="sheet-head">
      <h2>${say("nav_admin")}</h2>
      <div class="segmented" role="group" aria-label=${say("nav_admin")}>
        ${TABS.map((one) => html`<button type="button" aria-pressed=${one === tab} onClick=${() => setWanted({ tab: one, site: "", item: "" })}>${say(`tab_${one}`)}</button>`)}
      </div>
    </header>
    ${tab === "import" && html`<${LookOnly} say=${say} roles=${["health", "dispatcher"]} />`}
    ${tab === "import" && may("health", "dispatcher") && html`<${SheetImport} say=${say} onTaken=${again} sheets=${ownSheets()} />`}
    ${tab === "telling" && html`<${Telling} say=${say} sites=${around.sites} />`}
    ${tab === "firmware" && html`<${Firmware} say=${say} />`}
    ${tab === "sites" && html`<${Records} key="sites" around=${around} what="sites" asked=${sites} again=${again} known=${{}} first=${wanted.site} />`}
    ${tab === "items" && html`<${Records} key="items" around=${around} what="items" asked=${items} again=${again} known=${{}} first=${wanted.item} />`}
    ${tab === "levels" && html`<${Levels} around=${around} site=${wanted.site} item=${wanted.item} setSite=${(/** @type {string} */ site) => setWanted({ site, item: "" })} />`}
  </div>`;
}

/** Those that the reader may send: whoever may change one of their lines. */
const ownSheets = () => Object.fromEntries(Object.entries(SHEETS).filter(([what]) => may(...(WHOSE[what] ?? ["health"]))));

/** Levels of one site at a time: a county has a hundred thousand. @param {{ around: Around, site: string, item: string, setSite: (site: string) => void }} props */
function Levels({ around, site, item, setSite }) {
  const { say, sites } = around;
  const [levels, again] = useAnswer(site === "" ? null : withQuery(FORMS.levels.list, { site }));
  return html`<label class="field"><span>${say("site")}</span><${SiteSelect} say=${(/** @type {string} */ key) => say(key === "all" ? "choose_site" : key)} sites=${sites} value=${site} onChange=${setSite} /></label>
    ${site !== "" && html`<${Records} key=${site} around=${around} what="levels" asked=${levels} again=${again} known=${{ site }} first=${item === "" ? "" : `${site}/${item}`} />`}`;
}

/**
 * The records of one kind, each with its form; `known` are fields that are settled already.
 * @param {{ around: Around, what: string, asked: import("./ask.js").Asked, again: () => void, known: Texts, first: string }} props
 */
function Records({ around, what, asked, again, known, first }) {
  const { say } = around;
  const form = FORMS[what];
  const isOwn = may(...WHOSE[what]);
  const [open, setOpen] = useState(first);
  const [text, setText] = useState("");
  const [saved, setSaved] = useState("");
  if (asked.data === null) return html`<${Waiting} asked=${asked} say=${say} again=${again} />`;
  /** @type {Record<string, any>[]} */
  const records = asked.data[what];
  const keyOf = (/** @type {Record<string, any>} */ record) => form.keys.map((key) => record[key]).join("/");
  const shown = records.filter((record) => JSON.stringify(record).toLowerCase().includes(text.trim().toLowerCase()));
  const isNew = open === NEW || (open !== "" && !records.some((record) => keyOf(record) === open));
  const done = (/** @type {string} */ key) => {
    setOpen("");
    setSaved(key);
    again();
  };
  const blank = { ...known, ...(what === "levels" && open.includes("/") ? { item: open.slice(open.indexOf("/") + 1) } : {}) };
  return html`<div class="records">
    <div class="selects">
      <label class="field grow"><span>${say("search")}</span><input type="search" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>
      ${isOwn && html`<button type="button" class="button primary" onClick=${() => setOpen(isNew ? "" : NEW)}>${say("add_new")}</button>`}
    </div>
    <${LookOnly} say=${say} roles=${WHOSE[what]} />
    ${saved !== "" && open === "" && html`<p class="notice" role="status">${say("saved", { name: saved })}</p>`}
    ${isNew && isOwn && html`<${EditForm} around=${around} form=${form} record=${blank} isNew cancel=${() => setOpen("")} done=${done} />`}
    <table class="grid admin-grid">
      <thead><tr>${[...form.keys, ...form.columns].filter((name) => !(name in known)).map((name) => html`<th scope="col">${say(what === "levels" && name === "item" ? name : `field_${name}`)}</th>`)}</tr></thead>
      ${shown.map((record) => {
        const key = keyOf(record);
        const texts = textsOf(form, record);
        return html`<tbody key=${key} class=${open === key ? "is-open" : ""}>
          <tr>
            ${form.keys.filter((name) => !(name in known)).map((name) => html`<th scope="row"><button type="button" class="disclose" aria-expanded=${open === key} onClick=${() => setOpen(open === key ? "" : key)}>${keyText(around, what, name, String(record[name]))}</button></th>`)}
            ${form.columns.map((name) => html`<td>${cellText(around, form, name, texts)}</td>`)}
          </tr>
          ${open === key && isOwn && html`<tr class="detail"><td colspan="9"><${EditForm} around=${around} form=${form} record=${record} cancel=${() => setOpen("")} done=${done} /></td></tr>`}
        </tbody>`;
      })}
    </table>
    ${records.length === 0 && html`<p class="quiet">${say("none_yet")}</p>`}
  </div>`;
}

/** @param {Around} around @param {string} what @param {string} name @param {string} key */
function keyText({ items, language }, what, name, key) {
  const item = what === "levels" && name === "item" ? items.find((one) => one.item === key) : undefined;
  return item === undefined ? key : nameOf(item.names, language, key);
}

/** @param {Around} around @param {Form} form @param {string} name @param {Texts} texts */
function cellText({ say, sites }, form, name, texts) {
  const field = form.fields.find((one) => one.name === name);
  const text = String(texts[name] ?? "");
  if (text === "") return "";
  if (field?.kind === "choice") return wordOf(say, field.prefix ?? "", text);
  const site = field?.kind === "site" ? sites.find((one) => one.site === text) : undefined;
  return site === undefined ? text : siteTitle(site);
}

/** @param {{ around: Around, form: Form, record: Record<string, any>, isNew?: boolean, cancel: () => void, done: (key: string) => void }} props */
function EditForm({ around, form, record, isNew = false, cancel, done }) {
  const { say } = around;
  const [texts, setTexts] = useState(() => textsOf(form, { level: "cabinet", base_unit: "piece", pack_size: 1, ...record }));
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const said = await change(pathOf(form, texts), "PUT", bodyOf(form, texts));
    setError(said.error);
    if (said.error === null) done(form.keys.map((key) => texts[key]).join(" · "));
  };
  const fields = form.fields.filter((field) => isNew || !form.keys.includes(field.name));
  return html`<form class="edit" onSubmit=${save}>
    ${fields.map(
      (field) => html`<${Input}
        key=${field.name}
        around=${around}
        field=${field}
        text=${texts[field.name]}
        isSettled=${isNew && field.name === "site" && record.site !== undefined}
        set=${(/** @type {string | boolean} */ text) => setTexts((/** @type {Texts} */ old) => ({ ...old, [field.name]: text }))}
      />`,
    )}
    <${Failure} error=${error} say=${say} />
    <div class="buttons">
      <button type="submit" class="button primary">${say("save")}</button>
      <button type="button" class="button" onClick=${cancel}>${say("cancel")}</button>
    </div>
  </form>`;
}

/** @param {{ around: Around, field: Field, text: string | boolean, isSettled: boolean, set: (text: string | boolean) => void }} props */
function Input({ around, field, text, isSettled, set }) {
  const { say } = around;
  const label = say(field.kind === "name" ? field.name : `field_${field.name}`);
  if (field.kind === "flag")
    return html`<label class="field check"><input type="checkbox" checked=${text === true} onChange=${(/** @type {any} */ event) => set(event.target.checked)} /><span>${label}</span></label>`;
  const change_text = (/** @type {any} */ event) => set(event.target.value);
  return html`<label class="field"><span>${label}</span>${control(around, field, String(text), isSettled, change_text)}</label>`;
}

/** @param {Around} around @param {Field} field @param {string} text @param {boolean} isSettled @param {(event: any) => void} onInput */
function control({ say, language, sites, items }, field, text, isSettled, onInput) {
  if (field.kind === "choice")
    return html`<select onChange=${onInput}>${(field.choices ?? []).map((one) => html`<option value=${one} selected=${one === text}>${one === "" ? "–" : wordOf(say, field.prefix ?? "", one)}</option>`)}</select>`;
  if (field.kind === "site")
    return html`<select onChange=${onInput}><option value="">–</option>${treeOf(sites).map(([depth, site]) => html`<option value=${site.site} selected=${site.site === text}>${"\u2003".repeat(depth)}${siteTitle(site)}</option>`)}</select>`;
  if (field.kind === "name" && field.name === "item")
    return html`<input value=${text} required maxlength="64" list="items" onInput=${onInput} /><datalist id="items">${items.map((item) => html`<option value=${item.item}>${nameOf(item.names, language, item.item)}</option>`)}</datalist>`;
  if (field.kind === "count") return html`<input type="number" min="0" step="1" inputmode="numeric" value=${text} onInput=${onInput} />`;
  if (field.kind === "date") return html`<input type="date" value=${text} onInput=${onInput} />`;
  return html`<input value=${text} required=${field.kind === "name"} readonly=${isSettled} maxlength=${field.kind === "words" ? 2000 : 64} onInput=${onInput} />`;
}
