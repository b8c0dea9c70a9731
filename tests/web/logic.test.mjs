// What the page reckons without a browser. Run by test_logic.py with node's own test runner.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, FORMS, pathOf, textsOf } from "../../ingest/web/admin_forms.js";
import { withQuery } from "../../ingest/web/ask.js";
import { entryOf, itemOf, lotToTake } from "../../ingest/web/booking_entry.js";
import { heightOf, openSpans, pointsOf, roundSteps, roundTimes, runsOf as runsOfReadings, safeBand, within } from "../../ingest/web/chart.js";
import { ServiceClock } from "../../ingest/web/clock.js";
import { callersFirst, countsOf, Fleet, freshnessOf, isPositionHeld, isShown } from "../../ingest/web/fleet.js";
import { boundsOfDay, coordinates, dayAfter, dayOf, newsAge, quantity, span, speed, zoneNote } from "../../ingest/web/format.js";
import { preferredLanguage, sayer } from "../../ingest/web/messages.js";
import { packCodeOf } from "../../ingest/web/pack_code.js";
import { daysUntil, treeOf } from "../../ingest/web/stock_words.js";
import { boundsOf, driven_m, momentAt, runsOf, spanOf, trackFeatures } from "../../ingest/web/track.js";
import { featureDiff, vehicleFeature } from "../../ingest/web/vehicles.js";

const NOW_MS = Date.parse("2026-11-21T09:00:00Z");
const LIMITS = { stale_after_s: 90, gone_after_s: 7 * 86400 };
const ago = (s) => new Date(NOW_MS - s * 1000).toISOString();
const say = sayer({ never: "never", now: "now", ago: "{span} ago", span_s: "{n} s", span_min: "{n} min", span_h: "{n} h", span_d: "{n} d" });

function unit(change = {}) {
  const fleet = new Fleet();
  fleet.replace([{ unit: "a", name: null, capabilities: [], connection: "online", received_at: ago(1), sampled_at: ago(1), fix_mode: "3d", ...change }], LIMITS);
  return fleet.units.get("a");
}

test("whoever calls stands first, the others keep their order", () => {
  const units = ["a", "b", "c", "d"].map((one) => ({ unit: one }));
  assert.equal(callersFirst(units, new Map()), units);
  const order = callersFirst(units, new Map([["d", 1], ["b", 2], ["gone", 3]])).map((one) => one.unit);
  assert.deepEqual(order, ["b", "d", "a", "c"]);
});

test("freshness follows the age of the news and the link, at the very bounds", () => {
  const cases = [
    [{ received_at: ago(0) }, "live"],
    [{ received_at: ago(89.9) }, "live"],
    [{ received_at: ago(90) }, "stale"],
    [{ received_at: ago(1), connection: "offline" }, "stale"],
    [{ received_at: ago(1), connection: "unknown" }, "live"],
    [{ received_at: ago(7 * 86400) }, "stale"],
    [{ received_at: ago(7 * 86400 + 1) }, "gone"],
    [{ received_at: null, connection: "unknown" }, "gone"],
  ];
  for (const [change, expected] of cases) assert.equal(freshnessOf(unit(change), NOW_MS, LIMITS), expected, JSON.stringify(change));
});

test("a position is held without a fix, or with an old one", () => {
  assert.equal(isPositionHeld(unit(), NOW_MS, LIMITS), false);
  assert.equal(isPositionHeld(unit({ fix_mode: "none" }), NOW_MS, LIMITS), true);
  assert.equal(isPositionHeld(unit({ sampled_at: ago(90) }), NOW_MS, LIMITS), true);
  assert.equal(isPositionHeld(unit({ sampled_at: null }), NOW_MS, LIMITS), true);
});

test("a time beside the county's is named by its zone, but to a reader in the county", () => {
  const before = process.env.TZ;
  const notes = { "Asia/Shanghai": "", "Europe/Berlin": " UTC+1", UTC: " UTC+0", "Asia/Kolkata": " UTC+5:30", "America/St_Johns": " UTC\u22123:30" };
  for (const [zone, note] of Object.entries(notes)) {
    process.env.TZ = zone;
    assert.equal(zoneNote(NOW_MS), note, zone);
  }
  process.env.TZ = before;
});

