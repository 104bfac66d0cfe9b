#!/usr/bin/env python3
"""How far the engine's word times (speak --subtitles FILE.json) are from where the words are in its own sound.

Where they are is known without listening. The first two codebooks of a voice taught here name the phone of every 40 ms of
what it said (quantizer.py), and the teacher says which phones are of which word: the spoken phones are laid along the teacher's with
the fewest edits, and a word lasts from its first phone to its last. For a voice with other codes (--warp) the
teacher says the sentence, and its words' times are carried over by dynamic time warping of the two sounds (40 mel bands, their mean
removed), which adds an error of its own.

The teacher's sound runs ahead of its phones. By how much is measured here, before anything is compared: the shift at which the phones
explain most of the variance of the level in four bands. Words are compared as they sound, shifted by it; what it would be
without is printed beside it. The last phone before a pause is drawn out over silence, so a word's end counts only where
a word follows at once.
"""
import argparse
import json
import subprocess
import wave
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from scipy.signal import lfilter

from quantizer import Quantizer
from teacher import MARKS, PHONES, SR, STRESS, Teacher, group, mel_bands, pace

SLOT = 0.04  # seconds that have one phone
HOP = SR // 100


def lesson(teacher, text):
    """-> the teacher's phones, the word of each (-1: a pause), their slots, the number of words"""
    phones, words, ends, count = [], [], [], 0
    for symbols in teacher.hibari.phonemize(text):
        known = [c for c in symbols if c in teacher.hibari.vocab]
        *_, length = teacher.net.run(None, {"ids": np.array([teacher.hibari.ids(known)]), "speed": np.ones(1, np.float32)})
        p, e = group(known, 2 * length.reshape(-1).astype(int))
        w, n = words_of(known)
        begin = ends[-1] if ends else 0
        if phones:  # as teacher.join: one pause between two sentences
            phones.pop(), words.pop(), ends.pop()
        phones += p
        words += [x if x < 0 else x + count for x in w]
        ends += [begin + x for x in e]
        count += n
    return phones, words, pace(phones, np.array(ends))[1], count


def words_of(symbols):
    """for each phone of teacher.group the word it is in, -1 for pauses; the number of words"""
    words, word, carried = [-1], 0, False
    for c in symbols:
        word += c == " "
        if c in STRESS:
            carried = True
            words.append(word)
        elif c in MARKS or c == " " and not carried:
            if c != " " and words[-1] != -1:
                words.append(-1)
        elif carried:
            words[-1], carried = word, False
        else:
            words.append(word)
    return words + [-1] * (words[-1] != -1), word + 1


