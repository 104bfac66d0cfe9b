#!/usr/bin/env python3
"""Say many texts of 1 to 40 words with the engine: each must end by itself, in about the time that the teacher takes for
what the engine writes it out to.

A third of them are odd: letters, capitals, numbers, one word, mixed punctuation. None was trained on. With --repeated they
are one word or syllable 20 to 60 times instead, and each must be over at 1.6 times its teacher's length, cut with a notice or not."""
import argparse
import json
import random
import subprocess
from pathlib import Path

import numpy as np

from lines import Source, Writer, odd, sentence
from teacher import WAIT, Teacher

MARKS = [".", "!", "?", "...", "?!", "!!", ";", ":", ",", " - ", "!?!"]


def texts(source, count):
    wr, rng = Writer(source, "endings"), random.Random("endings")
    while count:
        k = rng.random()
        if k < 0.3:
            t = odd(rng, wr.word, source.names)
        elif k < 0.4:  # punctuation where it does not belong
            t = " ".join(w + (rng.choice(MARKS) if rng.random() < 0.4 else "") for w in wr.jumble().split())
        elif k < 0.45:
            t = " ".join([wr.word()] * rng.randrange(2, 6)) + rng.choice(MARKS)
        elif k < 0.5:
            t = wr.line().upper()
        elif k < 0.6:  # any length up to the longest
            t = sentence(" ".join(wr.word() for _ in range(rng.randrange(1, 41))))
        else:
            t = wr.line()
        if 1 <= len(t.split()) <= 40 and any(c.isalnum() for c in t):
            count -= 1
            yield t


def repetitions(source, count):
    """-> text, and how its teacher is to be asked: it leaves most of a word of many syllables out"""
    wr, rng = Writer(source, "repetitions"), random.Random("repetitions")
    syllables = "ha la no da ho hey na bla tick ding wee yo doo ta ba".split()
    for _ in range(count):
        unit, times, k = wr.word(), rng.randrange(20, 61), rng.random()
        if k < 0.2:
            unit = rng.choice(syllables)
            yield unit * times, " ".join([unit] * times)
        else:
            t = rng.choice([", ", "! ", ". "] if k < 0.5 else [" "]).join([unit] * times) + rng.choice(["", ".", "!"])
            yield t, t


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True, help="the qwen3-tts program")
    ap.add_argument("--model", help="without it, the bundled voice")
    ap.add_argument("--text", required=True)
    ap.add_argument("--out", required=True, help="a TSV file")
    ap.add_argument("--count", type=int, default=500)
    ap.add_argument("--skip", type=int, default=0, help="of them, the first so many, which another run says")
    ap.add_argument("--layout", choices=("whole", "incremental"), help="without it, they take turns")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--max-frames", type=int, default=2048)
    ap.add_argument("--repeated", action="store_true", help="texts of one word or syllable, 20 to 60 times")
    a = ap.parse_args()
    teacher, rows, wrong = Teacher(), [], 0
    source = Source(a.text)
    for i, (t, taught) in enumerate(repetitions(source, a.count) if a.repeated else ((t, t) for t in texts(source, a.count))):
        if i < a.skip:
            continue
        layout = a.layout or ("whole", "incremental")[i % 2]
        codes = Path(a.out).with_suffix(".codes")
        r = subprocess.run([a.engine, "speak", "-", "--save-codes", codes, "--json", "--seed", str(i), "--device", "cpu",
                            "--threads", str(a.threads), "--text-layout", layout, *(["--model", a.model] if a.model else []),
                            # A limit that is stated replaces the engine's own, which repetitions are judged by.
                            *([] if a.repeated else ["--max-frames", str(a.max_frames)])],
                           input=t, capture_output=True, text=True)
        said = teacher.say(subprocess.run([a.engine, "normalize", "-"], input=taught, check=True, capture_output=True, text=True).stdout)
        s = json.loads(r.stdout) if r.returncode == 0 else dict(frames=0, finish_reason=r.stderr.strip())
        ratio = (s["frames"] - WAIT * (layout == "incremental")) / len(said[0]) if said else float("nan")
        good = ratio <= 1.6 if a.repeated else s["finish_reason"] == "stop" and not (ratio < 0.7 or ratio > 1.4)
        wrong += not good
        rows.append((s["finish_reason"], ratio, s["frames"], layout, t))
        if not good:
            print(f"{s['finish_reason']}\t{ratio:.2f}\t{s['frames']}\t{layout}\t{t}", flush=True)
    Path(a.out).write_text("".join(f"{r[0]}\t{r[1]:.3f}\t{r[2]}\t{r[3]}\t{r[4]}\n" for r in rows))
    q = np.nanquantile([r[1] for r in rows], [0, 0.01, 0.5, 0.99, 1])
    print(f"{len(rows)} texts, {sum(r[0] == 'stop' for r in rows)} ended by themselves, length ratio min {q[0]:.2f}, 1 % {q[1]:.2f}, "
          f"median {q[2]:.2f}, 99 % {q[3]:.2f}, max {q[4]:.2f}, {wrong} outside")
