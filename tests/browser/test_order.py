"""A list that is put in order by the portal is in the service's order; without a browser."""

from collections.abc import Iterator

import pytest

from licensing.usecases.pagination import PageRequest, Value, by_text, by_version, sorted_page
from tests.browser.scripts import Evaluate, copied, evaluated

pytestmark = pytest.mark.needs("browser")

_TEXTS = [
    *("pc-1", "pc1", "pc10", "pc9", "pc_1", "PC1", "Pc-01", "pc 1", "", None),
    *("4.9.0.0", "4.10.0.0", "4.09.0", "4.10.0-rc.2", "4.10.0-RC.10"),
    *("straße", "STRASSE", "strasse", "STRAẞE", "ﬁn", "Fin", "ſ", "S", "µ", "μ"),  # noqa: RUF001
    *("Küche", "Ku\u0308che", "kuche", "kuchf", "ΟΔΟΣ", "οδος", "οδοσ", "ı", "I", "İ", "i"),  # noqa: RUF001
    *("\uff21", "\U00010400", "\U0001f600", "\ue000", None),  # not as UTF-16 has it
]
_ROWS = [{"id": f"lic_{number * 7 % 47:02}", "is": text} for number, text in enumerate(_TEXTS)]


@pytest.fixture(scope="module")
def say(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluate]:
    """What an expression gives that uses scripts of the portal."""
    with evaluated(copied(tmp_path_factory.mktemp("order"))) as say:
        yield say


@pytest.mark.parametrize("way", ["ascending", "descending"])
@pytest.mark.parametrize("by", ["byText", "byVersion"])
def test_rows_come_as_the_service_lists_them(say: Evaluate, by: str, way: str) -> None:
    is_descending = way == "descending"
    value_of = {"byText": by_text, "byVersion": by_version}[by]
    values: list[tuple[Value, str]] = [(value_of(row["is"]), str(row["id"])) for row in _ROWS]
    listed = sorted_page("all", values, PageRequest(100), is_descending=is_descending)
    expression = f"order.ordered(given[0], (row) => order.{by}(row.is), given[1])"
    told = say("order", expression, [_ROWS, is_descending])
    texts = {row["id"]: row["is"] for row in _ROWS}
    assert [(row["id"], row["is"]) for row in told] == [(id, texts[id]) for id in listed.ids]


def test_numbers_in_names_are_text_and_in_versions_numbers(say: Evaluate) -> None:
    for by, expected in [
        ("byText", ["pc-1", "pc1", "pc10", "pc9", "pc_1"]),
        ("byVersion", ["pc-1", "pc1", "pc9", "pc10", "pc_1"]),
    ]:
        rows = [{"id": "lic_1", "is": name} for name in sorted(expected, reverse=True)]
        told = say("order", f"order.ordered(given, (row) => order.{by}(row.is), false)", rows)
        assert [row["is"] for row in told] == expected
