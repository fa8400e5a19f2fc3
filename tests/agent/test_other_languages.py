"""The page for agents in other languages: its lines are pasted, and its tables are complete."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import name, normalize

import pytest

from licensing.domain.refusal import RefusalCode
from licensing.domain.validation import Code
from tests.agent.installed import FOLDER
from tests.contract import agent_vectors
from tests.local import pasted, stack
from tests.local.client import Client
from tests.local.identity import PASSWORD
from tests.local.procedures import Terminal
from tests.setup import node

PAGE = FOLDER / "OTHER_LANGUAGES.md"
ANSWERS = json.loads((agent_vectors.FOLDER / "agent_answers.json").read_text())
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = dict(
    part.split("\n", 1) for part in re.split(r"^## (?:\d+\. )?", TEXT, flags=re.MULTILINE)
)
STEPS = {
    title: re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, text in SECTIONS.items()
}
NOT_OF_A_LOGIN = {
    RefusalCode.IDEMPOTENCY_KEY_REUSED,
    RefusalCode.INVALID_TRANSITION,
    RefusalCode.POLICY_BELOW_FLOOR,
    RefusalCode.PRECONDITION_FAILED,
}


@dataclass(frozen=True)
class Followed:
    """What each step's lines have said, and the licence as Acme's administrator sees it then."""

    said: dict[str, list[str]]
    licenses: list[dict[str, Any]]
    events: list[dict[str, Any]]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """A newcomer has followed the page from top to bottom."""
    folder = tmp_path_factory.mktemp("agent")
    with (
        stack.running() as up,
        closing(Client(up.url)) as service,
        closing(Terminal(folder)) as bash,
    ):
        pasted.seed(service, up.operator_client_id)
        bash.paste(f"URL={up.url}")
        said = {
            title: [line for block in blocks for line in bash.paste(block).splitlines()]
            for title, blocks in STEPS.items()
        }
        answer = service.log_in(up.operator_client_id, "ada", PASSWORD).expect(200)
        token = answer["AuthenticationResult.IdToken"]
        listed, happened = (
            service.call("GET", f"/v1/organizations/acme/{what}", token=token).expect(200).body
            for what in ("licenses", "events")
        )
        yield Followed(said, listed["licenses"], happened["events"])


def remarks(title: str) -> list[str]:
    """What the page says that the lines of a step say."""
    return re.findall(r"# (?:[^#\n]*: )?(\w+)(?:, as before)?$", STEPS[title][-1], re.MULTILINE)


def test_the_thumbprint_is_that_of_the_vectors(followed: Followed) -> None:
    first, *_ = agent_vectors.machines()
    assert followed.said["Know the machine"] == [first["thumbprint"]]


def test_the_first_proof_is_asked_for_anew_and_binds_the_licence_to_the_device_key(
    followed: Followed,
) -> None:
    (license,) = followed.licenses
    assert followed.said["Log in, once"] == [
        "attempt 1: the service wants a newer nonce",
        "201",
        json.dumps([license["id"], True], separators=(",", ":")),
    ]
    assert followed.said["Make a device key"] == [license["device_key"]]


def test_the_licence_is_valid(followed: Followed) -> None:
    status, answer = followed.said["Validate"]
    assert status == "200"
    assert json.loads(answer) == [True, "VALID", "continue", "The license is valid."]


def test_the_lease_holds_and_with_others_it_is_told_what_is_wrong(followed: Followed) -> None:
    assert followed.said["Check the lease"] == [
        *("holds", "wrong_nonce", "over", "wrong_signature"),
    ]
    assert followed.said["Check the lease"] == remarks("Check the lease")


def test_a_lease_is_kept_then_renewed_and_a_renewal_repeated_comes_to_the_same_link(
    followed: Followed,
) -> None:
    *said, last = followed.said["Renew it"]
    first, kept, second = (line for line in said if not line.startswith("attempt 1: "))
    assert kept == first
    assert second == last != first


def test_a_copied_key_is_worth_nothing(followed: Followed) -> None:
    assert [json.loads(line) for line in followed.said["Do what the answer says"]] == [
        *[["VALID", "continue"]] * 2,
        ["PROOF_REQUIRED", "login"],
        ["PROOF_INVALID", "login"],
    ]


def test_the_administrator_sees_who_was_refused_and_suspects_no_clone(followed: Followed) -> None:
    assert sorted(event["reason"] for event in followed.events if event.get("reason")) == [
        "proof_invalid",
        "proof_required",
    ]
    assert "CloneSuspected" not in {event["type"] for event in followed.events}


def test_pauses_are_drawn_from_a_range_that_grows_and_time_does_not_go_back(
    followed: Followed,
) -> None:
    said = map(int, followed.said["When there is no answer"])
    *pauses, asked, for_days, near_end, later, back = said
    longest = (2, 4, 8, 600)
    assert all(0 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert 30 <= asked <= 32
    assert 1800 <= for_days <= 1802
    assert 50 <= near_end <= 100
    assert [str(later), str(back)] == remarks("When there is no answer")
    assert later == back == 1_900_003_600


# -- its tables ------------------------------------------------------------------------------------


def rows(title: str) -> list[tuple[set[str], str]]:
    """The rows of a step's tables: what is named in the first cell, and the second one."""
    cells = re.findall(r"^\| (.*?) \| (.*?) \|", SECTIONS[title], re.MULTILINE)
    return [(set(re.findall(r"`(\w+)`", first)), second) for first, second in cells]


