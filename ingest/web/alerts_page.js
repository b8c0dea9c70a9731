// The inbox: what somebody must know, the worst first, and what is done about it. An alert says itself what,
// where, why and what to do, in the reader's language; news of alerts come by the stream.

import { useEffect, useState } from "preact/hooks";
import { useAddress } from "./address.js";
import { change, useAnswer, withQuery } from "./ask.js";
import { span, zoneNote } from "./format.js";
import { Failure, Waiting } from "./notices.js";
import { Pager } from "./pager.js";
import { LookOnly, may } from "./roles.js";
import { SiteSelect } from "./site_select.js";
import { timeOf, wordOf } from "./stock_words.js";
import { ALERTS_CHANGED, Stream } from "./stream.js";
import { html } from "./view.js";

/** @typedef {import("./frame.js").PageProps} PageProps */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./messages.js").Language} Language */
/**
 * @typedef {{
 *   id: number, rule: string, severity: "act" | "look", state: string, unit: string | null, source: string, site: string | null, item: string | null,
 *   since_at: string, until_at: string | null, found_at: string, text: { values: Record<string, number | string | null> },
 *   by: { for_s: number, keep_s: number, escalate_s: number | null }, said: { title: string, why: string, todo: string },
 *   told_at: string | null, told_to: string[], escalates_at: string | null, acknowledged_at: string | null, acknowledged_by: string | null,
 *   closed_at: string | null, closed_by: string | null, suppressed_by: string | null, explained_by: number | null,
 * }} Alert
 */
/** @typedef {Alert & { history: { at: string, what: string, who: string | null, text: string }[], messages: { contact: string, title: string, state: string, made_at: string, settled_at: string | null, attempts: number, error: string }[] }} Whole */

const ROWS = 50;
const LATE_MS = 600_000;
// What the words of an alert name besides its rule's numbers.
const NAMES = ["unit", "site", "where", "source", "item", "lot", "since", "found", "number", "place", "newest_place", "newest_at", "late", "fix_age_min", "fix_age_h"];
const STATES = ["open", "pending", "past", "all"];
const SEVERITIES = ["act", "look"];

/** A time beside words that name the county's. @param {string | null} iso */
const whenOf = (iso) => timeOf(iso) + (iso === null ? "" : zoneNote(Date.parse(iso)));

/** @param {PageProps} props */
export function Page({ say, language }) {
  const [wanted, setWanted] = useAddress(["state", "severity", "rule", "under", "alert"]);
  const [after, setAfter] = useState(0);
  const { state, severity, rule, under } = wanted;
  const [found, again] = useAnswer(withQuery("/api/v1/alerts", { state, severity, rule, under, language, after: after || null, limit: ROWS }));
  const [sites] = useAnswer("/api/v1/stock/sites");
  const [rules] = useAnswer("/api/v1/alerts/rules");
  const [link, times] = useNews(again);
  useEffect(() => setAfter(0), [state, severity, rule, under]); // the browser's back changes them, too
  /** @param {Partial<typeof wanted>} filter */
  const choose = (filter) => {
    setAfter(0);
    setWanted({ ...filter, alert: "" });
  };
  const counts = found.data?.counts;
  return html`<div class="sheet">
    <header class="sheet-head">
      <h2>${say("nav_alerts")}</h2>
      <p class=${`link link-${link}`} role="status"><i class="dot"></i><span>${say(link === "open" ? "link_open" : "link_connecting")}</span></p>
      <a class="button" href=${withQuery("/api/v1/alerts", { state, severity, rule, under, language, format: "csv" })} download>${say("download_csv")}</a>
    </header>
    <div class="sheet-filters">
      <div class="selects">
        <div class="segmented" role="group" aria-label=${say("filter_state")}>
          ${STATES.map((one) => html`<button type="button" aria-pressed=${(state || "open") === one} onClick=${() => choose({ state: one === "open" ? "" : one })}>${say(`alerts_${one}`)}</button>`)}
        </div>
        <div class="chips">
          ${SEVERITIES.map(
            (one) => html`<button type="button" class=${`chip severity-${one}`} aria-pressed=${severity === one} onClick=${() => choose({ severity: severity === one ? "" : one })}>
              <i class="mark"></i>${say(`severity_${one}`)}<b>${counts === undefined ? "" : counts[one]}</b>
            </button>`,
          )}
        </div>
        <label><span class="visually-hidden">${say("alert_rule")}</span>
          <select onChange=${(/** @type {any} */ event) => choose({ rule: event.target.value })}>
            <option value="">${say("rule_any")}</option>
            ${(rules.data?.rules ?? []).map((/** @type {{ rule: string }} */ one) => html`<option value=${one.rule} selected=${one.rule === rule}>${wordOf(say, "rule_of", one.rule)}</option>`)}
          </select>
        </label>
        <label><span class="visually-hidden">${say("under")}</span><${SiteSelect} say=${(/** @type {string} */ key) => say(key === "all" ? "site_any" : key)} sites=${sites.data?.sites ?? []} value=${under} onChange=${(/** @type {string} */ site) => choose({ under: site })} /></label>
      </div>
    </div>
    ${counts !== undefined && counts.undelivered > 0 && html`<p class="notice failure">${say("undelivered", { n: counts.undelivered })}</p>`}
    ${found.data === null
      ? html`<${Waiting} asked=${found} say=${say} again=${again} />`
      : html`<${Inbox} say=${say} language=${language} all=${found.data} times=${times} open=${wanted.alert} setOpen=${(/** @type {string} */ alert) => setWanted({ alert })} again=${again} />
          <${Pager} say=${say} first=${after} rows=${found.data.alerts.length} each=${ROWS} after=${found.data.after} go=${setAfter} />`}
  </div>`;
}

