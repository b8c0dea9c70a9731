"""The page in a real browser: what it shows, and everything that went wrong meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.fixtures.waiting import wait_until

# WebGL without a graphics card; and a browser that looks for nobody by itself.
FLAGS = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
ZONE, LOCALE = "Asia/Shanghai", "en-US"
PATIENT_MS = 120_000  # for what Playwright itself waits for

NOWHERE = {"at": (0.0, -90.0)}
NEAR_DEG = 0.002

# Before any script of the page: layout shifts and broken policies are kept where a test can read them.
WATCH = """
window.watched = { shift: 0, moved: [], broken: [] };
new PerformanceObserver((list) => {
  for (const one of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
    window.watched.shift += one.value;
    const nodes = one.sources.map(({ node }) => node?.outerHTML ?? node?.textContent ?? "");
    window.watched.moved.push(...nodes.map((text) => text.slice(0, 80)));
  }
}).observe({ type: "layout-shift", buffered: true });
document.addEventListener("securitypolicyviolation", (event) => {
  window.watched.broken.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Watched:
    """One open page, with what it asked for and what it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page: {error}"))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def read(self, script: str) -> Any:
        """What a script says; `wait_for_function` of Playwright fails silently under our content policy."""
        return self.page.evaluate(script)

    def wait(self, script: str, timeout_s: float = 15) -> Any:
        """Ask until the answer is true; also on the page that a click leads to."""
        return wait_until(
            lambda: self._read_if_there(script), timeout_s, what=lambda: f"{script}; {self.complaints}"
        )

    def _read_if_there(self, script: str) -> Any:
        try:
            return self.read(script)
        except Error as error:
            if "navigation" not in str(error):
                raise
            return None

    def texts(self, selector: str) -> list[str]:
        """What elements say now."""
        found = self.read(
            f"[...document.querySelectorAll({selector!r})].map((one) => one.textContent.trim())"
        )
        return [" ".join(text.split()) for text in found]

    def wait_for_texts(self, selector: str, *wanted: str) -> None:
        """Until the elements are so many and say just that."""
        wait_until(
            lambda: self.texts(selector) == list(wanted),
            what=lambda: f"{selector} to say {wanted}, not {self.texts(selector)}",
        )

    def wait_for_text(self, selector: str, part: str, at: int = 0) -> None:
        """Until one of the elements has that among its words."""
        wait_until(
            lambda: part in "".join(self.texts(selector)[at : at + 1]),
            what=lambda: f"{selector} {at} to have {part!r} in {self.texts(selector)}",
        )

    def wait_for_map(self) -> None:
        """Until the map has drawn all that it was told."""
        self.wait("ortoo.map.loaded() && ortoo.map.areTilesLoaded()", 30)

    def drawn(self) -> dict[str, dict[str, Any]]:
        """The vehicles on the map by unit: their properties and place."""
        found = self.read(
            "ortoo.map.queryRenderedFeatures({ layers: ['vehicle'] })"
            ".map((one) => ({ ...one.properties, at: one.geometry.coordinates }))"
        )
        return {one["unit"]: one for one in found}

    def wait_for_vehicle(self, unit: str, timeout_s: float = 15, **wanted: Any) -> dict[str, Any]:
        """Until it is drawn so; while the map takes new places in, nothing may be."""
        return wait_until(
            lambda: (one := self.drawn().get(unit)) and wanted.items() <= one.items() and one,
            timeout_s,
            what=lambda: f"{unit} as {wanted}, not {self.drawn().get(unit)}",
        )

    def wait_for_place(self, unit: str, lat_deg: float) -> None:
        """Until it is drawn there."""
        wait_until(
            lambda: abs(self.drawn().get(unit, NOWHERE)["at"][1] - lat_deg) < NEAR_DEG,
            15,
            what=lambda: f"{unit} at {lat_deg}, not {self.drawn().get(unit)}",
        )

    def shift(self) -> float:
        """How much the layout has jumped by itself."""
        return float(self.read("watched.shift"))

    def broken(self) -> list[str]:
        """What the content policy had to stop."""
        return list(self.read("watched.broken"))


class Browsers:
    """Pages of one Chromium, each in a context of its own; nothing of them leaves the machine."""

    def __init__(self, browser: Browser, artefacts: Path) -> None:
        self._browser = browser
        self._artefacts = artefacts

    @contextmanager
    def open(
        self,
        url: str,
        language: str = "zh",
        width: int = 1440,
        height: int = 900,
        init_script: str = "",
        **settings: Any,
    ) -> Iterator[Watched]:
        """The page at `url`, watched; it fails the test when it asked anyone else or complained."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, timezone_id=ZONE, locale=LOCALE, **settings
        )
        context.set_default_timeout(PATIENT_MS)
        home = urlsplit(url).netloc
        context.route(
            lambda asked: urlsplit(asked).netloc not in {home, ""},
            lambda route: route.abort("blockedbyclient"),
        )
        context.add_init_script(WATCH + init_script)
        context.add_init_script(f"localStorage.setItem('ortoo.language', '{language}')" if language else "")
        watched = Watched(context.new_page())
        try:
            watched.page.goto(url)
            watched.wait("window.ortoo !== undefined && ortoo.state.isKnown", 30)
            yield watched
            assert watched.hosts <= {home, ""}, f"the page asked {watched.hosts}"
            assert watched.complaints == [], watched.complaints
            broken = watched.broken()
            assert broken == [], broken
        finally:
            context.close()

    def keep(self, watched: Watched, name: str) -> None:
        """A screenshot among the test artefacts."""
        folder = self._artefacts / "page"
        folder.mkdir(parents=True, exist_ok=True)
        watched.page.screenshot(path=folder / f"{name}.png")


@contextmanager
def browsers(chromium: Path, artefacts: Path) -> Iterator[Browsers]:
    """A running Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        try:
            yield Browsers(browser, artefacts)
        finally:
            browser.close()
