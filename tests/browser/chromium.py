"""Chromium without a window: the one that CHROMIUM names, else the one on the PATH."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox",  # root has none, and a container seldom; it visits nothing but the tests' pages
    "--disable-dev-shm-usage",  # a container's /dev/shm is too small, or not there
]


class NoChromiumError(Exception):
    """There is none; the message says what to do."""


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, which is gone afterwards. Raises NoChromiumError."""
    names = (os.environ["CHROMIUM"],) if os.environ.get("CHROMIUM") else _NAMES
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        told = " or ".join(names)
        raise NoChromiumError(
            f"{told} is not there: `apt-get install chromium`, or name a Chromium by CHROMIUM"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield chromium
        chromium.close()
