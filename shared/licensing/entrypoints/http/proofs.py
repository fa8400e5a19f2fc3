"""Proofs of device keys, as requests carry them, and the nonces of the next ones (RFC 9449)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.errors import InvalidInput
from licensing.entrypoints.deployment import Deployment
from licensing.entrypoints.http.addresses import own_address, public_address
from licensing.entrypoints.http.inputs import body_bytes
from licensing.entrypoints.http.requests import HttpRequest


@dataclass(frozen=True, slots=True)
class DeviceProof:
    """A header that carries a proof, declared by operations that take one."""

    header: str
    description: str

    def read(self, request: HttpRequest) -> str | None:
        """The proof as it was sent: what it proves depends on the credential that it goes with."""
        return request.headers.get(self.header.lower())


PROOF: Final = DeviceProof(
    "DPoP",
    "A proof that the agent holds its device key (RFC 9449): a compact JWS of at most 4096 "
    "characters. Its header is typ "
    "dpop+jwt, alg Ed25519 (or EdDSA) and jwk, the public key (kty OKP, crv Ed25519, x), and "
    "nothing else. Its claims are: jti, new for each proof, at most 128 characters; htm, the "
    "method; htu, the URL without query and fragment; iat, epoch seconds, which are not "
    "compared with any clock; ath, the SHA-256 of the token or license key in this request, "
    "exactly as it is sent; htb, the SHA-256 of the bytes of this request's body, exactly as "
    "they are sent, and of no bytes where there is no body (hashes are base64url without "
    "padding); nonce, either the latest that the service sent in the header DPoP-Nonce or in "
    "the member dpop_nonce of a problem, which is good for 300 seconds, or, at a validation "
    "that presents a lease which is not over, that lease's jti, with .early behind it in the "
    "first half of the lease's time, so that a request that was overheard renews nothing later "
    "on. Nothing on the way may rewrite "
    "the body. If the service wants another nonce, the answer is 401 with the code "
    "use_dpop_nonce and a new nonce, and nothing was done: make a new proof with that nonce "
    "and send the same body again. At a login, the nonce is always the service's, and a jti "
    "counts once.",
)
PREVIOUS_PROOF: Final = DeviceProof(
    "DPoP-Previous-Key",
    "A proof of the device key that the key in the DPoP header shall replace at once. It is made "
    "like that one, for the same request, and has one claim more: cnf, an object whose jkt is the "
    "RFC 7638 thumbprint of the new key.",
)


def proof(
    request: HttpRequest,
    credential: str,
    deployment: Deployment,
    *,
    taken: DeviceProof = PROOF,
) -> Proof | InvalidProof | None:
    """The proof of a device key that came along (RFC 9449), for the token or key it goes with.

    Raises ``StaleProof`` for one that has to be made anew, with a nonce of now. One over another
    text has no :attr:`Proof.made_ms`: the caller decides.
    """
    token = taken.read(request)
    if token is None:
        return None
    # Most functions do without the cryptography that this brings in.
    from licensing.domain import dpop  # noqa: PLC0415

    # Behind a domain of its own, the API's may be called as well.
    called = {own_address(request), public_address(request, deployment.settings)}
    urls = {dpop.plain_url(address + request.path) for address in called}
    return dpop.verify(
        token,
        dpop.ProvedRequest(
            request.method,
            frozenset(url for url in urls if url is not None),
            credential,
            body_bytes(request),
        ),
        nonce_key=deployment.keyrings.keyring().nonce_key,
        now_ms=deployment.now_ms(),
    )


def good_proof(
    request: HttpRequest,
    credential: str,
    deployment: Deployment,
    *,
    taken: DeviceProof = PROOF,
) -> Proof | None:
    """A proof that has to be good and over a nonce of the service, see :func:`proof`.

    Raises :class:`InvalidInput`, too.
    """
    found = proof(request, credential, deployment, taken=taken)
    if isinstance(found, InvalidProof):
        raise InvalidInput(
            f"The proof is not valid (RFC 9449): {found.reason}. {found.advice}",
            pointer=f"/headers/{taken.header.lower()}",
        )
    if found is not None:
        found.demand_time()
    return found


def next_nonce(deployment: Deployment) -> str:
    """What the next proof has to carry. Raises ``Unavailable``."""
    from licensing.domain import dpop  # noqa: PLC0415 - as in :func:`proof`

    return dpop.new_nonce(deployment.keyrings.keyring().nonce_key, deployment.now_ms())
