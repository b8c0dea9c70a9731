// The crew's page: scan to lend and to take back, check the shelf, carry holds, settle conflicts.
// A scanner types like a keyboard and ends with Enter. What is asked bears an id of ours, so that asking again
// after a lost answer does nothing twice.

/** What the Pi answers: done, already, refused, gone (nobody did), or what was wrong. @typedef {{ state: string, [name: string]: any }} Answer */
/** Something that was scanned and what came of it. @typedef {{ what: string, item: string, more: Record<string, any>, answer: Answer, kind: string }} Entry */
/** A copy as it is listed. @typedef {{ item: string, title: string, shelf?: string, place?: string, is_lent?: boolean, due_on?: number | null }} Copy */
/** @typedef {{ conflict: string, class: string, item: string, title: string, ours: string, theirs: string }} Conflict */
/** @typedef {Node | string | false | null | undefined} Child */
/** @typedef {"lend" | "return" | "check" | "holds" | "conflicts"} Tab */

/** Its own name, its code, and how it is written. @type {Record<string, [string, string, string]>} */
const LANGUAGES = { zh: ["中文", "zh-Hans", "line"], en: ["English", "en", "line"], mn: ["ᠮᠣᠩᠭᠣᠯ", "mn-Mong", "mong"] };
/** @type {Tab[]} */
const TABS = ["lend", "return", "check", "holds", "conflicts"];
const FORGET_MS = 120_000; // a reader's card is forgotten when nothing was scanned for so long
const LOOK_MS = 3_000;
const WIRED_MS = 500; // the vehicle's own scanner is asked for its codes so often
const TRIES = 3;
const SHOWN = 30;

/**
 * @type {{
 *   tab: Tab, language: string, words: Record<string, string>, status: Answer | null, isGone: boolean, needsCode: boolean,
 *   card: string, reader: Answer | null, log: Entry[], check: Answer | null, holds: (Copy & { stop: string, is_here: boolean })[],
 *   conflicts: Conflict[], touchedMs: number, waiting: number, isWired: boolean, isSure: boolean,
 * }}
 */
const state = {
  tab: "lend", language: "zh", words: {}, status: null, isGone: false, needsCode: false,
  card: "", reader: null, log: [], check: null, holds: [], conflicts: [], touchedMs: 0, waiting: 0, isWired: false, isSure: false,
};

/** An element that the page always has. @param {string} selector */
const part = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

/** A field that is there only in some views. @param {string} selector @returns {HTMLInputElement | null} */
const field = (selector) => document.querySelector(selector);

/** Whoever has the keyboard gives it up. */
const blur = () => document.activeElement instanceof HTMLElement && document.activeElement.blur();

/** @param {string} key @param {Record<string, any>} values */
const say = (key, values = {}) =>
  (state.words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/**
 * An element with attributes, listeners (on…) and children; text is always text.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, any>} attributes
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// A day is a count since 1970 where the vehicle is, so it is shown without any zone of the phone's.
/** @param {number | null | undefined} number */
const day = (number) =>
  number === null || number === undefined
    ? say("due_unknown")
    : new Intl.DateTimeFormat(LANGUAGES[state.language][1], { timeZone: "UTC", month: "long", day: "numeric", weekday: "short" }).format(number * 86_400_000);

/** @param {number} seconds */
const age = (seconds) => {
  const hours = Math.floor(seconds / 3600);
  return hours < 1 ? say("minutes", { n: Math.floor(seconds / 60) }) : hours < 48 ? say("hours", { n: hours }) : say("days", { n: Math.floor(hours / 24) });
};

/** @param {string} path @param {Record<string, any>} body @returns {Promise<Answer>} */
async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (answer.status === 401) state.needsCode = true;
  return answer.json();
}

/** One ask; asked again under the same id while nobody answers. @param {string} what @param {Record<string, any>} more @returns {Promise<Answer>} */
async function ask(what, more = {}) {
  const body = { id: newId(), what, ...more };
  for (let turn = 0; turn < TRIES; turn += 1) {
    try {
      const answer = await post("/api/ask", body);
      if (answer.state !== "gone") {
        state.isGone = false;
        return answer;
      }
    } catch {
      // The Pi restarts, or the phone lost its network: ask again.
    }
    await new Promise((resolve) => setTimeout(resolve, 250 * (turn + 1)));
  }
  state.isGone = true;
  return { state: "gone", again: body };
}

// --- what happens ---------------------------------------------------------------------------------------

