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


def found() -> str:
    """Where it is. Raises NoChromiumError."""
    names = (os.environ["CHROMIUM"],) if os.environ.get("CHROMIUM") else _NAMES
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        told = " or ".join(names)
        raise NoChromiumError(
            f"{told} is not there: `apt-get install chromium`, or name a Chromium by CHROMIUM"
        )
    return path


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, which is gone afterwards. Raises NoChromiumError."""
    path = found()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def keeping_pages(browser: Browser) -> Iterator[Browser]:
    """One more, which goes back to pages as they were left, as people's browsers do."""
    chromium = browser.browser_type.launch(
        executable_path=found(),
        args=_ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield chromium
    chromium.close()
