// Cabinets: all places with stock as the tree of their supply, and one of them in full.

import { useEffect } from "preact/hooks";
import { useAddress } from "./address.js";
import { useAnswer, withQuery } from "./ask.js";
import { Book } from "./book.js";
import { Lots } from "./lots.js";
import { Waiting } from "./notices.js";
import { Proposals } from "./proposals.js";
import { StockRow } from "./stock_page.js";
import { daysUntil, siteTitle, STATUSES, treeOf } from "./stock_words.js";
import { Excursions, Temperature } from "./temperature.js";
import { html } from "./view.js";

/** @typedef {import("./frame.js").PageProps} PageProps */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./stock_words.js").Site} Site */
/** @typedef {Site & { counts: Record<string, number>, newest_at: string | null }} SiteLook */
/** @typedef {import("./stock_page.js").Row} Row */
/** @typedef {import("./stock_page.js").Lot} Lot */

const AGAIN_EVERY_MS = 60_000;
const WORTH_SAYING = STATUSES.filter((status) => status !== "IN_STOCK");

/** @param {PageProps} props */
export function Page({ say, language }) {
  const [wanted] = useAddress(["site", "open"]);
  return wanted.site === "" ? html`<${AllSites} say=${say} />` : html`<${OneSite} say=${say} language=${language} site=${wanted.site} />`;
}

