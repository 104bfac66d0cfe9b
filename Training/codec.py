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
from speechdata import FRAME, ChunkReader, Clock, MultiMel, Patience, guarded_step, keep_optimizer, load_heldout, log_mel, restore_optimizer, save

T0 = time.time()
ap = argparse.ArgumentParser()
ap.add_argument("--speech", required=True)
ap.add_argument("--quantizer", required=True)
ap.add_argument("--ckpt", required=True, help="folder to write codec_dec.pt to")
ap.add_argument("--start", help="folder with a codec_dec.pt to resume from, if it has one")
ap.add_argument("--seconds", type=float, required=True, help="wall clock, in all")
ap.add_argument("--lr", type=float, default=1.2e-3)
ap.add_argument("--decay-from", type=float, default=1.0, help="share of the time after which the rate falls to zero; 1: it does not")
ap.add_argument("--frames", type=int, default=1536, help="frames a step")
ap.add_argument("--crop", type=int, default=96, help="frames a crop; more than the decoder's window")
ap.add_argument("--cap-hours", type=float, default=26)
ap.add_argument("--max-steps", type=int, default=10**9)
ap.add_argument("--dims", default="{}")
ap.add_argument("--compile", action="store_true")
a = ap.parse_args()
dev = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(int(time.time()))
say = lambda *x: print("codec", *x, flush=True)  # noqa: E731
amp = lambda: torch.autocast(dev, dtype=torch.bfloat16, enabled=dev == "cuda")  # noqa: E731
if dev == "cuda":
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 4  # trying every algorithm takes most of a minute
    torch.set_float32_matmul_precision("high")
cfg = {**M.CODEC, "vq_dim": 64, **json.loads(a.dims)}
dec = M.Decoder(cfg).to(dev)
ck = Path(a.ckpt)
ck.mkdir(parents=True, exist_ok=True)
opt = torch.optim.AdamW(dec.parameters(), lr=a.lr, betas=(0.8, 0.95), weight_decay=1e-3, fused=dev == "cuda")
if a.start and (Path(a.start) / "codec_dec.pt").exists():
    s = torch.load(Path(a.start) / "codec_dec.pt", map_location=dev, weights_only=True)
    dec.load_state_dict({k: v.float() for k, v in s["dec"].items()})
    say("resumes", "with its optimizer" if restore_optimizer(opt, s.get("opt", [])) else "with a fresh optimizer")
books = torch.from_numpy(Quantizer(a.quantizer).books).to(dev)
scale = 1 / books[0].std()


def sums(codes):
    """codes [B, T, 16] -> the two codebook sums [B, 64, T]; the fixed scale belongs to the exported books"""
    first = books[0][codes[..., 0]]
    rest = sum(books[q][codes[..., q]] for q in range(1, 16))
    return (first * scale).transpose(1, 2), (rest * scale).transpose(1, 2)


def store():
    save({"dec": {k: v.detach().half() for k, v in dec.state_dict().items()}, "scale": float(scale), "cfg": json.dumps(cfg), "opt": keep_optimizer(opt)}, ck / "codec_dec.pt")


cap = int(a.cap_hours * 45000)
audio = torch.zeros(cap * FRAME, dtype=torch.int16, device=dev)
codes = torch.zeros(cap, 16, dtype=torch.uint8, device=dev)
starts = torch.zeros(0, dtype=torch.long, device=dev)
n, reader = 0, ChunkReader(a.speech, ("codes", "audio", "frames"))


def poll(limit):
    global n, starts
    for _ in range(limit):
        c = reader.get()
        if c is None:
            return
        k = len(c["codes"])
        if n + k > cap:
            reader.stop = True
            return
        audio[n * FRAME:(n + k) * FRAME] = torch.from_numpy(c["audio"]).to(dev)
        codes[n:n + k] = torch.from_numpy(c["codes"]).to(dev)
        s = n + np.concatenate([[0], np.cumsum(c["frames"])[:-1]])
        starts = torch.cat([starts, torch.from_numpy(s).to(dev)])
        n += k


t = time.time()
while n < (20000 if dev == "cuda" else 500) and time.time() - t < 120:
    poll(8)
    time.sleep(0.005)
say("frames", n, f"{time.time() - T0:.0f}s", "parameters", M.count(dec))
mel = MultiMel().to(dev)
net = torch.compile(dec) if a.compile else dec
C = a.crop
B = max(2, a.frames // C)
clock, step, acc, cnt, last, kept = Clock(a.seconds - (time.time() - T0) - 12), 0, 0.0, 0, time.time(), time.time()
ar, arx = torch.arange(C, device=dev), torch.arange(C * FRAME, device=dev)
# A crop from the middle lacks the history it has in use: its first frames do not count.
blind = (torch.arange(B, device=dev) >= B // 2)[:, None] & (arx < 2 * FRAME)[None]
patience = Patience(120) if a.compile else None
while clock.frac() < 1 and step < a.max_steps:
    f = clock.frac()
    lr = a.lr * min(1, (step + 1) / 200) * (1 if f < a.decay_from else 0.01 + 0.99 * (1 - (f - a.decay_from) / (1 - a.decay_from)))
    for g in opt.param_groups:
        g["lr"] = lr
    poll(4)
    s = torch.randint(max(1, n - C), (B,), device=dev)
    s[: B // 2] = starts[torch.randint(len(starts), (B // 2,), device=dev)].clamp(max=max(0, n - C))
    x = audio[(s * FRAME)[:, None] + arx].float() / 32768
    with torch.no_grad():
        q1, q2 = sums(codes[s[:, None] + ar].long())
    try:
        with amp():
            y = net(q1, q2)
        loss = mel(torch.where(blind, x, y.float()), x)
        guarded_step(loss, list(dec.parameters()), opt)
    except Exception as e:  # an unfit compiler must not cost the run
        if net is dec:
            raise
        say("continues without compiling:", repr(e)[:300])
        net = dec
        continue
    acc, cnt, step = acc + loss.detach(), cnt + 1, step + 1
    if patience and step == 3:
        patience.end()
    if time.time() - last > 15 or step in (1, 20):
        say(f"step {step} {time.time() - T0:.0f}s {cnt / (time.time() - last):.1f} it/s lr {lr:.1e} loss {float(acc) / cnt:.4f} pool {n / 45000:.1f} h")
        acc, cnt, last = 0.0, 0, time.time()
    if time.time() - kept > 60 and step > 3:
        store()
        kept = time.time()
store()
reader.stop = True
dist = []
torch.backends.cudnn.benchmark = False
with torch.no_grad():
    for h in load_heldout(Path(a.speech) / "heldout.npz", wait=0)[:60]:
        y = dec(*sums(torch.from_numpy(h["codes"]).to(dev).long()[None]))[0].float()
        dist.append((log_mel(torch.from_numpy(h["audio"]).to(dev).float() / 32768) - log_mel(y)).abs().mean().item())
        if clock.left() < -9:
            break
say("held-out log-mel distance", round(float(np.mean(dist)), 4) if dist else "not measured")
say(f"done {step} steps {time.time() - T0:.0f}s")
