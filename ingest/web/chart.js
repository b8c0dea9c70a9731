// What a chart of temperatures reckons: where it breaks off, what it spans, and where its marks stand. Pure.
//
// A hole in the readings is a hole in the line: nobody knows what was in it. What counts as one follows the
// probe's own rhythm: more than two of its usual intervals (or buckets) without a reading.

/** One bucket of readings. @typedef {{ at_ms: number, least: number, most: number, mean: number }} Point */
/** @typedef {{ comparator: string, limit_c: number, minutes: number, judgement: string }} Limit */
/** @typedef {{ profile: string, version: number, items: string[], limits: Limit[] }} Profile */
/** @typedef {{ from_ms: number, to_ms: number }} Span */

const HOUR_MS = 3_600_000;
const LOW = ["below", "at_or_below"];

/**
 * The buckets of a series that hold a value, by the middle of each.
 * @param {{ begins_at: string[], min: (number | null)[], max: (number | null)[], mean: (number | null)[] }} series
 * @param {number} bucket_ms
 * @returns {Point[]}
 */
export function pointsOf(series, bucket_ms) {
  const found = [];
  for (let at = 0; at < series.begins_at.length; at += 1) {
    const [least, most, mean] = [series.min[at], series.max[at], series.mean[at]];
    if (least !== null && most !== null && mean !== null) found.push({ at_ms: Date.parse(series.begins_at[at]) + bucket_ms / 2, least, most, mean });
  }
  return found;
}

/** @param {Point[]} points @param {number} bucket_ms @returns {Point[][]} */
export function runsOf(points, bucket_ms) {
  const steps = points.slice(1).map((point, at) => point.at_ms - points[at].at_ms).sort((one, other) => one - other);
  const usual_ms = Math.max(bucket_ms, steps[Math.floor(steps.length / 2)] ?? bucket_ms);
  /** @type {Point[][]} */
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run !== undefined && last !== undefined && point.at_ms - last.at_ms <= 2 * usual_ms) run.push(point);
    else runs.push([point]);
  }
  return runs;
}

/** The strictest lower and upper limit of some profiles. @param {Profile[]} profiles */
export function safeBand(profiles) {
  const limits = profiles.flatMap((profile) => profile.limits);
  const lows = limits.filter((limit) => LOW.includes(limit.comparator)).map((limit) => limit.limit_c);
  const highs = limits.filter((limit) => !LOW.includes(limit.comparator)).map((limit) => limit.limit_c);
  return { low: lows.length > 0 ? Math.max(...lows) : null, high: highs.length > 0 ? Math.min(...highs) : null };
}

/**
 * What the height spans: all readings and the band, and a little air.
 * @param {Point[]} points
 * @param {{ low: number | null, high: number | null }} band
 * @returns {[number, number]}
 */
export function heightOf(points, band) {
  const all = points.flatMap((point) => [point.least, point.most]);
  for (const limit of [band.low, band.high]) if (limit !== null) all.push(limit);
  if (all.length === 0) return [0, 10];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const air = Math.max(1, (most - least) * 0.08);
  return [least - air, most + air];
}

/** Round values within a range, some five of them. @param {number} least @param {number} most */
export function roundSteps(least, most) {
  const rough = (most - least) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const found = [];
  for (let at = Math.ceil(least / step); at * step <= most; at += 1) found.push(Number((at * step).toFixed(6)));
  return found;
}

/** Round local times within a span, at most `most` of them. @param {Span} span @param {number} most */
export function roundTimes({ from_ms, to_ms }, most) {
  const hours = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336].find((one) => (to_ms - from_ms) / (one * HOUR_MS) <= most) ?? 720;
  const zone_ms = new Date(from_ms).getTimezoneOffset() * -60_000;
  const step_ms = hours * HOUR_MS;
  const found = [];
  for (let at = Math.ceil((from_ms + zone_ms) / step_ms) * step_ms - zone_ms; at <= to_ms; at += step_ms) found.push(at);
  return found;
}

/** The part of a span that lies in another, null where they do not meet. @param {Span} span @param {Span} frame @returns {Span | null} */
export function within(span, frame) {
  const [from_ms, to_ms] = [Math.max(span.from_ms, frame.from_ms), Math.min(span.to_ms, frame.to_ms)];
  return from_ms <= to_ms ? { from_ms, to_ms } : null;
}

/**
 * When doors stood open: a closing says for how long; an opening without one lasts until its door's next word.
 * @param {{ source: string, sampled_at: string | null, state: string | null, open_s: number | null }[]} records
 * @param {number} to_ms
 * @returns {Span[]}
 */
export function openSpans(records, to_ms) {
  /** @type {Map<string, number>} */
  const open = new Map();
  /** @type {Span[]} */
  const found = [];
  for (const { source, sampled_at, state, open_s } of records) {
    if (sampled_at === null) continue;
    const at_ms = Date.parse(sampled_at);
    const from_ms = open_s !== null ? at_ms - open_s * 1000 : open.get(source);
    if (state === "closed") {
      found.push({ from_ms: from_ms ?? at_ms, to_ms: at_ms });
      open.delete(source);
    } else if (!open.has(source)) open.set(source, at_ms);
  }
  return [...found, ...[...open.values()].map((from_ms) => ({ from_ms, to_ms }))];
}
