"""A server on loopback that answers as the Hub does: repositories, commits of files, tags.

Files are kept whole in memory; every file is an ordinary one, so large-file transfer is not asked
for. What the client sent is kept, and a request can be told to fail.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_secretOfTheTest"
ADDRESS = "https://huggingface.co/datasets/ward/mmed-ift"
_API = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/(?P<verb>[a-z-]+)(?:/(?P<rest>.*))?")

Files = dict[str, bytes]


@dataclass
class Repository:
    """Commits, oldest first, each with all files as they are after it; tags name commits."""

    visibility: str
    commits: list[Files] = field(default_factory=lambda: [{".gitattributes": b""}])
    messages: list[str] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)

    def at(self, revision: str) -> Files:
        return self.commits[self.tags.get(revision, -1)]


def oid(commit: int) -> str:
    return f"{commit:040x}"


def blob(content: bytes) -> str:
    return sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub:
    """The server's state; `broken` is a part of a path whose requests are refused."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.paths: list[str] = []
        self.broken = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        self.paths.append(f"{method} {path}")
        if self.broken and self.broken in path:
            return 403, {"error": "refused"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        match = _API.fullmatch(path)
        if match and match["repo"] in self.repositories:
            repository, rest = self.repositories[match["repo"]], unquote(match["rest"] or "")
            answer = getattr(self, f"_{match['verb'].replace('-', '_')}", None)
            if answer:
                return 200, answer(repository, rest, body)
        return 404, {"error": f"no {method} {path}"}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked.get('organization') or 'someone'}/{asked['name']}"
        address = {"url": f"https://huggingface.co/datasets/{name}", "name": name}
        if name in self.repositories:
            return 409, address | {"error": "You already created this repository"}
        self.repositories[name] = Repository(asked["visibility"])
        return 200, address

    def _preupload(self, repository: Repository, rest: str, body: bytes) -> Any:
        files = repository.at(rest)
        return {
            "files": [
                {
                    "path": one["path"],
                    "uploadMode": "regular",
                    "shouldIgnore": False,
                    "oid": blob(files[one["path"]]) if one["path"] in files else None,
                }
                for one in json.loads(body)["files"]
            ]
        }

    def _commit(self, repository: Repository, _: str, body: bytes) -> Any:
        files = dict(repository.commits[-1])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                repository.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        repository.commits.append(files)
        commit = oid(len(repository.commits) - 1)
        return {"commitUrl": f"{ADDRESS}/commit/{commit}", "commitOid": commit}

    def _revision(self, repository: Repository, rest: str, _: bytes) -> Any:
        number = repository.tags.get(rest, len(repository.commits) - 1)
        return {"id": "x/y", "sha": oid(number), "siblings": []}

    def _tree(self, repository: Repository, rest: str, _: bytes) -> Any:
        return [_entry(path, content) for path, content in repository.at(rest).items()]

    def _paths_info(self, repository: Repository, rest: str, body: bytes) -> Any:
        files = repository.at(rest)
        asked = parse_qs(body.decode())["paths"]
        return [_entry(path, files[path]) for path in asked if path in files]

    def _refs(self, repository: Repository, *_: object) -> Any:
        tags = [
            {"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid(number)}
            for name, number in repository.tags.items()
        ]
        return {"branches": [], "converts": [], "tags": tags}

    def _tag(self, repository: Repository, rest: str, body: bytes) -> Any:
        repository.tags[json.loads(body)["tag"]] = int(rest, 16)
        return {}


def _entry(path: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(content), "oid": blob(content)}


@contextmanager
def serving() -> Iterator[tuple[Hub, str]]:
    """Run a server and give its state and its address."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            path = urlsplit(self.path).path
            status, value = hub.answer(self.command, path, body) if is_known else (401, {})
            payload = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = respond  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep standard error for what is tested."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
