"""Trouble in a page fails its test: each kind of it, planted here, is seen and told."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import assert_accessible
from tests.browser.looks import DARK, FORCED_COLORS, PHONE, OpenPage
from tests.browser.site import site
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(7)

_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Plain</title></head>
<body><main><h1>Plain</h1><p>Nothing is wrong here.</p></main></body></html>
"""


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    with site({"index.html": _INDEX}) as url:
        yield url


def test_a_page_without_trouble_has_none(page: Page, plain: str, troubles: Troubles) -> None:
    page.goto(plain)
    assert_accessible(page)
    troubles.settle(page)
    assert troubles.seen == []


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("console.error('it broke')", "console: it broke"),
        ("setTimeout(() => { throw new Error('it threw') })", "exception: .*it threw"),
        ("Promise.reject(new Error('nobody caught'))", "exception: .*nobody caught"),
        ("await fetch('/missing')", "console: .* status of 404"),
        ("document.body.setAttribute('style', 'margin: 0')", "policy: style-src-attr inline"),
        (
            "try { document.body.innerHTML = '<b>x</b>' } catch { }",
            "policy: require-trusted-types-for trusted-types-sink Element innerHTML",
        ),
        (
            "await fetch('https://other.example/').catch(() => 0)",
            "policy: connect-src https://other.example/",
        ),
    ],
)
def test_trouble_in_a_page_is_seen(
    page: Page, plain: str, troubles: Troubles, planted: str, told: str
) -> None:
    page.goto(plain)
    page.evaluate(f"async () => {{ {planted} }}")  # not before its answer has come
    page.evaluate("() => fetch('/')")  # and what the page tells of itself, in a task of its own
    troubles.settle(page)
    assert any(re.search(told, line) for line in troubles.unexpected())
    for line in troubles.seen:
        troubles.expect(re.escape(line))
    assert troubles.unexpected() == []


def test_a_request_that_nobody_answers_is_seen(page: Page, plain: str, troubles: Troubles) -> None:
    page.goto(plain)
    page.route("**/lost", lambda route: route.abort("connectionreset"))
    page.evaluate("() => fetch('/lost').catch(() => 0)")
    troubles.expect("request: GET .*/lost: net::ERR_CONNECTION_RESET")
    troubles.expect("console: .* net::ERR_CONNECTION_RESET")
    troubles.settle(page)
    assert troubles.unexpected() == []


def test_trouble_that_is_expected_and_does_not_come_is_told() -> None:
    troubles = Troubles()
    troubles.expect("status of 409")
    assert troubles.unexpected() == ["expected, but never came: status of 409"]


def test_a_page_that_some_cannot_use_is_not_accessible(page: Page, plain: str) -> None:
    page.goto(plain)
    page.evaluate("() => document.querySelector('p').append(document.createElement('button'))")
    with pytest.raises(AssertionError, match=r"button-name \(critical\)"):
        assert_accessible(page)


def test_a_look_is_what_the_page_is_told(open_page: OpenPage) -> None:
    dark, phone, forced = (open_page(look) for look in (DARK, PHONE, FORCED_COLORS))
    assert dark.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    assert phone.evaluate("() => innerWidth") == 320
    assert forced.evaluate("() => matchMedia('(forced-colors: active)').matches")
