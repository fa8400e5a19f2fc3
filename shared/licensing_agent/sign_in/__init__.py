"""Signing people in: what a vendor hands to the client as ``sign_in``.

What this package guarantees: a token is handed over only after a person has signed in for it, once;
no refresh token is kept, and no token, code or secret is in a message. Nobody is asked more often
than the vendor wants, however often the client asks (:mod:`licensing_agent.sign_in.attempts`).
"""

from licensing_agent.sign_in.browser import REDIRECT_URI, Browser
from licensing_agent.sign_in.device_code import DeviceCode, Invitation
from licensing_agent.sign_in.pasted import Pasted
from licensing_agent.sign_in.provider import Provider

__all__ = ["REDIRECT_URI", "Browser", "DeviceCode", "Invitation", "Pasted", "Provider"]
