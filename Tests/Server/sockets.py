#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Speaks while the text is being written, through the clients that people use, unmodified: the SDKs of ElevenLabs,
OpenAI (Realtime) and DashScope, and Wyoming's; and what a socket has to endure."""
import asyncio
import base64
import io
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import wave

import httpx
import numpy as np
import openai
import websockets
from websockets.sync.client import connect

from harness import TEXT, Server, arguments, case, run

OPTIONS = arguments(__doc__)
FOLDER = tempfile.mkdtemp(prefix="qwen3-tts-tls-")
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", FOLDER + "/key.pem",
                "-out", FOLDER + "/cert.pem"], check=True, capture_output=True)
# Before a client reads it.
os.environ["SSL_CERT_FILE"] = FOLDER + "/cert.pem"
from elevenlabs.client import ElevenLabs  # noqa: E402
from wyoming.client import AsyncTcpClient  # noqa: E402
from wyoming.info import Describe, Info  # noqa: E402
from wyoming.tts import (Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop,  # noqa: E402
                         SynthesizeVoice)

SERVER = Server(OPTIONS.program, "--no-log-access", "--wyoming-port", "0")
SECURE = Server(OPTIONS.program, "--no-log-access", "--tls-certificate", FOLDER + "/cert.pem", "--tls-key",
                FOLDER + "/key.pem")
WORDS = [word + " " for word in TEXT.split(" ")[:-1]] + TEXT.split(" ")[-1:]
SEED = 5
# Connections that a test cuts are reported by its own thread, too.
logging.getLogger("websockets").setLevel(logging.CRITICAL)


def socket_url(path, server=None):
    return (server or SERVER).url.replace("http", "ws", 1) + path


def whole(seed=SEED, **members):
    """The whole text over HTTP, read as it would be while it is written."""
    return httpx.post(SERVER.url + "/v1/audio/speech", timeout=60, json={
        "input": TEXT, "response_format": "pcm", "seed": seed, "non_streaming_mode": False, **members}).content


def slowly(send):
    for word in WORDS:
        send(word)
        time.sleep(0.01)


def by_nari():
    with connect(socket_url("/v1/audio/speech/ws"), subprotocols=["nari.speech.v1"]) as socket:
        audio, sequence = b"", iter(range(1000))
        assert json.loads(socket.recv())["type"] == "session.created"
        socket.send(json.dumps({"type": "request.start", "voice": "aiden", "response_format": "pcm", "seed": SEED}))
        assert json.loads(socket.recv())["type"] == "request.configured"
        slowly(lambda word: socket.send(json.dumps(
            {"type": "input_text.append", "sequence": next(sequence), "text": word})))
        socket.send(json.dumps({"type": "input_text.end", "sequence": next(sequence)}))
        for message in socket:
            if isinstance(message, bytes):
                audio += message
        return audio


def by_stream(streams=True):
    with connect(socket_url("/v1/audio/speech/stream")) as socket:
        audio = b""
        socket.send(json.dumps({"type": "session.config", "response_format": "pcm", "seed": SEED, "stream_audio": streams}))
        slowly(lambda word: socket.send(json.dumps({"type": "input.text", "text": word})))
        socket.send(json.dumps({"type": "input.done"}))
        for message in socket:
            if isinstance(message, bytes):
                audio += message
            elif json.loads(message)["type"] == "session.done":
                socket.send(json.dumps({"type": "session.close"}))
        return audio


def by_elevenlabs(ending):
    url = socket_url(f"/v1/text-to-speech/alloy/{ending}?output_format=pcm_24000&seed={SEED}")
    context = {"context_id": "one"} if ending.startswith("multi") else {}
    with connect(url) as socket:
        audio = b""
        socket.send(json.dumps({"text": " ", **context}))
        slowly(lambda word: socket.send(json.dumps({"text": word, **context})))
        socket.send(json.dumps({"close_socket": True} if context else {"text": ""}))
        for message in socket:
            audio += base64.b64decode(json.loads(message).get("audio") or "")
        return audio


def by_realtime():
    with connect(socket_url("/v1/realtime")) as socket:
        audio = b""
        slowly(lambda word: socket.send(json.dumps({"type": "input_text_buffer.append", "text": word})))
        socket.send(json.dumps({"type": "input_text_buffer.commit"}))
        for message in socket:
            event = json.loads(message)
            if event["type"] == "response.output_audio.delta":
                audio += base64.b64decode(event["delta"])
            if event["type"] == "response.done":
                return audio


async def wyoming(events, last):
    async with AsyncTcpClient("127.0.0.1", SERVER.wyoming_port) as client:
        for event in events:
            await client.write_event(event.event())
            await asyncio.sleep(0.01)
        got = []
        while (event := await client.read_event()) is not None:
            got.append(event)
            if event.type == last:
                return got
        raise AssertionError(f"no {last} in {[event.type for event in got]}")


