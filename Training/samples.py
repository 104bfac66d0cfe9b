#!/usr/bin/env python3
"""Samples of a voice, as the engine speaks it: the first held-out sentences that take four seconds
at most, none picked by ear. Beside each WAV file a spectrogram, the teacher's above and the engine's below;
transcripts.tsv says what the recogniser heard."""
import argparse
from pathlib import Path

from evaluate import speak
from judges import recogniser
from speechdata import load_heldout, spectrogram_png

if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True, help="the qwen3-tts program")
    ap.add_argument("--model", help="exported folder; without it, the bundled voice")
    ap.add_argument("--text", required=True, help="folder of text.py and tokenizer.py")
    ap.add_argument("--heldout", required=True, help="heldout.npz of speech.py")
    ap.add_argument("--asr", required=True, help="faster-whisper model folder")
    ap.add_argument("--out", required=True)
    ap.add_argument("--count", type=int, default=5)
    a = ap.parse_args()
    out, rows = Path(a.out), []
    out.mkdir(parents=True, exist_ok=True)
    lines, hear = (Path(a.text) / "heldout.txt").read_text().splitlines(), recogniser(a.asr, 2)
    for h in sorted(load_heldout(a.heldout, wait=0), key=lambda h: h["line"]):
        text = lines[h["line"]]
        file = out / f"sample-{len(rows) + 1}.wav"
        sound = speak(a.engine, a.model, text, file, ["--seed", "1"])[0]
        if len(sound) > 4 * 24000:
            file.unlink()
            continue
        rows.append((file.stem, text, hear(sound)))
        file.with_suffix(".png").write_bytes(spectrogram_png([h["audio"] / 32768.0, sound]))
        print(*rows[-1], sep="\t", flush=True)
        if len(rows) == a.count:
            break
    (out / "transcripts.tsv").write_text("".join("\t".join(r) + "\n" for r in rows))
