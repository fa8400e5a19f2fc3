"""How somebody looks at the portal: the size of their screen, and what they asked their system for.

A test that has a page takes `look` as a parameter:

    @pytest.mark.parametrize("look", [DESKTOP, PHONE, DARK], ids=str)
    def test_the_list_fits(page: Page) -> None: ...
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from playwright.sync_api import Page


@dataclass(frozen=True)
class Look:
    """One way to look at a page. `str()` of it is its name, which suits a test's id."""

    name: str
    width: int = 1280
    height: int = 800
    scheme: Literal["light", "dark"] = "light"
    touch: bool = False
    forced_colors: bool = False

    @property
    def context(self) -> dict[str, Any]:
        """What a browser context is opened with to look like this."""
        return {
            "viewport": {"width": self.width, "height": self.height},
            "color_scheme": self.scheme,
            "has_touch": self.touch,
            "forced_colors": "active" if self.forced_colors else "none",
            "reduced_motion": "reduce",  # nothing is half faded in when a test looks at it
            "locale": "en-US",
            "timezone_id": "UTC",
        }

    def __str__(self) -> str:
        return self.name


DESKTOP = Look("desktop")
DARK = Look("dark", scheme="dark")
PHONE = Look("phone", width=320, height=640, touch=True)  # the width of WCAG 2.2, 1.4.10 Reflow
DARK_PHONE = Look("dark-phone", width=320, height=640, touch=True, scheme="dark")
FORCED_COLORS = Look("forced-colors", forced_colors=True)

LOOKS = [DESKTOP, DARK, PHONE, DARK_PHONE, FORCED_COLORS]


class OpenPage(Protocol):
    """Opens a page of somebody who has never been here, with a session of their own."""

    def __call__(self, look: Look = DESKTOP, **options: Any) -> Page:
        """A blank page, seen in `look`; `options` are those of a browser context."""