def test_every_code_of_a_validation_stands_there_with_its_action() -> None:
    told = {code: action for names, action in rows("Do what the answer says") for code in names}
    assert {code: told[code] for code in Code} == {
        code: f"`{code.meaning.action}`" for code in Code
    }


def test_every_refusal_of_a_login_stands_there() -> None:
    told = {code for names, _ in rows("Do what the answer says") for code in names}
    refusals = {code.value for code in set(RefusalCode) - NOT_OF_A_LOGIN}
    assert {code for code in told if code.islower()} == refusals | {
        "unauthorized",
        "invalid_request",
    }


def test_every_file_of_vectors_stands_there() -> None:
    linked = re.findall(r"\| \[`(\w+\.json)`\]\(\S+/(\w+\.json)\)", TEXT)
    made = {path.name for path in agent_vectors.files() if path != PAGE}
    assert {name for name, _ in linked} == made | {"ed25519_wycheproof.json", "known_shared.json"}
    assert all(name == target for name, target in linked)


def test_the_table_of_answers_has_every_code() -> None:
    bodies = [row["answer"].get("body") or {} for row in ANSWERS["rows"] if row["answer"]]
    codes = {body.get("code") for body in bodies}
    refusals = {code.value for code in set(RefusalCode) - NOT_OF_A_LOGIN}
    assert codes >= {code.value for code in Code} | refusals | {"unauthorized", "invalid_request"}


@pytest.mark.needs("node")
def test_the_lines_without_a_library_tell_good_signatures_from_others(tmp_path: Path) -> None:
    (lines,) = re.findall(r"^```js\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "lines.mjs").write_text(lines)
    leases = json.loads((agent_vectors.FOLDER / "agent_leases.json").read_text())
    tokens = [
        (one["token"], one["reason"] != "wrong_signature")
        for one in leases["tokens"]
        if one["reason"] not in {"malformed", "unknown_key", "wrong_algorithm", "wrong_type"}
    ]
    asked = json.dumps([leases["jwks"], [token for token, _ in tokens]])
    program = (
        "import { isSigned } from './lines.mjs'; import { readFileSync } from 'node:fs';"
        "const [jwks, tokens] = JSON.parse(readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(tokens.map((one) => isSigned(one, jwks))))"
    )
    told = subprocess.run(
        [node.found().node, "--input-type=module", "--eval", program],
        cwd=tmp_path,
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(told.stdout) == [is_good for _, is_good in tokens]
    assert {is_good for _, is_good in tokens} == {True, False}


def test_upper_then_lower_case_is_case_folding_for_all_but_those_that_the_page_names() -> None:
    def fold(text: str) -> str:
        return normalize("NFKC", normalize("NFKC", text).casefold())

    def by_letter(text: str) -> str:
        upper = normalize("NFKC", text).upper()
        lower = "".join(letter.lower() for letter in upper).replace("\u00df", "ss")
        return normalize("NFKC", lower)

    letters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    others = {letter for letter in letters if fold(letter) != by_letter(letter)}
    assert {normalize("NFKC", one) for one in others if "CHEROKEE" not in name(one)} == {"\u0131"}
    assert "`\u0131` and those of Cherokee" in " ".join(TEXT.split())


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([\w.][\w./-]*)\)", TEXT)
    assert len(links) >= 9
    assert not [link for link in links if not (PAGE.parent / link).exists()]
