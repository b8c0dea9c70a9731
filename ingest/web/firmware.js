// Firmware: which unit runs what, the releases there are, and who is asked to take one: a single unit first,
// the others once that one runs it.

import { useEffect, useState } from "preact/hooks";
import { ask, change, useAnswer } from "./ask.js";
import { Failure, Waiting } from "./notices.js";
import { LookOnly } from "./roles.js";
import { timeOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./ask.js").Refusal} Refusal */
/** @typedef {"asked" | "staged" | "running" | "refused" | "rolled_back" | "replaced"} State */
/** @typedef {{ unit: string, node: string | null, state: State, detail: string, who: string, asked_at: string, is_sent: boolean, changed_at: string }} Rollout */
/** @typedef {{ number: number, version: string, size_bytes: number, boards: string[], files: number, who: string, added_at: string, withdrawn_by: string | null, withdrawn_at: string | null, rollouts: Rollout[] }} Release */
/** @typedef {{ unit: string, name: string | null, software: string | null, is_node: boolean }} UnitSoftware */
/** @typedef {{ is_published: boolean, error: string, has_key: boolean, may_change: boolean, releases: Release[], units: UnitSoftware[] }} Releases */

const PATH = "/api/v1/releases";
const AGAIN_EVERY_MS = 5_000;
const MOST_AT_ONCE = 1_000; // as the service allows
/** @type {import("./ask.js").Answer} */
const CHANGED = { data: null, error: { code: "file_changed", where: "", detail: "", retry: true } };
const titleOf = (/** @type {UnitSoftware | undefined} */ unit, /** @type {string} */ id) => unit?.name ?? id;

/** @param {{ say: Say }} props */
export function Firmware({ say }) {
  const [asked, again] = useAnswer(PATH);
  useEffect(() => {
    const timer = setInterval(again, AGAIN_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  if (asked.data === null) return html`<${Waiting} asked=${asked} say=${say} again=${again} />`;
  /** @type {Releases} */
  const { is_published, error, has_key, may_change, releases, units } = asked.data;
  const isOffered = releases.some((one) => one.withdrawn_at === null);
  return html`<section>
      <h3>${say("releases")}</h3>
      <p class="quiet">${say("firmware_about")}</p>
      <${LookOnly} say=${say} roles=${["admin"]} />
      ${may_change && !has_key && html`<p class="notice">${say("refused_no_key")}</p>`}
      ${may_change && has_key && html`<${NewRelease} say=${say} again=${again} />`}
      ${isOffered && error !== "" && html`<p class="warn" role="status">${say("firmware_error")} <span lang="en">${error}</span></p>`}
      ${isOffered && !is_published && html`<p class="quiet" role="status">${say("firmware_laying")}</p>`}
      ${releases.length === 0 && html`<p class="quiet">${say("none_yet")}</p>`}
    </section>
    ${releases.map((one) => html`<${OneRelease} key=${one.number} say=${say} release=${one} units=${units} mayChange=${may_change} again=${again} />`)}
    <section>
      <h3>${say("firmware_units")}</h3>
      <table class="grid">
        <thead><tr><th scope="col">${say("units")}</th><th scope="col">${say("firmware_runs")}</th></tr></thead>
        <tbody>${units.map((unit) => html`<tr key=${unit.unit}><th scope="row">${titleOf(unit, unit.unit)}</th><td>${unit.software ?? html`<span class="unknown">${say("connection_unknown")}</span>`}</td></tr>`)}</tbody>
      </table>
    </section>`;
}

/** @param {{ say: Say, again: () => void }} props */
function NewRelease({ say, again }) {
  const [file, setFile] = useState(/** @type {File | null} */ (null));
  const [times, setTimes] = useState(0);
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState(/** @type {Refusal | null} */ (null));
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (file === null) return;
    setSending(true);
    const body = await file.arrayBuffer().catch(() => null); // null: changed on the disk since it was chosen
    const said = body === null ? CHANGED : await ask(PATH, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body });
    setSending(false);
    setError(said.error);
    setFile(null);
    setTimes(times + 1);
    again();
  };
  return html`<form class="asking" onSubmit=${send}>
      <label class="field grow"><span>${say("release_file")}</span><input key=${times} type="file" accept=".release" onChange=${(/** @type {any} */ event) => setFile(event.target.files?.[0] ?? null)} /></label>
      <button type="submit" class="button primary" disabled=${file === null || isSending}>${say("release_add")}</button>
    </form>
    <div role="status"><${Failure} error=${error} say=${say} /></div>`;
}

/** @param {{ say: Say, release: Release, units: UnitSoftware[], mayChange: boolean, again: () => void }} props */
function OneRelease({ say, release, units, mayChange, again }) {
  const isOffered = release.withdrawn_at === null;
  const facts = [release.boards.join(", "), `${Math.ceil(release.size_bytes / 1024)} KiB`, release.who, timeOf(release.added_at)];
  return html`<section class="release">
    <div class="section-head">
      <h3>${say("release_title", { version: release.version, number: release.number })}</h3>
      ${isOffered && mayChange && html`<${Withdrawal} say=${say} release=${release} again=${again} />`}
    </div>
    <p class="quiet">${facts.join(" · ")}</p>
    ${!isOffered && html`<p class="warn">${say("release_withdrawn", { who: release.withdrawn_by ?? "", at: timeOf(release.withdrawn_at) })}</p>`}
    ${release.rollouts.length > 0 && html`<${Progress} say=${say} rollouts=${release.rollouts} units=${units} />`}
    ${isOffered && mayChange && html`<${Asking} say=${say} release=${release} units=${units} again=${again} />`}
  </section>`;
}

/** How it went with each. @param {{ say: Say, rollouts: Rollout[], units: UnitSoftware[] }} props */
function Progress({ say, rollouts, units }) {
  const running = rollouts.filter((one) => one.state === "running").length;
  return html`<label class="rollout-progress"><span>${say("rollout_progress", { n: running, of: rollouts.length })}</span><progress max=${rollouts.length} value=${running}></progress></label>
    <table class="grid rollout-grid">
      <thead><tr><th scope="col">${say("units")}</th><th scope="col">${say("state")}</th><th scope="col">${say("rollout_asked_by")}</th></tr></thead>
      <tbody>
        ${rollouts.map(
          (one) => html`<tr key=${`${one.unit}/${one.node ?? ""}`}>
            <th scope="row">${titleOf(units.find((unit) => unit.unit === one.unit), one.unit)}${one.node !== null && html` <small>${one.node}</small>`}</th>
            <td><span class=${`status rollout-${one.state}`}><i class="mark"></i>${say(one.state === "asked" && !one.is_sent ? "rollout_unsent" : `rollout_${one.state}`)}</span>${one.detail !== "" && html` <small lang="en">${one.detail}</small>`}</td>
            <td><small>${one.who} · ${timeOf(one.asked_at)}</small></td>
          </tr>`,
        )}
      </tbody>
    </table>`;
}

/**
 * One unit first; all others that have not been asked once somebody runs it. A Pi takes none itself, its nodes do.
 * @param {{ say: Say, release: Release, units: UnitSoftware[], again: () => void }} props
 */
function Asking({ say, release, units, again }) {
  const [unit, setUnit] = useState("");
  const [node, setNode] = useState("");
  const [error, setError] = useState(/** @type {Refusal | null} */ (null));
  const isNode = units.find((one) => one.unit === unit)?.is_node ?? true;
  const known = new Set(release.rollouts.filter((one) => one.node === null).map((one) => one.unit));
  const others = units.filter((one) => one.is_node && !known.has(one.unit)).map((one) => one.unit);
  const rest = others.slice(0, MOST_AT_ONCE);
  const isProved = release.rollouts.some((one) => one.state === "running");
  /** @param {Record<string, unknown>} body */
  const send = async (body) => {
    const said = await change(`${PATH}/${release.number}/rollout`, "POST", body);
    setError(said.error);
    if (said.error !== null) return;
    setUnit("");
    again();
  };
  const one = (/** @type {Event} */ event) => {
    event.preventDefault();
    void send(isNode ? { units: [unit] } : { units: [unit], node });
  };
  return html`<form class="asking" onSubmit=${one}>
      <label class="field"><span>${say("rollout_first")}</span>
        <select required onChange=${(/** @type {any} */ event) => setUnit(event.target.value)}>
          <option value="" selected=${unit === ""}>–</option>
          ${units.map((found) => html`<option value=${found.unit} selected=${found.unit === unit}>${titleOf(found, found.unit)} · ${found.software ?? say("connection_unknown")}</option>`)}
        </select>
      </label>
      ${!isNode && html`<label class="field"><span>${say("rollout_node")}</span><input required maxlength="32" pattern="[a-z0-9][a-z0-9\\-]*" value=${node} onInput=${(/** @type {any} */ event) => setNode(event.target.value)} /></label>`}
      <button type="submit" class="button primary" disabled=${unit === ""}>${say("rollout_ask")}</button>
      ${rest.length > 0 && html`<button type="button" class="button" disabled=${!isProved} onClick=${() => send({ units: rest })}>${say("rollout_rest", { n: rest.length })}</button>`}
    </form>
    ${!isProved && rest.length > 0 && html`<p class="quiet"><small>${say("rollout_rest_later")}</small></p>`}
    <div role="status"><${Failure} error=${error} say=${say} /></div>`;
}

/** Asked for twice: there is no way back, a number is never used again. @param {{ say: Say, release: Release, again: () => void }} props */
function Withdrawal({ say, release, again }) {
  const [isSure, setSure] = useState(false);
  const [error, setError] = useState(/** @type {Refusal | null} */ (null));
  const withdraw = async () => {
    const said = await change(`${PATH}/${release.number}`, "DELETE");
    setError(said.error);
    if (said.error === null) again();
  };
  if (!isSure) return html`<button type="button" class="button" onClick=${() => setSure(true)}>${say("release_withdraw")}</button>`;
  return html`<span class="buttons">
      <button type="button" class="button primary" onClick=${withdraw}>${say("release_withdraw_sure")}</button>
      <button type="button" class="button" onClick=${() => setSure(false)}>${say("cancel")}</button>
    </span>
    <${Failure} error=${error} say=${say} />`;
}
