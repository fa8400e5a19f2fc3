"""The codes of a validation: what each says, what the agent does next, and what is kept of it."""

import pytest

from licensing.domain.validation import Code, NextStep

MISUSES = {
    Code.ORGANIZATION_MISMATCH: "Used for another organization",
    Code.REVOKED: "Used after it was revoked",
    Code.DISSOCIATED: "Used after it was dissociated",
    Code.MACHINE_MISMATCH: "Used on another machine",
    Code.PROOF_REQUIRED: "Used without a proof of its device key, or without its last lease",
    Code.PROOF_INVALID: "Used with a proof that is not its device key's",
}
UNPROVED = {Code.PROOF_REQUIRED, Code.PROOF_INVALID}


def message(code: Code, *, partner: bool = False) -> str:
    return code.meaning.message_to(partner=partner)


def action(code: Code, *, partner: bool = False) -> NextStep:
    return code.meaning.action_for(partner=partner)


@pytest.mark.parametrize("code", Code)
def test_r13_a_code_is_found_by_its_word_and_says_something_in_a_sentence(code: Code) -> None:
    assert Code(code.value) is code
    assert code.value == code.name
    for partner in (False, True):
        assert message(code, partner=partner).endswith(".")


def test_r13_whoever_is_valid_goes_on_and_nobody_else_does() -> None:
    assert {code for code in Code if action(code) is NextStep.CONTINUE} == {Code.VALID}
    assert message(Code.DETACHED) == "Agent is Blocked."
    assert action(Code.EXPIRED) is NextStep.LOGOUT


def test_r15_a_login_is_asked_for_where_the_key_is_not_shown_to_be_this_agents_own() -> None:
    own = {code for code in Code if code.meaning.shows_license}
    assert own == {Code.DETACHED, Code.SUSPENDED, Code.EXPIRED, Code.VALID}
    assert {code for code in Code if action(code) is NextStep.LOGIN} == set(Code) - own


def test_r27_whatever_ends_a_partners_time_logs_the_partner_out() -> None:
    ending = set(Code) - UNPROVED - {Code.VALID}
    assert {action(code, partner=True) for code in ending} == {NextStep.LOGOUT}
    assert {action(code, partner=True) for code in UNPROVED} == {NextStep.LOGIN}
    assert action(Code.VALID, partner=True) is NextStep.CONTINUE


def test_r27_a_partner_is_told_of_the_temporary_license() -> None:
    told = {code for code in Code if message(code, partner=True) != message(code)}
    assert told == {
        *(Code.ORGANIZATION_MISMATCH, Code.REVOKED, Code.MACHINE_MISMATCH, Code.EXPIRED),
    }
    # What a login would not mend does not ask for one.
    for code in told:
        assert "Log in" not in message(code, partner=True)
    assert (
        message(Code.REVOKED, partner=True)
        == "The temporary license has been revoked. Ask for a new one."
    )
    assert (
        message(Code.EXPIRED, partner=True) == "The temporary license has ended. Ask for a new one."
    )


def test_r32_misuse_is_kept_with_words_for_it() -> None:
    assert {code: code.meaning.misuse for code in Code if code.meaning.misuse} == MISUSES
