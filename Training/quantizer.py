#!/usr/bin/env python3
"""Fit the codebooks to the teacher's parameters. Codebooks 0 and 1 say which phone is spoken in the first and
the second half of the frame, in one of its shades; the talker's history then reads like a phonetic transcript.
The others quantize what is left of a principal-component projection of the frame, by residuals. Takes a
minute on a CPU and needs no gradient."""
import argparse
import multiprocessing as mp
import os

import numpy as np

from lines import Source, Writer
from teacher import PHONES, SILENCE, SLOT, WIDTH, Teacher

DIM, SIZE, LEVELS = 96, 256, 16


def nearest(x, e):
    return (x @ (-2 * e.T) + (e * e).sum(1)).argmin(1)


def kmeans(x, k, iters, rng):
    e = x[rng.permutation(len(x))[:k]].copy()
    for it in range(iters):
        i = nearest(x, e)
        n = np.bincount(i, minlength=k)
        order = np.argsort(i, kind="stable")
        used = np.flatnonzero(n)
        s = np.add.reduceat(x[order], np.r_[0, np.cumsum(n[used])[:-1]], 0)
        e[used] = s / n[used, None]
        weak = np.flatnonzero(n < (0.03 * len(x) / k if it < iters - 2 else 1))
        e[weak] = x[rng.integers(len(x), size=len(weak))]
    return e


class Quantizer:
    """books [16, SIZE, DIM]: a frame is, projected, the sum of its sixteen codes' entries."""

    def __init__(self, path):
        d = np.load(path)
        self.mean, self.project, self.books = d["mean"], d["project"], d["books"]
        self.shades, self.first = d["shades"], d["first"]  # [SIZE, SLOT * WIDTH]; the shades of phone p: first[p] ..< first[p + 1]

    def encode(self, f, phones):
        """features [n, STEPS * WIDTH] and phones [n, 2] -> codes uint8 [n, 16]"""
        x = f - self.mean
        out = np.empty((len(f), LEVELS), np.uint8)
        r = x @ self.project
        for q in range(LEVELS):
            if q < 2:
                out[:, q] = shade(x.reshape(len(x), 2, -1)[:, q], phones[:, q], self.shades, self.first)
            else:
                out[:, q] = nearest(r, self.books[q])
            r = r - self.books[q][out[:, q]]
        return out

    def silence(self):
        """the codes [16] of a frame in which nothing is heard"""
        return self.encode(SILENCE[None], np.full((1, 2), PHONES.index("pau")))[0]

    def decode(self, codes):
        """codes [n, 16] -> features [n, STEPS * WIDTH], of which they hold most"""
        return self.mean + sum(self.books[q][codes[:, q]] for q in range(LEVELS)) @ self.project.T

    def phones(self, codes):
        """codes [n, 16] -> the phones said, a repeated one once"""
        p = np.searchsorted(self.first, codes[:, :2].reshape(-1), side="right") - 1
        return p[np.r_[True, p[1:] != p[:-1]]].tolist()


def edits(a, b):
    """the fewest insertions, deletions and replacements that make one list of the other"""
    d = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        p, d[0] = d[0], i
        for j, y in enumerate(b, 1):
            p, d[j] = d[j], min(d[j] + 1, d[j - 1] + 1, p + (x != y))
    return d[-1]


def shade(x, phones, shades, first):
    """the nearest shade of its own phone, for each half frame x [n, SLOT * WIDTH]"""
    d = x @ (-2 * shades.T) + (shades * shades).sum(1)
    i = np.arange(len(shades))
    d[(i < first[phones][:, None]) | (i >= first[phones + 1][:, None])] = np.inf
    return d.argmin(1)


def principal(x, dim):
    w, v = np.linalg.eigh(x.T @ x / len(x))
    return v[:, ::-1][:, :dim].astype(np.float32), w[::-1][:dim].sum() / w.sum()


def fit(x, phones, iters):
    """features [n, STEPS * WIDTH] and phones [n, 2] -> the arrays of a Quantizer"""
    rng, mean = np.random.default_rng(0), x.mean(0)
    x = x - mean
    # The two halves of a frame share the shades of each phone: more of them where there is more to distinguish.
    half, which = x.reshape(2 * len(x), -1), phones.reshape(-1)
    spread = np.array([np.sqrt(len(h)) * h.std(0).sum() ** 0.5 if len(h := half[which == p]) > 20 else 0.0 for p in range(len(PHONES))])
    sizes = np.maximum(2, np.floor(spread / spread.sum() * SIZE)).astype(int)
    while sizes.sum() != SIZE:
        sizes[np.argmax(sizes if sizes.sum() > SIZE else spread / sizes)] += 1 if sizes.sum() < SIZE else -1
    first = np.r_[0, np.cumsum(sizes)]
    shades = np.zeros((SIZE, SLOT * WIDTH), np.float32)
    for p, k in enumerate(sizes):
        h = half[which == p]
        if len(h):
            shades[first[p]:first[p + 1]] = kmeans(h, k, iters, rng) if len(h) > 4 * k else h.mean(0)
    print("shades", dict(zip(PHONES, sizes.tolist())))
    project, kept = principal(x, DIM)
    r = x @ project
    total = (x * x).sum(1).mean()
    print("kept", round(kept, 4), "total", total)
    books = []
    for q in range(LEVELS):
        if q < 2:
            i = shade(x.reshape(len(x), 2, -1)[:, q], phones[:, q], shades, first)
            e = np.zeros((SIZE, DIM), np.float32)
            np.add.at(e, i, r)
            e /= np.maximum(1, np.bincount(i, minlength=SIZE))[:, None]
        else:
            e = kmeans(r, SIZE, iters, rng)
            i = nearest(r, e)
        r = r - e[i]
        books.append(e)
        print(q, "residual share", round(float((r * r).sum(1).mean() / total), 4), flush=True)
    return dict(mean=mean, project=project, shades=shades, first=first, books=np.stack(books))


def said(seed, frames):
    """features and phones of that many frames of speech or a few more"""
    teacher, writer, fs, ps = Teacher(), Writer(source, seed), [], []
    while sum(map(len, fs)) < frames:
        r = teacher.say(writer.line())
        if r:
            fs.append(r[0])
            ps.append(r[1])
    return np.concatenate(fs), np.concatenate(ps)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--text", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--frames", type=int, default=100000)
    ap.add_argument("--iters", type=int, default=12)
    ap.add_argument("--workers", type=int, default=os.cpu_count())
    a = ap.parse_args()
    source = Source(a.text)  # the processes inherit it
    with mp.get_context("fork").Pool(a.workers) as pool:
        fs, ps = zip(*pool.starmap(said, [(f"quantizer {i}", a.frames / a.workers) for i in range(a.workers)], 1))
    np.savez(a.out, **fit(np.concatenate(fs), np.concatenate(ps).astype(int), a.iters))
