#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Speaks through the clients that people use, unmodified: the OpenAI SDK, and what decodes the formats."""
import asyncio
import base64
import io
import json
import socket
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import openai
import soundfile
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

from harness import TEXT, Server, arguments, case, run

OPTIONS = arguments(__doc__)
SERVER = Server(OPTIONS.program, "--no-log-access")
FORMATS = ["mp3", "opus", "aac", "flac", "wav", "pcm", "ulaw", "alaw"]


def client(**options):
    return openai.OpenAI(base_url=SERVER.url + "/v1", api_key="any", **options)


def speak(format="pcm", text=TEXT, seed=1, **members):
    return client().audio.speech.create(
        model="tts-1", voice="alloy", input=text, response_format=format, extra_body={"seed": seed, **members}).read()


def spoken(seed, text=TEXT):
    """What the command says with a seed, as 16-bit samples."""
    with tempfile.NamedTemporaryFile(suffix=".pcm") as file:
        subprocess.run([OPTIONS.program, "speak", text, "--seed", str(seed), "-o", file.name], check=True,
                       capture_output=True)
        return file.read()


def by_ffmpeg(data, name):
    """Samples at 24 kHz as ffmpeg decodes them."""
    raw = {"pcm": ["-f", "s16le", "-ar", "24000", "-ac", "1"], "ulaw": ["-f", "mulaw", "-ar", "8000", "-ac", "1"],
           "alaw": ["-f", "alaw", "-ar", "8000", "-ac", "1"]}.get(name, [])
    out = subprocess.run(["ffmpeg", "-v", "error", *raw, "-i", "pipe:0", "-f", "s16le", "-ar", "24000", "-ac", "1", "-"],
                         input=data, capture_output=True, check=True).stdout
    return np.frombuffer(out, "<i2").astype(float)


def by_libsndfile(data, name):
    """Samples and rate as libsndfile decodes them; it has no AAC."""
    raw = {"pcm": (24000, "PCM_16"), "ulaw": (8000, "ULAW"), "alaw": (8000, "ALAW")}.get(name)
    options = dict(format="RAW", samplerate=raw[0], channels=1, subtype=raw[1], endian="LITTLE") if raw else {}
    with soundfile.SoundFile(io.BytesIO(data), **options) as file:
        # By libsndfile's own call: the module seeks, which a stream of unknown length cannot.
        buffer, samples = soundfile._ffi.new("double[24000]"), []
        while count := soundfile._snd.sf_readf_double(file._file, buffer, 24000):
            samples.extend(buffer[0:count])
        return np.array(samples), file.samplerate


def alike(a, b):
    """The best correlation of two signals within 100 ms of each other."""
    count = min(len(a), len(b)) - 2400
    a = a[:count] - a[:count].mean()
    best = 0
    spectrum = np.fft.rfft(np.concatenate([b[:count + 2400], np.zeros(len(a))]))
    products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(a, 2 * count + 2400)), 2 * count + 2400)[:2400]
    return products.max() / (np.linalg.norm(a) * np.linalg.norm(b[:count]) + 1e-9)


@case
def words_have_times():
    """The same in events, a header and the command's subtitles, and as long as the sound."""
    text = "Dr. Lee paid $5, and left. Who was that?"
    members = {"seed": 1, "word_timestamps": True}
    raw = client().audio.speech.with_raw_response.create(
        model="tts-1", voice="alloy", input=text, response_format="pcm", extra_body=members,
        extra_headers={"Prefer": "wait"})
    words = json.loads(raw.headers["x-word-timestamps"])
    assert [word["word"] for word in words] == text.split(), words
    times = [time for word in words for time in (word["start_ms"], word["end_ms"])]
    assert times == sorted(times) and times[-1] <= len(raw.content) / 48, times
    events, characters = [], ""
    with client().audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=text, response_format="pcm",
            extra_body={**members, "stream_format": "sse"}) as response:
        for line in response.iter_lines():
            if line.startswith("data: "):
                event = json.loads(line[6:])
                events += event.get("timestamps", [])
                characters += "".join((event.get("alignment") or {}).get("characters", []))
    assert events == words and characters == text, events
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([OPTIONS.program, "speak", text, "--seed", "1", "-o", folder + "/a.wav", "--subtitles",
                        folder + "/a.json"], check=True, capture_output=True)
        with open(folder + "/a.json") as file:
            assert json.load(file)["words"] == words
    return f"{len(words)} words in {times[-1] / 1000:.2f} s"


