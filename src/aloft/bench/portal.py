"""The portal as somebody with a browser meets it: the system's Chromium, over a customer made for the purpose.

The list of instances is shown 5,000 that the portal's back end is said to have answered: what is measured there is the
page, not Nova. All else is real.
"""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from aloft.base.errors import PermanentError
from aloft.bench.caller import Caller, through_edge
from aloft.bench.report import Figure, Report, percentile
from aloft.bench.running import Running, Tell
from aloft.controller.check import check
from aloft.controller.context import Context
from aloft.controller.services import enabled
from aloft.install import browser as chromium

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Response, Route

RUNS = 20
INSTANCES = 5000
PAGE = 1000
"""Instances that Nova gives in one answer (its ``max_limit``)."""

TARGET_SCRIPT_KIB = 350.0
TARGET_OVERVIEW_SECONDS = 1.5
TARGET_LIST_MS = 100.0
TARGET_LIVE_SECONDS = 2.0
PATIENCE_MS = 60_000
SETTLE_SECONDS = 0.5

# Each gives the milliseconds from an act until the frame that shows its outcome is on the screen: the outcome is looked
# for as a frame begins, and the clock is read in the task after that frame. The outcome is the right row in the middle
# of what is seen, not only in the document.
PAINTED = """
const painted = (act, done) => new Promise((resolve, reject) => {
  const began = performance.now();
  act();
  const after = new MessageChannel();
  after.port1.onmessage = () => resolve(performance.now() - began);
  const look = () => {
    if (done()) after.port2.postMessage(null);
    else if (performance.now() - began > 20000) reject(new Error('nothing changed within 20 s'));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
const scroller = document.querySelector('.al-scroller');
const named = (row) => row?.querySelector('a')?.textContent ?? '';
const first = () => named(scroller.querySelector('tbody tr:not(.al-spacer)'));
const middle = () => {
  const { left, top, width, height } = scroller.getBoundingClientRect();
  return document.elementFromPoint(left + width / 2, top + height / 2)?.closest('tbody tr:not(.al-spacer)');
};
"""
FILTER = (
    "([text, count]) => {"
    + PAINTED
    + """
  const input = document.querySelector('.al-search input');
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  return painted(
    () => { set.call(input, text); input.dispatchEvent(new Event('input', { bubbles: true })); },
    () => {
      const names = [...scroller.querySelectorAll('tbody tr:not(.al-spacer)')].map(named);
      return names.length === count && names.every((name) => name.includes(text));
    },
  );
}"""
)
SORT = (
    "([least, greatest]) => {"
    + PAINTED
    + """
  const sorted = () => [...scroller.querySelectorAll('thead th')].map((th) => th.ariaSort).join();
  const before = sorted();
  const shown = () => first() === (sorted().includes('descending') ? greatest : least);
  return painted(() => scroller.querySelector('thead th button').click(), () => sorted() !== before && shown());
}"""
)
SCROLL = (
    "(part) => {"
    + PAINTED
    + """
  const act = () => { scroller.scrollTop = scroller.scrollHeight * part; };
  const count = Number(scroller.querySelector('table').ariaRowCount);
  return painted(act, () => Math.abs((middle()?.ariaRowIndex ?? 0) / count - part) < 0.02);
}"""
)


@dataclass(frozen=True)
class Visit:
    """The customer whose portal is visited."""

    context: Context
    caller: Caller
    project: str
    origin: str

    def path(self, rest: str) -> str:
        """The address of a page of the project."""
        return f"{self.origin}/project/{self.project}/{self.context.spec.region}/{rest}"


