// The signs of the units: what a unit is for tells its glyph and colour, how fresh it is tells its shape.
//
// Nothing is told by colour alone. The colours are Tol's and Okabe-Ito's for colour-blind readers, dark enough
// for a white glyph; the glyphs are our own, on a grid of 24.
//
//   live   full disc, with a beak towards the course when it moves
//   held   live, but the position is an old one: hollow disc, coloured glyph
//   stale  grey disc with a broken rim
//   gone   faint hollow disc, struck through

import { html } from "./view.js";

/** @typedef {"live" | "held" | "stale" | "gone"} Look */

/** @type {Look[]} */
export const LOOKS = ["live", "held", "stale", "gone"];

/** @type {Record<string, { colour: string, path: string }>} */
export const GLYPHS = {
  health: { colour: "#c1440e", path: "M9.4 4h5.2v5.4H20v5.2h-5.4V20H9.4v-5.4H4V9.4h5.4z" },
  library: {
    colour: "#0072b2",
    path: "M11.3 6.6C9 5 6 4.5 2.8 4.8v12.9c3-.3 6 .2 8.5 1.8zm1.4 0C15 5 18 4.5 21.2 4.8v12.9c-3-.3-6 .2-8.5 1.8z",
  },
  police: {
    colour: "#332288",
    path: "M12 2.6l8 2.9v5.7c0 4.7-3.2 8.2-8 10.2-4.8-2-8-5.5-8-10.2V5.5zM12 7l-1.4 3-3.3.4 2.4 2.3-.6 3.2L12 14.3l2.9 1.6-.6-3.2 2.4-2.3-3.3-.4z",
  },
  fire: {
    colour: "#a5132a",
    path: "M13 2c.5 3.6 5.7 6.2 5.7 11.6a6.7 6.7 0 0 1-13.4 0c0-2.9 1.5-4.8 3-6.2.2 1.6.9 2.6 1.9 3-.2-3.1.4-6 2.8-8.4z",
  },
  education: {
    colour: "#117733",
    path: "M12 4L1.5 8.9 12 13.8l7.3-3.4v5.4h1.8V9.5l1.4-.6zM5.8 12.7v4.1c1.6 1.5 3.7 2.3 6.2 2.3s4.6-.8 6.2-2.3v-4.1L12 15.6z",
  },
  culture: {
    colour: "#882e72",
    path: "M8.5 5.8v9.1a3.3 3.3 0 1 0 2 3V9.6l7-1.7v5a3.3 3.3 0 1 0 2 3V3.1z",
  },
  agriculture: {
    colour: "#6b6000",
    path: "M11.2 21V13C7 13 4 10.4 3.6 6c4 0 6.7 1.7 8 4.6C12 6.5 15 3.8 20.4 4c.2 5-3 8-7.4 8.4V21z",
  },
  postal: { colour: "#8a4b08", path: "M3 5.5h18l-9 7zM3 7.6l9 7 9-7v10.9H3z" },
  government: { colour: "#44546a", path: "M12 3L2.8 8v2h18.4V8zM5 11.5h2.6V17H5zm5.7 0h2.6V17h-2.6zm5.7 0H19V17h-2.6zM3.5 18.5h17V21h-17z" },
  science: {
    colour: "#006d77",
    path: "M9 3h6v2h-1v4.7l5.6 9.2A1.4 1.4 0 0 1 18.4 21H5.6a1.4 1.4 0 0 1-1.2-2.1L10 9.7V5H9zM9.3 14.5l-2.6 4.3h10.6l-2.6-4.3z",
  },
  eldercare: {
    colour: "#9c3d54",
    path: "M12 20.6C6.5 16.8 3 13.6 3 9.6 3 6.8 5.1 4.8 7.7 4.8c1.7 0 3.3.9 4.3 2.4 1-1.5 2.6-2.4 4.3-2.4 2.6 0 4.7 2 4.7 4.8 0 4-3.5 7.2-9 11z",
  },
  distribution: { colour: "#7a5c1e", path: "M12 2.5l8.5 4L12 10.5 3.5 6.5zM3 8l8.2 3.9v9.6L3 17.6zm18 0l-8.2 3.9v9.6l8.2-3.9z" },
  justice: {
    colour: "#5a4a8a",
    path: "M11 3h2v2.2l6 1.5 2.5 6.3a3.5 3.5 0 0 1-7 0l2-5.2-3.5-.9V18.5h4V21H7v-2.5h4V6.9l-3.5.9 2 5.2a3.5 3.5 0 0 1-7 0L5 6.7l6-1.5z",
  },
  other: {
    colour: "#3f4a5a",
    path: "M2 6h11.5v3H18l4 4.2V17h-2.2a2.6 2.6 0 0 1-5.2 0H9.4a2.6 2.6 0 0 1-5.2 0H2zm13 4.6v2.8h4.8L17.2 10.6z",
  },
};

