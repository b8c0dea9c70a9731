// The frame of every page: the bar with the way to the other pages, and the choice of language.
//
// A further page is
//   1  a module beside this one that exports `Page({ say, language, script })`, a component that asks the API,
//   2  a line in PAGES below, with its word as `nav_...` in the three files of messages,
//   3  the module's name in assets.toml,
//   4  its path in PAGES of ingest/api/page.py (a test holds the two lists together).
// desk.html and desk.js do the rest: they load the page that the address names. The map is a page of its own,
// with its own HTML, for it alone needs the map's library.

import { useEffect, useState } from "preact/hooks";
import { REACH_CHANGED, reach, useAnswer } from "./ask.js";
import { clockTime } from "./format.js";
import { isLanguage, LANGUAGES } from "./messages.js";
import { ALERTS_CHANGED } from "./stream.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ say: Say, language: Language, script: "line" | "mong" }} PageProps */
/** @typedef {{ path: string, key: string, load: (() => Promise<{ Page: (props: PageProps) => any }>) | null }} PageEntry */

const COUNT_EVERY_MS = 30_000;
const LOST_EVERY_MS = 5_000; // while the service is not reached
const CALLING = "❗ "; // before the title, while somebody calls for help and nobody has answered

/** @type {PageEntry[]} */
export const PAGES = [
  { path: "/", key: "nav_map", load: null },
  { path: "/stock", key: "nav_stock", load: () => import("./stock_page.js") },
  { path: "/cabinets", key: "nav_cabinets", load: () => import("./cabinets_page.js") },
  { path: "/books", key: "nav_books", load: () => import("./books_page.js") },
  { path: "/alerts", key: "nav_alerts", load: () => import("./alerts_page.js") },
  { path: "/admin", key: "nav_admin", load: () => import("./admin_page.js") },
];

/**
 * @param {{ say: Say, language: Language, setLanguage: (language: Language) => void, path: string, children?: any }} props
 */
export function Bar({ say, language, setLanguage, path, children }) {
  return html`<header class="bar">
    <h1><img src="/static/icon.svg" alt="" width="28" height="28" /> Ortoo</h1>
    <nav class="pages" aria-label=${say("pages")}>
      ${PAGES.map((page) => html`<a key=${page.path} href=${page.path} aria-current=${page.path === path ? "page" : undefined}>${say(page.key)}${page.path === "/alerts" && html`<${OpenAlerts} say=${say} />`}</a>`)}
    </nav>
    <div class="bar-news">${children}</div>
    <nav class="languages" aria-label=${say("language")}>
      ${Object.entries(LANGUAGES).map(
        ([key, { label, lang }]) => html`<button
          type="button"
          lang=${lang}
          aria-pressed=${key === language}
          onClick=${() => isLanguage(key) && setLanguage(key)}
        >
          ${label}
        </button>`,
      )}
    </nav>
  </header>`;
}

/** Whether the service is reached, as of now. */
function useReach() {
  const [isLost, setLost] = useState(reach.isLost);
  useEffect(() => {
    const take = () => setLost(reach.isLost);
    window.addEventListener(REACH_CHANGED, take);
    return () => window.removeEventListener(REACH_CHANGED, take);
  }, []);
  return isLost;
}

/** What a page without a stream says while the service is not reached: what it shows is of before. @param {{ say: Say }} props */
export function Lost({ say }) {
  const isLost = useReach();
  const text = reach.answered_ms === 0 ? say("link_connecting") : say("link_waiting", { at: clockTime(reach.answered_ms) });
  return html`<p class=${isLost ? "link link-waiting" : "link"} role="status">${isLost && html`<i class="dot"></i><span>${text}</span>`}</p>`;
}

/** How many alerts nobody has taken yet, on every page, and in its title whether somebody calls. @param {{ say: Say }} props */
function OpenAlerts({ say }) {
  const [found, again] = useAnswer("/api/v1/alerts?limit=1");
  const isLost = useReach();
  useEffect(() => {
    const timer = setInterval(again, isLost ? LOST_EVERY_MS : COUNT_EVERY_MS);
    window.addEventListener(ALERTS_CHANGED, again);
    return () => {
      clearInterval(timer);
      window.removeEventListener(ALERTS_CHANGED, again);
    };
  }, [isLost]);
  const worst = found.data?.alerts[0];
  const isCalling = worst?.rule === "help_called" && worst.state === "firing";
  useEffect(() => {
    const title = document.title.replace(CALLING, "");
    document.title = isCalling ? CALLING + title : title;
  }, [isCalling, say]);
  const counts = found.data?.counts ?? { act: 0, look: 0 };
  const n = counts.act + counts.look;
  return n > 0 && html`<b class=${counts.act > 0 ? "badge badge-act" : "badge"} aria-label=${say("alerts_open_count", { n })}>${n}</b>`;
}