/** @param {Entry} entry */
function note(entry) {
  state.log = [entry, ...state.log.filter((one) => one !== entry)].slice(0, SHOWN);
  navigator.vibrate?.(entry.kind === "bad" ? [120, 80, 120] : 40);
}

/** @param {string} item @param {Record<string, any>} more */
async function lend(item, more = {}) {
  const answer = await ask("lend", { item, card: state.card, ...more });
  take("lend", item, answer, { card: state.card });
}

/** @param {string} what @param {string} item @param {Answer} answer @param {Record<string, any>} more */
function take(what, item, answer, more) {
  const entry = { what, item, more, answer, kind: "bad" };
  if (answer.state === "done" || answer.state === "already") {
    const isOdd = answer.is_afi_pending || answer.is_held || (answer.rules ?? []).length > 0 || answer.state === "already";
    entry.kind = isOdd ? "look" : "done";
  }
  note(entry);
}

/** @param {string} text */
async function scan(text) {
  state.touchedMs = Date.now();
  if (state.tab === "check") {
    state.isSure = false;
    if (state.check) state.check = kept(await ask("check", { step: "scan", item: text })) ?? state.check;
  } else if (state.tab === "return") {
    take("return", text, await ask("return", { item: text }), {});
  } else if (!state.card) {
    await greet(text);
  } else {
    await lend(text);
  }
  if (state.waiting < 2) await look();
}

/** @param {string} card */
async function greet(card) {
  const answer = await ask("reader", { card });
  if (answer.state !== "done") return note({ what: "reader", item: card, answer, kind: "bad", more: {} });
  state.card = card;
  state.reader = answer;
  state.log = [];
}

function forget() {
  state.card = "";
  state.reader = null;
  state.log = [];
}

/** The answer of a check; what went wrong is noted. @param {Answer} answer */
function kept(answer) {
  if (answer.state === "done") return answer;
  note({ what: "check", item: "", answer, kind: "bad", more: {} });
  return null;
}

async function look() {
  if (state.needsCode) return draw();
  const status = await ask("status");
  if (status.state === "done") state.status = status;
  if (state.card && Date.now() - state.touchedMs > FORGET_MS) forget();
  if (state.tab === "holds") state.holds = (await ask("holds")).holds ?? state.holds;
  if (state.tab === "conflicts" && !document.activeElement?.closest?.("textarea")) state.conflicts = (await ask("conflicts")).conflicts ?? state.conflicts;
  if (state.tab === "check" && state.status?.is_checking) state.check = kept(await ask("check", { step: "look" })) ?? state.check;
  draw();
}

// --- what is shown --------------------------------------------------------------------------------------

/** @param {string} key */
function scanner(key) {
  const input = make("input", { id: "scan", autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "done", "aria-label": say(key), placeholder: say(key) });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const text = input.value.trim();
    input.value = "";
    if (text) queue(() => scan(text));
  };
  return make("form", { onsubmit: submit }, input, make("button", { class: "main" }, "⏎"));
}

// One thing after the other: whoever scans faster than the Pi answers loses nothing.
/** @type {Promise<unknown>} */
let line = Promise.resolve();
/** @param {() => unknown} act */
function queue(act) {
  state.waiting += 1;
  line = line.then(act).catch((error) => console.error(error)).finally(() => {
    state.waiting -= 1;
    draw();
  });
}

/** @param {Answer} answer */
function rulesOf(answer) {
  const forbidding = new Set(answer.forbidding ?? []);
  return (answer.rules ?? []).map((/** @type {string} */ rule) => make("p", { class: forbidding.has(rule) ? "rule" : "told" }, say(`rule_${rule}`)));
}

/** @param {Entry} entry */
function logCard(entry) {
  const { answer, item } = entry;
  const name = answer.title || item;
  const words = [];
  if (answer.state === "done") {
    words.push(make("p", {}, entry.what === "lend" ? say("lent_until", { day: day(answer.due_on) }) : entry.what === "renew" ? say("renewed_until", { day: day(answer.due_on) }) : answer.home ? say("returned_to", { shelf: answer.home }) : say("returned")));
    if (answer.is_held) words.push(make("p", { class: "told" }, say("put_aside")));
    if (answer.is_afi_pending) words.push(make("p", { class: "told" }, say("tag_pending")));
  } else if (answer.state === "already") words.push(make("p", { class: "told" }, say("already")));
  else if (answer.state === "gone") words.push(make("p", { class: "rule" }, say("not_recorded")));
  else if (answer.state === "refused") words.push(make("p", { class: "rule" }, say("refused")));
  else words.push(make("p", { class: "rule" }, say("wrong")), make("p", { lang: "en" }, answer.detail ?? ""));
  const again = answer.state === "gone" && make("button", { class: "main", onclick: () => redo(entry, answer.again) }, say("ask_again"));
  return make("div", { class: `card ${entry.kind}` }, make("b", {}, name), title(item, name), ...words, ...rulesOf(answer), again && make("div", { class: "row" }, again), answer.state === "refused" && override(entry));
}

