"""One request for a code, and the token for it (RFC 6749, section 4.1, with PKCE: RFC 7636).

What this module guarantees: a code counts only with the state of the request, or where a person
brings it; the token for it is given to nobody who lacks the verifier, and names the nonce. An
answer of another provider is none (RFC 9207).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from licensing_agent.core import SignInFailed
from licensing_agent.sign_in.provider import Declined, Provider, needed


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What is asked for a code, and kept until it comes."""

    provider: Provider
    redirect_uri: str
    described: Mapping[str, object]
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    def link(self) -> str:
        """The page to sign in on: anew, whatever session the browser still has there.

        Not every provider heeds that: see :class:`licensing_agent.sign_in.attempts.Attempts`.
        """
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.provider.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "prompt": "login",
        }
        page = httpx.URL(needed(self.described, "authorization_endpoint"))
        return str(page.copy_merge_params(asked))

    def is_answered_by(self, answer: Mapping[str, str]) -> bool:
        """Whether an answer is one to this request."""
        return hmac.compare_digest(answer.get("state", "").encode(), self.state.encode())

    def token(self, answer: Mapping[str, str]) -> str:
        """The ID token for an answer to this request. Raises :class:`SignInFailed`."""
        named = answer.get("iss")
        has_to = self.described.get("authorization_response_iss_parameter_supported") is True
        if (named or has_to) and named != self.provider.issuer:
            raise SignInFailed("The answer is of another identity provider. Sign in again.")
        if "code" not in answer:
            raise Declined(answer)
        return self.token_for(answer["code"])

    def token_for(self, code: str) -> str:
        """The ID token for a code. Raises :class:`SignInFailed`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        where = needed(self.described, "token_endpoint")
        return self.provider.id_token(where, form, nonce=self.nonce)
