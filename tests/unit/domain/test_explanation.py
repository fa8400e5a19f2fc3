"""What each answer to an agent says, and that its action agrees (R13)."""

import re
from dataclasses import replace

import pytest

from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.explanation import told
from licensing.domain.validation import Code, NextStep, PresentedAgent
from tests.unit.samples import DAY, NOW, license, machine

BY_RULE = "Agent is Blocked."
"""What R19 prescribes, to the word."""

SAYS = {
    NextStep.LOGIN: re.compile(r"log in", re.IGNORECASE),
    NextStep.LOGOUT: re.compile(r"\bAsk (your administrator|for (a new )?one)"),
    NextStep.CONTINUE: re.compile(r"is valid"),
}


@pytest.mark.parametrize("code", list(Code))
@pytest.mark.parametrize("partner", [False, True])
def test_r13_the_last_words_say_what_to_do_and_the_action_agrees(
    code: Code, *, partner: bool
) -> None:
    meaning = code.meaning
    message, action = meaning.message_to(partner=partner), meaning.action_for(partner=partner)
    # Nobody knows of an unknown key that it is a partner's, and theirs are never dissociated.
    never_a_partners = partner and code in (Code.NOT_FOUND, Code.DISSOCIATED)
    if message != BY_RULE and not never_a_partners:
        assert SAYS[action].search(message), message


def test_r36_a_device_key_that_waits_is_told_until_when() -> None:
    proof = Proof("new", None, "p-1")
    waiting = license(device_key="old", pending_key="new", leased_until=NOW + DAY)
    agent = PresentedAgent("acme", "production", machine(), proof)
    answer = told(Code.PROOF_INVALID, waiting, agent)
    assert "takes over at 2030-03-18 17:46:40 UTC" in answer.message
    assert answer.message.endswith("log in again.")
    other = replace(agent, proof=replace(proof, thumbprint="another"))
    assert told(Code.PROOF_INVALID, waiting, other) == told(Code.PROOF_INVALID)


@pytest.mark.parametrize(
    ("code", "proof", "says"),
    [
        (Code.PROOF_REQUIRED, None, "header DPoP"),
        (Code.PROOF_INVALID, InvalidProof("made for another body (htb)", "Let it pass."), "(htb)"),
    ],
)
def test_r36_a_refused_proof_says_what_was_wrong_with_it_and_what_to_do(
    code: Code, proof: InvalidProof | None, says: str
) -> None:
    agent = PresentedAgent("acme", "production", machine(), proof)
    answer = told(code, license(device_key="thumbprint"), agent)
    assert says in answer.message
    assert answer.message.endswith("log in again.")
    assert answer.action is NextStep.LOGIN