/**
 * Calls `again` whenever some alert has changed; how the link is, and how often there were news.
 * @param {() => void} again
 * @returns {[import("./stream.js").Link, number]}
 */
function useNews(again) {
  const [link, setLink] = useState(/** @type {import("./stream.js").Link} */ ("connecting"));
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const take = (/** @type {import("./stream.js").NewsKind} */ kind) => {
      // A snapshot opens a link that had been broken: alerts may have changed meanwhile.
      if (kind !== "alerts" && kind !== "snapshot") return;
      window.dispatchEvent(new Event(ALERTS_CHANGED));
      again();
      setTimes((old) => old + 1);
    };
    const stream = new Stream("/api/v1/stream", take, setLink);
    stream.open();
    return () => stream.close();
  }, []);
  return [link, times];
}

/** @param {{ say: Say, language: Language, all: any, times: number, open: string, setOpen: (id: string) => void, again: () => void }} props */
function Inbox({ say, language, all, times, open, setOpen, again }) {
  const now_ms = Date.parse(all.now);
  if (all.alerts.length === 0) return html`<p class="waiting all-well" role="status"><i class="mark"></i>${say("alerts_none")}</p>`;
  return html`<ul class="inbox">
    ${all.alerts.map((/** @type {Alert} */ alert) => {
      const id = String(alert.id);
      return html`<li key=${id} class=${`alert severity-${alert.severity} rule-${alert.rule} is-${alert.state}`}>
        <${Head} say=${say} alert=${alert} now_ms=${now_ms} isOpen=${open === id} toggle=${() => setOpen(open === id ? "" : id)} />
        ${open === id && html`<${Detail} say=${say} language=${language} id=${alert.id} times=${times} again=${again} />`}
      </li>`;
    })}
  </ul>`;
}

/** @param {{ say: Say, alert: Alert, now_ms: number, isOpen: boolean, toggle: () => void }} props */
function Head({ say, alert, now_ms, isOpen, toggle }) {
  const end_ms = alert.until_at === null ? now_ms : Date.parse(alert.until_at);
  return html`<button type="button" class="alert-head" aria-expanded=${isOpen} onClick=${toggle}>
    <span class="alert-sign"><i class="mark"></i><span class="visually-hidden">${say(`severity_${alert.severity}`)}</span></span>
    <span class="alert-words"><b>${alert.said.title}</b><span>${alert.said.why}</span></span>
    <span class="alert-when"><b class="number">${span(end_ms - Date.parse(alert.since_at), say)}</b><small>${whenOf(alert.since_at)}</small></span>
    <span class="alert-state">${say(`alert_${alert.state}`)}${alert.acknowledged_by !== null && html` <small>${alert.acknowledged_by}</small>`}</span>
  </button>`;
}

/** @param {{ say: Say, language: Language, id: number, times: number, again: () => void }} props */
function Detail({ say, language, id, times, again }) {
  const path = withQuery(`/api/v1/alerts/${id}`, { language });
  const [found, reread] = useAnswer(path);
  useEffect(reread, [times]);
  if (found.data === null) return html`<div class="alert-body"><${Waiting} asked=${found} say=${say} again=${reread} /></div>`;
  const changed = () => {
    reread();
    again();
  };
  /** @type {Whole} */
  const alert = found.data;
  return html`<div class="alert-body">
    <p class="todo"><b>${say("todo")}</b> ${alert.said.todo}</p>
    <${Facts} say=${say} alert=${alert} />
    <p class="links">
      ${alert.site !== null && html`<a href=${withQuery("/cabinets", { site: alert.site, open: alert.item })}>${say("open_site")}</a>`}
      ${alert.unit !== null && html`<a href=${`/#${alert.unit}`}>${say("show_on_map")}</a>`}
    </p>
    <${LookOnly} say=${say} roles=${["dispatcher", "health"]} />
    ${may("dispatcher", "health") && html`<${Answer} key=${alert.state} say=${say} alert=${alert} changed=${changed} />`}
    <${History} say=${say} alert=${alert} />
  </div>`;
}

