"""An agent's process, watched: whatever it should not tell ends the story that it plays in."""

import sys
from pathlib import Path

import pytest

from tests.agent.process import Agent
from tests.local.client import UnexpectedAnswerError

LINES = """
import sys
print('{"license_state": "grace", "usable": true}')
sys.exit("no more to say")
"""


def test_another_standing_than_expected_ends_the_story(tmp_path: Path) -> None:
    with (
        Agent([sys.executable, "-c", LINES], tmp_path) as agent,
        pytest.raises(UnexpectedAnswerError, match=r"'unreachable'.*grace"),
    ):
        agent.next("unreachable")


def test_an_agent_that_ends_unasked_ends_the_story_with_its_complaints(tmp_path: Path) -> None:
    with Agent([sys.executable, "-c", LINES], tmp_path) as agent:
        agent.next("grace", usable=True)
        with pytest.raises(UnexpectedAnswerError, match="no more to say"):
            agent.line()
