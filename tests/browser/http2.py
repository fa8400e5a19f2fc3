"""HTTP/2 over TLS to a service on this machine, which speaks neither."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.setup import node

_RELAY = """
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createSecureServer } from "node:http2";

const [service, key, cert] = process.argv.slice(1);
const agent = new Agent({ keepAlive: true });
const relay = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) });
const ofOneConnection = new Set(["connection", "keep-alive", "transfer-encoding"]);
relay.on("stream", (stream, asked) => {
  const headers = Object.entries(asked).filter(([name]) => !name.startsWith(":"));
  const { pathname, search } = new URL(asked[":path"], service);
  const options = { agent, method: asked[":method"], headers: Object.fromEntries(headers) };
  const passed = request(`${service}${pathname}${search}`, options, (answer) => {
    if (stream.destroyed) {
      answer.resume(); // the page has been left
      return;
    }
    const kept = Object.entries(answer.headers).filter(([name]) => !ofOneConnection.has(name));
    stream.respond({ ":status": answer.statusCode, ...Object.fromEntries(kept) });
    answer.pipe(stream);
  });
  passed.on("error", () => stream.destroy());
  stream.on("error", () => passed.destroy());
  stream.pipe(passed);
});
relay.listen(0, "127.0.0.1", () => console.log(relay.address().port));
"""


@contextmanager
def relayed(url: str, folder: Path) -> Iterator[str]:
    """Where the service at `url` is by HTTP/2, with a certificate that nobody vouches for."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
                "-keyout",
                key,
                "-out",
                certificate,
            ),
        ],
        check=True,
        capture_output=True,
    )
    arguments = ["--input-type=module", "--eval", _RELAY, url, str(key), str(certificate)]
    with subprocess.Popen(
        [str(node.found().node), *arguments],
        env={**os.environ, "PATH": node.found().path},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield f"https://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()
