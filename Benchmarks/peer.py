#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures one of the Python engines on a CustomVoice checkpoint and prints JSON; `compare` calls it.

  peer.py faster|official --model FOLDER --text TEXT --frames N --repeats N --device cuda|cpu
"""
import argparse
import json
import statistics
import sys
import time

SAMPLES_PER_FRAME = 1920
SAMPLING = dict(do_sample=True, temperature=0.9, top_k=50, top_p=1.0, repetition_penalty=1.05)


class Faster:
    """faster-qwen3-tts: CUDA graphs over torch."""
    first_chunks = (1, 2, 4, 8)

    def __init__(self, folder, device):
        import torch
        from faster_qwen3_tts import FasterQwen3TTS
        if device != "cuda":
            sys.exit("faster-qwen3-tts: expected --device cuda, its graphs need one")
        self.model = FasterQwen3TTS.from_pretrained(folder, device=device, dtype=torch.bfloat16)
        self.speaker = sorted(self.model.model.get_supported_speakers())[0]

    def speak(self, text, frames):
        """Samples of a whole call."""
        audio, _ = self.model.generate_custom_voice(
            text=text, speaker=self.speaker, language="English", max_new_tokens=frames, **SAMPLING)
        return audio[0]

    def stream(self, text, frames, chunk):
        """Chunks of samples."""
        for audio, _, timing in self.model.generate_custom_voice_streaming(
                text=text, speaker=self.speaker, language="English", max_new_tokens=frames,
                chunk_size=chunk, **SAMPLING):
            yield audio, timing


class Official:
    """qwen-tts, as published."""
    first_chunks = ()

    def __init__(self, folder, device):
        import torch
        from qwen_tts import Qwen3TTSModel
        place = dict(device_map="cuda", dtype=torch.bfloat16) if device == "cuda" else dict(
            dtype=torch.float32)
        self.model = Qwen3TTSModel.from_pretrained(folder, attn_implementation="sdpa", **place)
        self.speaker = sorted(self.model.get_supported_speakers())[0]

    def speak(self, text, frames):
        """Samples of a whole call."""
        audio, _ = self.model.generate_custom_voice(
            text=text, speaker=self.speaker, language="English", max_new_tokens=frames, **SAMPLING)
        return audio[0]


def seconds(body):
    start = time.perf_counter()
    result = body()
    return time.perf_counter() - start, result


def measure(engine_type, arguments):
    import torch
    load, engine = seconds(lambda: engine_type(arguments.model, arguments.device))
    calls = [seconds(lambda: engine.speak(arguments.text, arguments.frames))
             for _ in range(arguments.repeats + 1)]
    later = calls[1:]
    frames = [len(samples) // SAMPLES_PER_FRAME for _, samples in later]
    if not sum(frames):
        sys.exit("the model ends every speech at once: nothing can be measured")
    result = dict(
        load_seconds=load,
        first_call_seconds=calls[0][0] - statistics.median(time for time, _ in later),
        frames=statistics.median(frames),
        rtf=statistics.median(0.08 * count / time for (time, _), count in zip(later, frames)),
        ttfa_ms_by_chunk={}, ms_per_frame=statistics.median(
            1000 * time / max(count, 1) for (time, _), count in zip(later, frames)))
    for chunk in engine.first_chunks:
        times = []
        for _ in range(arguments.repeats + 1):
            start = time.perf_counter()
            for samples, _ in engine.stream(arguments.text, chunk, chunk):
                if len(samples):
                    times.append(1000 * (time.perf_counter() - start))
                    break
        if len(times) > 1:
            result["ttfa_ms_by_chunk"][str(chunk)] = statistics.median(times[1:])
    if engine.first_chunks:
        # The codes alone, as the engine itself counts them: the codec runs after each chunk.
        steps = [timing["decode_ms"] / timing["chunk_steps"]
                 for _, timing in engine.stream(arguments.text, arguments.frames, 8)
                 if timing.get("chunk_steps")]
        if steps:
            result["ms_per_frame"] = statistics.median(steps)
    else:
        result["ttfa_ms_by_chunk"]["whole call"] = 1000 * statistics.median(t for t, _ in later)
    result["torch"] = torch.__version__
    result["device"] = "CPU"
    if arguments.device == "cuda":
        result["device"] = torch.cuda.get_device_name()
        result["memory_bytes"] = torch.cuda.max_memory_allocated()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["faster", "official"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    arguments = parser.parse_args()
    engine = dict(faster=Faster, official=Official)[arguments.engine]
    # Packages may print what they like; the result is the last line.
    print(json.dumps(measure(engine, arguments)))


if __name__ == "__main__":
    main()
