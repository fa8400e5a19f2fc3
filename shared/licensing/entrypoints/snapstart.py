"""SnapStart's hooks: ready before the snapshot, oneself again after each restore.

What this module guarantees, for whoever imports it under a runtime that takes snapshots:

* Before the snapshot, everything is made that the first request would wait for: clients with their
  endpoints, signers and parsers, and the contract's models. Nothing is sent and no secret is
  fetched, so an outage of AWS fails no deployment and no snapshot holds a key.
* After a restore, nothing is left that several restores share or that has aged in the snapshot:
  no connection, no secret, no state of a random generator. What a request needs of it is made
  anew, with the time limits and errors of a request.
"""

from __future__ import annotations

from licensing.entrypoints.deployment import refresh, rehearse, takes_snapshots


def prepare() -> None:
    """Make everything ready."""
    # What is started by events has no models, and no snapshot.
    from licensing.contract.fields import build_models  # noqa: PLC0415

    rehearse()
    build_models()


def resume() -> None:
    """Drop what belongs to the environment that the snapshot was taken of."""
    refresh()


def _register() -> None:
    try:
        # It is a part of the runtime.
        from snapshot_restore_py import (  # noqa: PLC0415
            register_after_restore,
            register_before_snapshot,
        )
    except ModuleNotFoundError:
        if takes_snapshots():
            raise  # without hooks, all that is restored would share secrets and connections
        return
    register_before_snapshot(prepare)
    register_after_restore(resume)


_register()