@case
def every_format_decodes_to_the_same_speech():
    whole = np.frombuffer(speak("pcm"), "<i2").astype(float)
    lines = []
    for name in FORMATS:
        data = speak(name)
        samples = by_ffmpeg(data, name)
        assert abs(len(samples) - len(whole)) < 0.1 * 24000, (name, len(samples), len(whole))
        likeness = alike(whole, samples)
        assert likeness > 0.9, (name, likeness)
        if name != "aac":
            other, rate = by_libsndfile(data, name)
            assert abs(len(other) / rate - len(whole) / 24000) < 0.1, (name, len(other), rate)
        lines.append(f"{name} {likeness:.3f}")
    return ", ".join(lines)


@case
def a_file_that_is_cut_plays_up_to_the_cut():
    for name in FORMATS:
        data = speak(name)
        whole = len(by_ffmpeg(data, name))
        for share in (0.3, 0.5, 0.8):
            samples = len(by_ffmpeg(data[:int(share * len(data))], name)) / whole
            assert share - 0.25 < samples < share + 0.1, (name, share, samples)


@case
def the_first_bytes_come_with_the_first_sound():
    for name in ["mp3", "opus", "flac", "wav", "pcm", "ulaw", "alaw"]:
        with client().audio.speech.with_streaming_response.create(
                model="tts-1", voice="nova", input=TEXT, response_format=name) as response:
            first = next(response.iter_bytes())
        # 80 ms of audio at least, a header apart; encoders look a frame or two ahead.
        seconds = len(by_ffmpeg(first, name)) / 24000
        assert seconds > 0.02, (name, len(first), seconds)


@case
def content_types_are_those_of_the_bytes():
    expected = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav",
                "pcm": "audio/pcm", "ulaw": "audio/basic", "alaw": "audio/x-alaw-basic"}
    for name, kind in expected.items():
        response = httpx.post(SERVER.url + "/v1/audio/speech", json={"input": "Hello.", "response_format": name})
        assert response.headers["content-type"] == kind, (name, response.headers)
    assert speak("wav")[4:8] == b"\xff" * 4


@case
def pcm_is_what_the_command_speaks():
    for seed in (1, 2):
        assert speak(seed=seed) == spoken(seed), seed
    # Its parts run into what such a text can need.
    text = "no " * 50
    for seed in (3, 4):
        assert speak(seed=seed, text=text) == spoken(seed, text), seed


@case
def twelve_at_once_get_their_own_samples():
    expected = {seed: spoken(seed) for seed in (1, 2, 3)}
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda index: speak(seed=1 + index % 3) == expected[1 + index % 3], range(12)))
    assert all(results), results


@case
def chunks_come_as_they_are_made():
    start, times = time.monotonic(), []
    with client().audio.speech.with_streaming_response.create(
            model="tts-1", voice="nova", input=TEXT * 6, response_format="pcm") as response:
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
def speed_changes_the_length_and_leaves_the_pitch():
    plain = by_ffmpeg(speak(), "pcm")
    for speed in (0.5, 2.0):
        data = by_ffmpeg(client().audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format="pcm", speed=speed, extra_body={"seed": 1}).read(), "pcm")
        assert abs(len(data) / len(plain) * speed - 1) < 0.01, (speed, len(data), len(plain))

        def centre(samples):
            spectrum = np.abs(np.fft.rfft(samples)) ** 2
            return (np.fft.rfftfreq(len(samples), 1 / 24000) * spectrum).sum() / spectrum.sum()
        assert abs(centre(data) / centre(plain) - 1) < 0.15, (speed, centre(data), centre(plain))


@case
def rates_are_those_that_are_asked_for():
    whole = len(speak()) / 2 / 24000
    for rate in (8000, 16000, 22050, 32000, 44100, 48000):
        samples, found = by_libsndfile(speak("wav", sample_rate=rate), "wav")
        assert found == rate and abs(len(samples) / rate - whole) < 0.01, (rate, found, len(samples) / rate, whole)


@case
def errors_are_the_clients_own():
    for error, members in [
            (openai.BadRequestError, dict(voice="nobody", input=TEXT)),
            (openai.BadRequestError, dict(voice="alloy", input="")),
            (openai.BadRequestError, dict(voice="alloy", input=TEXT, response_format="wma")),
            (openai.NotFoundError, dict(voice="alloy", input=TEXT, model="gpt-9"))]:
        try:
            client(max_retries=0).audio.speech.create(**{"model": "tts-1", **members})
        except error as found:
            assert found.body["message"] and found.request_id, found
        else:
            raise AssertionError(f"no {error.__name__} for {members}")