/** When, by which rule, and who has it. @param {{ say: Say, alert: Whole }} props */
function Facts({ say, alert }) {
  const isLate = Date.parse(alert.found_at) - Date.parse(alert.since_at) > LATE_MS;
  /** @type {[string, string][]} */
  const facts = [
    [say("alert_since"), whenOf(alert.since_at)],
    [say("alert_until"), alert.until_at === null ? say("alert_still") : whenOf(alert.until_at)],
  ];
  if (isLate) facts.push([say("alert_found"), whenOf(alert.found_at)]);
  facts.push([say("alert_rule"), ruleText(alert, say)], [say("alert_told"), alert.told_to.length === 0 ? say("alert_told_nobody") : alert.told_to.join(", ")]);
  if (alert.escalates_at !== null && alert.acknowledged_at === null && alert.until_at === null) facts.push([say("alert_escalates"), whenOf(alert.escalates_at)]);
  if (alert.acknowledged_by !== null) facts.push([say("alert_taken"), `${alert.acknowledged_by}, ${whenOf(alert.acknowledged_at)}`]);
  if (alert.suppressed_by !== null) facts.push([say("alert_quiet"), wordOf(say, "suppressed", alert.suppressed_by)]);
  if (alert.explained_by !== null) facts.push([say("alert_quiet"), say("alert_explained", { n: alert.explained_by })]);
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {Whole} alert @param {Say} say */
function ruleText(alert, say) {
  const numbers = Object.entries(alert.text.values)
    .filter(([name, value]) => value !== null && !NAMES.includes(name))
    .map(([name, value]) => `${wordOf(say, "input", name)} ${typeof value === "number" && !Number.isInteger(value) ? value.toFixed(2) : value}`);
  return [say("rule_holds", { for: span(alert.by.for_s * 1000, say), keep: span(alert.by.keep_s * 1000, say) }), ...numbers].join(" · ");
}

/** @param {{ say: Say, alert: Whole, changed: () => void }} props */
function Answer({ say, alert, changed }) {
  const [text, setText] = useState("");
  const [error, setError] = useState(/** @type {import("./ask.js").Refusal | null} */ (null));
  const isOpen = alert.state === "firing" || alert.state === "acknowledged";
  /** @param {string} what @param {Record<string, string>} body */
  const send = async (what, body) => {
    const said = await change(`/api/v1/alerts/${alert.id}/${what}`, "POST", body);
    setError(said.error);
    if (said.error !== null) return;
    setText("");
    changed();
  };
  const isEmpty = text.trim() === "";
  return html`<form class="answer" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <label class="field"><span>${say("comment")}</span><textarea rows="2" maxlength="500" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)}></textarea></label>
    <div class="buttons">
      ${isOpen && html`<button type="button" class="button primary" onClick=${() => send("acknowledge", { comment: text.trim() })}>${say(alert.acknowledged_at === null ? "acknowledge" : "acknowledge_again")}</button>`}
      <button type="button" class="button" disabled=${isEmpty} onClick=${() => send("comment", { comment: text.trim() })}>${say("comment_only")}</button>
      ${isOpen && html`<button type="button" class="button" disabled=${isEmpty} title=${say("close_needs_reason")} onClick=${() => send("close", { reason: text.trim() })}>${say("close_alert")}</button>`}
    </div>
    <${Failure} error=${error} say=${say} />
  </form>`;
}

/** @param {{ say: Say, alert: Whole }} props */
function History({ say, alert }) {
  return html`<section>
    <h3>${say("history")}</h3>
    <ol class="lines history">
      ${alert.history.map((step) => html`<li><time class="number">${whenOf(step.at)}</time> <b>${wordOf(say, "step", step.what)}</b> <span>${step.who ?? ""}</span> <span>${step.what === "signalled" ? say(`help_${step.text}`) : step.text}</span></li>`)}
      ${alert.messages.map((message) => html`<li><time class="number">${whenOf(message.made_at)}</time> <b>${say(`message_${message.state}`)}</b> <span>${message.contact}</span> <small>${message.error}</small></li>`)}
    </ol>
  </section>`;
}
