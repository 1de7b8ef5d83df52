"""What tests of `utils` share: results are computed and not kept, and a server that fails on demand."""

import re
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class Loopback(ThreadingHTTPServer):
    """Serves `folder`. `faults[path]` are used up one a request; `always[path]` stays.

    A fault is a status (404, 416, 429, 503 …), "truncate" (half the body, then the end), "stall" (half the body, then
    nothing), "change" (one byte is another one), "no ranges", "no tag", "portal" (a web page instead), or a dict of
    headers to send along.
    """

    daemon_threads = True

    def __init__(self, folder: Path):
        self.folder, self.faults, self.always = Path(folder), defaultdict(list), {}
        self.requests, self.released, self.name = [], threading.Event(), "loopback"
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that went away is part of the play."""

    def asked_for(self, path: str) -> list[str]:
        """The ranges of the requests for a path; "" stands for all of it."""
        return [span for asked, span in self.requests if asked == path]


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def version_string(self):
        return self.server.name

    def do_GET(self):
        path = self.path.lstrip("/")
        span = self.headers.get("Range", "")
        self.server.requests.append((path, span))
        faults = self.server.faults[path]
        fault = faults.pop(0) if faults else self.server.always.get(path)
        file = self.server.folder / path
        if isinstance(fault, int):
            return self.answer(fault, {"Retry-After": "0"} if fault == 429 else {}, b"")
        if not file.is_file():
            return self.answer(404, {}, b"")
        if fault == "portal":
            return self.answer(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html>Please log in</html>")
        body, headers = file.read_bytes(), dict(fault) if isinstance(fault, dict) else {}
        if fault != "no tag":
            headers.setdefault("ETag", f'"{len(body)}-{hash(body)}"')
        status, start = 200, 0
        if fault == "no ranges":
            span = ""
        if span and self.headers.get("If-Range", headers.get("ETag")) == headers.get("ETag"):
            start = int(re.fullmatch(r"bytes=(\d+)-", span)[1])
            if start >= len(body):
                return self.answer(416, {"Content-Range": f"bytes */{len(body)}"}, b"")
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(body) - 1}/{len(body)}"
        body = body[start:]
        if fault == "change":
            body = body[:-3] + bytes([body[-3] ^ 1]) + body[-2:]
        self.answer(status, headers, body, half=fault in ("truncate", "stall"))
        if fault == "stall":
            self.wfile.flush()
            self.server.released.wait(20)

    def answer(self, status, headers, body, half=False):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)


@pytest.fixture
def loopback(tmp_path, monkeypatch):
    """A `Loopback` over the folder `tmp_path / "served"`."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "served").mkdir()
    server = Loopback(tmp_path / "served")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="package", autouse=True)
def computed():
    """Tests of a training want a training, and not what an earlier run has kept."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DATALAB_KEEP", "off")
        yield


@pytest.fixture
def keeping(tmp_path, monkeypatch):
    """Results are kept in a folder of the test's own. Called, it lists the entries."""
    monkeypatch.setenv("DATALAB_KEEP", "on")
    monkeypatch.setenv("DATALAB_CACHE", str(tmp_path / "cache"))
    return lambda: sorted((tmp_path / "cache/kept").glob("*.safetensors"))
