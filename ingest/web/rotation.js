// Books on their rounds: what goes where today, to be packed by where it goes; and the journey of one copy.

import { useEffect, useRef, useState } from "preact/hooks";
import { change, useAnswer, withQuery } from "./ask.js";
import { Failure, Waiting } from "./notices.js";
import { Pager } from "./pager.js";
import { may } from "./roles.js";
import { siteTitle, timeOf, wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ copy: string, name: string | null, rota: string, place: string | null, action: string, site: string | null }} Move */
/** @typedef {{ id: number, event: string, unit: string | null, happened_at: string, clock: string, due_on: string | null, shelf: string | null, site: string | null, verdict: string | null, told_at: string | null }} Fact */

const ROWS = 200;
const MOVES = "/api/v1/books/rotation";

/** @param {{ say: Say, open: (copy: string) => void }} props */
export function Rotation({ say, open }) {
  const [after, setAfter] = useState(0);
  const [found, again] = useAnswer(withQuery(MOVES, { is_moving: "true", after: after || null, limit: ROWS }));
  const [sites] = useAnswer("/api/v1/stock/sites");
  const [said, setSaid] = useState(/** @type {import("./ask.js").Answer | null} */ (null));
  const isReady = found.data !== null && (sites.data !== null || sites.error !== null);
  if (!isReady) return html`<section><h3>${say("books_moves")}</h3><${Waiting} asked=${found} say=${say} again=${again} /></section>`;
  const titleOf = (/** @type {string | null} */ place) => {
    const site = (sites.data?.sites ?? []).find((/** @type {{ site: string }} */ one) => one.site === place);
    return site === undefined ? (place ?? "–") : siteTitle(site);
  };
  const follow = async () => {
    setSaid(await change(`${MOVES}/follow`, "POST"));
    again();
  };
  /** @type {Move[]} */
  const moves = found.data.moves;
  const targets = [...new Set(moves.map((one) => one.site))];
  const isToPack = moves.some((one) => one.action !== "under_way");
  return html`<section class="rotation">
    <div class="section-head"><h3>${say("books_moves")}</h3>
      ${isToPack && may("librarian") && html`<button type="button" class="button" onClick=${follow}>${say("moves_follow")}</button>`}
    </div>
    <p class="quiet">${found.data.count === 0 ? say("moves_none") : say("moves_about")}</p>
    <div role="status"><${Failure} error=${said?.error ?? null} say=${say} />${said?.data != null && html`<p class="notice">${say("moves_followed", { n: said.data.changed })}</p>`}</div>
    ${targets.map((target) => {
      const own = moves.filter((one) => one.site === target);
      return html`<h4 key=${target ?? ""}>${target === null ? say("moves_out", { n: own.length }) : say("moves_to", { place: titleOf(target), n: own.length })}</h4>
        <ul class="lines">
          ${own.map(
            (one) => html`<li key=${one.copy}><button type="button" class="disclose number" disabled=${!may("librarian")} onClick=${() => open(one.copy)}>${one.copy}</button>
              <b>${one.name ?? "–"}</b> <span>${say("moves_from")} ${titleOf(one.place)} · ${wordOf(say, "move", one.action)}</span> <small class="quiet">${say("moves_rota")} ${one.rota}</small></li>`,
          )}
        </ul>`;
    })}
    <${Pager} say=${say} first=${after} rows=${moves.length} each=${ROWS} after=${found.data.after} go=${setAfter} />
  </section>`;
}

/** All that was told of a copy, the newest first. @param {{ say: Say, copy: string, back: () => void }} props */
export function Journey({ say, copy, back }) {
  const [found, again] = useAnswer(`/api/v1/books/copies/${encodeURIComponent(copy)}`);
  const top = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => top.current?.scrollIntoView({ block: "nearest" }), [found.data === null]);
  const head = html`<div class="section-head" ref=${top}><button type="button" class="button" onClick=${back}>${say("journey_back")}</button><h3>${say("journey")} <span class="number">${copy}</span></h3></div>`;
  if (found.data === null) return html`<section>${head}<${Waiting} asked=${found} say=${say} again=${again} /></section>`;
  const now = found.data.now_is;
  /** @type {Fact[]} */
  const facts = found.data.facts;
  return html`<section>
    ${head}
    <p><b>${now.name ?? "–"}</b> ${now.author !== null && html`<small class="quiet">${now.author}</small>`} · ${say(`copy_${now.state}`)} · ${now.place ?? "–"} ${now.shelf ?? ""} ${now.due_on !== null && html`<span class=${now.is_overdue ? "warn number" : "number"}>${say("due")} ${now.due_on}</span>`}</p>
    <ol class="lines journey">
      ${facts.map(
        (one) => html`<li key=${one.id}><time class="number">${timeOf(one.happened_at)}</time> <b>${wordOf(say, "book", one.event)}</b> <span>${one.unit ?? one.site ?? "–"} ${one.shelf ?? ""}</span>
          ${one.due_on !== null && html` <span class="number">${say("due")} ${one.due_on}</span>`} ${one.verdict !== null && html` <small class=${one.verdict === "conflict" ? "warn" : "quiet"}>${wordOf(say, "verdict", one.verdict)}</small>`}</li>`,
      )}
    </ol>
  </section>`;
}
