// What the panels of page.css cover, so that the middle of the map is the middle of what they leave free.

/** @typedef {import("./map.js").Padding} Padding */
/** @typedef {import("./state.js").State} State */

export const phone = window.matchMedia("(max-width: 759px)");
export const tablet = window.matchMedia("(min-width: 760px) and (max-width: 1099px)");

/** @param {State} state @returns {Padding} */
export function paddingOf(state) {
  const bar = document.querySelector(".bar")?.getBoundingClientRect().height ?? 0;
  return { top: bar, ...besideBar(state.script === "mong", state.selected !== null, state.isListOpen) };
}

/** @param {boolean} isMongolian @param {boolean} isCardOpen @param {boolean} isListOpen */
function besideBar(isMongolian, isCardOpen, isListOpen) {
  const sheet = isCardOpen ? 0.6 : isListOpen ? 0.45 : 0;
  if (phone.matches) return { left: 0, right: 0, bottom: sheet * window.innerHeight };
  if (isMongolian) return { left: 0, right: 0, bottom: isCardOpen ? 412 : 340 };
  return { left: 360, right: isCardOpen && !tablet.matches ? 416 : 0, bottom: 0 };
}
