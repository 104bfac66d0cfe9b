# SPDX-License-Identifier: MIT
"""Text to speech with Qwen3-TTS.

    from qwen3_tts import Synthesizer

    with Synthesizer() as synthesizer:
        for chunk in synthesizer.speak("Good morning."):
            play(chunk)  # numpy.float32, mono, 24 kHz
"""
from ._synthesizer import (
    SAMPLE_RATE, DeviceUnavailable, FinishReason, InternalFailure, InvalidInput, InvalidModel, Overloaded,
    ResourcesMissing, Speech, Stopped, Summary, SynthesisError, Synthesizer, TimedOut, __version__)

__all__ = [
    "SAMPLE_RATE", "DeviceUnavailable", "FinishReason", "InternalFailure", "InvalidInput", "InvalidModel",
    "Overloaded", "ResourcesMissing", "Speech", "Stopped", "Summary", "SynthesisError", "Synthesizer",
    "TimedOut", "__version__"]
