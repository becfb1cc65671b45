"""A person at the portal: the system's Chromium, driven by Playwright."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

from aloft.install.browser import OPTIONS, PROGRAM
from aloft.install.clouds import SYSTEM_FILE
from aloft.install.installation import load

from ..running import PATHS

PATIENCE_MS = 60_000
OPENED: list["Person"] = []
"""Who sits in front of the portal."""

AXE = PATHS.opt / "ui/node_modules/axe-core/axe.min.js"
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
"""What axe looks for by colour scheme: all of its rules, and in the dark what depends on colours."""

SETTLED = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  const changing = document.getAnimations().filter(one => one instanceof CSSTransition);
  await Promise.allSettled(changing.map(one => one.finished));
}"""
"""Until colours no longer change."""

UNSEEN = """() => {
  const at = document.activeElement;
  for (let one = at, place = 0; one !== null && place < 5; one = one.parentElement, place += 1) {
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    if (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) return null;
  }
  return at.outerHTML.slice(0, 200);
}"""
"""What has the focus without a mark of it, on itself or around it."""

COLOURS = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(data.buffer)).size;
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for all tests; each opens windows of its own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=list(OPTIONS))
        yield browser
        browser.close()


@dataclass
class Person:
    """Somebody with a browser of their own.

    Args:
        page: the window.
        origin: of the portal.
        project: path of a project's pages in a region, for those who stay in one.
        complaints: what the browser complained of: scripts that failed, and what the content security policy forbade.
    """

    page: Page
    origin: str
    project: str = "/"
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        OPENED.append(self)

    @classmethod
    def at(cls, browser: Browser, customer: str | None = None, width: int = 1300, project: str = "/") -> "Person":
        """A person in front of a customer's portal, or else the provider's, not logged in."""
        known = load(PATHS)
        assert known is not None
        context = browser.new_context(ignore_https_errors=True, viewport={"width": width, "height": 850})
        context.set_default_timeout(PATIENCE_MS)
        person = cls(context.new_page(), known.url("portal" if customer is None else f"portal.{customer}"), project)
        person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
        person.page.on(
            "console",
            lambda told: person.complaints.append(told.text) if "Content Security Policy" in told.text else None,
        )
        return person

    def open(self, path: str) -> None:
        """Go to a path of the portal."""
        self.page.goto(self.origin + path)

    def log_in(self) -> None:
        """Fill in the login page as the demo customer's administrator."""
        self.log_in_as(*self.administrator())

    @staticmethod
    def administrator() -> tuple[str, str]:
        """The user name and password of the demo customer's administrator."""
        told = yaml.safe_load(SYSTEM_FILE.read_text())["clouds"]["demo"]["auth"]
        return told["username"], told["password"]

    def log_in_as_provider(self) -> None:
        """Fill in the login page as the provider's administrator."""
        self.log_in_as("admin", (PATHS.etc / "portal.password").read_text().strip())

    def log_in_as(self, name: str, password: str) -> None:
        """Fill in the login page."""
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def choose(self, group: str, name: str) -> None:
        """Tick one of a group of choices."""
        choices = self.page.get_by_role("radiogroup", name=group).or_(self.page.get_by_role("group", name=group))
        choices.locator("label").filter(has=self.page.get_by_text(name, exact=True)).locator("input").check()

    def choose_action(self, menu: str, action: str) -> None:
        """Choose from one of an instance's menus."""
        self.page.locator(".al-heading").get_by_role("button", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=action, exact=True).click()
        self.page.get_by_role("menu").wait_for(state="hidden")

    def act(self, menu: str, action: str, fields: dict[str, str] | None = None) -> None:
        """Choose from one of an instance's menus; fill in and confirm what is asked."""
        self.choose_action(menu, action)
        if self.page.get_by_role("dialog").count():
            self.fill(fields or {}, action)

    def fill(self, fields: dict[str, str], action: str) -> None:
        """Fill in the dialogue that is open, and see it close."""
        dialog = self.page.get_by_role("dialog")
        for name, value in fields.items():
            dialog.get_by_label(name).first.fill(value)
        dialog.get_by_role("button", name=action, exact=True).click()
        dialog.wait_for(state="hidden")

    def tab_to(self, wanted: Locator, most: int = 90) -> None:
        """Press Tab until something has the focus, which must be seen wherever it stops on the way."""
        wanted.wait_for()
        for _ in range(most):
            self.page.keyboard.press("Tab")
            unseen = self.page.evaluate(UNSEEN)
            assert unseen is None, f"the focus is not seen on {unseen}"
            if wanted.evaluate("one => one === document.activeElement"):
                return
        raise AssertionError(f"Tab does not lead to {wanted}")

    def choose_by_keys(self, action: str) -> None:
        """Open the menu whose button has the focus, and choose from it by the arrow keys."""
        self.page.keyboard.press("Enter")
        items = self.page.get_by_role("menuitem")
        expect(items.first).to_be_focused()
        wanted = self.page.get_by_role("menuitem", name=action, exact=True)
        for _ in range(items.count()):
            if wanted.evaluate("one => one === document.activeElement"):
                break
            self.page.keyboard.press("ArrowDown")
        expect(wanted).to_be_focused()
        self.page.keyboard.press("Enter")
        self.page.get_by_role("menu").wait_for(state="hidden")

    def violations(self, paths: Sequence[str]) -> dict[str, list[tuple[str, list[str]]]]:
        """What axe finds serious, by the page's path and colour scheme."""
        found = {}
        for path in paths:
            self.open(path)
            expect(self.page.get_by_role("heading", level=1)).to_be_visible()
            expect(self.page.locator("main [aria-busy=true]")).to_have_count(0)
            found |= self.violations_here(path)
        return found

    def violations_here(self, called: str) -> dict[str, list[tuple[str, list[str]]]]:
        """What axe finds serious in what is shown now, by what it is called and the colour scheme."""
        found = {}
        self.page.evaluate(AXE.read_text())
        for scheme, rules in RULES.items():
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # a key is a str
            expect(self.page.locator("html.pf-v6-theme-dark")).to_have_count(int(scheme == "dark"))
            self.page.evaluate(SETTLED)
            told = self.page.evaluate("rules => axe.run(document, { resultTypes: ['violations'], ...rules })", rules)
            serious = [one for one in told["violations"] if one["impact"] in ("serious", "critical")]
            if serious:
                shown = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in serious]
                found[f"{called} ({scheme})"] = shown
        self.page.emulate_media(color_scheme="light")
        return found

    def row(self, name: str) -> Locator:
        """The row of a table that holds a link of this name."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=name, exact=True))

    def colours(self) -> int:
        """How many colours the instance's screen shows; one is a blank screen."""
        return int(self.page.locator(".al-screen canvas").first.evaluate(COLOURS))

    def picture(self, path: Path) -> None:
        """Keep what is seen."""
        self.page.screenshot(path=path)

    def leave(self) -> None:
        """Close the browser's windows."""
        self.page.context.close()
        OPENED[:] = [one for one in OPENED if not one.page.is_closed()]


def shown() -> str:
    """What all open windows show, as a screen reader tells it."""
    told = []
    for page in (one.page for one in OPENED if not one.page.is_closed()):
        try:
            told.append(f"{page.url}\n{page.locator('body').aria_snapshot(timeout=10_000)}")
        except Error as error:
            told.append(f"{page.url}: {error}")
    return "\n".join(told)
