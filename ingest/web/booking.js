// Booking by hand, made for the keyboard and for a scanner that types: fields in the order in which somebody
// says it, Enter books, and the next line begins at the item.
//
// A line has its id before it is sent and keeps it until the service has said that it is booked: a second press,
// or one after a lost answer, books nothing twice.

import { useRef, useState } from "preact/hooks";
import { change, newId, useAnswer, withQuery } from "./ask.js";
import { entryOf, isOutward, itemOf, KINDS, lotToTake, needsReason } from "./booking_entry.js";
import { Failure } from "./notices.js";
import { packCodeOf } from "./pack_code.js";
import { SiteSelect } from "./site_select.js";
import { expiryText, nameOf, siteTitle, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./stock_words.js").Site} Site */
/** @typedef {import("./stock_words.js").Item} Item */
/** @typedef {import("./stock_page.js").Lot} Lot */
/** @typedef {import("./booking_entry.js").Texts} Texts */
/** `items` is null until they are read. @typedef {{ say: Say, language: Language, sites: Site[], items: Item[] | null, site: string, item: string, onBooked: () => void, close: () => void }} Props */

/** @param {Props} props */
export function Booking({ say, language, sites, items, site, item, onBooked, close }) {
  const blank = { kind: "receive", site, item, lot: null, quantity: "", expires_on: "", other_site: "", reason: "", at: "" };
  const [texts, setTexts] = useState(/** @type {Texts} */ (blank));
  const [id, setId] = useState(newId);
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const [done, setDone] = useState("");
  const first = useRef(/** @type {HTMLInputElement | null} */ (null));
  const meant = itemOf(items ?? [], texts.item);
  const isPair = texts.site !== "" && meant !== null;
  const [there, reread] = useAnswer(isPair ? withQuery(`/api/v1/stock/sites/${encodeURIComponent(texts.site)}`, { item: meant.item, limit: 1 }) : null);
  /** @type {Lot[]} */
  const lots = isPair ? (there.data?.lots ?? []) : [];
  const lot = texts.lot ?? (isOutward(texts.kind) ? lotToTake(texts.kind, lots) : "");
  /** @param {Partial<Texts>} said */
  const set = (said) => {
    setDone("");
    setError(null);
    setTexts((old) => ({ ...old, ...said }));
  };
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (meant === null || isSending) return;
    setSending(true);
    const said = await change("/api/v1/stock/entries", "POST", entryOf(id, texts, meant.item, lot));
    setSending(false);
    setError(said.error);
    // Refused for good it was never booked under this id, or it was with other content: either way a new one.
    if (said.error === null || !said.error.retry) setId(newId());
    if (said.error !== null) return;
    const place = sites.find((one) => one.site === texts.site);
    const about = { what: say(`kind_${texts.kind}`), n: texts.quantity, item: nameOf(meant.names, language, meant.item) };
    setDone(say("booking_done", { ...about, site: place === undefined ? texts.site : siteTitle(place), left: said.data.on_hand }));
    setTexts({ ...blank, kind: texts.kind, site: texts.site, other_site: texts.other_site, item: "" });
    reread();
    onBooked();
    first.current?.focus();
  };
  /** A scanner ends with Enter: its code becomes the fields that it names, and somebody looks before it is booked. */
  const read = (/** @type {any} */ event) => {
    const code = event.key === "Enter" ? packCodeOf(event.target.value) : null;
    const found = code === null ? null : itemOf(items ?? [], code.product);
    if (code === null) return;
    event.preventDefault();
    if (found === null) return;
    set({ item: found.item, lot: code.lot === "" ? null : code.lot, expires_on: code.expires_on, quantity: String(code.packs * found.pack_size) });
    event.target.form.elements.quantity.focus();
  };
  const others = sites.filter((one) => one.site !== texts.site);
  const chosen = (/** @type {string} */ key) => (/** @type {any} */ event) => set({ [key]: event.target.value });
  const word = (/** @type {string} */ key) => say(key === "all" ? "choose_site" : key);
  return html`<form class="edit booking" aria-label=${say("booking")} onSubmit=${send}>
    <p class="quiet">${say("booking_about")}</p>
    <label class="field"><span>${say("booking_kind")}</span>
      <select onChange=${chosen("kind")}>${KINDS.map((kind) => html`<option value=${kind} selected=${kind === texts.kind}>${say(`booking_${kind}`)}</option>`)}</select>
    </label>
    <label class="field"><span>${say("site")}</span><${SiteSelect} say=${word} sites=${sites} value=${texts.site} onChange=${(/** @type {string} */ one) => set({ site: one, lot: null })} isRequired /></label>
    ${texts.kind === "transfer" && html`<label class="field"><span>${say("booking_to")}</span><${SiteSelect} say=${word} sites=${others} value=${texts.other_site} onChange=${(/** @type {string} */ one) => set({ other_site: one })} isRequired /></label>`}
    <label class="field"><span>${meant === null ? say("booking_item") : html`${say("item")} · <b>${nameOf(meant.names, language, meant.item)}</b>`}</span>
      <input ref=${first} value=${texts.item} required maxlength="240" list="booking-items" autocomplete="off" onKeyDown=${read} onInput=${(/** @type {any} */ event) => set({ item: event.target.value, lot: null })} />
      <datalist id="booking-items">${(items ?? []).map((one) => html`<option value=${one.item}>${nameOf(one.names, language, one.item)}</option>`)}</datalist>
    </label>
    <${LotField} say=${say} kind=${texts.kind} lots=${lots} lot=${lot} now_ms=${there.data === null ? 0 : Date.parse(there.data.now)} set=${(/** @type {string} */ text) => set({ lot: text })} />
    <label class="field"><span>${say("booking_quantity", { unit: meant === null || meant.base_unit === "piece" ? say("booking_piece") : wordOf(say, "measure", meant.base_unit) })}${meant !== null && meant.pack_size > 1 && html` · ${say("booking_pack", { n: meant.pack_size })}`}</span>
      <input name="quantity" type="number" inputmode="numeric" step="1" min=${leastOf(texts.kind)} max="1000000000" required value=${texts.quantity} onInput=${chosen("quantity")} />
    </label>
    ${texts.kind === "receive" && html`<label class="field"><span>${say("set_expiry")}</span><input type="date" value=${texts.expires_on} onInput=${chosen("expires_on")} /></label>`}
    <label class="field"><span>${say("reason")}</span><input value=${texts.reason} required=${needsReason(texts.kind)} maxlength="256" onInput=${chosen("reason")} /></label>
    <label class="field"><span>${say("booking_at")}</span><input type="datetime-local" value=${texts.at} onInput=${chosen("at")} /></label>
    <${Warnings} say=${say} texts=${texts} meant=${meant} lots=${lots} lot=${lot} isRead=${there.data !== null} isUnknown=${items !== null && texts.item !== "" && meant === null} />
    <div class="buttons">
      <button type="submit" class="button primary" disabled=${isSending || !isPair}>${say("booking_send")}</button>
      <button type="button" class="button" onClick=${close}>${say("cancel")}</button>
    </div>
    <div class="outcome" role="status"><${Failure} error=${error} say=${say} />${done !== "" && html`<p class="notice">${done}</p>`}</div>
  </form>`;
}