/** @param {string} item @param {string} name */
const title = (item, name) => (item && name !== item ? make("p", {}, item) : null);

/** @param {Entry} entry @param {{ what: string, [name: string]: any }} body */
async function redo(entry, body) {
  const { what, ...more } = body;
  state.log = state.log.filter((one) => one !== entry);
  take(what, entry.item, await ask(what, more), entry.more);
  await look();
}

/** What a rule forbids a person may do all the same, and says why. @param {Entry} entry */
function override(entry) {
  const reason = make("input", { placeholder: say("reason"), "aria-label": say("reason"), maxlength: 40 });
  const go = async () => {
    if (!reason.value.trim()) return reason.focus();
    state.log = state.log.filter((one) => one !== entry);
    const more = { item: entry.item, ...entry.more, override: true, reason: reason.value.trim() };
    take(entry.what, entry.item, await ask(entry.what, more), entry.more);
    return look();
  };
  return make("div", {}, reason, make("div", { class: "row" },
    make("button", { onclick: () => { state.log = state.log.filter((one) => one !== entry); draw(); } }, say("leave_it")),
    make("button", { class: "danger", onclick: go }, say("all_the_same"))));
}

/** @param {boolean} isLent @param {(item: string) => unknown} act */
function padOf(isLent, act) {
  const lying = (state.status?.pad ?? []).filter((/** @type {Copy} */ one) => one.is_lent === isLent);
  if (!lying.length) return null;
  const all = async () => {
    for (const one of lying) await act(one.item);
    await look();
  };
  return make("div", { class: "card" }, make("b", {}, say("on_the_pad", { n: lying.length })),
    ...lying.slice(0, 8).map((/** @type {Copy} */ one) => make("p", {}, one.title || one.item)),
    make("div", { class: "row" }, make("button", { class: "main", onclick: all }, say(isLent ? "return_all" : "lend_all"))));
}

/** @type {Record<Tab, () => Child[]>} */
const views = {
  lend() {
    if (!state.card || state.reader === null) return [make("h1", {}, say("scan_card")), scanner("card_field"), ...state.log.map(logCard)];
    const { reader } = state;
    const warned = reader.rules.length > 0 && make("div", { class: "card bad" }, ...reader.rules.map((/** @type {string} */ rule) => make("p", { class: "rule" }, say(`rule_${rule}`))));
    const held = reader.held.length > 0 && make("div", { class: "card look" }, make("b", {}, say("held_for_reader")), ...reader.held.map((/** @type {Copy} */ one) => make("p", {}, one.title || one.item)));
    return [
      make("h1", {}, say("scan_books")), scanner("book_field"), warned, held,
      padOf(false, lend), ...state.log.map(logCard),
      make("button", { class: "main", onclick: () => { forget(); draw(); } }, say("done_next")),
      reader.loans.length > 0 && make("h2", {}, say("has_already", { n: reader.loans.length })),
      ...reader.loans.map((/** @type {Copy} */ one) => make("div", { class: "card" }, make("b", {}, one.title || one.item), make("p", {}, say("lent_until", { day: day(one.due_on) })),
        make("div", { class: "row" }, make("button", { onclick: () => renew(one.item) }, say("renew"))))),
    ];
  },
  return() {
    const back = async (/** @type {string} */ item) => take("return", item, await ask("return", { item }), {});
    return [make("h1", {}, say("scan_returns")), scanner("book_field"), padOf(true, back), ...state.log.map(logCard)];
  },
  check() {
    const { check } = state;
    if (!check || !state.status?.is_checking) return [make("h1", {}, say("check_title")), make("p", {}, say("check_text")), ...begins(), check && resultOf(check)];
    return [
      make("h1", {}, say(check.method === "tag" ? (check.is_stable ? "check_stable" : "check_reading") : "check_scanning")),
      check.method === "tag" ? null : scanner("book_field"),
      figuresOf(check),
      make("div", { class: "row" }, make("button", { class: state.isSure ? "danger" : "main", onclick: () => end(check) }, state.isSure ? say("end_sure", { n: check.missing }) : say("check_end")), make("button", { onclick: () => finish("stop") }, say("check_stop"))),
      ...listOf(check),
    ];
  },
  holds() {
    return [make("h1", {}, say("holds_title")), !state.holds.length && make("p", {}, say("none")),
      ...state.holds.map((one) => make("div", { class: `card ${one.is_here ? "done" : "look"}` }, make("b", {}, one.title || one.item), title(one.item, one.title), make("p", {}, one.stop), make("p", {}, one.is_here ? say("take_from", { shelf: one.shelf || "–" }) : say("not_here"))))];
  },
  conflicts() {
    return [make("h1", {}, say("conflicts_title")), !state.conflicts.length && make("p", {}, say("none")), ...state.conflicts.map(conflictCard)];
  },
};

