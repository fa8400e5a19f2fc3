"""Keeps an agent licensed: logs it in once, validates, and lets it run while the service is away.

What this package guarantees stands in its ``README.md``; :class:`Client` and :class:`AsyncClient`
are the way in.
"""

from licensing_agent.aio import AsyncClient
from licensing_agent.client import Client
from licensing_agent.configuration import Configuration
from licensing_agent.core import SignInFailed, System
from licensing_agent.lifecycle import LicenseState, Status
from licensing_agent.storage.device_key import DeviceKey, KeyLocked
from licensing_agent.storage.folder_lock import FolderInUse
from licensing_agent.version import __version__

__all__ = [
    "AsyncClient",
    "Client",
    "Configuration",
    "DeviceKey",
    "FolderInUse",
    "KeyLocked",
    "LicenseState",
    "SignInFailed",
    "Status",
    "System",
    "__version__",
]
