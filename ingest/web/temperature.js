// A cabinet's temperature: the line of means within the band of extremes, what is safe, when it was outside by
// the unit's own judgement, when a door stood open, and where nothing is known.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAnswer, withQuery } from "./ask.js";
import { heightOf, openSpans, pointsOf, roundSteps, roundTimes, runsOf, safeBand, within } from "./chart.js";
import { clockTime, dateTime, dayOf, span } from "./format.js";
import { Waiting } from "./notices.js";
import { wordOf } from "./stock_words.js";
import { html } from "./view.js";

/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./chart.js").Point} Point */
/** @typedef {import("./chart.js").Span} Span */
/** @typedef {{ probe: string, number: number, state: string, direction: string, judgement: string, limit_c: number, limit_minutes: number, began_at: string, ended_at: string | null, minutes_outside: number, lowest_c: number | null, highest_c: number | null, profile: string, profile_version: number, learned_at: string }} Excursion */

const DAY_MS = 86_400_000;
const RANGES = [
  { days: 1, bucket_s: 300 },
  { days: 7, bucket_s: 1800 },
  { days: 30, bucket_s: 7200 },
];
const HEIGHT_PX = 260;
const LEFT_PX = 40;
const BELOW_PX = 40;
const DOOR_PX = 8;

/** @param {{ say: Say, unit: string, probes: string[], profiles: import("./chart.js").Profile[], excursions: Excursion[], now_ms: number }} props */
export function Temperature({ say, unit, probes, profiles, excursions, now_ms }) {
  const [range, setRange] = useState(RANGES[0]);
  const [back, setBack] = useState(0);
  const to_ms = Math.ceil(now_ms / 60_000) * 60_000 - back * range.days * DAY_MS;
  const frame = { from_ms: to_ms - range.days * DAY_MS, to_ms };
  const between = { from: new Date(frame.from_ms).toISOString(), to: new Date(to_ms).toISOString() };
  const path = `/api/v1/units/${encodeURIComponent(unit)}`;
  const [series, again] = useAnswer(withQuery(`${path}/series`, { kind: "climate", field: "temperature_c", bucket_s: range.bucket_s, ...between }));
  const [doors] = useAnswer(withQuery(`${path}/records`, { kind: "door", ...between }));
  /** @type {any[]} */
  const shown = (series.data?.series ?? []).filter((/** @type {any} */ one) => probes.length === 0 || probes.includes(one.source));
  const open = openSpans(doors.data?.records ?? [], to_ms);
  return html`<section class="temperature">
    <header class="section-head">
      <h3>${say("temperature")}</h3>
      <div class="segmented" role="group" aria-label=${say("range")}>
        ${RANGES.map(
          (one) => html`<button
            type="button"
            aria-pressed=${one === range}
            onClick=${() => {
              setRange(one);
              setBack(0);
            }}
          >
            ${say("span_d", { n: one.days })}
          </button>`,
        )}
      </div>
      <div class="buttons">
        <button type="button" class="button" onClick=${() => setBack(back + 1)}>${say("earlier")}</button>
        <button type="button" class="button" disabled=${back === 0} onClick=${() => setBack(back - 1)}>${say("later")}</button>
      </div>
    </header>
    <div class="charts">
      ${series.data === null
        ? html`<${Waiting} asked=${series} say=${say} again=${again} />`
        : shown.length === 0
          ? html`<p class="waiting quiet">${say("no_readings")}</p>`
          : shown.map(
              (one) => html`<${Chart}
                key=${one.source}
                say=${say}
                title=${one.source}
                points=${pointsOf(one, range.bucket_s * 1000)}
                bucket_ms=${range.bucket_s * 1000}
                frame=${frame}
                profiles=${profiles}
                excursions=${excursions.filter((/** @type {Excursion} */ excursion) => excursion.probe === one.source)}
                doors=${open}
              />`,
            )}
    </div>
    <${Legend} say=${say} profiles=${profiles} />
  </section>`;
}

/** @param {{ say: Say, profiles: import("./chart.js").Profile[] }} props */
function Legend({ say, profiles }) {
  return html`<ul class="legend">
    <li><i class="key key-line"></i>${say("legend_mean")}</li>
    <li><i class="key key-range"></i>${say("legend_range")}</li>
    <li><i class="key key-safe"></i>${say("legend_safe")}${profiles.length > 0 ? ` · ${profiles.map((one) => wordOf(say, "profile", one.profile)).join(" · ")}` : ""}</li>
    <li><i class="key key-outside"></i>${say("legend_outside")}</li>
    <li><i class="key key-door"></i>${say("legend_door")}</li>
    <li><i class="key key-gap"></i>${say("legend_gap")}</li>
  </ul>`;
}

