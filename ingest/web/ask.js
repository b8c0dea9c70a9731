// Asking the service: one way to read and one to change, and what a page does while it waits.
//
// An answer is either `data` or `error`; a page never guesses from a status. Whoever is no longer logged in
// is led to the form.

import { useEffect, useState } from "preact/hooks";

/** `retry`: whether waiting helps. @typedef {{ code: string, where: string, detail: string, retry: boolean }} Refusal */
/** @typedef {{ data: any, error: null } | { data: null, error: Refusal }} Answer */
/** `data` stays while something is asked again. @typedef {{ isLoading: boolean, data: any, error: Refusal | null }} Asked */

/** Said on `window` when the service is no longer reached, and when it is again. */
export const REACH_CHANGED = "reach-changed";
/** Whether the last question was answered, and when one was, by the browser's clock. */
export const reach = { isLost: false, answered_ms: 0 };

/** @type {Refusal} */
const UNREACHABLE = { code: "unreachable", where: "", detail: "", retry: true };

/** @param {string} path @param {RequestInit} [init] @returns {Promise<Answer>} */
export async function ask(path, init = {}) {
  const said = await answered(path, init);
  noteReach(said.error?.code !== UNREACHABLE.code);
  return said;
}

/** @param {string} path @param {RequestInit} init @returns {Promise<Answer>} */
async function answered(path, init) {
  const answer = await fetch(path, init).catch(() => null);
  if (answer === null) return { data: null, error: UNREACHABLE };
  if (answer.status === 401) window.location.assign("/login");
  const body = answer.status === 204 ? {} : await answer.json().catch(() => null);
  if (answer.ok && body !== null) return { data: body, error: null };
  return { data: null, error: body?.error ?? { ...UNREACHABLE, detail: `HTTP ${answer.status}` } };
}

/** @param {boolean} isReached */
function noteReach(isReached) {
  if (isReached) reach.answered_ms = Date.now();
  if (isReached !== reach.isLost) return;
  reach.isLost = !isReached;
  window.dispatchEvent(new Event(REACH_CHANGED));
}

/** @param {string} path @param {"PUT" | "POST" | "DELETE"} method @param {unknown} [body] */
export const change = (path, method, body) =>
  ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** "/api/v1/stock?under=van": the path with those values that are not empty. @param {string} path @param {Record<string, string | number | null | undefined>} query */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? path : `${path}?${text}`;
}

/**
 * What the service says at a path, asked again when it changes and by `again`. No path, no question.
 * @param {string | null} path
 * @returns {[Asked, () => void]}
 */
export function useAnswer(path) {
  const [asked, setAsked] = useState(/** @type {Asked & { path: string | null }} */ ({ path: null, isLoading: true, data: null, error: null }));
  const [times, setTimes] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    let isWanted = true;
    setAsked((old) => ({ ...old, isLoading: true, error: null }));
    void ask(path).then(({ data, error }) => {
      // What was read stays when it cannot be read again, but never as the answer to another question.
      if (isWanted) setAsked((old) => ({ path, isLoading: false, data: data ?? (old.path === path ? old.data : null), error }));
    });
    return () => {
      isWanted = false;
    };
  }, [path, times]);
  // What could not be read, or was read before the service went away, is read once it is back.
  useEffect(() => {
    const onReach = () => !reach.isLost && setTimes((old) => old + 1);
    window.addEventListener(REACH_CHANGED, onReach);
    return () => window.removeEventListener(REACH_CHANGED, onReach);
  }, []);
  return [asked, () => setTimes((old) => old + 1)];
}

/** An id for something that is sent once, however often it has to be tried. @returns {string} */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
