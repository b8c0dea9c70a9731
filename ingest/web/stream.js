// The one connection for news: server-sent events, resumed by the browser with Last-Event-ID.
//
// EventSource reopens by itself after a broken link, but gives up at an HTTP error and never notices a link
// that is silently dead. The service ticks at least every five seconds, so silence is judged here.

const SILENCE_MS = 15_000;
/** Said on `window` by whoever hears it on a stream. */
export const ALERTS_CHANGED = "alerts-changed";
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/** @typedef {"connecting" | "open" | "waiting"} Link */
/** @typedef {{ now: string, units?: import("./fleet.js").UnitState[], stale_after_s?: number, gone_after_s?: number }} News */
/** @typedef {"snapshot" | "update" | "alerts" | "tick"} NewsKind */

export class Stream {
  /** @type {EventSource | null} */
  #source = null;
  #tries = 0;
  #silence = 0;
  #retry = 0;

  /**
   * @param {string} url
   * @param {(kind: NewsKind, news: News) => void} onNews
   * @param {(link: Link) => void} onLink
   */
  constructor(url, onNews, onLink) {
    this.url = url;
    this.onNews = onNews;
    this.onLink = onLink;
  }

  open() {
    this.close();
    const source = new EventSource(this.url);
    this.#source = source;
    /** @type {NewsKind[]} */
    const kinds = ["snapshot", "update", "alerts", "tick"];
    for (const kind of kinds) {
      source.addEventListener(kind, (event) => this.#take(kind, /** @type {MessageEvent<string>} */ (event).data));
    }
    source.addEventListener("error", () => this.#broken(source));
    this.#listen();
  }

  close() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
  }

  /** @param {NewsKind} kind @param {string} data */
  #take(kind, data) {
    this.#tries = 0;
    this.#listen();
    this.onNews(kind, JSON.parse(data));
    this.onLink("open");
  }

  #listen() {
    clearTimeout(this.#silence);
    this.#silence = window.setTimeout(() => this.#again(), SILENCE_MS);
  }

  /** @param {EventSource} source */
  #broken(source) {
    this.onLink("waiting");
    if (source.readyState === EventSource.CLOSED) this.#again();
  }

  #again() {
    this.close();
    this.onLink("waiting");
    const wait_ms = RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)];
    this.#tries += 1;
    this.#retry = window.setTimeout(() => void this.#reopen(), wait_ms * (0.75 + Math.random() / 2));
  }

  /** A session that has ended looks like any other error to EventSource: ask once, so that the reader can log in. */
  async #reopen() {
    const answer = await fetch("/api/v1/refused?limit=1").catch(() => null);
    if (answer?.status === 401) window.location.assign("/login");
    else this.open();
  }
}