/** @param {() => void} again */
function useAgain(again) {
  useEffect(() => {
    const timer = setInterval(again, AGAIN_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
}

/** @param {{ say: Say }} props */
function AllSites({ say }) {
  const [looked, again] = useAnswer("/api/v1/stock/overview");
  useAgain(again);
  /** @type {SiteLook[]} */
  const sites = looked.data?.sites ?? [];
  return html`<div class="sheet">
    <header class="sheet-head"><h2>${say("nav_cabinets")}</h2></header>
    ${looked.data === null
      ? html`<${Waiting} asked=${looked} say=${say} again=${again} />`
      : sites.length === 0
        ? html`<p class="waiting quiet">${say("no_sites")}</p>`
        : html`<ul class="tree">
            ${treeOf(sites).map(([depth, site]) => html`<li key=${site.site} data-depth=${Math.min(depth, 4)}><${SiteLink} say=${say} site=${/** @type {SiteLook} */ (site)} now_ms=${Date.parse(looked.data.now)} /></li>`)}
          </ul>`}
  </div>`;
}

/** @param {{ say: Say, site: SiteLook, now_ms: number }} props */
function SiteLink({ say, site, now_ms }) {
  const said = WORTH_SAYING.filter((status) => (site.counts[status] ?? 0) > 0);
  return html`<a class="tree-row" href=${withQuery("/cabinets", { site: site.site })}>
    <span class="tree-name"><b>${siteTitle(site)}</b><small>${say(`level_${site.level}`)}${site.name === null ? "" : ` · ${site.site}`}</small></span>
    <span class="tree-state">
      ${said.map((status) => html`<span class=${`status mark-${status}`}><i class="mark"></i>${site.counts[status]} ${say(`status_${status}`)}</span>`)}
      ${said.length === 0 && (site.counts.IN_STOCK ?? 0) > 0 && html`<span class="status mark-IN_STOCK"><i class="mark"></i>${say("status_IN_STOCK")}</span>`}
    </span>
    <small class="tree-visit">${site.next_visit_on !== null && say("visit_in", { n: daysUntil(site.next_visit_on, now_ms) })}</small>
  </a>`;
}

/** @param {{ say: Say, language: import("./messages.js").Language, site: string }} props */
function OneSite({ say, language, site }) {
  const [wanted, setWanted] = useAddress(["site", "open"]);
  const path = `/api/v1/stock/sites/${encodeURIComponent(site)}`;
  const [found, again] = useAnswer(path);
  const [sites] = useAnswer("/api/v1/stock/sites");
  const [cold, againCold] = useAnswer(withQuery("/api/v1/stock/cold-chain", { site, limit: 100 }));
  useAgain(again);
  // The names of the sites above come with the rest: a line that grows in its middle jumps.
  const isReady = found.data !== null && (sites.data !== null || sites.error !== null);
  if (!isReady) return html`<div class="sheet"><${Waiting} asked=${found} say=${say} again=${again} /></div>`;
  const all = found.data;
  const now_ms = Date.parse(all.now);
  const names = Object.fromEntries(all.rows.map((/** @type {Row} */ row) => [row.item, row.names]));
  const decided = () => {
    again();
    againCold();
  };
  return html`<div class="sheet">
    <${SiteHead} say=${say} site=${all.site} above=${placesAbove(all.way_up, site, sites.data?.sites ?? [])} now_ms=${now_ms} />
    ${all.site.unit !== null && html`<${Temperature} say=${say} unit=${all.site.unit} probes=${all.site.probes} profiles=${all.profiles} excursions=${all.excursions} now_ms=${now_ms} />`}
    <${Excursions} say=${say} excursions=${all.excursions} />
    <${Proposals} say=${say} language=${language} site=${site} names=${names} proposals=${all.proposals} rejected=${all.rejected} onBooked=${decided} />
    <section>
      <h3>${say("stock_here")}</h3>
      ${all.rows.length === 0 && html`<p class="quiet">${say("stock_here_empty")}</p>`}
      <table class="grid stock-grid">
        <thead>
          <tr>
            <th scope="col">${say("state")}</th><th scope="col">${say("item")}</th>
            ${["usable", "on_hand", "lasts", "bring", "newest"].map((key) => html`<th scope="col" class="end">${say(key)}</th>`)}
          </tr>
        </thead>
        ${all.rows.map(
          (/** @type {Row} */ row) => html`<${StockRow}
            key=${row.item}
            say=${say}
            language=${language}
            row=${row}
            now_ms=${now_ms}
            isPlaceShown=${false}
            isOpen=${wanted.open === row.item}
            toggle=${() => setWanted({ open: wanted.open === row.item ? "" : row.item })}
            again=${decided}
          />`,
        )}
      </table>
    </section>
    <${Lots} say=${say} language=${language} site=${site} names=${names} lots=${all.lots} cold=${cold.data?.lots ?? []} now_ms=${now_ms} onDecided=${decided} />
    <${Book} say=${say} language=${language} site=${site} names=${names} first=${all.book} before=${all.before} />
  </div>`;
}

/** The sites above one, the highest first. @param {string[]} way_up @param {string} site @param {Site[]} sites */
const placesAbove = (way_up, site, sites) =>
  way_up.filter((one) => one !== site).toReversed().map((one) => sites.find((known) => known.site === one) ?? { site: one, name: null });

/** @param {{ say: Say, site: Site, above: { site: string, name: string | null }[], now_ms: number }} props */
function SiteHead({ say, site, above, now_ms }) {
  const facts = [
    say(`level_${site.level}`),
    site.people === null ? "" : say("people", { n: site.people }),
    site.next_visit_on === null ? say("visit_unknown") : say("visit_on", { date: site.next_visit_on, n: daysUntil(site.next_visit_on, now_ms) }),
  ].filter((fact) => fact !== "");
  return html`<header class="sheet-head site-head">
    <div>
      <p class="way-up"><a href="/cabinets">${say("nav_cabinets")}</a>${above.map((one) => html` › <a href=${withQuery("/cabinets", { site: one.site })}>${siteTitle(one)}</a>`)}</p>
      <h2>${siteTitle(site)}</h2>
      <p class="quiet">${facts.join(" · ")}</p>
    </div>
    <a class="button" href=${withQuery("/stock", { under: site.site, book: "1" })}>${say("booking")}</a>
    ${site.unit !== null && html`<a class="button" href=${`/#${site.unit}`}>${say("show_on_map")}</a>`}
  </header>`;
}

