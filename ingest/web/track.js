// The track of one unit over one day: asked for, and read at any moment.
//
// The service sends the simplified track as segments. Within one, the hard bound of the simplification allows
// reading between two fixes. Between two segments the unit's place is not known: it is drawn as a broken line
// and replayed as "last known here".

/** @typedef {{ at_ms: number, lat_deg: number, lon_deg: number, speed_m_s: number | null, course_deg: number | null, altitude_msl_m: number | null }} Fix */
/** @typedef {Fix & { is_known: boolean }} Moment */
/** @typedef {{ source: string, is_joined: boolean, sampled_at: string[], lat_deg: number[], lon_deg: number[], speed_m_s: (number | null)[], course_deg: (number | null)[], altitude_msl_m: (number | null)[] }} Segment */

const MEAN_RADIUS_M = 6_371_000;

/**
 * @param {string} unit
 * @param {number} from_ms
 * @param {number} to_ms
 * @param {string} format
 */
export function trackUrl(unit, from_ms, to_ms, format) {
  const query = new URLSearchParams({
    from: new Date(from_ms).toISOString(),
    to: new Date(to_ms).toISOString(),
    format,
  });
  return `/api/v1/units/${encodeURIComponent(unit)}/track?${query}`;
}

/** @param {Segment} segment @returns {Fix[]} */
function runOf(segment) {
  return segment.sampled_at.map((sampled_at, row) => ({
    at_ms: Date.parse(sampled_at),
    lat_deg: segment.lat_deg[row],
    lon_deg: segment.lon_deg[row],
    speed_m_s: segment.speed_m_s[row],
    course_deg: segment.course_deg[row],
    altitude_msl_m: segment.altitude_msl_m[row],
  }));
}

/** The source that knows most; two receivers in one unit would be two lines beside each other. @param {Segment[]} segments */
function bestSource(segments) {
  /** @type {Map<string, number>} */
  const rows = new Map();
  for (const one of segments) rows.set(one.source, (rows.get(one.source) ?? 0) + one.sampled_at.length);
  return [...rows].sort((a, b) => b[1] - a[1]).at(0)?.[0];
}

/**
 * Runs of fixes between which the unit's place is known at every moment.
 * @param {Segment[]} segments
 * @returns {Fix[][]}
 */
export function runsOf(segments) {
  const source = bestSource(segments);
  /** @type {Fix[][]} */
  const runs = [];
  for (const segment of segments.filter((one) => one.source === source)) {
    if (segment.is_joined) runs[runs.length - 1].push(...runOf(segment).slice(1));
    else runs.push(runOf(segment));
  }
  return runs;
}

/**
 * @param {string} unit
 * @param {number} from_ms
 * @param {number} to_ms
 * @param {AbortSignal} signal
 * @returns {Promise<Fix[][]>}
 */
export async function loadTrack(unit, from_ms, to_ms, signal) {
  const answer = await fetch(trackUrl(unit, from_ms, to_ms, "json"), { signal });
  if (!answer.ok) throw new Error(`track: ${answer.status}`);
  return runsOf((await answer.json()).segments);
}

/** @param {Fix} fix @returns {[number, number]} */
const lonLat = (fix) => [fix.lon_deg, fix.lat_deg];

/** @param {Fix[]} run */
const lastOf = (run) => run[run.length - 1];

/** @param {string} part @param {GeoJSON.Geometry} geometry @returns {GeoJSON.Feature} */
const featureOf = (part, geometry) => ({ type: "Feature", properties: { part }, geometry });

/** @param {Fix[][]} runs @returns {GeoJSON.FeatureCollection} */
export function trackFeatures(runs) {
  const driven = runs
    .filter((run) => run.length > 1)
    .map((run) => featureOf("driven", { type: "LineString", coordinates: run.map(lonLat) }));
  const gaps = runs
    .slice(1)
    .map((run, at) => featureOf("gap", { type: "LineString", coordinates: [lonLat(lastOf(runs[at])), lonLat(run[0])] }));
  const ends = runs.length === 0 ? [] : [runs[0][0], lastOf(runs[runs.length - 1])];
  const points = ends.map((fix) => featureOf("end", { type: "Point", coordinates: lonLat(fix) }));
  return { type: "FeatureCollection", features: [...gaps, ...driven, ...points] };
}