test("every unit is counted once", () => {
  const units = [unit(), unit({ received_at: ago(100) }), unit({ received_at: null })];
  assert.deepEqual(countsOf(units, NOW_MS, LIMITS), { live: 1, stale: 1, gone: 1 });
});

test("a filter asks for text, state and capability together", () => {
  const one = unit({ name: "流动图书馆", capabilities: ["library"] });
  const shown = (text, states, capability) => isShown(one, { text, states: new Set(states), capability }, NOW_MS, LIMITS);
  assert.ok(shown("", [], null));
  assert.ok(shown(" 图书 ", ["live"], "library"));
  assert.ok(shown("A", [], null));
  assert.ok(!shown("police", [], null));
  assert.ok(!shown("", ["gone"], null));
  assert.ok(!shown("", [], "police"));
});

test("the order of units does not depend on their news", () => {
  const fleet = new Fleet();
  const state = (name) => ({ unit: name, name: null, received_at: ago(1), sampled_at: ago(1) });
  fleet.replace([state("bus-10"), state("bus-9"), state("ambulance-1")], LIMITS);
  fleet.merge([state("ambulance-1")]);
  assert.deepEqual(fleet.sorted().map((one) => one.unit), ["ambulance-1", "bus-9", "bus-10"]);
});

test("the service's clock goes on by the browser's monotonic one", () => {
  const clock = new ServiceClock();
  clock.set(NOW_MS, 1000);
  assert.equal(clock.at(3500), NOW_MS + 2500);
});

const segment = (source, minutes, is_joined = false) => {
  const column = (value) => minutes.map(value);
  return {
    source, is_joined, sampled_at: column((m) => ago(3600 - m * 60)), lat_deg: column((m) => 40 + m * 0.01),
    lon_deg: column(() => 110), speed_m_s: column((m) => m), course_deg: column(() => 0), altitude_msl_m: column(() => null),
  };
};
const at = (minute) => NOW_MS - 3600_000 + minute * 60_000;

test("a joined segment goes on with the run before, without its first fix", () => {
  const runs = runsOf([segment("gnss", [0, 1, 2]), segment("gnss", [2, 3], true), segment("gnss", [10, 11])]);
  assert.deepEqual(runs.map((run) => run.length), [4, 2]);
  assert.deepEqual(spanOf(runs), [at(0), at(11)]);
});

test("of two receivers the one that knows more is shown", () => {
  assert.equal(runsOf([segment("gpsd", [0, 1]), segment("gnss", [0, 1, 2])])[0].length, 3);
});

test("a moment between two fixes of a run is on the line between them", () => {
  const moment = momentAt(runsOf([segment("gnss", [0, 2])]), at(1));
  assert.ok(moment.is_known);
  assert.ok(Math.abs(moment.lat_deg - 40.01) < 1e-9);
  assert.equal(moment.speed_m_s, 1);
  assert.equal(moment.course_deg, 0);
  assert.equal(moment.altitude_msl_m, null);
});

test("between two runs nothing is known but the last place", () => {
  const runs = runsOf([segment("gnss", [0, 1]), segment("gnss", [10, 11])]);
  const moment = momentAt(runs, at(5));
  assert.equal(moment.is_known, false);
  assert.ok(Math.abs(moment.lat_deg - 40.01) < 1e-9);
  assert.equal(momentAt(runs, at(-1)), null);
  assert.equal(momentAt(runs, at(11)).is_known, true);
  assert.equal(momentAt(runs, at(12)).is_known, false);
});

test("the driven line leaves the gap out, which is drawn apart", () => {
  const runs = runsOf([segment("gnss", [0, 1]), segment("gnss", [10, 11])]);
  assert.ok(Math.abs(driven_m(runs) - 2 * 1111.95) < 1);
  assert.deepEqual(trackFeatures(runs).features.map((one) => one.properties.part), ["gap", "driven", "driven", "end", "end"]);
  assert.deepEqual(boundsOf(runs), [110, 40, 110, 40 + 11 * 0.01]);
  assert.equal(boundsOf([]), null);
  assert.deepEqual(trackFeatures([]).features, []);
});

