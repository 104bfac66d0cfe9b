#!/usr/bin/env python3
"""Fit the codebooks to the teacher's parameters: a principal-component projection of each 80 ms frame,
then k-means, level by level. Codebook 0 sees the spectral shape alone (what is said); the others
quantize all components by residuals. Takes a minute on a CPU and needs no gradient."""
import argparse
import json

import numpy as np

from lines import Source, Writer
from teacher import STEPS, Teacher

DIM, SIZE, LEVELS = 64, 256, 16


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
    def __init__(self, path):
        d = np.load(path)
        self.mean, self.project, self.first, self.books = d["mean"], d["project"], d["first"], d["books"]

    def encode(self, f):
        """features [n, STEPS * 32] -> codes uint8 [n, 16]"""
        x = f - self.mean
        out = np.empty((len(f), LEVELS), np.uint8)
        out[:, 0] = nearest(x @ self.first, self.books[0])
        r = x @ self.project
        for q in range(1, LEVELS):
            out[:, q] = nearest(r, self.books[q])
            r = r - self.books[q][out[:, q]]
        return out

    def sums(self, codes):
        return self.books[0][codes[:, 0]], sum(self.books[q][codes[:, q]] for q in range(1, LEVELS))


def principal(x, dim):
    w, v = np.linalg.eigh(x.T @ x / len(x))
    return v[:, ::-1][:, :dim].astype(np.float32), w[::-1][:dim].sum() / w.sum()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--libs", required=True)
    ap.add_argument("--text", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--frames", type=int, default=100000)
    ap.add_argument("--iters", type=int, default=12)
    a = ap.parse_args()
    rng, tc = np.random.default_rng(0), Teacher(a.libs)
    wr, fs, n = Writer(Source(a.text), "quantizer"), [], 0
    while n < a.frames:
        r = tc.say(wr.line())
        if r:
            fs.append(r[0])
            n += len(r[0])
    x = np.concatenate(fs)
    mean = x.mean(0)
    x = x - mean
    project, kept = principal(x, DIM)
    # Codebook 0: the cepstrum without its gain term.
    mask = np.zeros((STEPS, 32), np.float32)
    mask[:, 1:25] = 1
    m = mask.reshape(-1)
    first, kept0 = principal(x * m, DIM)
    first = first * m[:, None]
    books = [kmeans(x @ first, SIZE, a.iters, rng)]
    r = x @ project
    total = (x * x).sum(1).mean()
    print("kept", round(kept, 4), round(kept0, 4), "total", total)
    for q in range(1, LEVELS):
        e = kmeans(r, SIZE, a.iters, rng)
        r = r - e[nearest(r, e)]
        books.append(e)
        print(q, "residual share", round(float((r * r).sum(1).mean() / total), 4), flush=True)
    np.savez(a.out, mean=mean, project=project, first=first, books=np.stack(books))
