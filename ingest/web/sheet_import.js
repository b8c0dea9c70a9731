// Many at once: a CSV file is taken whole or not at all, and every bad line of it is named.

import { useState } from "preact/hooks";
import { SHEETS } from "./admin_forms.js";
import { ask, withQuery } from "./ask.js";
import { Failure } from "./notices.js";
import { wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ is_taken: boolean, lines: number, problems: { line: number, column: string, code: string, detail: string }[] }} Imported */

/** @type {import("./ask.js").Answer} */
const CHANGED = { data: null, error: { code: "file_changed", where: "", detail: "", retry: true } };

/**
 * Sheets of stock, or of whatever else `path` takes: their columns by name, called by the word that `word` begins.
 * @param {{ say: Say, onTaken: () => void, path?: string, sheets?: Record<string, string[]>, word?: string, accept?: string }} props
 */
export function SheetImport({ say, onTaken, path = "/api/v1/stock/import", sheets = SHEETS, word = "tab", accept = ".csv,text/csv" }) {
  const [what, setWhat] = useState(Object.keys(sheets)[0]);
  const [file, setFile] = useState(/** @type {File | null} */ (null));
  const [times, setTimes] = useState(0);
  const [isSending, setSending] = useState(false);
  const [found, setFound] = useState(/** @type {Imported | null} */ (null));
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (file === null) return;
    setSending(true);
    setFound(null);
    const body = await file.arrayBuffer().catch(() => null); // null: changed on the disk since it was chosen
    const said = body === null ? CHANGED : await ask(withQuery(path, { what }), { method: "POST", headers: { "Content-Type": "text/csv" }, body });
    setSending(false);
    setError(said.error);
    setFound(said.data);
    // Whoever corrects the file chooses it again: the browser would send it as it was, or not at all.
    setFile(null);
    setTimes(times + 1);
    if (said.data?.is_taken === true) onTaken();
  };
  return html`<form class="import" onSubmit=${send}>
      <p class="quiet">${say("import_about")}</p>
      <div class="selects">
        <label class="field"><span>${say("import_what")}</span>
          <select onChange=${(/** @type {any} */ event) => setWhat(event.target.value)}>${Object.keys(sheets).map((one) => html`<option value=${one} selected=${one === what}>${say(`${word}_${one}`)}</option>`)}</select>
        </label>
        <label class="field grow"><span>${say("import_file")}</span><input key=${times} type="file" accept=${accept} onChange=${(/** @type {any} */ event) => setFile(event.target.files?.[0] ?? null)} /></label>
      </div>
      ${sheets[what].length > 0 && html`<p class="columns"><small>${say("import_columns")}</small> <code>${sheets[what].join(",")}</code></p>`}
      <div class="buttons"><button type="submit" class="button primary" disabled=${file === null || isSending}>${say("import_send")}</button></div>
    </form>
    <div role="status"><${Failure} error=${error} say=${say} />${found !== null && html`<${Outcome} say=${say} found=${found} />`}</div>`;
}

/** @param {{ say: Say, found: Imported }} props */
function Outcome({ say, found }) {
  if (found.is_taken && found.problems.length === 0) return html`<p class="notice">${say("import_taken", { n: found.lines })}</p>`;
  return html`${found.is_taken ? html`<p class="notice">${say("import_taken", { n: found.lines })}</p>` : html`<p class="notice failure">${say("import_refused", { n: found.problems.length })}</p>`}
    <table class="grid">
      <thead><tr><th scope="col" class="end">${say("import_line")}</th><th scope="col">${say("import_column")}</th><th scope="col">${say("import_problem")}</th></tr></thead>
      <tbody>
        ${found.problems.map((one) => html`<tr><td class="end number">${one.line}</td><td><code>${one.column}</code></td><td><b>${wordOf(say, "problem", one.code)}</b> <small lang="en">${one.detail}</small></td></tr>`)}
      </tbody>
    </table>`;
}
