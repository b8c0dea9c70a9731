// The wheel of a mouse turns downwards, and Mongolian goes on to the right: where a page or list only runs
// along, the browser would leave the wheel without effect.

const STEP_PX = { 0: 1, 1: 40, 2: 400 }; // of pixels, lines and pages, by WheelEvent.deltaMode

/** The nearest box about an element that runs along; null when one that runs downwards is nearer. @param {Element | null} element */
function runningAlong(element) {
  for (let box = element; box !== null; box = box.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(box);
    if (/auto|scroll/.test(overflowY) && box.scrollHeight > box.clientHeight) return null;
    if (/auto|scroll/.test(overflowX) && box.scrollWidth > box.clientWidth) return box;
  }
  return null;
}

/** From now on, while the page is written downwards. */
export function turnWheel() {
  document.addEventListener("wheel", (event) => {
    if (document.documentElement.dataset.script !== "mong" || event.ctrlKey || event.shiftKey || event.deltaX !== 0) return;
    if (!(event.target instanceof Element)) return;
    const step_px = STEP_PX[/** @type {0 | 1 | 2} */ (event.deltaMode)];
    runningAlong(event.target)?.scrollBy({ left: event.deltaY * step_px });
  }, { passive: true });
}
