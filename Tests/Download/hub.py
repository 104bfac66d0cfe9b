# SPDX-License-Identifier: MIT
"""A hub and the store it redirects to, on 127.0.0.1, that misbehave as they are asked to.

Paths, headers and redirects are those of the Hugging Face hub: `resolve` redirects large files to
another host and says X-Linked-Size and X-Linked-ETag; small ones come from the hub by way of a
relative redirect.
"""
import collections
import hashlib
import http.server
import json
import os
import random
import socket
import struct
import threading
import time
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Repository:
    """Files of a model. Those in `large` are kept by their SHA-256."""

    def __init__(self, files, large=("model.safetensors", "speech_tokenizer/model.safetensors")):
        self.files = files
        self.large = [path for path in large if path in files]
        self.token = None
        self.gives_sizes = True
        # What the hub claims instead of the truth, by path.
        self.claimed_size = {}
        self.claimed_sha256 = {}

    def siblings(self):
        entries = [{"rfilename": "README.md"}, {"rfilename": ".gitattributes"}]
        for path, data in self.files.items():
            entry = {"rfilename": path}
            if self.gives_sizes:
                size = self.claimed_size.get(path, len(data))
                entry["size"] = size
                if path in self.large:
                    sha = self.claimed_sha256.get(path, sha256(data))
                    entry["lfs"] = {"sha256": sha, "size": size, "pointerSize": 134}
            entries.append(entry)
        return entries


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, world, handler):
        self.world = world
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass  # Clients that go away are what this is about.


