"""What the local servers of the figures share: each runs in a process of its own, which costs the measured nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answering(BaseHTTPRequestHandler):
    """Answers on connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out at once, in two writes

    def begin(self, kind: str, length: int, status: int = 200) -> None:
        """Write the head of an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def give(self, body: bytes, status: int = 200) -> None:
        """Answer with JSON."""
        self.begin("application/json;charset=UTF-8", len(body), status)
        self.wfile.write(body)

    def log_message(self, *_given: object) -> None:
        """Say nothing."""


def serve(handler: type[Answering]) -> None:
    """Serve until standard input ends; the address is the only line of standard output."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        sys.stdin.read()
        server.shutdown()


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that serves, and give its address."""
    command = [sys.executable, "-m", module, "serve", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate("")
