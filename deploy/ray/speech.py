# SPDX-License-Identifier: MIT
"""qwen3-tts as a Ray Serve application: Ray starts the servers as replicas, gives each its GPU, sends a request to a replica
with room, and adds and removes replicas by how many speeches run.

  pip install 'ray[serve]==2.60.0' && cd deploy/ray
  serve run --working-dir . speech:app                   # on this machine
  serve run --working-dir . speech.yaml                  # with the settings of that file
  serve deploy speech.yaml                               # on a cluster whose machines have speech.py in PYTHONPATH

A replica is a process of `qwen3-tts serve` on a free port of its machine; what comes for it is passed through as it is,
sound as it is made. The program has to be on every machine: install the Debian package, or use the container image.
"""
from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import threading

import aiohttp
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

# Of one connection and not of the request.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
              "transfer-encoding", "upgrade", "host", "content-length"}
START_LIMIT_S = 300
DRAIN_LIMIT_S = 60


@serve.deployment(
    # As many as a server speaks at once and lets wait; more stay with Ray, which gives them to whoever has room.
    max_ongoing_requests=32,
    autoscaling_config={
        "min_replicas": 1, "max_replicas": 8, "target_ongoing_requests": 16, "upscale_delay_s": 5,
        "downscale_delay_s": 300},
    health_check_period_s=2, health_check_timeout_s=5, graceful_shutdown_wait_loop_s=1,
    graceful_shutdown_timeout_s=DRAIN_LIMIT_S + 10)
class SpeechServer:
    """A server and the way to it."""

    def __init__(self, arguments: list[str], program: str = "qwen3-tts") -> None:
        # A group of its own, so that a signal to Ray's process does not cut speeches.
        self.process = subprocess.Popen(
            [program, "serve", "--host", "127.0.0.1", "--port", "0", "--drain-timeout", str(DRAIN_LIMIT_S), *arguments],
            stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_end_with_parent)
        self.session: aiohttp.ClientSession | None = None
        self.address = ""
        self.is_ending = False
        ready = threading.Event()
        threading.Thread(target=self._read_messages, args=(ready,), daemon=True).start()
        if not ready.wait(START_LIMIT_S) or self.process.poll() is not None:
            self.process.kill()
            raise RuntimeError(f"qwen3-tts serve: expected to be ready within {START_LIMIT_S} s; its messages say why not")

    def _read_messages(self, ready: threading.Event) -> None:
        for line in self.process.stderr:
            print(line, end="", flush=True)
            if match := re.match(r"Listening at (http://\S+)", line):
                self.address = match[1]
            elif line.startswith("Ready."):
                ready.set()
        if ready.is_set() and not self.is_ending:
            # Ray notices at once that a replica's process is gone, and asks the others. One that answers 503 to all
            # would look idle to it, and get more than its share until the next health checks.
            print("qwen3-tts serve ended; so does its replica", flush=True)
            os._exit(1)
        ready.set()

    async def __call__(self, request: Request) -> Response:
        if self.session is None:
            # Made here, on the loop that uses it. No limit: how many there can be is Ray's to say.
            self.session = aiohttp.ClientSession(
                auto_decompress=False, connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=120))
        target = self.address + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP]
        try:
            answer = await self.session.request(
                request.method, target, headers=headers, data=await request.body(), allow_redirects=False)
        except aiohttp.ClientConnectionError as error:
            message = f"the server of this replica: expected an answer, found {error!r}; try again"
            return JSONResponse({"error": {"message": message, "type": "server_error", "code": "unhealthy"}}, 503,
                                {"Retry-After": "1"})
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP}
        return StreamingResponse(self._pass_on(answer), answer.status, kept)

    @staticmethod
    async def _pass_on(answer: aiohttp.ClientResponse):
        # A speech that breaks off raises here, and the client's connection is cut, so that no short file looks whole.
        try:
            async for chunk in answer.content.iter_any():
                yield chunk
        finally:
            # Read to its end the connection is kept; cut, the server ends the speech.
            answer.close() if not answer.content.at_eof() else answer.release()

    async def check_health(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"qwen3-tts serve ended with {self.process.returncode}")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            async with session.get(self.address + "/health/live") as answer:
                if answer.status != 200:
                    raise RuntimeError(f"qwen3-tts serve: expected to be alive, found {await answer.text()}")

    async def __del__(self) -> None:
        self.is_ending = True
        if self.session is not None:
            await self.session.close()
        self.process.send_signal(signal.SIGTERM)
        for _ in range(DRAIN_LIMIT_S * 10):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(0.1)
        self.process.kill()


def _end_with_parent() -> None:
    """Has the server drain when the replica's process is killed, which it would outlive otherwise."""
    import ctypes
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def app(options: dict[str, str]) -> serve.Application:
    """The application; options are `arguments` of `serve`, `program`, `gpus` a replica, and `replicas`, a fixed number."""
    gpus = float(options.get("gpus", os.environ.get("QWEN3_TTS_GPUS", "1")))
    deployment = SpeechServer.options(ray_actor_options={"num_gpus": gpus})
    if "replicas" in options:
        deployment = deployment.options(autoscaling_config=None, num_replicas=int(options["replicas"]))
    return deployment.bind(
        str(options.get("arguments", "--max-batch 16 --max-queue 16")).split(),
        options.get("program", "qwen3-tts"))
