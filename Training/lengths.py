#!/usr/bin/env python3
"""How many frames a text usually takes, from what the teacher takes for it: what `usual_frames` in the voice's config.json
says, and the engine bounds a speech by.

Letters, words and marks are enough: of texts that were not fitted, the teacher takes 0.5 to 2 times as long."""
import argparse
import json
import random
import subprocess

import numpy as np

from lines import Source, Writer, odd
from teacher import WAIT, Teacher

KEYS = ("text", "letter", "word", "spelled_letter", "comma", "stop")


def counts(text):
    words = text.split()
    plain = ["".join(c for c in w if c.isalpha()) for w in words]
    return [1, sum(map(len, plain)), len(words), sum(len(w) == 1 and w not in "aAI" for w in plain),
            sum(text.count(c) for c in ",;:"), sum(text.count(c) for c in ".!?")]


def texts(source, count):
    wr, rng = Writer(source, "lengths"), random.Random("lengths")
    for _ in range(count):
        k = rng.random()
        yield (wr.line() if k < 0.5 else " ".join([wr.word()] * rng.randrange(1, 9)) + "." if k < 0.6 else
               " ".join(wr.word() for _ in range(rng.randrange(1, 20))) + "." if k < 0.8 else odd(rng, wr.word, source.names))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True, help="the qwen3-tts program, which writes the texts out in words")
    ap.add_argument("--text", required=True)
    ap.add_argument("--out", required=True, help="a JSON file, which export.py reads")
    ap.add_argument("--count", type=int, default=4000)
    a = ap.parse_args()
    teacher, x, y = Teacher(), [], []
    lines = [" ".join(t.split()) for t in texts(Source(a.text), a.count)]
    said = subprocess.run([a.engine, "normalize", "-"], input="\n\n".join(lines), check=True, capture_output=True, text=True).stdout
    for line in filter(None, map(str.strip, said.split("\n\n"))):
        spoken = teacher.say(line)
        if spoken:
            x.append(counts(line))
            y.append(len(spoken[0]))
    x, y = np.array(x, float), np.array(y, float)
    fitted = len(y) * 3 // 4
    w = 1 / np.sqrt(y[:fitted])
    c = np.linalg.lstsq(x[:fitted] * w[:, None], y[:fitted] * w, rcond=None)[0].round(2)
    usual = dict(zip(KEYS, map(float, c)), wait=float(WAIT))
    json.dump(usual, open(a.out, "w"))
    q = np.quantile(y[fitted:] / (x[fitted:] @ c), [0, 0.01, 0.5, 0.99, 1])
    print(f"{usual}; {len(y) - fitted} other texts take min {q[0]:.2f}, 1 % {q[1]:.2f}, median {q[2]:.2f}, 99 % {q[3]:.2f}, max {q[4]:.2f} of it")