async def run(running: Running, runs: int) -> Report:
    """Measure first load, overview, list and live changes.

    Raises:
        PermanentError: Playwright or Chromium is missing.
    """
    running.tell(f"chromium: {await asyncio.to_thread(chromium.install, running.paths)}")
    async with _customer(running) as visit, _browser() as browser:
        script, overview = await _overview(browser, visit, runs, running.tell)
        listed = await _list(browser, visit, runs, running.tell)
        live = await _live(browser, visit, runs, running.tell)
    acts = [one for values in listed.values() for one in values]
    return Report(
        "portal",
        (
            Figure("script_gzip_kib", script, "KiB", target=TARGET_SCRIPT_KIB),
            _p95("overview_p95_seconds", overview, "s", TARGET_OVERVIEW_SECONDS),
            _p95("list_action_p95_ms", acts, "ms", TARGET_LIST_MS),
            _p95("live_p95_seconds", live, "s", TARGET_LIVE_SECONDS),
        ),
        details={"list_action_p95_ms": {name: percentile(values, 0.95) for name, values in listed.items()}},
        notes=(
            f"the list shows {INSTANCES} made-up instances; logging in is the browser's click until quotas are seen",
            "a live change is a network renamed through the API, from its answer until the new name is seen",
        ),
    )


def _p95(name: str, values: list[float], unit: str, target: float) -> Figure:
    return Figure(name, percentile(values, 0.95), unit, target=target, runs=tuple(values))


@asynccontextmanager
async def _customer(running: Running) -> AsyncIterator[Visit]:
    name = "bench-portal-1"
    await running.wait_warm()
    async with running.customer(name) as context:
        await check(context, enabled(context.spec), running.authority, 60)
        with closing(Caller(context, through_edge(context.edge_port, running.authority))) as caller:
            await asyncio.to_thread(caller.authenticate)
            project = caller.get("identity", "/v3/auth/projects")["projects"][0]["id"]
            port = "" if context.edge_port == 443 else f":{context.edge_port}"
            yield Visit(context, caller, project, f"https://portal.{name}.{context.spec.domain}{port}")


@asynccontextmanager
async def _browser() -> AsyncIterator["Browser"]:
    try:
        from playwright.async_api import async_playwright
    except ImportError as error:
        raise PermanentError(
            "The browser is driven by Playwright, which is among the tools for development.",
            "Run `./aloft test lint` in a checkout, then `/opt/aloft/development/bin/aloft bench portal`.",
        ) from error
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium.PROGRAM), args=list(chromium.OPTIONS))
        yield browser
        await browser.close()


async def _open(browser: "Browser") -> "Page":
    context = await browser.new_context(ignore_https_errors=True, viewport={"width": 1300, "height": 850})
    context.set_default_timeout(PATIENCE_MS)
    return await context.new_page()


async def _log_in(page: "Page", visit: Visit) -> None:
    await page.get_by_label("User name").fill("admin")
    await page.get_by_label("Password").fill(visit.context.secrets.admin)
    await page.get_by_role("button", name="Log in").click()


async def _overview(browser: "Browser", visit: Visit, runs: int, tell: Tell) -> tuple[float, list[float]]:
    """KiB of script that a first visit loads, as transferred; seconds from the login until quotas are seen."""
    seconds: list[float] = []
    kib = 0.0
    for number in range(runs):
        page = await _open(browser)
        scripts: list[Response] = []

        def note(answer: "Response", into: "list[Response]" = scripts) -> None:
            if answer.request.resource_type == "script":
                into.append(answer)

        page.on("response", note)
        await page.goto(visit.path(""))
        await page.get_by_label("User name").wait_for()
        began = time.monotonic()
        await _log_in(page, visit)
        await page.get_by_role("progressbar").last.wait_for()
        seconds.append(time.monotonic() - began)
        if number == 0:
            await page.wait_for_load_state("networkidle" if not scripts else "load")
            kib = sum([(await one.request.sizes())["responseBodySize"] for one in scripts]) / 1024
        await page.context.close()
    tell(f"the overview loads {kib:.0f} KiB of script")
    return kib, seconds