/** Names that units use for the same thing. @type {Record<string, string>} */
const ALIASES = {
  hospital: "health",
  clinic: "health",
  medical: "health",
  veterinary: "agriculture",
  herding: "agriculture",
  post: "postal",
  elderly: "eldercare",
  livelihood: "distribution",
  govserv: "government",
};

/** @param {string} capability */
export const glyphOf = (capability) => {
  const name = ALIASES[capability] ?? capability;
  return Object.hasOwn(GLYPHS, name) ? name : "other";
};

/** The glyph of a unit that can do several things is that of the first. @param {string[]} capabilities */
export const glyphOfUnit = (capabilities) => glyphOf(capabilities.at(0) ?? "other");

/**
 * A glyph in the page.
 * @param {{ name: string, look?: Look, size?: number, label?: string }} props
 */
export function Glyph({ name, look = "live", size = 36, label }) {
  const { colour, path } = GLYPHS[name];
  return html`<svg
    class=${`glyph glyph-${look}`}
    style=${{ color: colour, inlineSize: `${size}px`, blockSize: `${size}px` }}
    viewBox="0 0 36 36"
    role=${label === undefined ? "presentation" : "img"}
    aria-label=${label}
  >
    <circle class="disc" cx="18" cy="18" r=${look === "stale" ? 12.5 : 15.5} />
    ${(look === "stale" || look === "held") && html`<circle class="rim" cx="18" cy="18" r=${look === "held" ? 14.8 : 16} />`}
    <path class="sign" d=${path} transform="translate(8 8) scale(.8333)" />
    ${look === "gone" && html`<path class="strike" d="M6 30L30 6" />`}
  </svg>`;
}

/** The signs of the page's buttons, drawn as strokes on a grid of 24. @type {Record<string, string>} */
const SIGNS = {
  before: "M14.5 6l-6 6 6 6",
  after: "M9.5 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  target: "M12 2v4M12 18v4M2 12h4M18 12h4M12 5.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13M12 11v2M11 12h2",
  play: "M8.5 6v12l9.5-6z",
  pause: "M9 6.5v11M15 6.5v11",
  warning: "M12 4L2.8 19.5h18.4zM12 10v4.5M12 17v.2",
};

/** @param {{ name: string }} props */
export const Sign = ({ name }) =>
  html`<svg class="button-sign" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d=${SIGNS[name]} /></svg>`;

const PIXELS = 2; // images are drawn for dense screens and scaled down on others
const SIDE = 40;
const CALLING = "#d0021b";

/** A context to draw `side` by `side` CSS pixels on. @param {number} side */
function canvas(side) {
  const element = document.createElement("canvas");
  element.width = side * PIXELS;
  element.height = side * PIXELS;
  const context = /** @type {CanvasRenderingContext2D} */ (element.getContext("2d"));
  context.scale(PIXELS, PIXELS);
  return context;
}

/** @param {CanvasRenderingContext2D} context */
const imageOf = (context) => context.getImageData(0, 0, context.canvas.width, context.canvas.height);

/** @param {CanvasRenderingContext2D} context @param {number} radius */
function disc(context, radius) {
  context.beginPath();
  context.arc(SIDE / 2, SIDE / 2, radius, 0, 2 * Math.PI);
}

/** @typedef {{ paper: string, rim: string, grey: string, faint: string, accent: string, place: string }} Tones */

/**
 * The disc and glyph of one kind of unit in one look.
 * @param {string} name
 * @param {Look} look
 * @param {Tones} tones
 */
