"""Hypothesis strategies for the domain's values."""

from hypothesis import reject
from hypothesis import strategies as st

from licensing.domain.errors import InvalidInput
from licensing.domain.machine import Credentials

any_text = st.text(st.characters())
"""Any Python text, lone surrogates included: JSON can carry them."""

# Few values for each component, so that two machines often agree on some of them.
_machine_ids = st.sampled_from(
    [None, "machine-1", "MACHINE 1", "machine-2", "Default string", "0123456789ABCDEF"]
)
_mac_addresses = st.sampled_from(
    [
        "3c:52:82:00:00:01",
        "3C-52-82-00-00-01",
        "3c:52:82:00:00:02",
        "02:42:ac:11:00:03",  # shared
        "00:05:9a:3c:7a:00",  # shared
        "52:54:00:6b:3c:58",  # locally administered
        "ff:ff:ff:ff:ff:ff",
        "",
    ]
)
_computer_names = st.sampled_from(
    [None, "pc-1", "PC-1.example.", "pc-2", " ", "localhost", "LOCALHOST.localdomain"]
)


@st.composite
def credentials(draw: st.DrawFn) -> Credentials:
    """Credentials of a handful of computers that share components; some are missing."""
    try:
        return Credentials.of(
            machine_id=draw(_machine_ids),
            mac_addresses=draw(st.lists(_mac_addresses, max_size=4)),
            computer_name=draw(_computer_names),
        )
    except InvalidInput:
        reject()


@st.composite
def spellings(draw: st.DrawFn, text: str) -> str:
    """`text` in any mixture of upper and lower case."""
    return "".join(symbol.upper() if draw(st.booleans()) else symbol.lower() for symbol in text)
