"""What stands between an agent and the service in a company: a proxy, and TLS of its own."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import socket

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.agent.relay import Relay
from tests.local.server import Answer, Server

HOST = "licensing.example"
"""The service's name, which leads nowhere but through a proxy."""

_DAY = timedelta(days=1)


class Authority:
    """A certificate authority of a company's own: `file` has its certificate."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(file.stem)
        today = datetime.now(UTC)
        made = _builder(self._name, self._name, self._key, today - _DAY, today + _DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file.write_bytes(made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def context(self, name: str = HOST, *, days: tuple[int, int] = (-1, 1)) -> ssl.SSLContext:
        """That of a server with a certificate for a name, or for an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        begin, end = (datetime.now(UTC) + days[0] * _DAY, datetime.now(UTC) + days[1] * _DAY)
        is_address = name[0].isdigit()
        general = x509.IPAddress(ip_address(name)) if is_address else x509.DNSName(name)
        made = _builder(_named(name), self._name, key, begin, end)
        made = made.add_extension(x509.SubjectAlternativeName([general]), critical=False)
        file = self.file.with_suffix(".server")
        file.write_bytes(
            made.sign(self._key, SHA256()).public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class Proxy(Relay):
    """A proxy that takes whoever asks for a tunnel to the service; `asked` is what they asked for.

    It has no other way than to the service, whatever name it is asked for.
    """

    def __init__(self, url: str) -> None:
        self.asked: list[str] = []
        super().__init__(url)

    def _pass(self, near: socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = near.recv(1)
            if not data:
                near.close()
                return
            head += data
        self.asked.append(head.decode().split("\r\n", maxsplit=1)[0])
        near.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        super()._pass(near)


@contextmanager
def secured(answer: Answer, context: ssl.SSLContext) -> Iterator[str]:
    """A server that speaks TLS at an address of this machine."""
    server = Server()
    http = vars(server)["_http"]
    http.socket = context.wrap_socket(http.socket, server_side=True)
    server.serve(answer)
    yield server.url.replace("http:", "https:")
    server.stop()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