/** @param {string} kind */
const leastOf = (kind) => (kind === "adjust" ? undefined : kind === "count" ? 0 : 1);

/** What lies there to take from, or any lot with those that are known. @param {{ say: Say, kind: string, lots: Lot[], lot: string, now_ms: number, set: (lot: string) => void }} props */
function LotField({ say, kind, lots, lot, now_ms, set }) {
  const onInput = (/** @type {any} */ event) => set(event.target.value);
  const title = (/** @type {Lot} */ one) => (one.lot === "" ? say("lot_unknown") : one.lot);
  const known = lots.some((one) => one.lot === "") ? lots : [...lots, { lot: "", on_hand: 0, expires_on: null }];
  return html`<label class="field"><span>${say("lot")}</span>
    ${isOutward(kind)
      ? html`<select onChange=${onInput}>${known.map((/** @type {any} */ one) => html`<option value=${one.lot} selected=${one.lot === lot}>${[title(one), one.on_hand, expiryText(one.expires_on, now_ms, say)].join(" · ")}</option>`)}</select>`
      : html`<input value=${lot} maxlength="64" list="booking-lots" autocomplete="off" onInput=${onInput} /><datalist id="booking-lots">${lots.filter((one) => one.lot !== "").map((one) => html`<option value=${one.lot} />`)}</datalist>`}
  </label>`;
}

/** What somebody should know before it is booked; nothing here forbids it. @param {{ say: Say, texts: Texts, meant: Item | null, lots: Lot[], lot: string, isRead: boolean, isUnknown: boolean }} props */
function Warnings({ say, texts, meant, lots, lot, isRead, isUnknown }) {
  const chosen = lots.find((one) => one.lot === lot);
  const quantity = Number(texts.quantity);
  const taken = isOutward(texts.kind) ? quantity : texts.kind === "adjust" ? -quantity : 0;
  const onHand = chosen?.on_hand ?? 0;
  const why = texts.kind === "dispense" || texts.kind === "transfer" ? (chosen?.unusable_because ?? null) : null;
  return html`${isUnknown && html`<p class="notice">${say("booking_item_unknown")}</p>`}
    ${why !== null && html`<p class="notice failure">${say("booking_unusable", { why: wordOf(say, "unusable", why) })}</p>`}
    ${isRead && meant !== null && texts.site !== "" && taken > 0 && taken > onHand && html`<p class="notice">${say("booking_below", { n: onHand })}</p>`}`;
}