/**
 * How many of the things in order of time began at or before a moment, by halving.
 * @template T
 * @param {T[]} things
 * @param {(thing: T) => number} startOf
 * @param {number} at_ms
 */
function begun(things, startOf, at_ms) {
  let low = 0;
  let high = things.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(things[middle]) <= at_ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {number | null} from @param {number | null} to @param {number} share */
const between = (from, to, share) => (from === null || to === null ? from : from + share * (to - from));

/**
 * Where the unit was; between two runs, where it was last known to be. Null before its first fix.
 * @param {Fix[][]} runs
 * @param {number} at_ms
 * @returns {Moment | null}
 */
export function momentAt(runs, at_ms) {
  const run = runs[begun(runs, (one) => one[0].at_ms, at_ms) - 1];
  if (run === undefined) return null;
  const at = begun(run, (fix) => fix.at_ms, at_ms) - 1;
  const [fix, next] = [run[at], run[at + 1]];
  if (next === undefined) return { ...fix, is_known: fix.at_ms === at_ms };
  const share = (at_ms - fix.at_ms) / (next.at_ms - fix.at_ms);
  return {
    at_ms,
    lat_deg: fix.lat_deg + share * (next.lat_deg - fix.lat_deg),
    lon_deg: fix.lon_deg + share * (next.lon_deg - fix.lon_deg),
    speed_m_s: between(fix.speed_m_s, next.speed_m_s, share),
    altitude_msl_m: between(fix.altitude_msl_m, next.altitude_msl_m, share),
    course_deg: courseOf(fix, next),
    is_known: true,
  };
}

/** @param {Fix} from @param {Fix} to */
function courseOf(from, to) {
  const [lon_a, lat_a] = lonLat(from);
  const [lon_b, lat_b] = lonLat(to);
  if (lon_a === lon_b && lat_a === lat_b) return null;
  const east = (lon_b - lon_a) * Math.cos((lat_a * Math.PI) / 180);
  return ((Math.atan2(east, lat_b - lat_a) * 180) / Math.PI + 360) % 360;
}

/** @param {Fix} from @param {Fix} to */
function distance_m(from, to) {
  const [lon_a, lat_a] = lonLat(from);
  const [lon_b, lat_b] = lonLat(to);
  const radians = Math.PI / 180;
  const north = (lat_b - lat_a) * radians;
  const east = (lon_b - lon_a) * radians * Math.cos(((lat_a + lat_b) / 2) * radians);
  return MEAN_RADIUS_M * Math.hypot(north, east);
}

/** Metres along what is known of the track; what lies between the runs is not counted. @param {Fix[][]} runs */
export function driven_m(runs) {
  let sum_m = 0;
  for (const run of runs) {
    for (let at = 1; at < run.length; at += 1) sum_m += distance_m(run[at - 1], run[at]);
  }
  return sum_m;
}

/**
 * West, south, east, north of all fixes; null without any.
 * @param {Fix[][]} runs
 * @returns {[number, number, number, number] | null}
 */
export function boundsOf(runs) {
  const fixes = runs.flat();
  if (fixes.length === 0) return null;
  const lons = fixes.map((fix) => fix.lon_deg);
  const lats = fixes.map((fix) => fix.lat_deg);
  return [least(lons), least(lats), greatest(lons), greatest(lats)];
}

/**
 * First and last moment; null without any fix.
 * @param {Fix[][]} runs
 * @returns {[number, number] | null}
 */
export const spanOf = (runs) => (runs.length === 0 ? null : [runs[0][0].at_ms, lastOf(runs[runs.length - 1]).at_ms]);

/** @param {number[]} numbers */
const least = (numbers) => numbers.reduce((a, b) => Math.min(a, b));

/** @param {number[]} numbers */
const greatest = (numbers) => numbers.reduce((a, b) => Math.max(a, b));
