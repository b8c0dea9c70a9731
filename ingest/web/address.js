// What a page is looking at stands in its address, so that it can be passed on, survives a reload, and the
// browser's way back undoes it.

import { useEffect, useState } from "preact/hooks";
import { withQuery } from "./ask.js";

/**
 * The named values of the address, empty where it does not say, and how to change some of them.
 * @template {string} Name
 * @param {readonly Name[]} names
 * @returns {[Record<Name, string>, (change: Partial<Record<Name, string>>) => void]}
 */
export function useAddress(names) {
  const read = () => {
    const said = new URLSearchParams(window.location.search);
    return /** @type {Record<Name, string>} */ (Object.fromEntries(names.map((name) => [name, said.get(name) ?? ""])));
  };
  const [values, setValues] = useState(read);
  useEffect(() => {
    const take = () => setValues(read());
    window.addEventListener("popstate", take);
    return () => window.removeEventListener("popstate", take);
  }, []);
  /** @param {Partial<Record<Name, string>>} change */
  const set = (change) => {
    const before = read();
    const next = { ...before, ...change };
    if (names.some((name) => next[name] !== before[name])) window.history.pushState(null, "", withQuery(window.location.pathname, next));
    setValues(next);
  };
  return [values, set];
}
