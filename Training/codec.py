#!/usr/bin/env python3
"""Train the codec decoder: fixed codes to waveform. First on spectral losses alone, which give words and a buzz; then against
discriminators, which take the buzz away. `--judge-from` says when; a run that goes on from a checkpoint with
discriminators begins with them."""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

import modules as M
from discriminators import Discriminators, decoder_losses, judge_loss
from quantizer import Quantizer
from speechdata import (FRAME, ChunkReader, Clock, MultiMel, apply_grads, guarded_step, keep_optimizer, load_heldout, log_mel,
                        restore_optimizer, save)

T0 = time.time()
ap = argparse.ArgumentParser()
ap.add_argument("--speech", required=True)
ap.add_argument("--quantizer", required=True)
ap.add_argument("--ckpt", required=True, help="folder to write codec_dec.pt and codec_judges.pt to")
ap.add_argument("--start", help="folder with these files to go on from, if it has them")
ap.add_argument("--seconds", type=float, required=True, help="wall clock, all told")
ap.add_argument("--lr", type=float, default=1.2e-3, help="on spectral losses alone")
ap.add_argument("--judged-lr", type=float, default=4e-4, help="against discriminators, and theirs")
ap.add_argument("--judge-from", type=float, default=0.3, help="share of the time after which the discriminators come in")
ap.add_argument("--decay-from", type=float, default=1.0, help="share of the time after which the rate falls to zero; 1: it does not")
ap.add_argument("--frames", type=int, default=384, help="frames a step")
ap.add_argument("--crop", type=int, default=32, help="frames a crop; more than the decoder's window")
ap.add_argument("--heard", type=int, default=5, help="frames of a crop that the discriminators hear")
ap.add_argument("--weights", default="30,20,8", help="of the spectral loss, of feature matching, of being taken for real")
ap.add_argument("--cap-hours", type=float, default=50)
ap.add_argument("--wait-hours", type=float, default=0, help="of sound before the first step")
ap.add_argument("--max-steps", type=int, default=10**9)
ap.add_argument("--report", type=float, default=15, help="seconds between two lines of the log")
ap.add_argument("--dims", default="{}")
ap.add_argument("--record", action="store_true", help="steps as CUDA graphs")
a = ap.parse_args()
dev = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(int(time.time()))
say = lambda *x: print("codec", *x, flush=True)  # noqa: E731
amp = lambda: torch.autocast(dev, dtype=torch.bfloat16, enabled=dev == "cuda")  # noqa: E731
if dev == "cuda":
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 4  # trying every algorithm takes most of a minute
    torch.set_float32_matmul_precision("high")
quantizer = Quantizer(a.quantizer)
books = torch.from_numpy(quantizer.books).to(dev)
scale = 1 / books[0].std()
cfg = {**M.CODEC, "vq_dim": books.shape[2], **json.loads(a.dims)}
dec, judges = M.Decoder(cfg).to(dev), Discriminators().to(dev, memory_format=torch.channels_last)
ck = Path(a.ckpt)
ck.mkdir(parents=True, exist_ok=True)
adam = lambda m: torch.optim.AdamW(m.parameters(), lr=torch.tensor(a.lr, device=dev) if dev == "cuda" else a.lr, betas=(0.8, 0.95),  # noqa: E731
                                   weight_decay=1e-3, fused=dev == "cuda", capturable=dev == "cuda")
opt, opt_judges = adam(dec), adam(judges)
judged = False
if a.start and (Path(a.start) / "codec_dec.pt").exists():
    s = torch.load(Path(a.start) / "codec_dec.pt", map_location=dev, weights_only=True)
    dec.load_state_dict({k: v.float() for k, v in s["dec"].items()})
    say("goes on", "with its optimizer" if restore_optimizer(opt, s.get("opt", [])) else "with a fresh optimizer")
    file = Path(a.start) / "codec_judges.pt"
    if file.exists():
        s, judged = torch.load(file, map_location=dev, weights_only=True), True
        judges.load_state_dict({k: v.float() for k, v in s["judges"].items()})
        say("and with its discriminators,", "their optimizer too" if restore_optimizer(opt_judges, s["opt"]) else "their optimizer fresh")
# What is kept is the mean of the last thousand steps or so: it sounds better than any one of them.
mean = [p.detach().clone() for p in dec.parameters()]


def sums(codes):
    """codes [B, T, 16] -> the two codebook sums [B, vq_dim, T]; the fixed scale belongs to the exported books"""
    first = books[0][codes[..., 0]]
    rest = sum(books[q][codes[..., q]] for q in range(1, 16))
    return (first * scale).transpose(1, 2), (rest * scale).transpose(1, 2)


def store():
    w = {n: v.half() for (n, _), v in zip(dec.named_parameters(), mean)}
    save({"dec": w, "scale": float(scale), "cfg": json.dumps(cfg), "opt": keep_optimizer(opt)}, ck / "codec_dec.pt")
    if judged:
        save({"judges": {k: v.detach().half() for k, v in judges.state_dict().items()}, "opt": keep_optimizer(opt_judges)}, ck / "codec_judges.pt")


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


while (n == 0 or n < a.wait_hours * 45000) and time.time() - T0 < 180:
    poll(4)
    time.sleep(0.05)
if n == 0:
    raise SystemExit("no speech with sound arrived")
