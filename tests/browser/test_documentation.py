"""The page with the API's documentation: it shows the document, under its policy, and calls."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.portal import Portal
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(2)

WORDS = {"description", "summary"}
METHODS = {"get", "put", "post", "patch", "delete"}
ANOTHER = "url=https://evil.example/openapi.json&configUrl=https://evil.example/config.json"
UNTAGGED = "default"
COUNTED = """(sections) => sections.map((it) => [
  it.querySelector("[data-tag]").dataset.tag, it.querySelectorAll(".opblock").length,
])"""
SHOW = """(description) => {
  const domNode = document.body.appendChild(document.createElement("div"));
  domNode.id = "texts";
  const info = { title: "Texts", version: "1", description };
  SwaggerUIBundle({ domNode, spec: { openapi: "3.1.0", info, paths: {} } });
}"""
KEPT = "() => [localStorage.length, sessionStorage.length, document.cookie]"


def described(portal: Portal) -> dict[str, Any]:
    """The document that the page shows."""
    document: dict[str, Any] = portal.call("GET", "/v1/openapi.json").expect(200).body
    return document


def descriptions(part: Any) -> Iterator[str]:
    """All that a part of the document says in words."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in WORDS and isinstance(value, str):
                yield value
            else:
                yield from descriptions(value)
    elif isinstance(part, list):
        for value in part:
            yield from descriptions(value)


def operation(page: Page, document: dict[str, Any], path: str) -> Locator:
    """Where the page shows how a path is read."""
    return page.locator(f".opblock[id$='-{document['paths'][path]['get']['operationId']}']")


def opened(page: Page, portal: Portal) -> dict[str, Any]:
    """The document, which the page shows now, whatever whoever sent a person here would show."""
    page.goto(f"{portal.url}/docs?{ANOTHER}")
    expect(page.locator(".opblock").first).to_be_visible()
    return described(portal)


def test_each_operation_is_shown_under_its_tag_and_all_that_is_said_passes_the_policy(
    page: Page, portal: Portal
) -> None:
    document = opened(page, portal)
    tags = Counter(
        operation.get("tags", [UNTAGGED])[0]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    )
    shown = page.locator(".opblock-tag-section").evaluate_all(COUNTED)
    assert Counter(dict(shown)) == tags
    # Each operation takes half a second to open, so all texts are shown in one place.
    texts = [*descriptions(document)]
    assert len(texts) > 100
    page.evaluate(SHOW, "\n\n".join(texts))
    expect(page.locator("#texts .info .description")).to_contain_text(texts[-1].split()[-1])
    # What Swagger UI says itself of parameters and schemas is its own Markdown.
    listed = operation(page, document, "/v1/organizations/{organization_id}/licenses")
    listed.locator(".opblock-summary").click()
    expect(listed.get_by_text("Available values").first).to_be_visible()
    listed.get_by_role("tab", name="Schema").first.click()
    expect(listed.locator(".json-schema-2020-12").first).to_be_visible()


def test_an_operation_is_tried_out_with_a_token_that_the_page_alone_keeps(
    page: Page, portal: Portal
) -> None:
    # Another domain may be in front of the API, for agents.
    named = described(portal) | {"servers": [{"url": "https://agents.example"}]}
    page.route("**/v1/openapi.json", lambda route: route.fulfill(json=named))
    document = opened(page, portal)
    page.get_by_role("button", name="Authorize").click()
    asked = page.locator(".auth-container", has_text="operators")
    asked.get_by_role("textbox").fill(portal.tokens("ada")["AuthenticationResult.IdToken"])
    asked.get_by_role("button", name="Apply credentials").click()
    page.locator(".close-modal").click()
    me = operation(page, document, "/v1/me")
    me.locator(".opblock-summary").click()
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    answer = me.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_have_text("200")
    told = json.loads(answer.locator(".response-col_description pre").first.inner_text())
    assert told["organization_id"] == "acme"
    assert page.evaluate(KEPT) == [0, 0, ""]


def test_text_becomes_no_other_markup_than_markdown_does(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    opened(page, portal)
    troubles.expect("TrustedHTML|require-trusted-types-for")
    put = """(html) => {
      try { document.createElement("div").innerHTML = html; return true } catch { return false }
    }"""
    for fine in (
        "<p>Of <code>a</code> and <em>b</em>.</p>",
        '<a href="https://example.com/?a&amp;b" target="_blank" rel="noopener noreferrer">it</a>',
        '<pre><code class="language-json">{ &lt; }</code></pre>',
        "&amp;",
    ):
        assert page.evaluate(put, fine), fine
    for other in (
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)">it</a>',
        '<p onclick="alert(1)">it</p>',
        '<a href="/" onclick="alert(1)">it</a>',
        "<scr<p>ipt>alert(1)</script>",
        "<p",
        "<iframe></iframe>",
        '<form action="/v1/me">',
    ):
        assert not page.evaluate(put, other), other
