#!/usr/bin/env python3
"""Say the training text with the teacher, in many processes, and store codes (and, for the first lines,
sound). Chunk files chunk_*.npz: codes [n, 16] uint8, frames, line, voice, and audio int16 if any; they
appear under their final name only when complete, so training reads them while they are made."""
import argparse
import lzma
import multiprocessing as mp
import os
import time
from pathlib import Path

import numpy as np

from quantizer import Quantizer
from teacher import Teacher


def pack(rows):
    d = dict(codes=np.concatenate([r[0] for r in rows]), frames=np.array([len(r[0]) for r in rows], np.int32),
             line=np.array([r[2] for r in rows], np.int32), voice=np.zeros(len(rows), np.uint8))
    if rows[0][1] is not None:
        d["audio"] = np.concatenate([r[1] for r in rows])
    return d


def worker(w, a, lines, deadline):
    os.environ["OMP_NUM_THREADS"] = "1"
    os.nice(5)
    tc, qz, out = Teacher(a.libs), Quantizer(a.quantizer), Path(a.out)
    rows, k, heard = [], 0, 0.0

    def flush():
        nonlocal k
        if rows:
            tmp = out / f".tmp_{w:03d}.npz"
            np.savez(tmp, **pack(rows))
            os.rename(tmp, out / f"chunk_{w:03d}_{k:06d}.npz")
            rows.clear()
            k += 1

    size = 0
    for i in range(a.start + w, len(lines), a.workers):
        if time.time() > deadline:
            break
        audio = heard < a.audio_hours / a.workers
        r = tc.say(lines[i], audio)
        if r is None or len(r[0]) > 150:
            continue
        if rows and (rows[0][1] is None) != (not audio):
            flush()
            size = 0
        rows.append((qz.encode(r[0]), r[1], i))
        n = len(r[0])
        size += n
        heard += n / 45000 if audio else 0
        if size > (1500 if audio else 20000 if k > 3 else 4000):
            flush()
            size = 0
    flush()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--libs", required=True)
    ap.add_argument("--text", required=True)
    ap.add_argument("--quantizer", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 3))
    ap.add_argument("--seconds", type=float, default=300)
    ap.add_argument("--audio-hours", type=float, default=12)
    ap.add_argument("--start", type=int, default=0)
    ap.add_argument("--heldout", action="store_true", help="only the held-out text, with sound")
    a = ap.parse_args()
    Path(a.out).mkdir(parents=True, exist_ok=True)
    if a.heldout:
        tc, qz, rows = Teacher(a.libs), Quantizer(a.quantizer), []
        for i, t in enumerate((Path(a.text) / "heldout.txt").read_text().splitlines()):
            r = tc.say(t, True)
            if r:
                rows.append((qz.encode(r[0]), r[1], i))
        np.savez(Path(a.out) / "heldout.npz", **pack(rows))
        print("held out", len(rows))
    else:
        lines = lzma.open(Path(a.text) / "text.txt.xz", "rt").read().splitlines()
        Teacher(a.libs)  # builds the tap once
        ps = [mp.get_context("spawn").Process(target=worker, args=(w, a, lines, time.time() + a.seconds)) for w in range(a.workers)]
        for p in ps:
            p.start()
        for p in ps:
            p.join()