test("a span is said in the unit that fits it", () => {
  const cases = [[0, "0 s"], [59_999, "59 s"], [60_000, "1 min"], [3_599_999, "59 min"], [3_600_000, "1 h"], [47 * 3_600_000, "47 h"], [48 * 3_600_000, "2 d"], [-5, "0 s"]];
  for (const [ms, text] of cases) assert.equal(span(ms, say), text);
  assert.equal(newsAge(null, NOW_MS, say), "never");
  assert.equal(newsAge(NOW_MS - 9_999, NOW_MS, say), "now");
  assert.equal(newsAge(NOW_MS - 10_000, NOW_MS, say), "10 s ago");
});

test("what is unknown is a dash and never a zero", () => {
  assert.equal(quantity(null, 1, "V"), "–");
  assert.equal(quantity(undefined, 1, "V"), "–");
  assert.equal(quantity(0, 1, "V"), "0.0\u00a0V");
  assert.equal(speed(null), "–");
  assert.equal(speed(10), "36\u00a0km/h");
  assert.equal(coordinates(0, 0), "0.000000, 0.000000");
  assert.equal(coordinates(null, 0), "–");
});

test("a day is the reader's own, from midnight to midnight", () => {
  const [from_ms, to_ms] = boundsOfDay("2026-11-21");
  assert.equal(new Date(from_ms).toISOString(), "2026-11-20T16:00:00.000Z"); // TZ=Asia/Shanghai
  assert.equal(to_ms - from_ms, 86_400_000);
  assert.equal(dayAfter("2026-11-30", 1), "2026-12-01");
  assert.equal(dayAfter("2026-03-01", -1), "2026-02-28");
  assert.equal(dayOf(new Date(from_ms)), "2026-11-21");
});

test("a message keeps a placeholder that it was not given", () => {
  assert.equal(sayer({ a: "{n} of {all}" })("a", { n: 3 }), "3 of {all}");
  assert.equal(sayer({})("missing"), "missing");
});

test("the reader's first language that the page speaks is taken", () => {
  assert.equal(preferredLanguage(["fr-FR", "en-GB", "zh-CN"]), "en");
  assert.equal(preferredLanguage(["mn"]), "mn");
  assert.equal(preferredLanguage(["fr"]), "zh");
});

const vehicle = (change, now_ms = NOW_MS) => vehicleFeature(unit({ lat_deg: 44, lon_deg: 116, course_deg: 90, speed_m_s: 10, ...change }), now_ms, LIMITS, say);

test("a course is drawn only of a unit that moves now", () => {
  assert.equal(vehicle({}).properties.course, 90);
  for (const change of [{ speed_m_s: 0.4 }, { speed_m_s: null }, { course_deg: null }, { received_at: ago(100) }, { fix_mode: "none" }]) {
    assert.ok(!("course" in vehicle(change).properties), JSON.stringify(change));
  }
});

test("a name and an age that the canvas cannot join are written otherwise", () => {
  const mongolian = sayer({ span_h: "{n} ᠴᠠᠭ" });
  const old = unit({ name: "ᠨᠣᠮ", lat_deg: 44, lon_deg: 116, received_at: ago(7200) });
  const { label, detail } = vehicleFeature(old, NOW_MS, LIMITS, mongolian).properties;
  assert.deepEqual([label, detail], ["a", "2 h"]);
});

test("only what has changed is told to the map", () => {
  assert.equal(featureDiff(vehicle({}), vehicle({})), null);
  assert.deepEqual(featureDiff(vehicle({}), vehicle({ lat_deg: 45 })), { id: "a", newGeometry: { type: "Point", coordinates: [116, 45] } });
  const stopped = featureDiff(vehicle({}), vehicle({ speed_m_s: 0 }));
  assert.deepEqual(stopped, { id: "a", removeProperties: ["course"], addOrUpdateProperties: [{ key: "detail", value: "0\u00a0km/h" }] });
});

// --- the desk

