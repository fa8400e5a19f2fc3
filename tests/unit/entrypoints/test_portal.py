"""The portal's files as they are served: of one version, under headers that lock them in."""

from pathlib import Path

import pytest

from licensing.entrypoints.site import FILE_HEADERS, STARTER, Site, portal_policy

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
FILES = {
    "index.html": '<script type="module" src="/portal/{version}/main.js"></script>',
    "main.js": 'import "./view.js"; const kept = "{version}";',
    "view.js": "export {};",
    "portal.css": "main { margin: 0 }",
    "icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
}


def portal(folder: Path, **changed: str | None) -> Site:
    """A portal of these files; `changed` ones are named without what follows the dot."""
    folder.mkdir()
    for name, text in FILES.items():
        content: str | None = changed.pop(name.partition(".")[0], text)
        if content is not None:
            (folder / name).write_text(content, encoding="utf-8")
    for name, added in changed.items():
        (folder / f"{name}.js").write_text(added or "", encoding="utf-8")
    return Site.of(folder)


def test_the_page_names_its_version_and_nothing_else_is_filled_in(tmp_path: Path) -> None:
    made = portal(tmp_path / "a")
    assert made.page.text == FILES["index.html"].replace("{version}", made.version)
    script = made.file(made.version, "main.js")
    assert script is not None
    assert script.text == FILES["main.js"]


def test_the_version_is_the_same_for_the_same_files_wherever_they_are(tmp_path: Path) -> None:
    made = portal(tmp_path / "a")
    assert portal(tmp_path / "b").version == made.version
    assert len(made.version) == 32
    assert made.version.isalnum()


@pytest.mark.parametrize(
    "changed",
    [
        {"index": "<p>{version}</p>"},
        {"view": "export { };"},
        {"icon": ""},
        {"portal": None},
        {"more": ""},
        {"main": FILES["view.js"], "view": FILES["main.js"]},
    ],
    ids=["page", "script", "emptied", "removed", "added", "swapped"],
)
def test_the_version_changes_with_any_file(tmp_path: Path, changed: dict[str, str | None]) -> None:
    assert portal(tmp_path / "a", **changed).version != portal(tmp_path / "b").version


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("portal.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_a_file_has_the_type_that_its_name_says(
    tmp_path: Path, name: str, content_type: str
) -> None:
    made = portal(tmp_path / "a")
    found = made.file(made.version, name)
    assert found is not None
    assert (found.content_type, found.text) == (content_type, FILES[name])
    assert made.page.content_type == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../secret.js", "..\\secret.js", "%2e%2e/secret.js", "./main.js"),
        *("main.js/", "main.js\0", "MAIN.JS", "main", "*.js", "/etc/passwd", "index.html"),
    ],
)
def test_no_name_is_a_path_and_the_page_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    made = portal(tmp_path / "a")
    assert made.file(made.version, name) is None


@pytest.mark.parametrize("version", ["", "main.js", "{version}", "0" * 32])
def test_another_version_has_no_files(tmp_path: Path, version: str) -> None:
    assert portal(tmp_path / "a").file(version, "main.js") is None


@pytest.mark.parametrize("version", ["", "0" * 32])
def test_what_a_page_runs_first_is_there_under_each_version(tmp_path: Path, version: str) -> None:
    made = portal(tmp_path / "a", starting="// present")
    found = made.file(version, STARTER)
    assert found == made.file(made.version, STARTER)
    assert found is not None
    assert found.text == "// present"


@pytest.mark.parametrize("name", ["notes.txt", ".main.js.swp", "folder", "main.py"])
def test_a_file_of_an_unknown_kind_stops_the_function_from_starting(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "index.html").touch()
    (tmp_path / name).touch()
    with pytest.raises(KeyError):
        Site.of(tmp_path)


def test_a_portal_without_a_page_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "main.js").touch()
    with pytest.raises(KeyError, match=r"index\.html"):
        Site.of(tmp_path)


def test_the_page_is_locked_in_byte_for_byte(tmp_path: Path) -> None:
    headers = portal(tmp_path / "a").page_headers(portal_policy())
    assert headers.pop("etag").strip('"').isalnum()
    powers = headers.pop("permissions-policy").split(", ")
    assert headers == {
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
    }
    assert [power for power in powers if not power.endswith("=()")] == ["clipboard-write=(self)"]
    for power in ("camera", "clipboard-read", "geolocation", "microphone", "payment", "usb"):
        assert f"{power}=()" in powers
    assert len(powers) == len(set(powers))


def test_nothing_inline_is_allowed_and_only_what_tokens_are_sent_to_may_be_elsewhere(
    tmp_path: Path,
) -> None:
    made = portal(tmp_path / "a")
    origins = ["https://login.example", "https://ends.example"]
    policy = made.page_headers(portal_policy(origins))["content-security-policy"]
    assert policy == POLICY.replace(
        "connect-src 'self'", "connect-src 'self' https://login.example https://ends.example"
    )
    assert "unsafe" not in policy
    assert "*" not in policy


def test_the_tag_of_the_page_changes_with_the_page_and_with_its_policy(tmp_path: Path) -> None:
    made, other = portal(tmp_path / "a"), portal(tmp_path / "b", view="")
    tags = {
        made.page_headers(portal_policy())["etag"],
        made.page_headers(portal_policy(["https://login.example"]))["etag"],
        other.page_headers(portal_policy())["etag"],
    }
    assert len(tags) == 3
    assert made.page_headers(portal_policy())["etag"] in tags


def test_a_file_is_good_for_ever() -> None:
    assert FILE_HEADERS == {"cache-control": "public, max-age=31536000, immutable"}
