# SPDX-License-Identifier: MIT
"""Two servers on the CPU as one address: after HAProxy with deploy/haproxy/haproxy.cfg, or as replicas of the Ray Serve
application in deploy/ray, under `qwen3-tts load`. One is killed, drained, filled, and the way's own time is measured.

  python3 Tests/Deploy/balancer.py PROGRAM [--ray] [--only WORD]

With --ray, run it by a Python with ray[serve]. Figures are printed; asserted are outcomes, and times only as wide bounds.
"""
import argparse
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Server"))
from harness import Server  # noqa: E402

LONG = "one two three four five six seven, " * 40
SHORT = "Good morning."


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, text, **members):
    body = json.dumps({"input": text, "response_format": "pcm", **members}).encode()
    return urllib.request.Request(url + "/v1/audio/speech", body, {"Content-Type": "application/json"})


def first_byte(url):
    """Milliseconds to the first byte of a speech, which is then read to its end."""
    start = time.monotonic()
    with urllib.request.urlopen(ask(url, SHORT), timeout=30) as answer:
        answer.read(1)
        taken = time.monotonic() - start
        answer.read()
    return taken * 1000


class Stream(threading.Thread):
    """A speech that is read as fast as it comes; `outcome` is its bytes or its error."""

    def __init__(self, url, text, **members):
        super().__init__(daemon=True)
        self.request = ask(url, text, **members)
        self.outcome = None
        self.began = threading.Event()
        self.start()

    def run(self):
        try:
            with urllib.request.urlopen(self.request, timeout=60) as answer:
                data = answer.read(960)
                self.began.set()
                self.outcome = len(data + answer.read())
        except Exception as error:
            self.outcome = error
        self.began.set()

    @property
    def failed(self):
        self.join(90)
        return not isinstance(self.outcome, int)