const HOUR = 3_600_000;
const readings = (...minutes) => minutes.map((minute) => ({ at_ms: NOW_MS + minute * 60_000, least: 4, most: 6, mean: 5 }));

test("a hole in the readings breaks the line, a probe's own slow rhythm does not", () => {
  assert.deepEqual(runsOfReadings(readings(0, 5, 10, 40, 45), 300_000).map((run) => run.length), [3, 2]);
  assert.deepEqual(runsOfReadings(readings(0, 10, 20, 30), 300_000).map((run) => run.length), [4]);
  assert.deepEqual(runsOfReadings(readings(0, 10, 20, 41), 300_000).map((run) => run.length), [3, 1]);
  assert.deepEqual(runsOfReadings([], 300_000), []);
});

test("a bucket without a value is no point", () => {
  const series = { begins_at: [ago(600), ago(300)], min: [null, 1], max: [null, 3], mean: [null, 2] };
  assert.deepEqual(pointsOf(series, 300_000), [{ at_ms: NOW_MS - 150_000, least: 1, most: 3, mean: 2 }]);
});

test("the safe band is the strictest of all profiles, and may be open on a side", () => {
  const limit = (comparator, limit_c) => ({ comparator, limit_c, minutes: 60, judgement: "single" });
  const fridge = { profile: "refrigerator", version: 1, items: [], limits: [limit("below", -0.5), limit("above", 8)] };
  const tight = { profile: "tight", version: 1, items: [], limits: [limit("below", 2), limit("above", 8)] };
  const hot = { profile: "shipment_2", version: 1, items: [], limits: [limit("at_or_above", 45)] };
  assert.deepEqual(safeBand([fridge, tight]), { low: 2, high: 8 });
  assert.deepEqual(safeBand([hot]), { low: null, high: 45 });
  assert.deepEqual(safeBand([]), { low: null, high: null });
  assert.deepEqual(heightOf(readings(0), { low: 2, high: 8 }), [1, 9]);
});

test("steps of a scale are round, and times are round where the reader lives", () => {
  assert.deepEqual(roundSteps(-1, 13), [0, 5, 10]);
  assert.deepEqual(roundSteps(3.9, 5.1), [4, 4.5, 5]);
  const times = roundTimes({ from_ms: NOW_MS - 24 * HOUR, to_ms: NOW_MS }, 5);
  assert.deepEqual(times.map((at_ms) => new Date(at_ms).getHours()), [18, 0, 6, 12]);
});

test("doors: a closing says how long, an opening lasts until its own door's next word", () => {
  const word = (source, s, state, open_s = null) => ({ source, sampled_at: ago(s), state, open_s });
  const spans = openSpans([word("a", 500, "open"), word("b", 400, "open"), word("a", 440, "closed", 60), word("c", 90, "closed", 30)], NOW_MS);
  assert.deepEqual(
    spans.map(({ from_ms, to_ms }) => [(NOW_MS - from_ms) / 1000, (NOW_MS - to_ms) / 1000]),
    [[500, 440], [120, 90], [400, 0]],
  );
  assert.equal(within({ from_ms: 0, to_ms: 5 }, { from_ms: 6, to_ms: 9 }), null);
  assert.deepEqual(within({ from_ms: 0, to_ms: 7 }, { from_ms: 6, to_ms: 9 }), { from_ms: 6, to_ms: 7 });
});

test("sites stand under their parents, and one whose parent is unknown is not lost", () => {
  const site = (name, parent) => ({ site: name, parent });
  const tree = treeOf([site("cabinet", "van"), site("county", null), site("lost", "gone"), site("van", "county")]);
  assert.deepEqual(tree.map(([depth, one]) => [depth, one.site]), [[0, "county"], [1, "van"], [2, "cabinet"], [0, "lost"]]);
});

test("days until a date are counted from the reader's day, also just before midnight", () => {
  const late_ms = Date.parse("2026-11-21T15:59:00Z"); // 23:59 in Inner Mongolia
  assert.deepEqual(["2026-11-20", "2026-11-21", "2026-11-22", "2026-12-01"].map((date) => daysUntil(date, late_ms)), [-1, 0, 1, 10]);
});