say(f"params {M.count(dec)}, discriminators {M.count(judges)}, device {dev}, sound {n / 45000:.2f} h at {time.time() - T0:.1f}s")
mel = MultiMel().to(dev)
weights = [float(w) for w in a.weights.split(",")]
B, C = max(4, a.frames // a.crop), a.crop
HEARD = min(a.heard, C - 2)
ar, arx, arh = (torch.arange(k, device=dev) for k in (C, C * FRAME, HEARD * FRAME))
# A crop from the middle lacks the history that it has in use: its first frames do not count. A quarter are beginnings.
blind = (torch.arange(B, device=dev) >= B // 4)[:, None] & (arx < 2 * FRAME)[None]


def draw():
    """where the crops begin, and which part of each the discriminators hear [2, B]"""
    s = torch.randint(max(1, n - C), (B,), device=dev)
    s[: B // 4] = starts[torch.randint(len(starts), (B // 4,), device=dev)].clamp(max=max(0, n - C))
    return torch.stack([s, 2 + torch.randint(C - 2 - HEARD + 1, (B,), device=dev)])


def spoken(s):
    """the teacher's sound of the crops, and the decoder's"""
    x = audio[(s * FRAME)[:, None] + arx].float() / 32768
    with torch.no_grad():
        q = sums(codes[s[:, None] + ar].long())
    with amp():
        y = dec(*q)
    return x, torch.where(blind, x, y.float())


def spectral_step(rows):
    x, y = spoken(rows[0])
    loss = mel(y, x)
    guarded_step(loss, list(dec.parameters()), opt)
    return torch.stack([loss.detach(), *loss.detach().new_zeros(3)])


def judged_step(rows):
    """One step of the discriminators and one of the decoder, on the same sound."""
    x, y = spoken(rows[0])
    at = FRAME * rows[1][:, None] + arh
    real, fake = torch.gather(x, 1, at), torch.gather(y, 1, at)
    with amp():
        loss_judges = judge_loss(judges(real, fake.detach()))
    guarded_step(loss_judges, list(judges.parameters()), opt_judges)
    judges.requires_grad_(False)
    with amp():
        fooled, alike = decoder_losses(judges(real, fake))
    spectral = mel(y, x)
    loss = weights[0] * spectral + weights[1] * alike + weights[2] * fooled
    opt.zero_grad(set_to_none=True)
    loss.backward()
    apply_grads(list(dec.parameters()), opt, clip=20.0)
    judges.requires_grad_(True)
    return torch.stack([spectral.detach(), alike.detach(), fooled.detach(), loss_judges.detach()])


def recorded(body):
    """the step as a CUDA graph, since it is some thousand small kernels"""
    held, side = draw(), torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            body(held)
    torch.cuda.current_stream().wait_stream(side)
    for o in (opt, opt_judges):
        o.zero_grad(set_to_none=True)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        out = body(held)

    def run(rows):
        held.copy_(rows)
        g.replay()
        return out

    return run


def stepper(body):
    if not a.record or dev == "cpu":
        return body
    t = time.time()
    try:
        run = recorded(body)
        say(f"recorded in {time.time() - t:.1f}s")
        return run
    except Exception as e:  # what cannot be recorded must not cost the run
        say("goes on without recording:", repr(e)[:500])
        judges.requires_grad_(True)
        torch.cuda.synchronize()
        return body


clock, step, acc, cnt, last, kept = Clock(a.seconds - (time.time() - T0) - 12), 0, 0.0, 0, time.time(), time.time()
switched, run = 0, None
while clock.frac() < 1 and step < a.max_steps:
    f = clock.frac()
    if not judged and (f >= a.judge_from or step >= a.max_steps * a.judge_from):
        store()
        judged, switched, run = True, step, None
        say(f"discriminators from step {step}")
    fall = 1 if f < a.decay_from else 0.01 + 0.99 * (1 - (f - a.decay_from) / (1 - a.decay_from))
    for o, lr in ((opt, a.judged_lr if judged else a.lr), (opt_judges, a.judged_lr)):
        for g in o.param_groups:
            rate = lr * min(1, (step + 1 - switched) / 200) * fall
            g["lr"] = g["lr"].fill_(rate) if torch.is_tensor(g["lr"]) else rate
    run = run or stepper(judged_step if judged else spectral_step)
    poll(4)
    acc = acc + run(draw())
    torch._foreach_lerp_(mean, [p.detach() for p in dec.parameters()], max(1e-3, 1 / (step + 1)))
    cnt, step = cnt + 1, step + 1
    if time.time() - last > a.report or step in (1, 20):
        v = (acc / cnt).tolist()
        say(f"step {step} {time.time() - T0:.0f}s {cnt / (time.time() - last):.1f} it/s lr {float(opt.param_groups[0]['lr']):.1e} spectral {v[0]:.4f} alike {v[1]:.4f} "
            f"fooled {v[2]:.3f} judges {v[3]:.3f} pool {n / 45000:.1f} h")
        acc, cnt, last = 0.0, 0, time.time()
    if time.time() - kept > 60 and step > 3:
        store()
        kept = time.time()
store()
reader.stop = True
dist = []
torch.backends.cudnn.benchmark = False
with torch.no_grad():
    for p, v in zip(dec.parameters(), mean):
        p.copy_(v)
    for h in load_heldout(Path(a.speech) / "heldout.npz", wait=0)[:60]:
        y = dec(*sums(torch.from_numpy(h["codes"]).to(dev).long()[None]))[0].float()
        dist.append((log_mel(torch.from_numpy(h["audio"]).to(dev).float() / 32768) - log_mel(y)).abs().mean().item())
        if clock.left() < -9:
            break
say("held-out log-mel distance", round(float(np.mean(dist)), 4) if dist else "not measured")
say(f"done {step} steps {time.time() - T0:.0f}s")