/** @param {string} item */
async function renew(item) {
  take("renew", item, await ask("renew", { item, card: state.card }), { card: state.card });
  state.reader = await ask("reader", { card: state.card });
  await look();
}

function begins() {
  const begin = async (/** @type {string} */ method) => {
    state.check = kept(await ask("check", { step: "begin", method, shelf: field("#shelf")?.value.trim() ?? "" }));
    await look();
  };
  return [make("input", { id: "shelf", placeholder: say("which_shelf"), "aria-label": say("which_shelf"), maxlength: 32 }),
    make("div", { class: "row" }, make("button", { class: "main", onclick: () => begin("tag") }, say("by_tags")), make("button", { class: "main", onclick: () => begin("barcode") }, say("by_labels")))];
}

/** Many missing copies are rather a check that was not finished: asked twice before they are told as gone. @param {Answer} check */
function end(check) {
  const isOdd = check.method !== "tag" && check.missing > Math.max(5, check.expected / 10);
  if (isOdd && !state.isSure) {
    state.isSure = true;
    return draw();
  }
  return finish("end");
}

/** @param {string} step */
async function finish(step) {
  state.isSure = false;
  const answer = kept(await ask("check", { step }));
  if (answer) state.check = answer;
  await look();
}

/** @param {Answer} check */
const figuresOf = (check) => make("div", { class: "figures" },
  ...["present", "missing", "misplaced", "foreign"].map((name) => make("div", {}, make("b", {}, `${check[name]}`), make("span", {}, say(name)))),
  make("div", {}, make("b", {}, `${check.sure_pct} %`), make("span", {}, say("sure"))),
  make("div", {}, make("b", {}, `${check.rounds}`), make("span", {}, say("rounds"))));

/** @param {Answer} check */
const listOf = (check) => [
  ...check.others.map((/** @type {Copy} */ one) => make("div", { class: "card look" }, make("b", {}, one.title || one.item), make("p", { class: "told" }, one.place === "foreign" ? say("is_foreign") : say("belongs_to", { shelf: one.shelf || "–" })))),
  check.missing_items.length > 0 && make("h2", {}, say("still_missing", { n: check.missing })),
  ...check.missing_items.slice(0, 100).map((/** @type {Copy} */ one) => make("div", { class: "card" }, make("b", {}, one.title || one.item), make("p", {}, one.item))),
];

/** @param {Answer} check */
const resultOf = (check) => make("section", {}, make("h2", {}, say(check.is_told ? "check_told" : "check_untold")), figuresOf(check), ...listOf(check));

/** @param {Conflict} one */
function conflictCard(one) {
  const text = make("textarea", { rows: 2, maxlength: 40, placeholder: say("what_was_found"), "aria-label": say("what_was_found") });
  const settle = async (/** @type {string} */ finding) => {
    const answer = await ask("settle", { conflict: one.conflict, finding, note: text.value.trim() });
    if (answer.state !== "done") note({ what: "settle", item: one.item, answer, kind: "bad", more: {} });
    blur();
    await look();
  };
  return make("div", { class: "card look" }, make("b", {}, one.title || one.item || one.conflict), make("p", { class: "told" }, say(`conflict_${one.class}`)),
    one.ours && make("p", {}, say("ours", { text: one.ours })), one.theirs && make("p", {}, say("theirs", { text: one.theirs })), text,
    make("div", { class: "row" }, ...["here", "with_reader", "not_found", "settled"].map((finding) => make("button", { onclick: () => settle(finding) }, say(`finding_${finding}`)))));
}

