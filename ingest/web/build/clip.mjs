// Cutting lines and rings at a box [west, south, east, north]. Pure; only what the base map needs.

/** @typedef {[number, number]} Point */
/** @typedef {[number, number, number, number]} Box */

/**
 * The parts of a line inside the box (Liang-Barsky, segment by segment).
 * @param {Point[]} line
 * @param {Box} box
 * @returns {Point[][]}
 */
export function clippedLine(line, box) {
  /** @type {Point[][]} */
  const parts = [];
  /** @type {Point[]} */
  let part = [];
  for (let at = 1; at < line.length; at += 1) {
    const inside = clippedSegment(line[at - 1], line[at], box);
    if (inside === null) continue;
    const end = part.at(-1);
    if (end === undefined || end[0] !== inside[0][0] || end[1] !== inside[0][1]) {
      part = [inside[0]];
      parts.push(part);
    }
    part.push(inside[1]);
  }
  return parts;
}

/**
 * @param {Point} from
 * @param {Point} to
 * @param {Box} box
 * @returns {[Point, Point] | null}
 */
function clippedSegment(from, to, [west, south, east, north]) {
  const dx = to[0] - from[0];
  const dy = to[1] - from[1];
  let enter = 0;
  let leave = 1;
  const edges = [[-dx, from[0] - west], [dx, east - from[0]], [-dy, from[1] - south], [dy, north - from[1]]];
  for (const [step, room] of edges) {
    if (step === 0 && room < 0) return null;
    if (step < 0) enter = Math.max(enter, room / step);
    if (step > 0) leave = Math.min(leave, room / step);
  }
  if (enter >= leave) return null;
  return [
    enter === 0 ? from : [from[0] + enter * dx, from[1] + enter * dy],
    leave === 1 ? to : [from[0] + leave * dx, from[1] + leave * dy],
  ];
}

/**
 * The part of a ring inside the box (Sutherland-Hodgman); edges along the box are harmless in a fill.
 * @param {Point[]} ring
 * @param {Box} box
 * @returns {Point[]}
 */
export function clippedRing(ring, [west, south, east, north]) {
  let points = ring.slice(0, -1);
  points = clippedHalf(points, 0, (x) => x >= west, west);
  points = clippedHalf(points, 0, (x) => x <= east, east);
  points = clippedHalf(points, 1, (y) => y >= south, south);
  points = clippedHalf(points, 1, (y) => y <= north, north);
  return points.length < 3 ? [] : [...points, points[0]];
}

/**
 * @param {Point[]} points
 * @param {0 | 1} axis
 * @param {(value: number) => boolean} isInside
 * @param {number} edge
 * @returns {Point[]}
 */
function clippedHalf(points, axis, isInside, edge) {
  /** @type {Point[]} */
  const out = [];
  points.forEach((to, at) => {
    const from = points.at(at - 1) ?? to;
    if (isInside(from[axis]) !== isInside(to[axis])) out.push(crossing(from, to, axis, edge));
    if (isInside(to[axis])) out.push(to);
  });
  return out;
}

/**
 * @param {Point} from
 * @param {Point} to
 * @param {0 | 1} axis
 * @param {number} edge
 * @returns {Point}
 */
function crossing(from, to, axis, edge) {
  const share = (edge - from[axis]) / (to[axis] - from[axis]);
  const other = from[1 - axis] + share * (to[1 - axis] - from[1 - axis]);
  return axis === 0 ? [edge, other] : [other, edge];
}
