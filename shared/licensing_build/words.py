"""The service's words, as Python has them: what histories call a misuse, and why they say it.

Every other list of words is an enum of the domain or of the contract, and is taken from there.
"""

from __future__ import annotations

from typing import get_args

from licensing.domain.audit import Reason
from licensing.domain.license import TemporaryStatus
from licensing.domain.refusal import RefusalCode
from licensing.domain.validation import Code


def reasons() -> dict[str, str]:
    """Why an entry is in a history: each reason as it is kept, with its label."""
    return {
        **{code.lower(): code.meaning.misuse for code in Code if code.meaning.misuse},
        **{code.value: code.on_record for code in RefusalCode if code.on_record},
        **{reason.value: reason.label for reason in Reason},
    }


def temporary_statuses() -> tuple[str, ...]:
    """What people see of a temporary licence."""
    return tuple(status.value for status in get_args(TemporaryStatus))
