"""Barriers of a page in a browser, as axe-core finds them."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def find_barriers(page: Page, *rules: str) -> list[str]:
    """Return the rules of axe-core that the page breaks seriously or critically.

    `rules` are the only ones to ask; default: all.
    """
    options: dict[str, object] = {"resultTypes": ["violations"]}
    options |= {"runOnly": list(rules)} if rules else {}
    violations = Axe().run(page, options=options).response["violations"]
    return [each["id"] for each in violations if each["impact"] in ("serious", "critical")]
