#!/usr/bin/env python3
"""Write text and say it with the teacher, in many processes, and store codes and text tokens (and, in
a third of the processes at first, sound). Chunk files chunk_*.npz: codes [n, 16] uint8, frames, toks
uint16, tlen, and audio int16 if any; they appear under their final name only when complete, so training
reads them while they are made."""
import argparse
import gc
import multiprocessing as mp
import os
import time
from pathlib import Path

import numpy as np

from lines import Source, Writer
from quantizer import Quantizer
from teacher import Teacher

LONGEST = 300  # frames; forty words take about 230


def pack(rows):
    """rows: (codes, audio, tokens)"""
    d = dict(codes=np.concatenate([r[0] for r in rows]), frames=np.array([len(r[0]) for r in rows], np.int32),
             toks=np.concatenate([np.array(r[2], np.uint16) for r in rows]), tlen=np.array([len(r[2]) for r in rows], np.int32))
    if rows[0][1] is not None:
        d["audio"] = np.concatenate([r[1] for r in rows])
    return d


def heldout(a, tx):
    tc, qz, rows, which = Teacher(), Quantizer(a.quantizer), [], []
    lines = (Path(a.text) / "heldout-written.txt").read_text().splitlines()
    for i, (t, ids) in list(enumerate(zip(lines, tx.encode(lines))))[:a.held_out]:
        r = tc.say(t, True)
        if r:
            rows.append((qz.encode(*r[:2]), r[2], ids))
            which.append(i)
    tmp = Path(a.out) / ".heldout.npz"
    np.savez(tmp, line=np.array(which, np.int32), **pack(rows))
    os.rename(tmp, Path(a.out) / "heldout.npz")
    print("held out", len(rows), flush=True)


def worker(w, a, source, deadline):
    from textids import TextIds
    os.nice(5)
    tx = TextIds(a.text)
    if w == 0:
        heldout(a, tx)
    tc, qz, out = Teacher(), Quantizer(a.quantizer), Path(a.out)
    wr = Writer(source, f"{a.seed} {w}", w, a.workers)
    tellers = len(range(0, a.workers, a.every))
    rows, texts, k, heard, size, total, said = [], [], 0, 0.0, 0, 0, 0
    while time.time() < deadline and said < a.max_lines:
        audio = w % a.every == 0 and heard < a.audio_hours / tellers
        text = wr.line()
        r = tc.say(text, audio)
        if r is None or len(r[0]) > LONGEST:
            continue
        n, said = len(r[0]), said + 1
        rows.append((qz.encode(*r[:2]), r[2]))
        texts.append(text)
        size += n
        total += n
        heard += n / 45000 if audio else 0
        full = size > (3000 if audio else 20000 if k > 3 else 4000)
        if full or (audio and heard >= a.audio_hours / tellers) or time.time() >= deadline or said >= a.max_lines:
            tmp = out / f".tmp_{w:03d}.npz"
            np.savez(tmp, **pack([(*r, ids) for r, ids in zip(rows, tx.encode(texts))]))
            os.rename(tmp, out / f"chunk_{a.seed}_{w:03d}_{k:06d}.npz")
            rows, texts, size, k = [], [], 0, k + 1
    print(f"worker {w}: {total / 45000:.2f} h in {said} lines", flush=True)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--text", required=True, help="folder of text.py and tokenizer.py")
    ap.add_argument("--quantizer", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 6))
    ap.add_argument("--seconds", type=float, default=300)
    ap.add_argument("--audio-hours", type=float, default=24)
    ap.add_argument("--every", type=int, default=3, help="of so many processes one makes sound")
    ap.add_argument("--seed", type=int, default=1, help="another seed, another text")
    ap.add_argument("--held-out", type=int, default=10**9, help="held-out sentences to say")
    ap.add_argument("--max-lines", type=int, default=10**9, help="a worker")
    a = ap.parse_args()
    t0 = time.time()
    Path(a.out).mkdir(parents=True, exist_ok=True)
    source = Source(a.text)
    gc.freeze()  # nothing of it is ever garbage
    print(f"text sources read {time.time() - t0:.1f}s, {a.workers} workers", flush=True)
    ps = [mp.get_context("fork").Process(target=worker, args=(w, a, source, t0 + a.seconds)) for w in range(a.workers)]
    for p in ps:
        p.start()
    for p in ps:
        p.join()
