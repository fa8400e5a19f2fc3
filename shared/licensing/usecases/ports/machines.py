"""What agents need: who holds a machine, and what a login and a validation leave behind."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from licensing.domain.audit import OrganizationNote, RefusedAttempt
from licensing.domain.license import LastSeen, License
from licensing.domain.machine_claims import Claims
from licensing.domain.organization import Organization
from licensing.usecases.ports.events import Witness
from licensing.usecases.ports.licenses import (
    Committer,
    LicenseReader,
    Outcome,
    ProofUse,
)


@dataclass(frozen=True, slots=True)
class LoginView:
    """What a login starts from. ``presented`` is the licence whose key came along, if any.

    ``added`` is how many bound licences the member who logs in has added (R38).
    """

    claims: Claims
    organization: Organization | None
    presented: License | None
    added: int = 0


class MachineReader(LicenseReader, Witness, Protocol):
    """Machines and who holds them."""

    def claims(self, pairs: Collection[bytes]) -> Claims:
        """Who holds these pairs."""


class MachineStore(Committer, Protocol):
    """What it takes to let a licence follow its machine."""

    def claims(self, pairs: Collection[bytes]) -> Claims:
        """Who holds these pairs."""

    def record_refusal(self, refusal: RefusedAttempt) -> None:
        """Record a refusal, folded (R32)."""


class UseStore(MachineStore, Protocol):
    """What it takes to let a proof and a lease count once."""

    def record_use(self, before: License, after: License) -> Outcome:
        """Put the traces of ``after`` in the place of those of ``before``.

        Those are chain, last proof, ``leased_until`` and ``last_seen``. A conflict when the licence
        or its chain is not as it was, or a proof as new or a lease as long has counted meanwhile.
        """


class LoginStore(UseStore, Protocol):
    """What the login needs."""

    def login_view(
        self,
        pairs: Collection[bytes],
        organization_id: str,
        license_id: str | None,
        member: bytes | None,
    ) -> LoginView:
        """Who holds these pairs, the organization, a licence and a member's count, in one request.

        No member, where ``member`` is ``None``.
        """

    def use_proofs(self, use: ProofUse) -> None:
        """Let the proofs of a login that commits nothing count, once (R36).

        Raises ``StaleProof`` when one has counted for another operation.
        """

    def note_each(self, note: OrganizationNote, *, most: int) -> None:
        """Count a note in the entry of its hour and of what it is ``about`` (R32).

        Once ``most`` others have an entry in that hour, in the one that all further ones share,
        which names none of them.
        """


class ValidationStore(UseStore, Protocol):
    """What the validation needs."""

    def record_last_seen(self, license_id: str, last_seen: LastSeen, *, interval: int) -> None:
        """Record when the agent was seen, at most once per ``interval`` seconds (R17)."""
