"""What a history tells of a licence or an organization: the words that an event carries (R32)."""

from __future__ import annotations

from collections.abc import Mapping

Fact = str | int | bool | None
Facts = Mapping[str, Fact]
"""One state of a licence or organization, as far as histories tell it.

Administrators read it, so there is no licence key, no token, no MAC address and no machine id in it
(R35).
"""
