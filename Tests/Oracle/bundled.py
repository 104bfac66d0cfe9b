#!/usr/bin/env python3
"""The official package loads a folder, by default the bundled voice, and must give the engine's greedy codes.

  bundled.py --engine .build/release/qwen3-tts

Environment: README.md."""
import argparse
import subprocess
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from golden import load, test_wave

TEXTS = ["Hello world, this is a test.", "Could you turn down the music a little?", "Speech synthesis turns written text into sound.",
         "Yes."]

ap = argparse.ArgumentParser()
ap.add_argument("--engine", required=True)
ap.add_argument("--checkpoint", default=str(Path(__file__).resolve().parents[2] / "Sources/Qwen3TTS/Resources/DefaultVoice"))
a = ap.parse_args()
wrapper = load(a.checkpoint, "native")
speaker = next(iter(wrapper.model.config.talker_config.spk_id))
same = True
with tempfile.TemporaryDirectory() as folder:
    file = folder + "/codes.safetensors"
    for text in TEXTS:
        for layout in ("whole", "incremental"):
            kept, inner = {}, wrapper.model.generate

            def generate(**kw):
                kept["codes"] = inner(**kw)
                return kept["codes"]

            wrapper.model.generate = generate
            wavs, _ = wrapper.generate_custom_voice(text=text, speaker=speaker, language="Auto", non_streaming_mode=layout == "whole",
                                                    do_sample=False, subtalker_dosample=False)
            del wrapper.model.generate
            official = kept["codes"][0][0].int().cpu()
            subprocess.run([a.engine, "speak", text, "--model", a.checkpoint, "--greedy", "--save-codes", file, "--device", "cpu",
                            "--text-layout", layout], check=True, capture_output=True)
            engine = load_file(file)["codes"]
            equal = official.shape == engine.shape and bool((official == engine).all())
            same = same and equal
            print("equal " if equal else "DIFFER", layout, len(official), "frames", text)
codes = wrapper.model.speech_tokenizer.encode(test_wave(1.0), sr=24000).audio_codes[0]
print("codec encodes a second to", list(codes.shape))
raise SystemExit(0 if same else 1)
