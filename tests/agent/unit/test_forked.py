"""A process that was forked from a client's: it can tell how it stands, and does nothing else."""

from pathlib import Path

import pytest

from licensing_agent.storage.folder_lock import FolderLock
from tests.agent.program import running, told

# It forks while another thread is in the middle of a check, which that thread never ends here.
PROGRAM = """
import asyncio, os, signal, sys, threading, time
from pathlib import Path
from licensing_agent import AsyncClient, Client, Configuration, System

checking = threading.Event()

def wall():
    if threading.current_thread() is not threading.main_thread():
        checking.set()
        threading.Event().wait()
    return time.time()

def fork(client):
    threading.Thread(target=in_the_middle, args=(client,), daemon=True).start()
    assert checking.wait(300)
    if os.fork():
        os._exit(0)  # nothing of it is closed
    signal.alarm(300)
    print(client.status.license_state, flush=True)

def in_the_middle(client):
    asyncio.run(client.check()) if isinstance(client, AsyncClient) else client.check()

told = Configuration(
    url="http://127.0.0.1:9", issuer="urn:i", folder=Path(sys.argv[2]), computer_name="AGENT-1"
)
options = {"sign_in": lambda: print("asked", flush=True), "system": System(wall=wall)}

def synchronous():
    client = Client(told, **options)
    fork(client)
    print(client.check(at_once=True).license_state, flush=True)
    client.run()
    client.close()

async def asynchronous():
    client = AsyncClient(told, **options)
    fork(client)
    print((await client.check(at_once=True)).license_state, flush=True)
    await client.run()
    await client.close()

if sys.argv[1] == "sync":
    synchronous()
else:
    asyncio.run(asynchronous())
print("done", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_it_tells_how_it_stands_asks_nobody_and_leaves_the_folder_to_others(
    kind: str, tmp_path: Path
) -> None:
    with running(PROGRAM, kind, tmp_path) as parent:
        assert [told(parent) for _ in range(3)] == ["signed_out", "signed_out", "done"]
        assert parent.wait() == 0
        FolderLock(tmp_path).release()  # while what was forked is there
