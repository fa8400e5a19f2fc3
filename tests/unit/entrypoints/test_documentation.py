"""What the page with the API's documentation is made of, and what it may do."""

import re
from pathlib import Path

import pytest

from licensing.entrypoints.site import Site, documentation_policy, portal_policy, swagger_ui
from portal.handler import DOCUMENTATION


def test_swagger_ui_comes_with_powertools_in_a_version_that_knows_openapi_3_1() -> None:
    script, style = (path.read_text(encoding="utf-8") for path in swagger_ui())
    (version,) = re.findall(r'PACKAGE_VERSION:"([0-9.]+)"', script)
    assert tuple(map(int, version.split("."))) >= (5, 31, 0)
    assert "SwaggerUIBundle" in script
    assert ".swagger-ui" in style


def test_all_that_the_page_names_is_one_of_its_files_and_nothing_is_inline() -> None:
    page = DOCUMENTATION.page.text
    named = re.findall(r'(?:src|href)="/docs/(\w+)/([^"]+)"', page)
    assert {name for _, name in named} == {
        *("main.js", "icon.svg", "swagger-ui-bundle.min.js", "swagger-ui.min.css")
    }
    for version, name in named:
        assert DOCUMENTATION.file(version, name) is not None
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page)


def test_the_page_is_the_portals_but_for_pictures_in_styles_and_markup_by_two_policies() -> None:
    assert documentation_policy() == portal_policy().replace(
        "img-src 'self'", "img-src 'self' data:"
    ).replace("trusted-types 'none'", "trusted-types dompurify default")
    assert "unsafe" not in documentation_policy()


def test_a_file_beside_a_site_that_is_not_there_stops_the_function_from_starting(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileNotFoundError):
        Site.of(tmp_path, beside=[tmp_path / "moved.js"])
