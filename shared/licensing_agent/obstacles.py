"""What can stand between an agent and the service: what a person is told, and what to do about it.

What this module guarantees: each way in which reaching the service fails has a message of its own.
``MESSAGES.md`` shows them all. A message names the proxy's setting and never its value (R35).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_AGAIN = "The agent tries again by itself."


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is the case, and what to do."""

    what: str
    helps: str


class Obstacle(Enum):
    """A way in which reaching the service fails, from the machine to the service."""

    # The network
    NAME_UNKNOWN = Meaning(
        "the name in the address is not known here",
        "Check the spelling of the address (the proxy's, where one is named), and this machine's "
        "network and DNS.",
    )
    NO_ROUTE = Meaning(
        "this machine has no way to there",
        "Check its network connection, and the VPN if it needs one.",
    )
    CONNECTION_REFUSED = Meaning(
        "the connection was refused",
        "Check address and port. If they are right, a firewall refuses it, or nothing runs there "
        f"just now. {_AGAIN}",
    )
    NO_CONNECTION = Meaning(
        "no connection comes about in time",
        "A firewall may drop what is sent: let the agent through to the address, or name the proxy "
        "to use.",
    )
    TOO_SLOW = Meaning(
        "its answer takes too long",
        f"Check what is on the way: DNS, firewall, proxy, a slow line. {_AGAIN}",
    )
    CUT_OFF = Meaning(
        "the connection was cut before there was an answer",
        "If that happens each time, check the port. If it is right, a firewall or a proxy on the "
        "way cuts it: let the agent through.",
    )
    NO_HTTP = Meaning(
        "what answers there speaks another protocol",
        "Check the port, and the scheme of the proxy's address.",
    )

    # TLS
    NO_TLS = Meaning(
        "what answers there does not speak TLS",
        "Check the port, and the scheme of the proxy's address.",
    )
    TLS_FAILED = Meaning(
        "no secure connection comes about",
        "Check what inspects or filters TLS on the way, and that it allows TLS 1.2 or newer.",
    )
    ISSUER_UNKNOWN = Meaning(
        "the certificate, the service's or that of what inspects TLS on the way, is from an "
        "unknown issuer",
        "Add your company's CA to the system's store, or set ca_file.",
    )
    EXPIRED = Meaning(
        "the certificate is expired, or this machine's clock is wrong",
        "Check the clock. If it is right, the certificate has to be renewed.",
    )
    NOT_YET_VALID = Meaning(
        "the certificate is not valid yet, or this machine's clock is wrong", "Check the clock."
    )
    OTHER_HOST = Meaning(
        "the certificate is for another host name",
        "Check the address of the service, and what answers in its place.",
    )

    # Proxies, and what else answers in the service's place
    PROXY_LOGIN = Meaning(
        "the proxy wants a name and a password, or does not accept those that it gets",
        "Put them into the proxy's setting, as in http://name:password@proxy:3128.",
    )
    PROXY_REFUSES = Meaning(
        "the proxy lets nobody through to there",
        "Have the proxy's administrator allow the address of the service.",
    )
    PROXY_FAILS = Meaning(
        "the proxy cannot reach it",
        "Check the address of the service. If it is right, ask the proxy's administrator.",
    )
    CAPTIVE_PORTAL = Meaning(
        "a web page answers in its place, as that of a network that wants a login",
        "Open a browser on this machine and log in to the network, or check the address.",
    )
    LED_ELSEWHERE = Meaning(
        "it is led elsewhere, as by a network that wants a login, or the address is an old one",
        "Open a browser on this machine and log in to the network, or correct the address.",
    )
    WRONG_PATH = Meaning(
        "there is no license service at this address",
        "Check the address, with the path in it: it ends before /v1.",
    )
    FORBIDDEN = Meaning(
        "something in front of it refuses the request",
        "Have a firewall or a gateway on the way let the agent through, or check the address, "
        "with the path in it.",
    )
    NOT_OF_SERVICE = Meaning(
        "the answer is not from the service, or was changed on the way",
        "Check the address, and what is on the way.",
    )
    TOO_LONG = Meaning(
        "the answer is not from the service, as it is too long",
        "Check the address, and what is on the way.",
    )
    OF_ANOTHER_REQUEST = Meaning(
        "the answer is to another request: something on the way repeats what it has seen earlier",
        "Have a cache on the way leave the service's answers alone.",
    )

    # The service
    NOT_ACCEPTED = Meaning(
        "it did not accept the request",
        "Update the agent. If that does not help, tell its vendor what it says.",
    )
    BUSY = Meaning("it has too much to do just now", _AGAIN)
    DOWN = Meaning("it is down, or what leads to it", f"{_AGAIN} If it lasts, ask whoever runs it.")

    def told(self, details: str = "", *, by: str = "", also: str = "") -> str:
        """The message: ``details`` are what was seen of it, ``by`` the setting of a proxy."""
        proxy = f" by the proxy of {by}" if by else ""
        seen = f" ({details})" if details else ""
        helps = " ".join(filter(None, (self.value.helps, also)))
        return f"The service cannot be reached{proxy}: {self.value.what}{seen}. {helps}"