/** How wide an element is, also after the window has changed. @returns {[{ current: HTMLElement | null }, number]} */
function useWidth() {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(box.current?.clientWidth ?? 0);
    measure();
    const watcher = new ResizeObserver(measure);
    if (box.current !== null) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  return [box, width];
}

/** @param {{ say: Say, title: string, points: Point[], bucket_ms: number, frame: Span, profiles: import("./chart.js").Profile[], excursions: Excursion[], doors: Span[] }} props */
function Chart({ say, title, points, bucket_ms, frame, profiles, excursions, doors }) {
  const [box, width] = useWidth();
  const [chosen, setChosen] = useState(/** @type {number | null} */ (null));
  const at = chosen === null || chosen >= points.length ? points.length - 1 : chosen;
  const point = points[at];
  const band = safeBand(profiles);
  const [least, most] = heightOf(points, band);
  const x = (/** @type {number} */ at_ms) => LEFT_PX + ((at_ms - frame.from_ms) / (frame.to_ms - frame.from_ms)) * Math.max(1, width - LEFT_PX - 8);
  const y = (/** @type {number} */ value) => 8 + ((most - value) / (most - least)) * (HEIGHT_PX - BELOW_PX - 8);
  const point_to = (/** @type {any} */ event) => {
    const box_px = event.currentTarget.getBoundingClientRect();
    const at_ms = frame.from_ms + ((event.clientX - box_px.left - LEFT_PX) / Math.max(1, width - LEFT_PX - 8)) * (frame.to_ms - frame.from_ms);
    const nearest = points.reduce((best, one, index) => (Math.abs(one.at_ms - at_ms) < Math.abs(points[best].at_ms - at_ms) ? index : best), 0);
    setChosen(nearest);
  };
  const runs = runsOf(points, bucket_ms);
  const words = point === undefined ? say("no_readings_then") : `${dateTime(point.at_ms).slice(5, 16)} · ${degrees(point.mean)} (${degrees(point.least)} … ${degrees(point.most)})`;
  return html`<figure class="chart">
    <figcaption><b>${title}</b> <span class="number">${words}</span></figcaption>
    <div class="chart-box" ref=${box}>
      <svg width=${width} height=${HEIGHT_PX} role="img" aria-label=${`${say("temperature")} ${title}`} onPointerMove=${point_to} onPointerDown=${point_to}>
        <${Safe} band=${band} y=${y} width=${width} least=${least} most=${most} />
        <${Holes} runs=${runs} frame=${frame} x=${x} />
        ${excursions.map((one) => html`<${Outside} key=${one.number} one=${one} frame=${frame} x=${x} />`)}
        ${roundSteps(least, most).map((value) => html`<g class="rule"><line x1=${LEFT_PX} x2=${width - 8} y1=${y(value)} y2=${y(value)} /><text x=${LEFT_PX - 6} y=${y(value) + 4} text-anchor="end">${value}</text></g>`)}
        ${roundTimes(frame, Math.max(2, Math.floor(width / 90))).map((at_ms) => html`<text class="time" x=${x(at_ms)} y=${HEIGHT_PX - 4} text-anchor="middle">${timeLabel(at_ms, frame)}</text>`)}
        ${runs.map((run) => html`<path class="range" d=${`M${[...run.map((one) => `${x(one.at_ms)},${y(one.most)}`), ...run.toReversed().map((one) => `${x(one.at_ms)},${y(one.least)}`)].join("L")}Z`} /><path class="mean" d=${`M${run.map((one) => `${x(one.at_ms)},${y(one.mean)}`).join("L")}${run.length === 1 ? "h1" : ""}`} />`)}
        ${doors.map((door) => html`<${Door} door=${door} frame=${frame} x=${x} />`)}
        ${point !== undefined && html`<g class="cursor"><line x1=${x(point.at_ms)} x2=${x(point.at_ms)} y1="8" y2=${HEIGHT_PX - BELOW_PX} /><circle cx=${x(point.at_ms)} cy=${y(point.mean)} r="4" /></g>`}
      </svg>
    </div>
    ${points.length > 1 &&
    html`<input
      type="range"
      class="chart-slider"
      min="0"
      max=${points.length - 1}
      value=${at}
      aria-label=${say("read_at", { probe: title })}
      aria-valuetext=${words}
      onInput=${(/** @type {any} */ event) => setChosen(Number(event.target.value))}
    />`}
  </figure>`;
}

