#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The interface against its description, by schemathesis, and the metrics in a real Prometheus."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from base_model import make_base_model
from harness import TEXT, Server, arguments, case, run

OPTIONS = arguments(__doc__)
FOLDER = tempfile.mkdtemp(prefix="qwen3-tts-interface-")
make_base_model(FOLDER + "/model")
# What a description cannot say: which members go together, and that wrong query parameters are left out.
EXCLUDED = "positive_data_acceptance,negative_data_rejection"


def fuzz(server, examples):
    program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    done = subprocess.run(
        [program, "run", server.url + "/openapi.json", "--max-examples", str(examples), "--phases", "examples,coverage,fuzzing",
         "--exclude-checks", EXCLUDED, "--request-timeout", "120", "--seed", "1", "--no-color"],
        capture_output=True, text=True, cwd=FOLDER, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:]
    assert json.loads(server.get("/health"))["status"] == "ok"
    server.settle(60)
    return next(line.strip() for line in done.stdout.splitlines() if re.match(r"\s*\d+ generated", line))


@case
def the_bundled_voice_answers_as_described():
    with Server(OPTIONS.program, "--no-log-access", "--max-seconds", "2") as server:
        note = fuzz(server, 20)
        assert not any("error" in line for line in server.lines), server.lines
    return note


@case
def a_base_model_answers_as_described():
    with Server(OPTIONS.program, "--no-log-access", "--max-seconds", "2", "--model", FOLDER + "/model") as server:
        return fuzz(server, 10)


@case
def a_key_is_wanted_as_described():
    with Server(OPTIONS.program, "--no-log-access", "--api-key", "secret") as server:
        return fuzz(server, 2)


@case
def prometheus_scrapes_the_metrics():
    if not shutil.which("prometheus"):
        return "skipped: there is no prometheus (apt install prometheus)"
    with Server(OPTIONS.program, "--no-log-access", "--metrics-vllm-names") as server:
        call = urllib.request.Request(server.url + "/v1/audio/speech", json.dumps({"input": TEXT}).encode(),
                                      {"Content-Type": "application/json"})
        urllib.request.urlopen(call).read()
        with open(FOLDER + "/prometheus.yml", "w") as file:
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [
                {"job_name": "qwen3-tts", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}]}, file)
        address = "127.0.0.1:39090"
        process = subprocess.Popen(
            ["prometheus", "--config.file", FOLDER + "/prometheus.yml", "--storage.tsdb.path", FOLDER + "/data",
             "--web.listen-address", address, "--log.level", "error"], stderr=subprocess.DEVNULL)
        try:
            def query(text):
                url = f"http://{address}/api/v1/query?" + urllib.parse.urlencode({"query": text})
                try:
                    with urllib.request.urlopen(url, timeout=5) as response:
                        result = json.load(response)["data"]["result"]
                except OSError:
                    return None
                return float(result[0]["value"][1]) if result else None
            end = time.monotonic() + 30
            while query('sum(qwen3tts_requests_total{finish_reason="stop"})') != 1:
                assert time.monotonic() < end, "no figures in Prometheus"
                time.sleep(0.2)
            assert query('up{job="qwen3-tts"}') == 1
            quantile = query("histogram_quantile(0.5, sum by (le) (qwen3tts_time_to_first_audio_seconds_bucket))")
            assert 0 < quantile < 6, quantile
            assert query("vllm:num_requests_waiting") == 0
        finally:
            process.terminate()
            process.wait()
        check = subprocess.run(["promtool", "check", "metrics"], input=server.get("/metrics"), capture_output=True, text=True)
        return (check.stderr or check.stdout).strip().replace("\n", "; ") or "promtool has nothing to say"


try:
    run(OPTIONS)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
