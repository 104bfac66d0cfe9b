#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Speaks with a running server through the clients that people use, unmodified.

    clients.py URL ENGINE

URL is the server's, ENGINE the program whose `speak` says what pcm has to be. Prints a line a case; exit 1 when one is not
as expected.
"""
import asyncio
import base64
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import httpx
import openai
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

URL, ENGINE = sys.argv[1], sys.argv[2]
TEXT = "Good morning. This is a test of the server."
FORMATS = ["mp3", "opus", "flac", "wav", "pcm"] + (["aac"] if shutil.which("ffmpeg") else [])
CASES = []


def case(function):
    CASES.append(function)
    return function


def client(**options):
    return openai.OpenAI(base_url=URL + "/v1", api_key="any", **options)


def spoken(seed):
    """What the command says with a seed, as 16-bit samples."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([ENGINE, "speak", TEXT, "--seed", str(seed), "-o", folder + "/a.wav"],
                       check=True, capture_output=True)
        with open(folder + "/a.wav", "rb") as file:
            return file.read()[44:]


def seconds(data, name):
    """Length of a file as ffmpeg decodes it; None without ffmpeg."""
    if not shutil.which("ffmpeg"):
        return None
    raw = ["-f", "s16le", "-ar", "24000", "-ac", "1"] if name == "pcm" else []
    out = subprocess.run(["ffmpeg", "-v", "error", *raw, "-i", "pipe:0", "-f", "s16le", "-ar", "24000", "-ac", "1", "-"],
                         input=data, capture_output=True, check=True).stdout
    return len(out) / 48000


@case
def every_format_is_decoded_to_the_same_length():
    """create() in every format; ffmpeg decodes each to the length of the pcm."""
    whole = None
    for name in ["pcm"] + FORMATS:
        data = client().audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format=name, extra_body={"seed": 1}).read()
        length = seconds(data, name)
        if length is None:
            assert data, name
            continue
        whole = whole or length
        assert abs(length - whole) < 0.15, (name, length, whole)


@case
def pcm_is_what_the_command_speaks():
    for seed in (1, 2):
        data = client().audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format="pcm", extra_body={"seed": seed}).read()
        assert data == spoken(seed), seed


@case
def twelve_at_once_get_their_own_samples():
    expected = {seed: spoken(seed) for seed in (1, 2)}
    results = {}

    def run(index):
        seed = 1 + index % 2
        results[index] = client().audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format="pcm", extra_body={"seed": seed}).read() == expected[seed]

    threads = [threading.Thread(target=run, args=(index,)) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12 and all(results.values()), results


@case
def chunks_come_as_they_are_made():
    text = TEXT * 6
    start, times = time.monotonic(), []
    with client().audio.speech.with_streaming_response.create(
            model="tts-1", voice="nova", input=text, response_format="pcm") as response:
        assert response.headers["content-type"] == "audio/pcm"
        assert response.headers["x-request-id"]
        for _ in response.iter_bytes():
            times.append(time.monotonic() - start)
    assert len(times) > 4 and times[0] < times[-1] / 2, (len(times), times[0], times[-1])


@case
def events_carry_the_file():
    with client().audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="ash", input=TEXT, response_format="pcm", stream_format="sse",
            extra_body={"seed": 1}) as response:
        events = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: ")]
    audio = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
    assert audio == spoken(1)
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "speech.audio.done" and usage["output_tokens"] * 3840 == len(audio), usage


@case
def speed_changes_the_length():
    def length(speed):
        return len(client().audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format="pcm", speed=speed, extra_body={"seed": 1}).read())
    ratio = length(2.0) / length(1.0)
    assert abs(ratio - 0.5) < 0.01, ratio


@case
def errors_are_the_clients_own():
    for error, arguments in [
            (openai.BadRequestError, dict(voice="nobody", input=TEXT)),
            (openai.BadRequestError, dict(voice="alloy", input="")),
            (openai.BadRequestError, dict(voice="alloy", input=TEXT, response_format="wma")),
            (openai.NotFoundError, dict(voice="alloy", input=TEXT, model="gpt-9"))]:
        try:
            client(max_retries=0).audio.speech.create(**{"model": "tts-1", **arguments})
        except error as found:
            assert found.body["message"] and found.request_id, found
        else:
            raise AssertionError(f"no {error.__name__} for {arguments}")


@case
def the_async_client_speaks():
    async def run():
        async with openai.AsyncOpenAI(base_url=URL + "/v1", api_key="any") as client:
            return (await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="wav")).read()
    assert asyncio.run(run())[:4] == b"RIFF"


@case
def models_and_voices_are_listed():
    assert [model.id for model in client().models.list()]
    voices = httpx.get(URL + "/v1/audio/voices").json()["voices"]
    assert {voice["id"]: voice["name"] for voice in voices}
    elevenlabs = httpx.get(URL + "/v1/models", headers={"xi-api-key": "any"}).json()
    assert elevenlabs[0]["model_id"]


@case
def the_interface_and_the_metrics_are_what_they_say():
    validate(httpx.get(URL + "/openapi.json").json())
    families = {family.name for family in text_string_to_metric_families(httpx.get(URL + "/metrics").text)}
    assert {"qwen3tts_requests", "qwen3tts_time_to_first_audio_seconds", "qwen3tts_engine_up"} <= families, families


@case
def whole_body_clients_are_served():
    """The calls of Open WebUI and SillyTavern, replayed."""
    for body in [
            {"input": TEXT, "voice": "alloy", "model": "tts-1"},
            {"input": TEXT, "response_format": "mp3", "voice": "nova", "speed": 1, "model": "tts-1"}]:
        response = httpx.post(URL + "/v1/audio/speech", json=body, timeout=60)
        assert response.status_code == 200 and response.headers["content-type"] == "audio/mpeg"
        assert response.content[:1] == b"\xff"


def main():
    failed = 0
    for function in CASES:
        try:
            function()
            print("ok  ", function.__name__, flush=True)
        except Exception as error:  # each case says its own
            failed += 1
            print("FAIL", function.__name__, type(error).__name__, error, flush=True)
    print(f"{len(CASES)} cases, {failed} not as expected")
    sys.exit(1 if failed else 0)


main()