def lay(said, meant):
    """for each of the phones said the one meant, by the fewest edits"""
    d = np.zeros((len(said) + 1, len(meant) + 1), int)
    d[0], d[:, 0] = np.arange(len(meant) + 1), np.arange(len(said) + 1)
    for i, x in enumerate(said, 1):
        for j, y in enumerate(meant, 1):
            d[i, j] = min(d[i - 1, j - 1] + (x != y), d[i - 1, j] + 1, d[i, j - 1] + 1)
    at, i, j = [-1] * len(said), len(said), len(meant)
    while i and j:
        if d[i, j] == d[i - 1, j - 1] + (said[i - 1] != meant[j - 1]):
            i, j = i - 1, j - 1
            at[i] = j
        elif d[i, j] == d[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return at


def spans(words, begins, ends, count):
    """the begin and end of each word, None for one without phones"""
    out = []
    for word in range(count):
        k = [i for i, w in enumerate(words) if w == word]
        out.append((begins[k[0]], ends[k[-1]]) if k else None)
    return out


def spoken_words(slots, phones, words, count):
    """the words in what was said: a phone for each slot"""
    starts = np.flatnonzero(np.r_[True, slots[1:] != slots[:-1]])
    ends = np.r_[starts[1:], len(slots)]
    at = lay([PHONES[p] for p in slots[starts]], phones)
    return spans([words[j] if j >= 0 else -2 for j in at], starts * SLOT, ends * SLOT, count)


def bands(x):
    """level of each 10 ms, all and four bands, in dB under the loud ones [n, 5]"""
    low = [x]
    for f in (900, 2500, 5000):
        a, y = np.exp(-2 * np.pi * f / SR), x
        for _ in range(2):
            y = lfilter([1 - a], [1, -a], y)
        low.append(y)
    parts = [x, low[1], low[2] - low[1], low[3] - low[2], x - low[3]]
    n = len(x) // HOP
    e = np.stack([10 * np.log10((p[:n * HOP].reshape(n, HOP) ** 2).mean(1) + 1e-9) for p in parts], 1)
    return np.maximum(e - np.percentile(e[:, 0], 95), -60)


def lag(heard):
    """seconds by which sounds run ahead of phones; heard: levels [n, 5] and a phone for each slot"""
    best = (0, 0)
    for shift in range(0, 16):
        f = np.concatenate([b[:4 * len(p)][:4 * len(p) - shift] for b, p in heard])
        s = np.concatenate([np.repeat(p, 4)[:len(b)][shift:] for b, p in heard])
        n = min(len(f), len(s))
        f, s = f[:n], s[:n]
        within = sum(f[s == k].var(0) * (s == k).sum() for k in set(s)) / n
        best = max(best, ((1 - within / f.var(0)).mean(), shift))
    return best[1] / 100


def warp(a, b):
    """times of sound b for times of sound a: a function"""
    filters, _ = mel_bands(40)

    def mel(x):
        n = (len(x) - 1200) // HOP
        frames = np.stack([x[i * HOP:i * HOP + 1200] for i in range(n)]) * np.hanning(1200)
        m = np.log(np.abs(np.fft.rfft(frames, 1200)) ** 2 @ filters.T + 1e-7)
        return m - m.mean(0)
    a, b = mel(a), mel(b)
    c = np.sqrt(((a[:, None] - b[None]) ** 2).mean(-1))
    n, m = c.shape
    d = np.full((n + 1, m + 1), np.inf)
    d[0, 0] = 0
    for k in range(n + m - 1):  # all cells of a diagonal at once
        i = np.arange(max(0, k - m + 1), min(n, k + 1))
        j = k - i
        d[i + 1, j + 1] = c[i, j] + np.minimum(d[i, j], 0.2 + np.minimum(d[i, j + 1], d[i + 1, j]))
    i, j, path = n - 1, m - 1, []
    while i >= 0 and j >= 0:
        path.append((i, j))
        k = np.argmin([d[i, j], d[i, j + 1] + 0.2, d[i + 1, j] + 0.2])
        i, j = i - (k != 2), j - (k != 1)
    x, y = np.array(path[::-1]).T
    first = np.r_[True, x[1:] != x[:-1]]
    return lambda t: np.interp(t, x[first] / 100, y[first] / 100)


def sound(file):
    with wave.open(str(file)) as w:
        return np.frombuffer(w.readframes(w.getnframes()), np.int16) / 32768


def speak(a, text, layout, name):
    """-> samples, codes, the engine's words"""
    f = [a.out / f"{name}{s}" for s in (".wav", ".safetensors", ".json")]
    command = [a.engine, "speak", "-o", f[0], "--save-codes", f[1], "--subtitles", f[2], "--seed", "1", "--device", "cpu",
               "--text-layout", layout, *(["--model", a.model] if a.model else []), "--", text]
    subprocess.run(command, check=True, capture_output=True)
    words = [(w["word"], w["start_ms"] / 1000, w["end_ms"] / 1000) for w in json.loads(f[2].read_text())["words"]]
    return sound(f[0]), load_file(f[1])["codes"], words


def figures(errors):
    e = 1000 * np.array(errors)
    m = np.abs(e)
    return (f"{len(e)} words, median error {np.median(m):.0f} ms, 95 % within {np.percentile(m, 95):.0f} ms, "
            f"{100 * (m <= 200).mean():.1f} % within 200 ms, signed median {np.median(e):+.0f} ms")


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--engine", required=True)
    ap.add_argument("--model", help="a voice taught here; by default the bundled one")
    ap.add_argument("--text", required=True, help="folder of text.py")
    ap.add_argument("--quantizer", required=True)
    ap.add_argument("--warp", action="store_true", help="for voices with other codes")
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--lines", type=int, default=10**9)
    a = ap.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    lines = (Path(a.text) / "heldout-written.txt").read_text().splitlines()[:a.lines]
    teacher, quantizer = Teacher(), Quantizer(a.quantizer)
    for layout in ("whole", "incremental"):
        heard, compared = [], []
        for i, line in enumerate(lines):
            phones, words, slots, count = lesson(teacher, line)
            x, codes, said = speak(a, line, layout, f"{layout}-{i}")
            if len(said) != count:
                print(f"left out, the teacher has {count} words of {len(said)}: {line}")
                continue
            if a.warp:
                own = teacher.say(line, True)
                if own is None:
                    continue
                heard.append((bands(own[2] / 32768), own[1].reshape(-1)))
                known = spans(words, (np.cumsum(slots) - slots) * SLOT, np.cumsum(slots) * SLOT, count)
                compared.append((said, known, warp(own[2] / 32768, x)))
            else:
                p = np.searchsorted(quantizer.first, codes[:, :2].reshape(-1), side="right") - 1
                heard.append((bands(x), p))
                compared.append((said, spoken_words(p, phones, words, count), lambda t: t))
        ahead = lag(heard)
        for name, shift in (("as they sound", ahead), ("as the phones are labelled", 0)):
            starts, ends, lost = [], [], 0
            for said, known, there in compared:
                for k, (word, reference) in enumerate(zip(said, known)):
                    if reference is None:
                        lost += 1
                        continue
                    starts.append(word[1] - there(max(reference[0] - shift, 0)))
                    follows = k + 1 < len(known) and known[k + 1] is not None and known[k + 1][0] - reference[1] < 0.01
                    if follows:
                        ends.append(word[2] - there(max(reference[1] - shift, 0)))
            print(f"{layout}, {name} ({1000 * shift:.0f} ms before): starts: {figures(starts)}; ends: {figures(ends)}; "
                  f"{lost} words of which no phone was said", flush=True)
