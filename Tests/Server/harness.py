# SPDX-License-Identifier: MIT
"""Servers of the program under test, on free ports of this machine, and cases that are run against them."""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

TEXT = "Good morning. This is a test of the server."


class Server:
    """A server that has said it is ready. Its folder of voices is its own unless one is given."""

    def __init__(self, program, *options, voices=None, wait=True):
        self.folder = voices or tempfile.mkdtemp(prefix="qwen3-tts-voices-")
        self.lines = []
        self.process = subprocess.Popen(
            [program, "serve", "--port", "0", "--voices", self.folder, *options],
            stderr=subprocess.PIPE, text=True)
        self.ready = threading.Event()
        self.listening = threading.Event()
        self.url = None
        threading.Thread(target=self._read, daemon=True).start()
        assert self.listening.wait(30), self.lines
        if wait:
            assert self.ready.wait(60), self.lines

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if match := re.match(r"Listening at tcp://\S+:(\d+) for Wyoming", line):
                self.wyoming_port = int(match[1])
            elif match := re.match(r"Listening at (http\S+)", line):
                self.url = match[1]
                self.port = int(self.url.rsplit(":", 1)[1])
                self.listening.set()
            if line.startswith("Ready."):
                self.ready.set()
        self.listening.set()
        self.ready.set()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return response.read().decode()

    def figure(self, name):
        """The sum of a metric's series."""
        lines = [line for line in self.get("/metrics").splitlines() if re.match(name + r"[{ ]", line)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def busy(self):
        return self.figure("qwen3tts_requests_running") + self.figure("qwen3tts_requests_waiting")

    def settle(self, seconds=2.0):
        """Waits until no speech runs or waits; returns how long that took."""
        start = time.monotonic()
        while self.busy() > 0:
            assert time.monotonic() - start < seconds, f"{self.busy()} speeches are left after {seconds} s"
            time.sleep(0.01)
        return time.monotonic() - start

    def stop(self, number=signal.SIGTERM, seconds=20):
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


CASES = []


def case(function):
    CASES.append(function)
    return function


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("program", help="the built qwen3-tts")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    return options


def run(options):
    """Runs all cases and prints a line for each; ends the program with 1 when one is not as expected."""
    failed = 0
    cases = [function for function in CASES if options.only in function.__name__]
    for function in cases:
        start = time.monotonic()
        try:
            note = function()
            print(f"ok   {function.__name__} ({time.monotonic() - start:.1f} s)" + (f": {note}" if note else ""), flush=True)
        except Exception as error:  # each case says its own
            failed += 1
            print(f"FAIL {function.__name__}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc(limit=-2)
    print(f"{len(cases)} cases, {failed} not as expected")
    sys.exit(1 if failed else 0)