class HAProxy:
    """Two servers and HAProxy with the project's configuration, at ports of its own."""

    def __init__(self, program, *options):
        self.program = program
        self.servers = [Server(program, *options) for _ in range(2)]
        port, stats = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        with open(os.path.join(ROOT, "deploy/haproxy/haproxy.cfg")) as file:
            text = file.read()
        text = text.replace("bind :8000", f"bind 127.0.0.1:{port}").replace("bind 127.0.0.1:8405", f"bind 127.0.0.1:{stats}")
        for index, server in enumerate(self.servers):
            text = text.replace(f"127.0.0.1:{8100 + index}", f"127.0.0.1:{server.port}")
        text = re.sub(r"\n  server gpu[23].*", "", text)
        self.file = tempfile.NamedTemporaryFile("w", suffix=".cfg")
        self.file.write(text)
        self.file.flush()
        self.process = subprocess.Popen(["haproxy", "-db", "-f", self.file.name], stderr=subprocess.DEVNULL)
        for _ in range(100):
            with contextlib.suppress(OSError, urllib.error.HTTPError):
                urllib.request.urlopen(self.url + "/ready", timeout=2)
                break
            time.sleep(0.05)
        else:
            raise AssertionError("HAProxy does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for server in self.servers:
            server.__exit__()


class Load:
    """`qwen3-tts load` in the background."""

    def __init__(self, program, url, rps, seconds):
        self.file = tempfile.NamedTemporaryFile(suffix=".json")
        self.process = subprocess.Popen([
            program, "load", "--url", url, "--rps", str(rps), "--duration", str(seconds), "--warmup", "0", "--json",
            self.file.name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def report(self):
        _, messages = self.process.communicate(timeout=180)
        assert self.process.returncode == 0, messages
        with open(self.file.name) as file:
            report = json.load(file)
        print(f"   load: {report['requests']} requests, {report['succeeded']} whole, {report['failures']}, first audio "
              f"p50 {report['firstAudio']['p50']:.0f} ms, p95 {report['firstAudio']['p95']:.0f} ms")
        return report


def compare(way, direct, limit, count=30):
    """Time that the way adds to the first byte."""
    first_byte(way), first_byte(direct)
    pairs = [(first_byte(way), first_byte(direct)) for _ in range(count)]
    through, straight = (statistics.median(side) for side in zip(*pairs))
    print(f"   first byte: {straight:.1f} ms direct, {through:.1f} ms through it (medians of {count})")
    assert through - straight < limit, f"expected less than {limit} ms more"


def haproxy_adds_little(program):
    with HAProxy(program) as both:
        compare(both.url, both.servers[0].url, 5)


def haproxy_one_killed(program):
    with HAProxy(program) as both:
        streams = [Stream(both.url, LONG, max_new_tokens=2000) for _ in range(6)]
        for stream in streams:
            assert stream.began.wait(30)
        load = Load(program, both.url, 2, 10)
        time.sleep(3)
        lost = both.servers[0].busy()
        kept = both.servers[1].busy()
        both.servers[0].process.send_signal(signal.SIGKILL)
        failed = sum(stream.failed for stream in streams)
        report = load.report()
        failures = failed + report["requests"] - report["succeeded"]
        print(f"   killed with {lost:.0f} speeches, {kept:.0f} on the other; {failures} of {6 + report['requests']} failed")
        assert 0 < failed < 6, "speeches on both"
        # Those that ran there; one more may have just come.
        assert failures <= lost + 1
        assert report["succeeded"] > 0.6 * report["requests"]


def haproxy_one_drained(program):
    with HAProxy(program) as both:
        streams = [Stream(both.url, LONG) for _ in range(4)]
        for stream in streams:
            assert stream.began.wait(30)
        load = Load(program, both.url, 2, 10)
        time.sleep(3)
        busy = both.servers[0].busy()
        code = both.servers[0].stop(seconds=90)
        assert not any(stream.failed for stream in streams), [s.outcome for s in streams]
        report = load.report()
        print(f"   drained with {busy:.0f} speeches, exit {code}")
        assert code == 0 and busy > 0
        assert report["succeeded"] == report["requests"], report["failures"]


def keep_full(url, ended):
    """Asks for long speeches until `ended`; a full server is asked again."""
    while not ended.is_set():
        try:
            with urllib.request.urlopen(ask(url, LONG), timeout=60) as answer:
                while answer.read(65536) and not ended.is_set():
                    pass
        except urllib.error.HTTPError as error:
            assert error.code == 503, error
            ended.wait(0.01)
        except (OSError, http.client.HTTPException):
            # The server was stopped with the test.
            assert ended.is_set()


def haproxy_one_filled(program):
    # Each speaks one text and lets four wait.
    with HAProxy(program, "--max-batch", "1", "--max-queue", "4") as both:
        full, other = both.servers
        ended = threading.Event()
        fillers = [threading.Thread(target=keep_full, args=(full.url, ended), daemon=True) for _ in range(8)]
        for filler in fillers:
            filler.start()
        deadline = time.monotonic() + 10
        while full.figure("qwen3tts_requests_waiting") < 4:
            assert time.monotonic() < deadline, "expected four that wait"
            time.sleep(0.02)
        # HAProxy asks each 0.2 s; before that, its retries may all meet the full server.
        time.sleep(0.5)
        outcomes = []
        for _ in range(8):
            outcomes.append(Stream(both.url, SHORT))
            outcomes[-1].join(30)
        assert not any(stream.failed for stream in outcomes), [s.outcome for s in outcomes]
        # Counted just after its last byte.
        other.settle()
        deadline = time.monotonic() + 2
        while (spoken := other.figure("qwen3tts_requests_total")) < 8 and time.monotonic() < deadline:
            time.sleep(0.02)
        refused = full.figure("qwen3tts_requests_rejected_total")
        print(f"   8 whole, {spoken:.0f} of them by the other; the full one refused {refused:.0f}")
        # A place in the queue may be free for a moment, and one of them take it.
        assert spoken >= 6 and refused > 8
        ended.set()


class Ray:
    """Two replicas on this machine."""

    def __init__(self, program, options=""):
        from ray import serve
        import ray
        sys.path.insert(0, os.path.join(ROOT, "deploy", "ray"))
        import speech
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="error",
                 runtime_env={"working_dir": os.path.join(ROOT, "deploy", "ray")})
        port = free_port()
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(speech.app({"program": program, "gpus": "0", "replicas": "2", "arguments": f"--max-batch 16 {options}"}))
        self.url = f"http://127.0.0.1:{port}"

    def servers(self):
        """Process ids of the replicas' servers."""
        listed = subprocess.run(["pgrep", "-f", "qwen3-tts serve --host 127.0.0.1 --port 0"], capture_output=True, text=True)
        return [int(line) for line in listed.stdout.split()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        import ray
        from ray import serve
        serve.shutdown()
        ray.shutdown()
        deadline = time.monotonic() + 30
        while self.servers() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not self.servers(), "expected the servers to end with Ray"


def ray_serve(program):
    with Ray(program) as both, Server(program) as direct:
        assert len(both.servers()) == 2, both.servers()
        compare(both.url, direct.url, 30)
        chunks = []
        with urllib.request.urlopen(ask(both.url, LONG), timeout=30) as answer:
            while data := answer.read1(65536):
                chunks.append((time.monotonic(), len(data)))
        print(f"   a stream of {len(chunks)} pieces in {chunks[-1][0] - chunks[0][0]:.2f} s")
        assert len(chunks) > 5
        # One after the other: Ray learns how many a replica has from its answers.
        streams = []
        for _ in range(6):
            streams.append(Stream(both.url, LONG, max_new_tokens=2000))
            assert streams[-1].began.wait(30)
        load = Load(program, both.url, 2, 15)
        time.sleep(3)
        os.kill(both.servers()[0], signal.SIGKILL)
        failed = sum(stream.failed for stream in streams)
        report = load.report()
        lost = report["requests"] - report["succeeded"]
        print(f"   killed: {failed} of 6 long speeches failed, and {lost} of {report['requests']} short ones")
        assert 0 < failed < 6
        # Those that ran there or had just been sent there.
        assert lost <= 3, report["failures"]
        deadline = time.monotonic() + 60
        while len(both.servers()) < 2:
            assert time.monotonic() < deadline, "expected another replica"
            time.sleep(0.5)
        assert not any(Stream(both.url, SHORT).failed for _ in range(4))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    cases = [ray_serve] if arguments.ray else [
        haproxy_adds_little, haproxy_one_killed, haproxy_one_drained, haproxy_one_filled]
    for case in cases:
        if arguments.only in case.__name__:
            print(case.__name__.replace("_", " "), flush=True)
            case(program)
    print("passed")


main()
