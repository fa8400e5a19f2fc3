"""States rebuilt from histories, as whoever reads those could do it (R33)."""

from collections.abc import Mapping, Sequence

from licensing.domain.facts import Facts
from licensing.usecases.ports import RecordedEvent


def replayed(entries: Sequence[RecordedEvent]) -> Mapping[str, Facts]:
    """The present state of every licence, from its events alone.

    `entries` may come in any order; refusals change nothing.
    """
    changes = [
        (entry.license_id, entry.revision, entry.after)
        for entry in entries
        if entry.license_id is not None and entry.revision is not None and entry.after is not None
    ]
    return {
        license_id: after for license_id, _, after in sorted(changes, key=lambda change: change[1])
    }