/** @param {number} value */
const degrees = (value) => `${value.toFixed(1)}\u00a0°C`;

/** @param {number} at_ms @param {Span} frame */
const timeLabel = (at_ms, frame) => (frame.to_ms - frame.from_ms <= 2 * DAY_MS ? clockTime(at_ms).slice(0, 5) : dayOf(new Date(at_ms)).slice(5));

/** @param {{ band: { low: number | null, high: number | null }, y: (value: number) => number, width: number, least: number, most: number }} props */
function Safe({ band, y, width, least, most }) {
  if (band.low === null && band.high === null) return null;
  const [top, bottom] = [y(band.high ?? most), y(band.low ?? least)];
  const limits = [band.low, band.high].filter((limit) => limit !== null);
  return html`<g>
    <rect class="safe" x=${LEFT_PX} y=${top} width=${Math.max(0, width - LEFT_PX - 8)} height=${Math.max(0, bottom - top)} />
    ${limits.map((limit) => html`<line class="limit" x1=${LEFT_PX} x2=${width - 8} y1=${y(limit)} y2=${y(limit)} />`)}
  </g>`;
}

/** Where nothing is known: before, between and after the runs. @param {{ runs: Point[][], frame: Span, x: (at_ms: number) => number }} props */
function Holes({ runs, frame, x }) {
  const edges = [frame.from_ms, ...runs.flatMap((run) => [run[0].at_ms, run[run.length - 1].at_ms]), frame.to_ms];
  const holes = [];
  for (let at = 0; at < edges.length; at += 2) if (x(edges[at + 1]) - x(edges[at]) > 3) holes.push([x(edges[at]), x(edges[at + 1])]);
  return holes.map(([left, right]) => html`<rect class="hole" x=${left} y="8" width=${right - left} height=${HEIGHT_PX - BELOW_PX - 8} />`);
}

/** @param {{ one: Excursion, frame: Span, x: (at_ms: number) => number }} props */
function Outside({ one, frame, x }) {
  const seen = within({ from_ms: Date.parse(one.began_at), to_ms: one.ended_at === null ? frame.to_ms : Date.parse(one.ended_at) }, frame);
  if (seen === null) return null;
  return html`<rect class="outside" x=${x(seen.from_ms)} y="8" width=${Math.max(2, x(seen.to_ms) - x(seen.from_ms))} height=${HEIGHT_PX - BELOW_PX - 8} />`;
}

/** @param {{ door: Span, frame: Span, x: (at_ms: number) => number }} props */
function Door({ door, frame, x }) {
  const seen = within(door, frame);
  if (seen === null) return null;
  return html`<rect class="door" x=${x(seen.from_ms)} y=${HEIGHT_PX - BELOW_PX + 4} width=${Math.max(3, x(seen.to_ms) - x(seen.from_ms))} height=${DOOR_PX} rx="1" />`;
}

/** Every excursion in words. @param {{ say: Say, excursions: Excursion[] }} props */
export function Excursions({ say, excursions }) {
  if (excursions.length === 0) return null;
  return html`<section class="excursions">
    <h3>${say("excursions")}</h3>
    <ul class="lines">
      ${excursions.map(
        (one) => html`<li key=${`${one.probe}/${one.number}`} class=${one.state === "open" ? "is-now" : ""}>
          <p><b>${say(`excursion_${one.direction}`)}</b> ${degrees(one.direction === "low" ? (one.lowest_c ?? one.limit_c) : (one.highest_c ?? one.limit_c))} · ${span(one.minutes_outside * 60_000, say)} <small>${say(`excursion_${one.state}`)}</small></p>
          <p><small>${dateTime(Date.parse(one.began_at)).slice(0, 16)} – ${one.ended_at === null ? say("now") : dateTime(Date.parse(one.ended_at)).slice(0, 16)} · ${one.probe} · ${wordOf(say, "profile", one.profile)} (v${one.profile_version}): ${degrees(one.limit_c)}, ${say("span_min", { n: one.limit_minutes })}</small></p>
        </li>`,
      )}
    </ul>
  </section>`;
}
