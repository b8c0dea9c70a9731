// What the reader chose, remembered by the browser; a browser that refuses to remember does no harm.

const PREFIX = "ortoo.";

/** @param {string} name @returns {string | null} */
export function remembered(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Private windows and full disks: the choice lasts as long as the page.
  }
}
