"""Dates as people read them in the portal."""

from datetime import datetime

from playwright.sync_api import Page

_WRITE = """
(day) => new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" })
  .format(new Date(day))
"""


def in_words(page: Page, day: datetime) -> str:
    """A calendar day: how September is shortened is up to the browser."""
    written: str = page.evaluate(_WRITE, f"{day:%Y-%m-%d}T12:00:00Z")
    return written
