#!/usr/bin/env python3
"""Train the codec decoder: fixed codes to waveform, on spectral losses."""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

import modules as M
from quantizer import Quantizer
from speechdata import FRAME, ChunkReader, Clock, MultiMel, guarded_step, log_mel, save

T0 = time.time()
ap = argparse.ArgumentParser()
ap.add_argument("--speech", required=True)
ap.add_argument("--quantizer", required=True)
ap.add_argument("--ckpt", required=True)
ap.add_argument("--seconds", type=float, required=True)
ap.add_argument("--resume", action="store_true")
ap.add_argument("--lr", type=float, default=1.2e-3)
ap.add_argument("--frames", type=int, default=1536, help="frames a step")
ap.add_argument("--cap-hours", type=float, default=10)
ap.add_argument("--max-steps", type=int, default=10**9)
ap.add_argument("--compile", action="store_true")
a = ap.parse_args()
dev = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
say = lambda *x: print("codec", *x, flush=True)  # noqa: E731
amp = lambda: torch.autocast(dev, dtype=torch.bfloat16, enabled=dev == "cuda")  # noqa: E731
if dev == "cuda":
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
cfg = {**M.CODEC, "vq_dim": 64}
dec = M.Decoder(cfg).to(dev)
ck = Path(a.ckpt)
ck.mkdir(parents=True, exist_ok=True)
if a.resume:
    dec.load_state_dict({k: v.float() for k, v in torch.load(ck / "codec_dec.pt", map_location=dev, weights_only=True)["dec"].items()})
books = torch.from_numpy(Quantizer(a.quantizer).books).to(dev)
scale = 1 / books[1].std()


def sums(codes):
    """codes [B, T, 16] -> the two codebook sums [B, 64, T]; the fixed scale belongs to the exported books"""
    first = books[0][codes[..., 0]]
    rest = sum(books[q][codes[..., q]] for q in range(1, 16))
    return (first * scale).transpose(1, 2), (rest * scale).transpose(1, 2)


def store():
    save({"dec": {k: v.detach().half() for k, v in dec.state_dict().items()}, "scale": float(scale), "cfg": json.dumps(cfg)}, ck / "codec_dec.pt")


cap = int(a.cap_hours * 45000)
audio = torch.zeros(cap * FRAME, dtype=torch.int16, device=dev)
codes = torch.zeros(cap, 16, dtype=torch.uint8, device=dev)
n, reader = 0, ChunkReader(a.speech)


def poll():
    global n
    c = reader.get()
    if c is not None and "audio" in c and n < cap:
        k = min(len(c["codes"]), cap - n)
        audio[n * FRAME:(n + k) * FRAME] = torch.from_numpy(c["audio"][: k * FRAME]).to(dev)
        codes[n:n + k] = torch.from_numpy(c["codes"][:k]).to(dev)
        n += k


t = time.time()
while n < (20000 if dev == "cuda" else 500) and time.time() - t < 120:
    poll()
    time.sleep(0.005)
say("frames", n, f"{time.time() - T0:.0f}s", "parameters", M.count(dec) if hasattr(M, "count") else "")
mel = MultiMel().to(dev)
net = torch.compile(dec) if a.compile else dec
F = 48
B = max(1, a.frames // F)
opt = torch.optim.AdamW(dec.parameters(), lr=a.lr, betas=(0.8, 0.95), weight_decay=1e-3, fused=dev == "cuda")
clock, step, acc, cnt, last, kept = Clock(a.seconds - (time.time() - T0)), 0, 0.0, 0, time.time(), time.time()
ar, arx = torch.arange(F, device=dev), torch.arange(F * FRAME, device=dev)
while clock.frac() < 1 and step < a.max_steps:
    f = clock.frac()
    lr = a.lr * min(1, (step + 1) / 200) * (1 if f < 0.5 else 0.03 + 0.97 * (1 - (f - 0.5) / 0.5))
    for g in opt.param_groups:
        g["lr"] = lr
    poll()
    s = torch.randint(max(1, n - F), (B,), device=dev)
    x = audio[(s * FRAME)[:, None] + arx].float() / 32768
    with torch.no_grad():
        q1, q2 = sums(codes[s[:, None] + ar].long())
    with amp():
        y = net(q1, q2)
    skip = 2 * FRAME  # the first frames lack the history they have in use
    loss = mel(y.float()[:, skip:], x[:, skip:])
    guarded_step(loss, list(dec.parameters()), opt)
    acc, cnt, step = acc + loss.detach(), cnt + 1, step + 1
    if time.time() - last > 15 or step in (1, 20):
        say(f"step {step} {time.time() - T0:.0f}s {cnt / (time.time() - last):.1f} it/s lr {lr:.1e} loss {float(acc) / cnt:.4f} pool {n / 45000:.1f} h")
        acc, cnt, last = 0.0, 0, time.time()
    if time.time() - kept > 90:
        store()
        kept = time.time()
store()
reader.stop = True
held = Path(a.speech) / "heldout.npz"
if held.exists():
    d, dist, o = np.load(held), [], 0
    torch.backends.cudnn.benchmark = False
    with torch.no_grad():
        for k in d["frames"][:60]:
            y = dec(*sums(torch.from_numpy(d["codes"][o:o + k]).to(dev).long()[None]))[0].float()
            x = torch.from_numpy(d["audio"][o * FRAME:(o + k) * FRAME]).to(dev).float() / 32768
            dist.append((log_mel(x) - log_mel(y)).abs().mean().item())
            o += int(k)
    say("held-out log-mel distance", round(float(np.mean(dist)), 4))
say(f"done {step} steps {time.time() - T0:.0f}s")
