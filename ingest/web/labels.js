// The places of the map. Chinese and Latin names are drawn on the map's canvas; the canvas cannot join
// Mongolian letters, so those names are elements of the page, written downwards.

import { Marker } from "maplibre-gl";

/** @typedef {import("./messages.js").Language} Language */
/** @typedef {{ kind: string, rank: number, zh: string, en: string, mn: string, lat_deg: number, lon_deg: number }} Place */

/** @param {string} csv @returns {Place[]} */
export function placesOf(csv) {
  const [, ...rows] = csv.trim().split("\n");
  return rows.map((row) => {
    const [kind, rank, zh, en, mn, lat, lon] = row.split(",");
    return { kind, rank: Number(rank), zh, en, mn, lat_deg: Number(lat), lon_deg: Number(lon) };
  });
}

/** @returns {Promise<Place[]>} */
export async function loadPlaces() {
  const answer = await fetch("/static/places.csv");
  if (!answer.ok) throw new Error(`places.csv: ${answer.status}`);
  return placesOf(await answer.text());
}

/**
 * @param {Place[]} places
 * @param {Language} language
 * @returns {GeoJSON.FeatureCollection}
 */
export function placeFeatures(places, language) {
  const features = places.map((place) => ({
    type: /** @type {const} */ ("Feature"),
    properties: { kind: place.kind, rank: place.rank, name: language === "mn" ? "" : place[language] },
    geometry: { type: /** @type {const} */ ("Point"), coordinates: [place.lon_deg, place.lat_deg] },
  }));
  return { type: "FeatureCollection", features };
}

/** @param {Place[]} places @returns {Marker[]} */
export function mongolianMarkers(places) {
  return places.map((place) => {
    const element = document.createElement("div");
    element.className = `place-mong place-mong-${place.kind} place-mong-rank-${place.rank}`;
    element.lang = "mn-Mong";
    element.textContent = place.mn;
    const anchor = place.kind === "city" ? "top" : "center";
    return new Marker({ element, anchor, offset: [0, place.kind === "city" ? 8 : 0] }).setLngLat([place.lon_deg, place.lat_deg]);
  });
}
