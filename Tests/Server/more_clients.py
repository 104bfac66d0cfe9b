#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Speaks through LiveKit's and Pipecat's services of OpenAI and ElevenLabs and through LiteLLM's proxy, unmodified; and replays the calls of
Open WebUI and SillyTavern. Its packages (requirements-more.txt) are too large for every run."""
import asyncio
import os
import subprocess
import sys
import tempfile
import time

import httpx
import openai

from harness import TEXT, Server, arguments, case, run

OPTIONS = arguments(__doc__)
SERVER = Server(OPTIONS.program, "--no-log-access")
BASE = SERVER.url + "/v1"


@case
def livekit_speaks():
    from livekit.plugins import openai as plugin

    async def speak(model, format):
        tts = plugin.TTS(base_url=BASE, api_key="any", model=model, voice="ash", response_format=format)
        tts.prewarm()
        seconds, first, start = 0.0, None, time.monotonic()
        async with tts.synthesize(TEXT) as stream:
            async for audio in stream:
                first = first or time.monotonic() - start
                seconds += audio.frame.duration
        await tts.aclose()
        return seconds, first

    notes = []
    # tts-1 gets bytes, the others events.
    for model, format in (("tts-1", "mp3"), ("gpt-4o-mini-tts", "mp3"), ("gpt-4o-mini-tts", "opus"), ("gpt-4o-mini-tts", "pcm")):
        seconds, first = asyncio.run(speak(model, format))
        assert 2 < seconds < 6, (model, format, seconds)
        notes.append(f"{model} {format}: {seconds:.2f} s, first frame after {1000 * first:.0f} ms")
    return "; ".join(notes)


@case
def pipecat_speaks():
    from pipecat.frames.frames import ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame
    from pipecat.services.openai.tts import OpenAITTSService
    from pipecat.tests.utils import run_test

    async def speak():
        service = OpenAITTSService(base_url=BASE, api_key="any", sample_rate=24000,
                                   settings=OpenAITTSService.Settings(voice="alloy"))
        down, _ = await run_test(service, frames_to_send=[TTSSpeakFrame(TEXT)])
        assert not [frame for frame in down if isinstance(frame, ErrorFrame)]
        return sum(len(frame.audio) for frame in down if isinstance(frame, TTSAudioRawFrame)) / 48000

    seconds = asyncio.run(speak())
    assert 2 < seconds < 6, seconds
    return f"{seconds:.2f} s of audio"


@case
def livekit_speaks_while_text_is_written():
    """Over ElevenLabs' multi-stream-input, two segments one after the other."""
    import aiohttp
    from livekit.plugins import elevenlabs

    async def speak():
        async with aiohttp.ClientSession() as session:
            tts = elevenlabs.TTS(base_url=BASE, api_key="any", voice_id="alloy", model="eleven_flash_v2_5",
                                 encoding="pcm_24000", http_session=session)
            seconds = []
            for _ in range(2):
                async with tts.stream() as stream:
                    for word in TEXT.split():
                        stream.push_text(word + " ")
                        await asyncio.sleep(0.01)
                    stream.end_input()
                    seconds.append(sum([audio.frame.duration async for audio in stream]))
            await tts.aclose()
            return seconds
    seconds = asyncio.run(speak())
    assert all(2 < length < 6 for length in seconds), seconds
    return ", ".join(f"{length:.2f} s" for length in seconds)


@case
def pipecat_speaks_on_one_connection():
    """Over ElevenLabs' multi-stream-input, with the text that was said from its times."""
    from pipecat.frames.frames import ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame, TTSTextFrame
    from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
    from pipecat.tests.utils import SleepFrame, run_test

    async def speak():
        service = ElevenLabsTTSService(url=SERVER.url.replace("http", "ws"), api_key="any", sample_rate=24000,
                                       settings=ElevenLabsTTSService.Settings(voice="alloy", model="eleven_flash_v2_5"))
        down, _ = await run_test(service, frames_to_send=[TTSSpeakFrame(TEXT), SleepFrame(sleep=6)])
        assert not [frame for frame in down if isinstance(frame, ErrorFrame)]
        said = " ".join(frame.text.strip() for frame in down if isinstance(frame, TTSTextFrame))
        return sum(len(frame.audio) for frame in down if isinstance(frame, TTSAudioRawFrame)) / 48000, said
    seconds, said = asyncio.run(speak())
    assert 2 < seconds < 8 and said.split() == TEXT.split(), (seconds, said)
    return f"{seconds:.2f} s of audio"


@case
def litellm_hands_on_whole_files():
    key = "sk-" + "0123456789abcdef" * 2
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/config.yaml", "w") as file:
            file.write(f"model_list:\n- model_name: speech\n  litellm_params:\n    model: openai/tts-1\n    api_base: {BASE}\n"
                       f"    api_key: any\ngeneral_settings:\n  master_key: {key}\n")
        environment = dict(os.environ, LITELLM_LOCAL_MODEL_COST_MAP="True")
        program = os.path.join(os.path.dirname(sys.executable), "litellm")
        process = subprocess.Popen([program, "--config", folder + "/config.yaml", "--host", "127.0.0.1", "--port", "34000"],
                                   env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 120
            while True:
                try:
                    httpx.get("http://127.0.0.1:34000/health/liveliness").raise_for_status()
                    break
                except httpx.HTTPError:
                    assert time.monotonic() < end and process.poll() is None, "the proxy does not start"
                    time.sleep(0.5)
            sdk = openai.OpenAI(base_url="http://127.0.0.1:34000/v1", api_key=key)
            data = sdk.audio.speech.create(model="speech", voice="nova", input=TEXT, response_format="wav").read()
            assert data[:4] == b"RIFF" and len(data) > 96000, len(data)
            return f"{len(data)} bytes of WAV"
        finally:
            process.terminate()
            process.wait()


@case
def open_webui_and_sillytavern_are_answered():
    """Their calls, replayed: whole bodies."""
    listed = httpx.get(BASE + "/audio/voices").json()
    assert {voice["id"]: voice["name"] for voice in listed["voices"]}
    assert httpx.get(BASE + "/audio/models").json()["models"][0]["id"]
    assert httpx.get(BASE + "/models").json()["data"][0]["id"]
    headers = {"Authorization": "Bearer any", "X-OpenWebUI-User-Name": "a", "X-OpenWebUI-User-Role": "admin"}
    for body in [{"input": TEXT, "voice": "alloy", "model": "tts-1"},
                 {"input": TEXT, "voice": "heart", "model": "bundled", "speed": 1.2, "response_format": "opus"},
                 {"input": TEXT, "response_format": "mp3", "voice": "nova", "speed": 1, "model": "tts-1"}]:
        response = httpx.post(BASE + "/audio/speech", json=body, headers=headers, timeout=60)
        assert response.status_code == 200 and response.headers["content-type"] in ("audio/mpeg", "audio/ogg"), response
        assert len(response.content) > 8000


try:
    run(OPTIONS)
finally:
    SERVER.__exit__()