async def _list(browser: "Browser", visit: Visit, runs: int, tell: Tell) -> dict[str, list[float]]:
    """Milliseconds that each act on a long list takes, by the act."""
    page = await _open(browser)
    servers = _servers(visit)

    async def answer(route: "Route") -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        begin = servers.index(next(s for s in servers if s["id"] == asked["marker"][0])) + 1 if "marker" in asked else 0
        part = servers[begin : begin + PAGE]
        links = {"servers_links": [{"rel": "next", "href": ""}]} if begin + PAGE < len(servers) else {}
        await route.fulfill(json={"servers": part, **links})

    await page.route("**/compute/v2.1/servers/detail*", answer)
    await page.goto(visit.path("instances"))
    await _log_in(page, visit)
    whole = page.get_by_role("status").filter(has_text=re.compile(f"^{INSTANCES}$"))
    await whole.wait_for()
    spent: dict[str, list[float]] = {"filter": [], "sort": [], "scroll": []}
    for number in range(runs):
        acts = (
            ("sort", SORT, [servers[0]["name"], servers[-1]["name"]]),
            ("scroll", SCROLL, (number + 1) / (runs + 2)),
            ("filter", FILTER, [(text := f"-{number:02}7"), sum(text in one["name"] for one in servers)]),
        )
        for name, script, argument in acts:
            await asyncio.sleep(SETTLE_SECONDS)
            spent[name].append(await page.evaluate(script, argument))
        await page.get_by_role("textbox", name="Filter").fill("")
        await whole.wait_for()
        await page.evaluate("document.querySelector('.al-scroller').scrollTop = 0")
    await page.context.close()
    tell("the list was filtered, sorted and scrolled")
    return spent


def _servers(visit: Visit) -> list[dict[str, Any]]:
    """Instances as Nova tells of them."""
    states = itertools.cycle((("ACTIVE", "active", 1), ("SHUTOFF", "stopped", 4), ("PAUSED", "paused", 3)))
    flavor = {"original_name": "m1.small", "vcpus": 1, "ram": 2048, "disk": 20, "ephemeral": 0, "swap": 0}
    found: list[dict[str, Any]] = []
    for number, (status, vm, power) in zip(range(INSTANCES), states, strict=False):
        address = {"addr": f"10.{number >> 8}.{number & 255}.9", "version": 4, "OS-EXT-IPS:type": "fixed"}
        found.append(
            {
                "id": f"00000000-0000-4000-8000-{number:012d}",
                "name": f"web-{number:04d}",
                "status": status,
                "tenant_id": visit.project,
                "user_id": "u",
                "created": "2026-01-01T00:00:00Z",
                "updated": "2026-01-01T00:00:00Z",
                "description": None,
                "locked": False,
                "key_name": None,
                "config_drive": "",
                "tags": [],
                "metadata": {},
                "addresses": {"net": [address]},
                "flavor": flavor,
                "image": {"id": "i"},
                "OS-EXT-STS:vm_state": vm,
                "OS-EXT-STS:task_state": None,
                "OS-EXT-STS:power_state": power,
                "OS-EXT-AZ:availability_zone": "nova",
                "OS-SRV-USG:launched_at": None,
                "os-extended-volumes:volumes_attached": [],
            }
        )
    return found


async def _live(browser: "Browser", visit: Visit, runs: int, tell: Tell) -> list[float]:
    """Seconds from the answer to a change made elsewhere until it is seen."""
    body = {"network": {"name": "before"}}
    network = visit.caller.expect(201, "POST", "network", "/v2.0/networks", body)["network"]["id"]
    page = await _open(browser)
    await page.goto(visit.path("networks"))
    await _log_in(page, visit)
    await page.get_by_role("link", name="before").wait_for()
    await page.get_by_text("Live", exact=True).wait_for()
    await asyncio.sleep(SETTLE_SECONDS)
    seconds = []
    for number in range(runs):
        name = f"after-{number}"
        change = ("PUT", "network", f"/v2.0/networks/{network}", {"network": {"name": name}})
        await asyncio.to_thread(visit.caller.expect, 200, *change)
        began = time.monotonic()
        await page.get_by_role("link", name=name, exact=True).wait_for()
        seconds.append(time.monotonic() - began)
        await asyncio.sleep(SETTLE_SECONDS)
    await page.context.close()
    tell(f"changes were seen within {max(seconds):.2f} s")
    return seconds
