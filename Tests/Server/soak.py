#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server under the same load for long: what it holds after the first minute and at the end.

    Tests/Server/soak.py .build/with-server/release/qwen3-tts --minutes 60 --rps 0.5

All voices speak at once first, since each makes what it keeps when it speaks for the first time. Prints a line a
minute. Ends with 1 when memory, descriptors or voices in use have grown, when a listener met an error, or when the
server does not end as it should."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from harness import TEXT, Server

ALLOWED_MEGABYTES = 8  # what allocators take over an hour


def reading(server):
    return {
        "megabytes": server.figure("process_resident_memory_bytes") / 1e6,
        "descriptors": server.figure("process_open_fds"),
        "voices": server.figure("qwen3tts_slots_used"),
        "waiting": server.figure("qwen3tts_slots_waiting"),
        "pages": server.figure("qwen3tts_kv_used_ratio"),
        "requests": server.figure("qwen3tts_requests_total"),
        "runaways": server.figure("qwen3tts_runaway_parts_total"),
        "cpu_seconds": server.figure("process_cpu_seconds_total"),
    }


def speak_with_every_voice(server):
    body = json.dumps({"input": TEXT * 4, "response_format": "pcm"}).encode()

    def speak(_):
        call = urllib.request.Request(server.url + "/v1/audio/speech", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(call, timeout=120) as response:
            response.read()
    count = int(server.figure("qwen3tts_slots"))
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(speak, range(2 * count)))


def show(minute, values):
    print(f"{minute:4.1f} min  " + "  ".join(f"{name} {value:.4g}" for name, value in values.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built qwen3-tts")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rps", type=float, default=0.5)
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    with Server(program, "--no-log-access") as server, tempfile.TemporaryDirectory() as folder:
        speak_with_every_voice(server)
        report = os.path.join(folder, "report.json")
        load = subprocess.Popen(
            [program, "load", "--url", server.url, "--rps", str(options.rps), "--warmup", "0",
             "--duration", str(60 * options.minutes), "--json", report])
        start = time.monotonic()
        first = None
        while load.poll() is None:
            time.sleep(min(60, max(1, 60 * options.minutes / 10)))
            values = reading(server)
            show((time.monotonic() - start) / 60, values)
            first = first or values
            if server.process.poll() is not None:
                load.kill()
                sys.exit(f"the server ended with {server.process.returncode}: {server.lines[-3:]}")
        server.settle(30)
        last = reading(server)
        print("at the end, after all have been spoken:")
        show((time.monotonic() - start) / 60, last)
        with open(report) as file:
            heard = json.load(file)
        print(json.dumps(heard, indent=1))
        problems = [f"{count} requests: {what}" for what, count in heard["failures"].items()]
        if load.returncode != 0:
            problems.append(f"load ended with {load.returncode}")
        if last["megabytes"] > first["megabytes"] + ALLOWED_MEGABYTES:
            problems.append(f"memory grew from {first['megabytes']:.0f} to {last['megabytes']:.0f} MB")
        if last["descriptors"] > first["descriptors"] + 2:
            problems.append(f"descriptors grew from {first['descriptors']:.0f} to {last['descriptors']:.0f}")
        for name in ("voices", "waiting", "pages"):
            if last[name] != 0:
                problems.append(f"{name} in use when nobody speaks: {last[name]}")
        code = server.stop()
        if code != 0:
            problems.append(f"the server ended with {code}")
        sys.exit("\n".join(problems) if problems else 0)


main()
