// Books: what waits for a person first, then where the copies are, and what is lent, overdue or missing.

import { useEffect, useState } from "preact/hooks";
import { useAddress } from "./address.js";
import { change, useAnswer, withQuery } from "./ask.js";
import { Failure, Waiting } from "./notices.js";
import { LookOnly, may } from "./roles.js";
import { Journey, Rotation } from "./rotation.js";
import { SheetImport } from "./sheet_import.js";
import { timeOf, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./frame.js").PageProps} PageProps */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ event: string, unit: string | null, happened_at: string, clock: string, reader: string | null, card: string | null, due_on: string | null }} Side */
/**
 * @typedef {{
 *   conflict: string, number: number, copy: string, name: string | null, cause: string, ours: Side, other: Side | null, library: Record<string, string>,
 *   findings: { finding: string, note: string | null, actor: string | null, unit: string, found_at: string }[],
 * }} Conflict
 */
/** @typedef {{ place: string, name: string | null, copies: number, states: Record<string, number>, languages: Record<string, number> }} Place */
/**
 * @typedef {{
 *   copy: string, name: string | null, author: string | null, language: string | null, place: string | null, shelf: string | null, state: string,
 *   since_at: string, card: string | null, lent_at: string | null, lent_by: string | null, due_on: string | null, is_overdue: boolean,
 * }} Copy
 */

const AGAIN_EVERY_MS = 60_000;
const ROWS = 100;
const LISTS = ["overdue", "loans", "missing", "moves"]; // all but the last show readers' cards
/** The sheets of a library by their columns; MARC has none. @type {Record<string, string[]>} */
const BOOK_SHEETS = {
  marc: [],
  books: ["copy", "title", "name", "author", "language", "isbn", "publisher", "year", "owner", "home", "shelf", "is_withdrawn"],
  readers: ["card", "why", "since_on", "until_on"],
  holds: ["hold", "title", "copy", "card", "stop", "since_on"],
  rotas: ["rota", "stage", "site", "days", "is_cyclic"],
  rounds: ["copy", "rota"],
};

/** @param {PageProps} props */
export function Page({ say }) {
  const [wanted, setWanted] = useAddress(["place", "list", "copy"]);
  const [found, again] = useAnswer("/api/v1/books");
  useEffect(() => {
    const timer = setInterval(again, AGAIN_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const all = found.data;
  if (all === null) return html`<div class="sheet"><${Waiting} asked=${found} say=${say} again=${again} /></div>`;
  const isOwn = may("librarian");
  const lists = isOwn ? LISTS : ["moves"];
  const list = lists.includes(wanted.list) ? wanted.list : lists[0];
  /** @type {Record<string, number>} */
  const counts = { overdue: all.overdue, loans: all.loans, missing: all.missing };
  const open = (/** @type {string} */ copy) => setWanted({ copy });
  return html`<div class="sheet">
    <header class="sheet-head">
      <h2>${say("nav_books")}</h2>
      <${Library} say=${say} library=${all.library} />
    </header>
    <${LookOnly} say=${say} roles=${["librarian"]} />
    ${isOwn && html`<${Conflicts} say=${say} times=${all.now} again=${again} />`}
    ${isOwn && wanted.copy !== "" && html`<${Journey} key=${wanted.copy} say=${say} copy=${wanted.copy} back=${() => setWanted({ copy: "" })} />`}
    ${isOwn && wanted.place !== ""
      ? html`<${Copies} key=${wanted.place} say=${say} open=${open} title=${wanted.place} path=${withQuery("/api/v1/books/shelf", { place: wanted.place })} back=${() => setWanted({ place: "" })} />`
      : html`<${Places} say=${say} places=${all.places} open=${(/** @type {string} */ place) => setWanted({ place })} />
          <section>
            <div class="selects">
              <div class="segmented" role="group" aria-label=${say("filter_state")}>
                ${lists.map((one) => html`<button type="button" aria-pressed=${list === one} onClick=${() => setWanted({ list: one })}>${say(`books_${one}`)}${one in counts && html` <b class="number">${counts[one]}</b>`}</button>`)}
              </div>
            </div>
            ${list === "moves" ? html`<${Rotation} say=${say} open=${open} />` : html`<${Copies} key=${list} say=${say} open=${open} title=${say(`books_${list}`)} path=${list === "missing" ? "/api/v1/books/missing" : withQuery("/api/v1/books/loans", { is_overdue: list === "overdue" ? "true" : null })} back=${null} />`}
          </section>
          ${isOwn && html`<section>
            <h3>${say("tab_import")}</h3>
            <${SheetImport} say=${say} onTaken=${again} path="/api/v1/books/import" sheets=${BOOK_SHEETS} word="sheet" accept=".csv,.mrc,.marc,.iso" />
          </section>`}`}
  </div>`;
}

/** How it stands with the library's system. @param {{ say: Say, library: any }} props */
function Library({ say, library }) {
  if (library.kind === "none") return html`<p class="quiet">${say("library_none")}</p>`;
  if (library.dead > 0) return html`<p class="warn" role="status">${say("library_dead", { n: library.dead })} <span lang="en">${library.error}</span></p>`;
  if (library.error !== "") return html`<p class="warn" role="status">${say("library_waits", { n: library.waiting })} <span lang="en">${library.error}</span></p>`;
  return html`<p class="quiet" role="status">${library.waiting > 0 ? say("library_waiting", { n: library.waiting }) : say("library_told")}</p>`;
}

/** @param {{ say: Say, times: string, again: () => void }} props */
function Conflicts({ say, times, again }) {
  const [found, reread] = useAnswer("/api/v1/books/conflicts");
  useEffect(reread, [times]);
  if (found.data === null) return html`<${Waiting} asked=${found} say=${say} again=${reread} />`;
  const decided = () => {
    reread();
    again();
  };
  /** @type {Conflict[]} */
  const conflicts = found.data.conflicts;
  return html`<section>
    <h3>${say("book_conflicts")}</h3>
    ${conflicts.length === 0 && html`<p class="quiet">${say("book_conflicts_none")}</p>`}
    <ul class="inbox">
      ${conflicts.map((one) => html`<li key=${one.number} class="alert severity-look is-firing"><${OneConflict} say=${say} conflict=${one} decided=${decided} /></li>`)}
    </ul>
  </section>`;
}

/** @param {{ say: Say, conflict: Conflict, decided: () => void }} props */
function OneConflict({ say, conflict, decided }) {
  const [comment, setComment] = useState("");
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  /** @param {"stands" | "void"} ruling */
  const decide = async (ruling) => {
    const said = await change(`/api/v1/books/conflicts/${conflict.number}/decision`, "POST", { ruling, comment: comment.trim() });
    setError(said.error);
    if (said.error === null) decided();
  };
  const isEmpty = comment.trim() === "";
  const library = Object.entries(conflict.library);
  return html`<div class="alert-body">
    <p><b>${conflict.name ?? conflict.copy}</b> <span class="number">${conflict.copy}</span> · <span class="warn">${wordOf(say, "conflict", conflict.cause)}</span> <small class="quiet">${conflict.conflict}</small></p>
    <dl class="facts">
      <div><dt>${say("conflict_ours")}</dt><dd><${SideText} say=${say} side=${conflict.ours} /></dd></div>
      ${conflict.other !== null && html`<div><dt>${say("conflict_other")}</dt><dd><${SideText} say=${say} side=${conflict.other} /></dd></div>`}
      ${library.length > 0 && html`<div><dt>${say("conflict_library")}</dt><dd>${library.map(([name, value]) => `${wordOf(say, "library_fact", name)} ${value}`).join(" · ")}</dd></div>`}
      ${conflict.findings.map((one) => html`<div><dt>${say("conflict_finding")}</dt><dd>${wordOf(say, "finding", one.finding)} ${one.note} (${one.unit}, ${timeOf(one.found_at)})</dd></div>`)}
    </dl>
    <form class="answer" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label class="field"><span>${say("comment")}</span><textarea rows="2" maxlength="500" value=${comment} onInput=${(/** @type {any} */ event) => setComment(event.target.value)}></textarea></label>
      <div class="buttons">
        <button type="button" class="button primary" disabled=${isEmpty} onClick=${() => decide("stands")}>${say("conflict_stands")}</button>
        <button type="button" class="button" disabled=${isEmpty} onClick=${() => decide("void")}>${say("conflict_void")}</button>
      </div>
      <${Failure} error=${error} say=${say} />
    </form>
  </div>`;
}

/** @param {{ say: Say, side: Side }} props */
const SideText = ({ say, side }) =>
  html`${wordOf(say, "book", side.event)} <time class="number">${timeOf(side.happened_at)}</time> · ${side.unit ?? "–"} · ${side.card ?? say("reader_unknown")}`;

/** @param {{ say: Say, places: Place[], open: (place: string) => void }} props */
function Places({ say, places, open }) {
  if (places.length === 0) return html`<p class="waiting quiet">${say("books_none")}</p>`;
  return html`<section>
    <h3>${say("book_places")}</h3>
    <table class="grid">
      <thead><tr><th scope="col">${say("site")}</th>${["on_shelf", "on_loan", "missing"].map((state) => html`<th scope="col" class="end">${say(`copy_${state}`)}</th>`)}<th scope="col">${say("book_languages")}</th></tr></thead>
      <tbody>
        ${places.map(
          (place) => html`<tr key=${place.place}>
            <th scope="row"><button type="button" class="disclose" disabled=${!may("librarian")} onClick=${() => open(place.place)}>${place.name ?? place.place}</button></th>
            ${["on_shelf", "on_loan", "missing"].map((state) => html`<td class=${state === "missing" && place.states[state] > 0 ? "end number warn" : "end number"} data-label=${say(`copy_${state}`)}>${place.states[state] ?? 0}</td>`)}
            <td>${Object.entries(place.languages).map(([language, n]) => `${wordOf(say, "language", language)} ${n}`).join(" · ")}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}

/** Copies page by page. @param {{ say: Say, title: string, path: string, open: (copy: string) => void, back: (() => void) | null }} props */
function Copies({ say, title, path, open, back }) {
  const [after, setAfter] = useState("");
  const [found, again] = useAnswer(withAfter(path, after));
  const head = html`<div class="section-head">
    ${back !== null && html`<button type="button" class="button" onClick=${back}>${say("book_places")}</button>`}
    <h3>${title}</h3>
    <a class="button" href=${withFormat(path)} download>${say("download_csv")}</a>
  </div>`;
  if (found.data === null) return html`<section>${head}<${Waiting} asked=${found} say=${say} again=${again} /></section>`;
  /** @type {Copy[]} */
  const copies = found.data.copies;
  return html`<section>
    ${head}
    ${copies.length === 0 && html`<p class="quiet">${say("books_none")}</p>`}
    ${copies.length > 0 && html`<table class="grid">
      <thead><tr>${["book_copy", "book_title", "state", "site", "reader", "due"].map((key) => html`<th scope="col">${say(key)}</th>`)}</tr></thead>
      <tbody>
        ${copies.map(
          (one) => html`<tr key=${one.copy}>
            <th scope="row"><button type="button" class="disclose number" onClick=${() => open(one.copy)}>${one.copy}</button></th>
            <td>${one.name ?? "–"} ${one.author !== null && html`<small class="quiet">${one.author}</small>`}</td>
            <td>${say(`copy_${one.state}`)}</td>
            <td>${one.place ?? "–"} ${one.shelf !== null && html`<small class="quiet">${one.shelf}</small>`}</td>
            <td class="number">${one.lent_at === null ? "" : (one.card ?? say("reader_unknown"))}</td>
            <td class=${one.is_overdue ? "number warn" : "number"}>${one.due_on ?? ""}</td>
          </tr>`,
        )}
      </tbody>
    </table>`}
    ${(after !== "" || found.data.after !== null) && html`<div class="pager">
      <button type="button" class="button" disabled=${after === ""} onClick=${() => setAfter("")}>${say("page_first")}</button>
      <button type="button" class="button" disabled=${found.data.after === null} onClick=${() => setAfter(found.data.after)}>${say("page_after")}</button>
    </div>`}
  </section>`;
}

/** @param {string} path @param {string} after */
const withAfter = (path, after) => `${path}${path.includes("?") ? "&" : "?"}limit=${ROWS}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`;

/** @param {string} path */
const withFormat = (path) => `${path}${path.includes("?") ? "&" : "?"}format=csv`;
