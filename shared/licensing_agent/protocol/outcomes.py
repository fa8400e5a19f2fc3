"""What can come of asking the service: the inputs of :mod:`licensing_agent.lifecycle`.

What this module guarantees: a refusal is something that the service has said; everything else that
is no good answer is a :class:`Failed`, and leaves an agent on the lease that it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from licensing_agent.protocol.credentials import Credentials

Action = Literal["continue", "login", "logout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A person has logged in: here is the licence, and its key to keep.

    ``lease`` is the token to present next, and proves the answer. ``nonce`` and ``credentials`` are
    what was sent, ``device_key`` the thumbprint of the key that was proved. ``server_time`` is in
    epoch seconds of the service.
    """

    license_key: str = field(repr=False)
    lease: str = field(repr=False)
    license_id: str
    organization_id: str
    save_configuration: bool
    server_time: float
    nonce: str = field(repr=False)
    credentials: Credentials = field(repr=False)
    device_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Valid:
    """The service says that the licence is valid; the lease has to prove it.

    ``nonce`` and ``credentials`` are what was sent. Times are epoch seconds of the service.
    """

    lease: str = field(repr=False)
    renew_after: float
    server_time: float
    nonce: str = field(repr=False)
    credentials: Credentials = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The service says no: why, in a code and a sentence, and what to do.

    ``at_login``: to a person who logs in. That says nothing of the licence that the agent has.
    ``about_key``: it may be for the key that was presented, so that a login without helps.
    """

    code: str
    message: str
    action: Action
    at_login: bool = False
    about_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """The service has got no proof of the device key, or one that does not fit (R36).

    What was sent may have been changed on the way: that ends nothing. ``is_other_key`` says that
    the key is not the one of the login, so that a person has to log in.
    """

    message: str
    is_other_key: bool = False


@dataclass(frozen=True, slots=True)
class NobodySignedIn:
    """A login needs a person's token, and there is none.

    ``is_used_token``: there is one that has brought a licence before, which is not sent again.
    """

    is_used_token: bool = False


@dataclass(frozen=True, slots=True)
class KeysFetched:
    """The service's public keys, by ``kid``, and the ``iss`` of its leases, if it says so."""

    keys: dict[str, str]
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No answer, or none that can be used. ``retry_after`` is in seconds, if the service asked."""

    why: str
    retry_after: float | None = None


Outcome = LoggedIn | Valid | Refused | Unproven | NobodySignedIn | KeysFetched | Failed