function codeView() {
  const input = make("input", { id: "scan", type: "password", autocomplete: "current-password", "aria-label": say("code"), placeholder: say("code") });
  const enter = async (/** @type {Event} */ event) => {
    event.preventDefault();
    state.needsCode = (await post("/api/enter", { code: input.value })).state !== "done";
    await look();
  };
  return [make("h1", {}, say("code")), make("form", { onsubmit: enter }, input, make("button", { class: "main" }, "⏎"))];
}

/** Codes of the scanner that is wired to the Pi go to the one phone that wants them. */
async function fetchScans() {
  for (const code of (await ask("scans")).scans ?? []) queue(() => scan(code));
}

function showState() {
  const { status } = state;
  const wired = part("#wired");
  wired.hidden = !status?.has_scanner;
  wired.textContent = say("wired");
  wired.setAttribute("aria-pressed", `${state.isWired}`);
  const output = part("#state");
  let [text, kind] = ["", ""];
  if (state.isGone) [text, kind] = [say("agent_gone"), "bad"];
  else if (!status) text = "…";
  else if (status.revision === null) [text, kind] = [say("no_lists"), "look"];
  else if (!status.has_clock) [text, kind] = [say("no_clock"), "look"];
  else [text, kind] = [say(status.is_old ? "lists_old" : "lists_age", { age: age(status.lists_age_s) }), status.is_old ? "look" : ""];
  if (status?.repairs) text += ` · ${say("repairs", { n: status.repairs })}`;
  output.textContent = text;
  output.className = kind;
}

function draw() {
  showState();
  const main = part("#main");
  const focused = document.activeElement;
  // Whoever writes a reason must not lose it to a redraw; the scanner's own field is drawn anew and kept.
  const isField = focused instanceof HTMLInputElement || focused instanceof HTMLTextAreaElement;
  const isWriting = isField && main.contains(focused) && focused.matches(":not(#scan)") && focused.value;
  if (isWriting) return;
  const typed = field("#scan")?.value ?? "";
  const shelf = field("#shelf")?.value ?? "";
  const shown = state.needsCode ? codeView() : views[state.tab]();
  main.replaceChildren(...shown.filter((child) => child !== null && child !== undefined && child !== false));
  /** @type {Partial<Record<Tab, number>>} */
  const counts = { holds: state.status?.holds, conflicts: state.status?.conflicts };
  part("#tabs").replaceChildren(...TABS.map((tab) =>
    make("button", { "aria-current": tab === state.tab ? "page" : false, onclick: () => go(tab) }, make("span", {}, say(`tab_${tab}`)), counts[tab] ? make("b", {}, ` ${counts[tab]}`) : null)));
  const input = field("#scan");
  if (input) {
    input.value = typed;
    if (!document.querySelector("dialog[open]")) input.focus({ preventScroll: true });
  }
  const shelfInput = field("#shelf");
  if (shelfInput) shelfInput.value = shelf;
}

/** @param {Tab} tab */
async function go(tab) {
  state.tab = tab;
  if (tab !== "lend") forget();
  state.log = [];
  blur();
  await look();
  part("#main").scrollTo(0, 0);
}

/** @param {string} language */
async function speak(language) {
  const answer = await fetch(`/messages/${language}.json`);
  state.words = await answer.json();
  state.language = language;
  localStorage.setItem("ortoo.language", language);
  document.documentElement.lang = LANGUAGES[language][1];
  document.documentElement.dataset.script = LANGUAGES[language][2];
  draw();
}

async function begin() {
  const select = /** @type {HTMLSelectElement} */ (part("#language"));
  select.append(...Object.entries(LANGUAGES).map(([value, [label]]) => make("option", { value }, label)));
  select.addEventListener("change", () => speak(select.value));
  part("#wired").addEventListener("click", () => {
    state.isWired = !state.isWired;
    draw();
  });
  const wanted = localStorage.getItem("ortoo.language") ?? navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "zh";
  select.value = wanted in LANGUAGES ? wanted : "zh";
  await speak(select.value);
  await look();
  Object.assign(window, { ortoo: { state: { isKnown: true }, page: state } });
  setInterval(() => !state.waiting && !document.hidden && queue(look), LOOK_MS);
  setInterval(() => !state.waiting && !document.hidden && state.isWired && queue(fetchScans), WIRED_MS);
}

begin();
