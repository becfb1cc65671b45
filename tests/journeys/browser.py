"""A person at the portal: the system's Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from aloft.install.browser import OPTIONS, PROGRAM
from aloft.install.clouds import SYSTEM_FILE
from aloft.install.installation import load

from ..running import PATHS

PATIENCE_MS = 60_000
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
        told = yaml.safe_load(SYSTEM_FILE.read_text())["clouds"]["demo"]["auth"]
        self.log_in_as(told["username"], told["password"])

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