function vehicleImage(name, look, tones) {
  const context = canvas(SIDE);
  const { colour, path } = GLYPHS[name];
  const rim = { live: colour, held: colour, stale: tones.grey, gone: tones.faint }[look];
  const sign = { live: "#ffffff", held: colour, stale: "#ffffff", gone: tones.faint }[look];
  disc(context, 17);
  context.fillStyle = look === "live" || look === "held" ? tones.rim : tones.paper;
  context.fill();
  disc(context, look === "live" ? 15 : look === "stale" ? 12.5 : 14.5);
  context.fillStyle = { live: colour, held: tones.rim, stale: tones.grey, gone: tones.paper }[look];
  context.fill();
  if (look !== "live") rimOf(context, look, rim);
  context.save();
  context.translate(SIDE / 2 - 9.5, SIDE / 2 - 9.5);
  context.scale(19 / 24, 19 / 24);
  context.fillStyle = sign;
  context.fill(new Path2D(path), "evenodd");
  context.restore();
  if (look === "gone") strike(context, tones);
  return imageOf(context);
}

/** A broken rim says that what is inside is not of now. @param {CanvasRenderingContext2D} context @param {Look} look @param {string} colour */
function rimOf(context, look, colour) {
  disc(context, 14.8);
  if (look !== "gone") context.setLineDash([4.2, 3.55]);
  context.lineWidth = look === "held" ? 2.6 : 1.6;
  context.strokeStyle = colour;
  context.stroke();
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Tones} tones */
function strike(context, tones) {
  context.lineCap = "round";
  for (const [width, colour] of /** @type {[number, string][]} */ ([[4.5, tones.paper], [1.8, tones.faint]])) {
    context.beginPath();
    context.moveTo(9, SIDE - 9);
    context.lineTo(SIDE - 9, 9);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

/** The beak: stands outside the disc and is turned to the course. @param {string} colour @param {Tones} tones */
function beakImage(colour, tones) {
  const context = canvas(64);
  context.beginPath();
  context.moveTo(32, 1.5);
  context.lineTo(43, 19);
  context.quadraticCurveTo(32, 11.5, 21, 19);
  context.closePath();
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = tones.rim;
  context.stroke();
  context.fillStyle = colour;
  context.fill();
  return imageOf(context);
}

/** A ring about a unit. @param {[number, string][]} lines width and colour @param {number} radius */
function ringImage(lines, radius) {
  const context = canvas(64);
  for (const [width, tone] of lines) {
    context.beginPath();
    context.arc(32, 32, radius, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = tone;
    context.stroke();
  }
  return imageOf(context);
}

/** The dot of a place. @param {Tones} tones */
function placeImage(tones) {
  const context = canvas(8);
  context.beginPath();
  context.arc(4, 4, 2.4, 0, 2 * Math.PI);
  context.fillStyle = tones.paper;
  context.fill();
  context.lineWidth = 1.3;
  context.strokeStyle = tones.place;
  context.stroke();
  return imageOf(context);
}

/** The arrow that shows which way a track was driven. @param {Tones} tones */
function arrowImage(tones) {
  const context = canvas(16);
  context.beginPath();
  context.moveTo(4, 2.5);
  context.lineTo(13.5, 8);
  context.lineTo(4, 13.5);
  context.closePath();
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = tones.paper;
  context.stroke();
  context.fillStyle = tones.accent;
  context.fill();
  return imageOf(context);
}

/**
 * Every image of the map by its name.
 * @param {Tones} tones
 * @returns {[string, ImageData, { pixelRatio: number }][]}
 */
export function mapImages(tones) {
  /** @type {[string, ImageData][]} */
  const images = Object.keys(GLYPHS).flatMap((name) => [
    ...LOOKS.map((look) => /** @type {[string, ImageData]} */ ([`${look}-${name}`, vehicleImage(name, look, tones)])),
    /** @type {[string, ImageData]} */ ([`beak-${name}`, beakImage(GLYPHS[name].colour, tones)]),
  ]);
  const chosen = ringImage([[6, tones.paper], [3, tones.accent]], 21);
  const calling = ringImage([[11, tones.paper], [8, CALLING]], 26);
  images.push(["ring", chosen], ["call", calling], ["arrow", arrowImage(tones)], ["place", placeImage(tones)]);
  return images.map(([name, image]) => [name, image, { pixelRatio: PIXELS }]);
}
