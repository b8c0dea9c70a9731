// The stock board: what is left of each item at each site, the worst first, and how every number came about.

import { useEffect, useState } from "preact/hooks";
import { useAddress } from "./address.js";
import { useAnswer, withQuery } from "./ask.js";
import { Booking } from "./booking.js";
import { Explained, Value, whyOf } from "./figures.js";
import { Failure, Waiting } from "./notices.js";
import { Pager } from "./pager.js";
import { Differences, Proposals } from "./proposals.js";
import { LookOnly, may } from "./roles.js";
import { SiteSelect } from "./site_select.js";
import { ageOf, expiryText, nameOf, STATUSES, wordOf } from "./stock_words.js";
import { Suspects } from "./suspects.js";
import { html } from "./view.js";

/** @typedef {import("./frame.js").PageProps} PageProps */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./stock_words.js").Figure} Figure */
/**
 * @typedef {{
 *   site: string, site_name: string | null, item: string, names: Record<string, string>, base_unit: string, pack_size: number,
 *   status: Figure, on_hand: Figure, usable: Figure, amc: Figure, months_of_stock: Figure, days_of_stock: Figure,
 *   visit_days: Figure, order: Figure, needs_count: boolean, newest_at: string | null,
 * }} Row
 */
/** @typedef {{ item: string, lot: string, on_hand: number, expires_on: string | null, is_held: boolean, vvm_stage: number | null, unusable_because: string | null }} Lot */

const ROWS = 100;
const AGAIN_EVERY_MS = 60_000;

