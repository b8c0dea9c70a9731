// The desk: every page but the map. It speaks the reader's language and loads the page that the address names.

import { render } from "preact";
import { Bar, Lost, PAGES } from "./frame.js";
import { isLanguage, LANGUAGES, loadMessages, preferredLanguage, sayer } from "./messages.js";
import { remember, remembered } from "./preferences.js";
import { loadMe } from "./roles.js";
import { html } from "./view.js";
import { turnWheel } from "./wheel.js";

/** @typedef {import("./messages.js").Language} Language */

const entry = PAGES.find((page) => page.path === window.location.pathname && page.load !== null) ?? PAGES[1];
const page = entry.load?.();
/** @type {Language} */
let wanted = "zh";

/** @param {Language} language */
async function speak(language) {
  wanted = language;
  const { lang, script } = LANGUAGES[language];
  const [messages, found] = await Promise.all([loadMessages(language), page, loadMe()]);
  // The letters first: a page that is laid out twice jumps.
  if (script === "mong") await document.fonts.load('16px "Noto Sans Mongolian"', "\u1820");
  if (wanted !== language || found === undefined) return;
  const say = sayer(messages);
  document.documentElement.lang = lang;
  document.documentElement.dataset.script = script;
  document.title = `Ortoo · ${say(entry.key)}`;
  draw(language, say, script, found.Page);
}

/** @param {Language} language @param {import("./messages.js").Say} say @param {"line" | "mong"} script @param {(props: any) => any} Page */
function draw(language, say, script, Page) {
  const setLanguage = (/** @type {Language} */ chosen) => {
    remember("language", chosen);
    void speak(chosen);
  };
  render(
    html`<div class="desk" data-script=${script}>
      <${Bar} say=${say} language=${language} setLanguage=${setLanguage} path=${entry.path}><${Lost} say=${say} /><//>
      <main class="desk-main" tabindex="-1"><${Page} say=${say} language=${language} script=${script} /></main>
    </div>`,
    /** @type {HTMLElement} */ (document.getElementById("app")),
  );
  Object.assign(window, { ortoo: { state: { isKnown: true } } });
}

turnWheel();
const chosen = remembered("language") ?? "";
void speak(isLanguage(chosen) ? chosen : preferredLanguage(navigator.languages));