test("a form's empty fields are left out, never zero, and come back as they were", () => {
  const item = { item: "a/b", base_unit: "piece", pack_size: 10, profile: null, is_freeze_sensitive: true, vvm: null, names: { zh: "盐" }, codes: ["1", "2"] };
  const texts = textsOf(FORMS.items, item);
  assert.deepEqual(bodyOf(FORMS.items, texts), { base_unit: "piece", pack_size: 10, is_freeze_sensitive: true, names: { zh: "盐" }, codes: ["1", "2"] });
  assert.equal(pathOf(FORMS.items, texts), "/api/v1/stock/items/a%2Fb");
  assert.deepEqual(bodyOf(FORMS.levels, { site: "s", item: "i", min: "0", reorder: " ", max: "7" }), { min: 0, max: 7 });
});

test("a query names only what is asked", () => {
  assert.equal(withQuery("/a", { b: "x y", c: "", d: null, e: 0 }), "/a?b=x+y&e=0");
  assert.equal(withQuery("/a", {}), "/a");
});

test("an item is meant by its id, a code of it however long, or a name that only it has", () => {
  const item = (id, codes, names) => ({ item: id, codes, names, base_unit: "piece", pack_size: 1 });
  const items = [item("ors", ["6901234567892"], { en: "Salts", zh: "盐" }), item("nacl", [], { en: "Saline", zh: "盐" }), item("Salts", [], {})];
  const meant = (text) => itemOf(items, text)?.item ?? null;
  assert.deepEqual(["ors", " 06901234567892 ", "saline", "盐", "Salts", "6901234567893", ""].map(meant), ["ors", "ors", "nacl", null, "Salts", null, null]);
});

test("what is given out is the first to expire that may be, what is thrown away the first that may not", () => {
  const lot = (name, on_hand, unusable_because = null) => ({ lot: name, on_hand, unusable_because });
  const lots = [lot("gone", 0), lot("old", 3, "expired"), lot("good", 5), lot("new", 9)];
  assert.equal(lotToTake("dispense", lots), "good");
  assert.equal(lotToTake("discard", lots), "old");
  assert.equal(lotToTake("dispense", [lot("old", 3, "expired")]), "old");
  assert.equal(lotToTake("transfer", []), "");
});

test("an entry says what its kind has, at the reader's local time", () => {
  const texts = { kind: "receive", site: "van", item: "x", lot: null, quantity: "5", expires_on: "2028-04-30", other_site: "far", reason: " ", at: "2026-11-21T17:00" };
  const entry = { id: "1", site: "van", item: "ors", lot: "L", quantity: 5 };
  assert.deepEqual(entryOf("1", texts, "ors", "L"), { ...entry, kind: "receive", expires_on: "2028-04-30", at: "2026-11-21T09:00:00.000Z" });
  const moved = entryOf("1", { ...texts, kind: "transfer", at: "", reason: "asked " }, "ors", "L");
  assert.deepEqual(moved, { ...entry, kind: "transfer", other_site: "far", reason: "asked" });
});

test("a pack's code names product, lot, expiry and packs, and nothing that it does not say", () => {
  const gtin = "09520000000011";
  const pack = (product, lot = "", expires_on = "", packs = 1) => ({ product, lot, expires_on, packs });
  const cases = [
    [`]d201${gtin}1728043010OPV7\x1d305`, pack(gtin, "OPV7", "2028-04-30", 5)],
    [`01${gtin}10test|21532`, pack(gtin, "test")],
    [`01${gtin}17280800`, pack(gtin, "", "2028-08-31")],
    ["9520000000011", pack(gtin)],
    ["81234560000000000001", pack("8123456")],
    [`01${gtin}17290230`, null],
    [`01${gtin}17770101`, null],
    [`01${gtin}37205`, null],
    ["0109520000000012", null],
    ["10L1", null],
    [`01${gtin}10${"x".repeat(21)}`, null],
    [`01${gtin}30x`, null],
    ["ors", null],
    ["", null],
  ];
  for (const [text, expected] of cases) assert.deepEqual(packCodeOf(text), expected, text);
});