/** @param {PageProps} props */
export function Page({ say, language }) {
  const [{ book, ...wanted }, setWanted] = useAddress(["under", "item", "status", "book"]);
  const [after, setAfter] = useState(0);
  const [open, setOpen] = useState("");
  const [board, again] = useAnswer(withQuery("/api/v1/stock", { ...wanted, after: after || null, limit: ROWS }));
  // The chips count what each state would show: those of the filter without a state.
  const [others] = useAnswer(wanted.status === "" ? null : withQuery("/api/v1/stock", { under: wanted.under, item: wanted.item, limit: 1 }));
  const [sites] = useAnswer("/api/v1/stock/sites");
  const [items] = useAnswer("/api/v1/stock/items");
  useEffect(() => {
    const timer = setInterval(again, AGAIN_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => setAfter(0), [wanted.under, wanted.item, wanted.status]); // the browser's back changes them, too
  /** @param {Partial<typeof wanted>} change */
  const filter = (change) => {
    setAfter(0);
    setOpen("");
    setWanted(change);
  };
  const counts = (wanted.status === "" ? board : others).data?.counts;
  return html`<div class="sheet">
    <header class="sheet-head">
      <h2>${say("nav_stock")}</h2>
      <button type="button" class="button" aria-expanded=${book !== ""} onClick=${() => setWanted({ book: book === "" ? "1" : "" })}>${say("booking")}</button>
      <a class="button" href=${withQuery("/api/v1/stock", { ...wanted, format: "csv" })} download>${say("download_csv")}</a>
    </header>
    ${book !== "" && html`<${LookOnly} say=${say} roles=${["health"]} />`}
    ${book !== "" && may("health") && html`<${Booking} say=${say} language=${language} sites=${sites.data?.sites ?? []} items=${items.data?.items ?? null} site=${wanted.under} item=${wanted.item} onBooked=${again} close=${() => setWanted({ book: "" })} />`}
    <div class="sheet-filters">
      <${StatusChips} say=${say} counts=${counts} chosen=${wanted.status} choose=${(/** @type {string} */ status) => filter({ status })} />
      <div class="selects">
        <label><span>${say("under")}</span><${SiteSelect} say=${say} sites=${sites.data?.sites ?? []} value=${wanted.under} onChange=${(/** @type {string} */ under) => filter({ under })} /></label>
        <label><span>${say("item")}</span>
          <select onChange=${(/** @type {any} */ event) => filter({ item: event.target.value })}>
            <option value="">${say("all")}</option>
            ${(items.data?.items ?? []).map((/** @type {any} */ one) => html`<option value=${one.item} selected=${one.item === wanted.item}>${nameOf(one.names, language, one.item)}</option>`)}
          </select>
        </label>
      </div>
    </div>
    <div class="waiting-lines">
      <${Differences} say=${say} language=${language} onBooked=${again} />
      <${Suspects} say=${say} language=${language} under=${wanted.under} item=${wanted.item} onDecided=${again} />
    </div>
    <${Failure} error=${board.data === null ? null : board.error} say=${say} />
    ${board.data === null
      ? html`<${Waiting} asked=${board} say=${say} again=${again} />`
      : html`<${Board} say=${say} language=${language} board=${board.data} after=${after} setAfter=${setAfter} open=${open} setOpen=${setOpen} again=${again} />`}
  </div>`;
}

/** @param {{ say: Say, counts: Record<string, number> | undefined, chosen: string, choose: (status: string) => void }} props */
function StatusChips({ say, counts, chosen, choose }) {
  return html`<div class="chips status-chips" role="group" aria-label=${say("filter_state")}>
    ${STATUSES.map(
      (status) => html`<button
        type="button"
        key=${status}
        class=${`chip mark-${status}`}
        aria-pressed=${chosen === status}
        onClick=${() => choose(chosen === status ? "" : status)}
      >
        <i class="mark"></i>${say(`status_${status}`)}<b>${counts === undefined ? "" : (counts[status] ?? 0)}</b>
      </button>`,
    )}
  </div>`;
}

/** @param {{ say: Say, language: Language, board: any, after: number, setAfter: (after: number) => void, open: string, setOpen: (key: string) => void, again: () => void }} props */
function Board({ say, language, board, after, setAfter, open, setOpen, again }) {
  const now_ms = Date.parse(board.now);
  if (board.rows.length === 0) return html`<p class="waiting quiet" role="status">${say("stock_empty")}</p>`;
  return html`<table class="grid stock-grid">
      <thead>
        <tr>
          <th scope="col">${say("state")}</th>
          <th scope="col">${say("item")}</th>
          <th scope="col">${say("site")}</th>
          <th scope="col" class="end">${say("usable")}</th>
          <th scope="col" class="end">${say("on_hand")}</th>
          <th scope="col" class="end">${say("lasts")}</th>
          <th scope="col" class="end">${say("bring")}</th>
          <th scope="col" class="end">${say("newest")}</th>
        </tr>
      </thead>
      ${board.rows.map((/** @type {Row} */ row) => {
        const key = `${row.site}/${row.item}`;
        return html`<${StockRow}
          key=${key}
          say=${say}
          language=${language}
          row=${row}
          now_ms=${now_ms}
          isOpen=${open === key}
          toggle=${() => setOpen(open === key ? "" : key)}
          again=${again}
        />`;
      })}
    </table>
    <${Pager} say=${say} first=${after} rows=${board.rows.length} each=${ROWS} after=${board.after} go=${setAfter} />
    ${board.unbooked > 0 && html`<p class="notice">${say("unbooked", { n: board.unbooked })}</p>`}`;
}

/** @param {{ say: Say, status: string }} props */
export const StatusMark = ({ say, status }) => html`<span class=${`status mark-${status}`}><i class="mark"></i>${say(`status_${status}`)}</span>`;

/** @param {{ say: Say, language: Language, row: Row, now_ms: number, isOpen: boolean, toggle: () => void, again: () => void, isPlaceShown?: boolean }} props */
export function StockRow({ say, language, row, now_ms, isOpen, toggle, again, isPlaceShown = true }) {
  const status = String(row.status.value ?? "UNKNOWN");
  const unit = row.base_unit === "piece" ? undefined : wordOf(say, "measure", row.base_unit);
  return html`<tbody class=${isOpen ? "is-open" : ""}>
    <tr>
      <td class="cell-state">
        <button type="button" class="disclose" aria-expanded=${isOpen} onClick=${toggle} title=${say("explain")}><${StatusMark} say=${say} status=${status} /></button>
      </td>
      <th scope="row" class="cell-item">${nameOf(row.names, language, row.item)} ${row.needs_count && html`<small class="warn">${say("needs_count")}</small>`}</th>
      ${isPlaceShown && html`<td class="cell-site"><a href=${withQuery("/cabinets", { site: row.site })}>${row.site_name ?? row.site}</a></td>`}
      <td class="end cell-usable" data-label=${say("usable")}><${Plain} figure=${row.usable} say=${say} unit=${unit} /></td>
      <td class="end cell-on-hand" data-label=${say("on_hand")}><${Plain} figure=${row.on_hand} say=${say} /></td>
      <td class="end cell-lasts" data-label=${say("lasts")}><${Lasts} row=${row} say=${say} /></td>
      <td class="end cell-bring" data-label=${say("bring")}><${Plain} figure=${row.order} say=${say} /></td>
      <td class="end cell-newest" data-label=${say("newest")}><small>${row.newest_at === null ? "–" : ageOf(row.newest_at, now_ms, say)}</small></td>
    </tr>
    ${isOpen && html`<tr class="detail"><td colspan="8"><${Detail} say=${say} language=${language} row=${row} now_ms=${now_ms} again=${again} /></td></tr>`}
  </tbody>`;
}

/** A number in a row; why one is missing is said where it is explained. @param {{ figure: Figure, say: Say, unit?: string }} props */
function Plain({ figure, say, unit }) {
  if (figure.value === null) return html`<span class="unknown" title=${whyOf(figure, say)}>–</span>`;
  return html`<span class=${figure.value === 0 ? "is-zero" : ""}><${Value} figure=${figure} say=${say} unit=${unit} /></span>`;
}

/** @param {{ row: Row, say: Say }} props */
function Lasts({ row, say }) {
  const { value } = row.days_of_stock;
  if (typeof value !== "number") return html`<span class="unknown" title=${whyOf(row.days_of_stock, say)}>–</span>`;
  return html`<span class="number">${say("span_d", { n: Math.floor(value) })}</span>`;
}

/** @param {{ say: Say, language: Language, row: Row, now_ms: number, again: () => void }} props */
function Detail({ say, language, row, now_ms, again }) {
  const [found, reread] = useAnswer(withQuery(`/api/v1/stock/sites/${encodeURIComponent(row.site)}`, { item: row.item, limit: 1 }));
  const [cold] = useAnswer(withQuery("/api/v1/stock/cold-chain", { site: row.site, item: row.item }));
  const toDecide = (cold.data?.lots ?? []).filter((/** @type {any} */ lot) => lot.proposal !== null);
  const booked = () => {
    reread();
    again();
  };
  /** @type {Lot[]} */
  const lots = found.data?.lots ?? [];
  return html`<div class="detail-box">
    ${found.data === null
      ? html`<${Waiting} asked=${found} say=${say} again=${reread} />`
      : html`<${Proposals} say=${say} language=${language} site=${row.site} names=${{ [row.item]: row.names }} proposals=${found.data.proposals} rejected=${found.data.rejected} onBooked=${booked} />
          ${toDecide.length > 0 && html`<p class="notice">${say("quarantine_proposed")}: ${toDecide.map((/** @type {any} */ lot) => lot.lot).join(", ")}</p>`}
          <${LotList} say=${say} lots=${lots} now_ms=${now_ms} />`}
    <div class="explanations">
      <${Explained} label=${say("state")} figure=${row.status} say=${say} isWord />
      <${Explained} label=${say("usable")} figure=${row.usable} say=${say} />
      <${Explained} label=${say("bring")} figure=${row.order} say=${say} />
      <${Explained} label=${say("lasts")} figure=${row.days_of_stock} say=${say} unit=${say("days")} />
      <${Explained} label=${say("amc")} figure=${row.amc} say=${say} />
      <${Explained} label=${say("visit_days")} figure=${row.visit_days} say=${say} unit=${say("days")} />
    </div>
    <p class="links">
      <a href=${withQuery("/cabinets", { site: row.site })}>${say("open_site")}</a>
      <a href=${withQuery("/stock", { under: row.site, item: row.item, book: "1" })}>${say("booking")}</a>
      <a href=${withQuery("/admin", { tab: "levels", site: row.site, item: row.item })}>${say("edit_levels")}</a>
    </p>
  </div>`;
}

/** @param {{ say: Say, lots: Lot[], now_ms: number }} props */
function LotList({ say, lots, now_ms }) {
  if (lots.length === 0) return null;
  return html`<ul class="lot-list" aria-label=${say("lots")}>
    ${lots.map(
      (lot) => html`<li key=${lot.lot} class=${lot.unusable_because === null ? "" : "is-unusable"}>
        <b class="number">${lot.on_hand}</b>
        <span>${lot.lot === "" ? say("lot_unknown") : lot.lot}</span>
        <small>${expiryText(lot.expires_on, now_ms, say)}${lot.unusable_because !== null ? ` · ${wordOf(say, "unusable", lot.unusable_because)}` : ""}</small>
      </li>`,
    )}
  </ul>`;
}