class World:
    """Both servers, what they hold, how they misbehave and what they were asked."""

    def __init__(self):
        self.repositories = {}
        # Faults by path: each request takes the first; with `for_ever` it stays.
        self.faults = collections.defaultdict(list)
        self.for_ever = set()
        self.bytes_per_second = None
        self.cut_chance = 0
        self.requests = []
        self.tokens_at_store = []
        self.lock = threading.Lock()
        self.store = Server(self, Store)
        self.hub = Server(self, Hub)

    def reset(self):
        with self.lock:
            self.faults.clear()
            self.for_ever.clear()
            self.requests.clear()
            self.tokens_at_store.clear()
            self.bytes_per_second = None
            self.cut_chance = 0

    def fault(self, path):
        with self.lock:
            waiting = self.faults.get(path)
            if not waiting:
                return None
            return waiting[0] if path in self.for_ever else waiting.pop(0)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.do_GET()

    @property
    def world(self):
        return self.server.world

    def note(self):
        with self.world.lock:
            self.world.requests.append((self.command, self.path, dict(self.headers)))

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drop(self):
        """Ends the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def send_slowly(self, data):
        """Writes a body as fast as the world allows, which may cut it anywhere."""
        if self.command == "HEAD":
            return
        cut = None
        if random.random() < self.world.cut_chance:
            cut = random.randrange(len(data) + 1)
        rate = self.world.bytes_per_second
        piece = max(1, rate // 100) if rate else 1 << 16
        for start in range(0, len(data), piece):
            end = start + piece
            if cut is not None and end >= cut:
                self.wfile.write(data[start:cut])
                self.wfile.flush()
                return self.drop()
            self.wfile.write(data[start:end])
            self.wfile.flush()
            if rate and end < len(data):
                time.sleep(0.01)

    def deliver(self, path, data, tag):
        """Answers with a file, or the part that is asked for, or the fault that is due."""
        fault, *values = self.world.fault(path) or ("none",)
        if fault == "status":
            return self.answer(values[0], values[1] if len(values) > 1 else {})
        if fault == "reset":
            return self.drop()
        if fault == "html":
            return self.answer(200, {"Content-Type": "text/html"}, b"<html>Log in</html>")
        if fault == "corrupt":
            data = bytes([data[0] ^ 1]) + data[1:-1] + bytes([data[-1] ^ 1])
        if fault == "other-version":
            tag, data = '"other"', data[::-1]
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        start = 0
        ignores = fault in ("ignore-range", "cut-from-start")
        if asked and not ignores and (condition is None or condition == tag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data) or fault == "refuse-range":
                return self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
        length = len(data) - start
        if fault == "short-length":
            length = values[0]
        if fault == "long-length":
            length += values[0]
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Accept-Ranges", "bytes")
        if start:
            shown = start + 7 if fault == "wrong-range" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(data) - 1}/{len(data)}")
        if fault in ("no-length", "extra"):
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        body = data[start:]
        if fault in ("cut", "cut-from-start"):
            self.send_slowly(body[:values[0]])
            self.wfile.flush()
            self.close_connection = True
            return None
        if fault == "stall":
            self.send_slowly(body[:values[0]])
            time.sleep(values[1])
            return self.drop()
        if fault == "extra":
            body += b"more"
        if fault == "short-length":
            body = body[:length]
        if fault == "long-length":
            self.close_connection = True
        self.send_slowly(body)
        return None


class Hub(Handler):
    def do_GET(self):
        self.note()
        path = urllib.parse.urlsplit(self.path).path
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        is_cached = parts[:2] == ["api", "resolve-cache"]
        if is_cached:
            parts = parts[3:5] + ["resolve"] + parts[5:]
        is_listing = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if is_listing else parts[:2])
        repository = self.world.repositories.get(name)
        if repository is None:
            return self.answer(401, {"X-Error-Message": "Invalid username or password."})
        if repository.token and self.headers.get("Authorization") != f"Bearer {repository.token}":
            return self.answer(401, {"X-Error-Code": "GatedRepo"})
        revision = parts[5] if is_listing else parts[3]
        if revision not in ("main", COMMIT, "refs/pr/1"):
            return self.answer(404, {"X-Error-Message": f"Invalid rev id: {revision}"})
        if is_listing:
            body = json.dumps({"sha": COMMIT, "siblings": repository.siblings()}).encode()
            return self.deliver("listing", body, '"list"')
        file = "/".join(parts[4:])
        data = repository.files.get(file)
        if data is None:
            return self.answer(404, {"X-Error-Message": "Entry not found"})
        fault = self.world.fault("hub:" + file)
        if fault and fault[0] == "status":
            return self.answer(fault[1], fault[2] if len(fault) > 2 else {})
        if fault and fault[0] == "redirect":
            return self.answer(302, {"Location": fault[1]})
        if is_cached:
            return self.deliver(file, data, f'"{hashlib.sha1(data).hexdigest()}"')
        headers = {"X-Repo-Commit": COMMIT}
        if file not in repository.large:
            headers["Location"] = f"/api/resolve-cache/models/{name}/{COMMIT}/{file}"
            return self.answer(307, headers)
        sha = repository.claimed_sha256.get(file, sha256(data))
        headers["X-Linked-Size"] = str(repository.claimed_size.get(file, len(data)))
        headers["X-Linked-ETag"] = f'"{sha}"'
        headers["Location"] = f"{self.world.store.address}/{name}/{file}?signature=x%2Fy"
        return self.answer(302, headers)


class Store(Handler):
    def do_GET(self):
        self.note()
        if "Authorization" in self.headers:
            self.world.tokens_at_store.append(self.headers["Authorization"])
        parts = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
        file = "/".join(parts[2:])
        data = self.world.repositories["/".join(parts[:2])].files[file]
        self.deliver(file, data, f'"{sha256(data)}"')


def model_files(voice, weights_bytes, codec_bytes, seed=1):
    """A model with the configuration of the folder `voice` and random weights of some bytes.

    A notice that lies next to them is no part of a model.
    """
    generator = random.Random(seed)

    def weights(count):
        header = json.dumps(
            {"weight": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode()
        header += b" " * (-len(header) % 8)
        return struct.pack("<Q", len(header)) + header + generator.randbytes(count)

    files = {}
    for folder, _, names in os.walk(voice):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), voice)
            if name.endswith(".json") or name == "merges.txt":
                with open(os.path.join(folder, name), "rb") as file:
                    files[path] = file.read()
    files["model.safetensors"] = weights(weights_bytes)
    files["speech_tokenizer/model.safetensors"] = weights(codec_bytes)
    return files