@case
def text_word_by_word_is_the_whole_text_on_every_socket():
    """Sent every 10 ms: byte for byte what the whole text is."""
    expected = whole()
    for name, audio in [("nari", by_nari()), ("stream", by_stream()), ("stream, whole", by_stream(False)),
                        ("stream-input", by_elevenlabs("stream-input")),
                        ("multi-stream-input", by_elevenlabs("multi-stream-input"))]:
        assert audio == expected, (name, len(audio), len(expected))
    # Those have no seed: the length is a speech's.
    assert len(by_realtime()) % 3840 == 0


@case
def the_first_sound_comes_soon_after_the_first_words():
    """While the text is open; words that are read as they are, since English ones wait for what follows them."""
    times = []
    for _ in range(20):
        with connect(socket_url("/v1/audio/speech/stream")) as socket:
            socket.send(json.dumps({"type": "session.config", "response_format": "pcm", "stream_audio": True, "normalize": "off"}))
            socket.recv()
            start = time.monotonic()
            socket.send(json.dumps({"type": "input.text", "text": "Good morning. "}))
            while isinstance(message := socket.recv(), str):
                identity = json.loads(message)["id"]
            first = time.monotonic() - start
            state = json.loads(SERVER.get("/v1/audio/speech/" + identity))
            times.append((1000 * first, 1000 * state["first_audio_seconds"]))
    all, engine = np.median(times, axis=0)
    return f"median {all:.1f} ms, of which the engine's own {engine:.1f} ms"


def assert_in_order(alignment):
    times = [t for pair in zip(alignment.character_start_times_seconds, alignment.character_end_times_seconds) for t in pair]
    assert times == sorted(times), times


@case
def the_elevenlabs_sdk_speaks():
    client = ElevenLabs(base_url=SERVER.url, api_key="any")
    voices = [voice.voice_id for voice in client.voices.search().voices]
    assert voices == [voice.voice_id for voice in client.voices.get_all().voices] and voices, voices
    pcm = b"".join(client.text_to_speech.convert(voices[0], text=TEXT, output_format="pcm_24000", seed=SEED))
    assert pcm == httpx.post(SERVER.url + "/v1/audio/speech", json={
        "input": TEXT, "response_format": "pcm", "seed": SEED}).content
    mp3 = b"".join(client.text_to_speech.stream("alloy", text=TEXT, model_id="eleven_turbo_v2_5"))
    assert mp3[:1] == b"\xff", mp3[:4]
    timed = client.text_to_speech.convert_with_timestamps("alloy", text=TEXT, output_format="pcm_24000")
    seconds = len(base64.b64decode(timed.audio_base_64)) / 48000
    assert "".join(timed.alignment.characters) == TEXT
    assert abs(timed.alignment.character_end_times_seconds[-1] - seconds) < 0.01
    assert_in_order(timed.alignment)
    characters, starts = "", []
    for part in client.text_to_speech.stream_with_timestamps("alloy", text=TEXT, output_format="pcm_24000"):
        if part.alignment:
            characters += "".join(part.alignment.characters)
            starts += part.alignment.character_start_times_seconds
    assert characters == TEXT and starts == sorted(starts), characters
    assert client.models.list()[0].model_id == "bundled"
    try:
        list(client.text_to_speech.convert("nobody", text=TEXT))
    except Exception as error:
        assert error.status_code == 404 and error.body["detail"]["status"] == "voice_not_found", error
    else:
        raise AssertionError("a voice there is not was spoken with")


@case
def the_elevenlabs_sdk_speaks_while_text_is_written():
    """Over TLS, on which the SDK insists."""
    client = ElevenLabs(base_url=SECURE.url.replace("127.0.0.1", "localhost"), api_key="any")
    start, times, audio = time.monotonic(), [], b""
    for piece in client.text_to_speech.convert_realtime(
            "alloy", text=iter(WORDS), model_id="eleven_flash_v2_5", output_format="pcm_24000"):
        times.append(time.monotonic() - start)
        audio += piece
    assert len(audio) > 48000, len(audio)
    try:
        list(client.text_to_speech.convert_realtime("nobody", text=iter(WORDS), model_id="x"))
    except Exception as error:
        assert "voice" in str(error), error
    else:
        raise AssertionError("a voice there is not was spoken with")
    return f"{len(audio) / 48000:.2f} s of speech, the first after {1000 * times[0]:.0f} ms"


