"""Proofs of device keys, as requests carry them, and the nonces of the next ones (RFC 9449)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.errors import InvalidInput
from licensing.entrypoints.deployment import Deployment


@dataclass(frozen=True, slots=True)
class DeviceProof:
    """A header that carries a proof, declared by operations that take one."""

    header: str
    description: str

    def read(self, event: APIGatewayProxyEventV2) -> str | None:
        """The proof as it was sent: what it proves depends on the credential that it goes with."""
        return event.headers.get(self.header.lower())


PROOF: Final = DeviceProof(
    "DPoP",
    "A proof that the agent holds its device key (RFC 9449). Its nonce is the latest "
    "DPoP-Nonce that the service sent. Its ath is the hash of the token or license key in "
    "this request. If the nonce is missing or too old, the answer is 401 with a new one. "
    "At a login, a jti counts once.",
)
PREVIOUS_PROOF: Final = DeviceProof(
    "DPoP-Previous-Key",
    "A proof of the device key that the key in the DPoP header shall replace at once. It is made "
    "like that one, for the same request, and has one claim more: cnf, an object whose jkt is the "
    "RFC 7638 thumbprint of the new key.",
)


def proof(
    event: APIGatewayProxyEventV2,
    credential: str,
    deployment: Deployment,
    *,
    taken: DeviceProof = PROOF,
) -> Proof | InvalidProof | None:
    """The proof of a device key that came along (RFC 9449), for the token or key it goes with.

    Raises ``StaleProof`` for one that has to be made anew, with a nonce of now.
    """
    token = taken.read(event)
    if token is None:
        return None
    # Most functions do without the cryptography that this brings in.
    from licensing.domain import dpop  # noqa: PLC0415

    http = event.request_context.http
    scheme = event.headers.get("x-forwarded-proto", "https")
    own = f"{scheme}://{event.request_context.domain_name}{event.raw_path}"
    urls = {dpop.plain_url(own)}
    if deployment.settings.agent_url:
        urls.add(dpop.plain_url(deployment.settings.agent_url.rstrip("/") + event.raw_path))
    return dpop.verify(
        token,
        dpop.ProvedRequest(
            http.method, frozenset(url for url in urls if url is not None), credential
        ),
        nonce_key=deployment.keyrings.keyring().nonce_key,
        now_ms=deployment.now_ms(),
    )


def good_proof(
    event: APIGatewayProxyEventV2,
    credential: str,
    deployment: Deployment,
    *,
    taken: DeviceProof = PROOF,
) -> Proof | None:
    """A proof that has to be good, see :func:`proof`. Raises :class:`InvalidInput`, too."""
    found = proof(event, credential, deployment, taken=taken)
    if isinstance(found, InvalidProof):
        raise InvalidInput(
            f"The proof is not valid (RFC 9449): {found.reason}.",
            pointer=f"/headers/{taken.header.lower()}",
        )
    return found


def next_nonce(deployment: Deployment) -> dict[str, str]:
    """The header that names what the next proof has to carry. Raises ``Unavailable``."""
    from licensing.domain import dpop  # noqa: PLC0415 - as in :func:`proof`

    nonce_key = deployment.keyrings.keyring().nonce_key
    return {"dpop-nonce": dpop.new_nonce(nonce_key, deployment.now_ms())}