@case
def keys_are_asked_for():
    with Server(OPTIONS.program, "--api-key", "right", "--no-log-access") as server:
        for key, is_right in (("right", True), ("wrong", False)):
            sdk = openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0)
            try:
                sdk.audio.speech.create(model="tts-1", voice="alloy", input="Hello.").read()
                assert is_right
            except openai.AuthenticationError:
                assert not is_right


@case
def a_server_that_is_full_is_asked_again():
    """The SDK waits as long as Retry-After says, and tries again."""
    with Server(OPTIONS.program, "--max-queue", "1", "--no-log-access") as server:
        sdk = openai.OpenAI(base_url=server.url + "/v1", api_key="any", max_retries=8)

        def one(_):
            return len(sdk.audio.speech.create(model="tts-1", voice="alloy", input=TEXT * 4, response_format="pcm").read())
        with ThreadPoolExecutor(6) as pool:
            lengths = list(pool.map(one, range(6)))
        rejected = server.figure("qwen3tts_requests_rejected_total")
    assert all(lengths) and rejected > 0, (lengths, rejected)
    return f"{rejected:.0f} refused and repeated"


@case
def the_async_client_speaks():
    async def both():
        async with openai.AsyncOpenAI(base_url=SERVER.url + "/v1", api_key="any") as client:
            whole = (await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="wav")).read()
            async with client.audio.speech.with_streaming_response.create(
                    model="tts-1", voice="alloy", input=TEXT, response_format="wav") as response:
                streamed = b"".join([chunk async for chunk in response.iter_bytes()])
            return whole, streamed
    whole, streamed = asyncio.run(both())
    assert whole[:4] == streamed[:4] == b"RIFF"


@case
def what_became_of_a_speech_can_be_asked():
    response = client().audio.speech.with_raw_response.create(
        model="tts-1", voice="alloy", input=TEXT, response_format="pcm", extra_headers={"X-Request-Id": "mine-7"})
    assert response.headers["x-request-id"] == "mine-7"
    length = len(response.http_response.content)
    state = httpx.get(SERVER.url + "/v1/audio/speech/mine-7").json()
    assert state["finish_reason"] == "stop" and state["usage"]["output_tokens"] * 3840 == length, state


@case
def models_and_voices_are_listed():
    assert [model.id for model in client().models.list()] == ["bundled"]
    assert client().models.retrieve("bundled").owned_by == "qwen"
    voices = httpx.get(SERVER.url + "/v1/audio/voices").json()["voices"]
    assert {voice["id"]: voice["name"] for voice in voices}
    elevenlabs = httpx.get(SERVER.url + "/v1/models", headers={"xi-api-key": "any"}).json()
    assert elevenlabs[0]["model_id"]


@case
def whole_body_clients_are_served():
    """The calls of Open WebUI and SillyTavern, replayed."""
    for body in [
            {"input": TEXT, "voice": "alloy", "model": "tts-1"},
            {"input": TEXT, "response_format": "mp3", "voice": "nova", "speed": 1, "model": "tts-1"}]:
        response = httpx.post(SERVER.url + "/v1/audio/speech", json=body, timeout=60)
        assert response.status_code == 200 and response.headers["content-type"] == "audio/mpeg"
        assert response.content[:1] == b"\xff"


@case
def the_interface_and_the_metrics_are_what_they_say():
    validate(httpx.get(SERVER.url + "/openapi.json").json())
    families = {family.name for family in text_string_to_metric_families(httpx.get(SERVER.url + "/metrics").text)}
    assert {"qwen3tts_requests", "qwen3tts_time_to_first_audio_seconds", "qwen3tts_engine_up"} <= families, families


@case
def http_adds_little_to_the_first_sound():
    """From the engine's first chunk, as the server measures it, to the first byte at the client."""
    added = []
    body = json.dumps({"input": "Good morning.", "response_format": "pcm"})
    with socket.create_connection(("127.0.0.1", SERVER.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(100):
            head = (f"POST /v1/audio/speech HTTP/1.1\r\nHost: a\r\nX-Request-Id: first-{index}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
            start = time.monotonic()
            connection.sendall((head + body).encode())
            # The head comes with the first sound; its bytes come in the write after it.
            data = connection.recv(1 << 16)
            while data.endswith(b"\r\n\r\n"):
                data += connection.recv(1 << 16)
            first = time.monotonic() - start
            while b"x-total-tokens: " not in data.lower() or not data.endswith(b"\r\n\r\n"):
                data = data[-4096:] + connection.recv(1 << 16)
            state = json.loads(SERVER.get(f"/v1/audio/speech/first-{index}"))
            added.append(1000 * (first - state["first_audio_seconds"]))
    return f"median {statistics.median(added):.2f} ms"


try:
    run(OPTIONS)
finally:
    SERVER.__exit__()