@case
def the_openai_sdk_speaks_over_realtime():
    client = openai.OpenAI(base_url=SERVER.url + "/v1", api_key="any", websocket_base_url=socket_url("/v1"))
    with client.realtime.connect(model="gpt-realtime") as connection:
        assert connection.recv().type == "session.created"
        connection.session.update(session={
            "type": "realtime", "output_modalities": ["audio"],
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}}})
        assert connection.recv().type == "session.updated"
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT}]}
        for number in range(2):
            if number:
                connection.conversation.item.create(item=item)
                connection.response.create()
            else:
                connection.response.create(response={
                    "conversation": "none", "output_modalities": ["audio"], "input": [item]})
            audio, types = b"", []
            for event in connection:
                types.append(event.type)
                assert event.type != "error", event
                if event.type == "response.output_audio.delta":
                    audio += base64.b64decode(event.delta)
                if event.type == "response.done":
                    assert event.response.status == "completed", event
                    break
            assert len(audio) > 48000 and "response.created" in types, types
        connection.response.cancel()
        assert connection.recv().error.code == "response_cancel_not_active"
        connection.response.create(response={"input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT * 50}]}]})
        while connection.recv().type != "response.output_audio.delta":
            pass
        connection.response.cancel()
        while (event := connection.recv()).type != "response.done":
            pass
        assert event.response.status == "cancelled"


@case
def the_dashscope_sdk_speaks():
    import dashscope
    from dashscope.audio.qwen_tts_realtime import AudioFormat, QwenTtsRealtime, QwenTtsRealtimeCallback
    dashscope.api_key = "any"

    class Callback(QwenTtsRealtimeCallback):
        def __init__(self):
            self.done, self.audio, self.events = threading.Event(), b"", []

        def on_event(self, message):
            self.events.append(message["type"])
            if message["type"] == "response.audio.delta":
                self.audio += base64.b64decode(message["delta"])
            if message["type"] == "session.finished":
                self.done.set()
    for mode in ("server_commit", "commit"):
        heard = Callback()
        client = QwenTtsRealtime(model="qwen-tts-realtime", callback=heard, url=socket_url("/api-ws/v1/realtime"))
        client.connect()
        client.update_session(voice="alloy", mode=mode, response_format=AudioFormat.PCM_24000HZ_MONO_16BIT)
        slowly(client.append_text)
        client.commit()
        client.finish()
        assert heard.done.wait(20) and len(heard.audio) > 48000, (mode, heard.events)


@case
def the_wyoming_client_speaks():
    info = Info.from_event(asyncio.run(wyoming([Describe()], "info"))[-1])
    program = info.tts[0]
    assert program.installed and program.supports_synthesize_streaming, program
    assert program.voices[0].languages == ["en"], program.voices
    voice = SynthesizeVoice(name=program.voices[0].name, language="en")
    once = asyncio.run(wyoming([Synthesize(TEXT, voice=voice)], "audio-stop"))
    assert [event.type for event in once[:2]] == ["audio-start", "audio-chunk"], once[:2]
    assert once[0].data["rate"] == 24000 and once[0].data["width"] == 2 and once[0].data["channels"] == 1
    assert sum(len(event.payload or b"") for event in once) > 48000
    events = [SynthesizeStart(voice=voice), *map(SynthesizeChunk, WORDS), Synthesize(TEXT, voice=voice), SynthesizeStop()]
    stream = asyncio.run(wyoming(events, "synthesize-stopped"))
    types = [event.type for event in stream]
    assert types[0] == "audio-start" and types[-2:] == ["audio-stop", "synthesize-stopped"], types
    assert types.count("audio-start") == 1, types
    copy = asyncio.run(wyoming([SynthesizeStart(), Synthesize(TEXT), SynthesizeStop()], "synthesize-stopped"))
    assert sum(len(event.payload or b"") for event in copy) > 48000
    empty = asyncio.run(wyoming([SynthesizeStart(), SynthesizeStop()], "synthesize-stopped"))
    assert [event.type for event in empty] == ["synthesize-stopped"]
    error = asyncio.run(wyoming([Synthesize(TEXT, voice=SynthesizeVoice(name="nobody"))], "error"))[-1]
    assert error.data["code"] == "voice-not-found", error.data


@case
def wyomings_bridge_to_http_speaks():
    with subprocess.Popen([sys.executable, "-m", "wyoming.http.tts_server", "--uri",
                           f"tcp://127.0.0.1:{SERVER.wyoming_port}", "--host", "127.0.0.1", "--port", "15733"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as bridge:
        try:
            for _ in range(100):
                try:
                    answer = httpx.get("http://127.0.0.1:15733/api/text-to-speech", params={"text": TEXT}, timeout=20)
                    break
                except httpx.ConnectError:
                    time.sleep(0.1)
            with wave.open(io.BytesIO(answer.content)) as file:
                assert file.getframerate() == 24000 and file.getnframes() > 24000
        finally:
            bridge.terminate()


HOSTILE = [
    ("/v1/audio/speech/stream", ['{"type":"session.config","response_format":"pcm","stream_audio":true}'],
     ["session.config", "input.text", "input.commit", "input.done", "input.cancel", "session.close"]),
    ("/v1/audio/speech/ws", ['{"type":"request.start"}'],
     ["request.start", "input_text.append", "input_text.end", "response.cancel"]),
    ("/v1/text-to-speech/alloy/stream-input", [], [""]),
    ("/v1/text-to-speech/alloy/multi-stream-input", [], [""]),
    ("/v1/realtime", [], ["session.update", "conversation.item.create", "response.create", "response.cancel",
                          "input_text_buffer.append", "input_text_buffer.commit", "input_text_buffer.clear"]),
    ("/api-ws/v1/realtime", [], ["session.update", "input_text_buffer.append", "input_text_buffer.commit",
                                 "session.finish"])]


def nonsense(dice, types):
    """A message: of the protocol in no order, damaged, of another kind, or large."""
    value = dice.choice([None, True, -1, 1e300, "word ", "", " ", "\u0000\ud83d\ude00", [], {}, "a" * dice.choice([10, 3000])])
    members = {"type": dice.choice(types), **{
        dice.choice(["text", "sequence", "session", "response", "item", "voice", "context_id", "flush", "close_context",
                     "voice_settings", "generation_config", "audio", "stream_audio", "split_granularity", "event_id"]):
        value for _ in range(3)}}
    if dice.random() < 0.6:
        members["text"] = dice.choice(["one ", "two. ", "three", ", ", "4.5 "])
    if dice.random() < 0.4:
        members["context_id"] = dice.choice(["a", "b", "c"])
    text = json.dumps(members)
    kind = dice.random()
    if kind < 0.05:
        return text.encode()
    if kind < 0.1:
        return text[:dice.randrange(len(text))]
    if kind < 0.12:
        return "x" * 200_000
    return text


@case
def ten_thousand_hostile_messages_do_no_harm():
    dice = random.Random(18)
    files = SERVER.figure("process_open_fds")
    sent, connections = 0, 0
    expected = whole()
    good = []
    listener = threading.Thread(target=lambda: good.extend(whole() == expected for _ in range(10)))
    listener.start()
    while sent < 10_000:
        path, first, types = HOSTILE[connections % len(HOSTILE)]
        connections += 1
        options = {"subprotocols": ["nari.speech.v1"]} if path.endswith("/ws") else {}
        try:
            with connect(socket_url(path), max_queue=None, close_timeout=1, **options) as socket:
                for message in first + [nonsense(dice, types) for _ in range(dice.randrange(1, 120))]:
                    if isinstance(message, str) and dice.random() < 0.1:
                        # In fragments.
                        step = max(1, len(message) // 5)
                        socket.send(message[at:at + step] for at in range(0, len(message), step))
                    else:
                        socket.send(message)
                    sent += 1
                if dice.random() < 0.3:
                    socket.socket.close()
        except (websockets.ConnectionClosed, OSError):
            pass
    listener.join()
    assert all(good) and len(good) == 10, good
    SERVER.settle(10)
    # A client that was closed without a word has some seconds to answer.
    end = time.monotonic() + 20
    while (left := SERVER.figure("process_open_fds")) > files + 3:
        assert time.monotonic() < end, (files, left)
        time.sleep(0.1)
    assert whole() == expected
    return f"{sent} messages on {connections} connections, {left - files:.0f} files more"


@case
def a_signal_lets_speaking_sockets_end_and_idle_ones_know():
    with Server(OPTIONS.program, "--no-log-access", "--wyoming-port", "0") as server:
        sockets = []
        for index in range(20):
            socket = connect(socket_url("/v1/audio/speech/stream", server))
            socket.send(json.dumps({"type": "session.config", "response_format": "pcm", "stream_audio": True}))
            socket.recv()
            if index % 2:
                socket.send(json.dumps({"type": "input.text", "text": TEXT * 4}))
                socket.send(json.dumps({"type": "input.done"}))
                while isinstance(socket.recv(), str):
                    pass
            sockets.append(socket)
        server.process.send_signal(signal.SIGTERM)
        start = time.monotonic()
        for index, socket in enumerate(sockets):
            messages = []
            try:
                while True:
                    messages.append(socket.recv(timeout=30))
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd.code == 1001, closed
            if index % 2:
                assert any(isinstance(message, str) and "session.done" in message for message in messages), index
        assert server.process.wait(20) == 0
        return f"after {time.monotonic() - start:.1f} s"


try:
    run(OPTIONS)
finally:
    SERVER.__exit__()
    SECURE.__exit__()
