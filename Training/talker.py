#!/usr/bin/env python3
"""Train the talker and its code predictor on the teacher's codes.

New speech comes in while training runs, so the data keeps growing.
Prompt layout: exactly that of generate() in the published code, both text layouts
(streaming and not), language "auto" and "english", speaker ids.
"""
import time

T0 = time.time()
import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import modules as M
from export import codec_ids
from quantizer import Quantizer, edits
from speechdata import ChunkReader, Clock, Pair, Patience, guarded_step, keep_optimizer, load_heldout, restore_optimizer, save
from teacher import VOICES, WAIT
from textids import TextIds


class Layout:
    """builds the inputs of a batch on the device"""

    def __init__(self, cfg, tx, dev):
        self.ids, langs, spk = codec_ids(cfg)
        self.tx, self.dev, self.k = tx, dev, cfg["codebook_size"]
        self.spk = torch.tensor([spk[v] for v in VOICES], device=dev)
        i, lang = self.ids, langs["english"]
        # the two codec prefixes; -2 stands for the speaker
        self.pre = torch.tensor([
            [i["codec_nothink_id"], i["codec_think_bos_id"], i["codec_think_eos_id"], -2, i["codec_pad_id"], 0],
            [i["codec_think_id"], i["codec_think_bos_id"], lang, i["codec_think_eos_id"], -2, i["codec_pad_id"]]], device=dev)
        self.role = torch.tensor(tx.role, device=dev)

    def __call__(self, tok, tlen, voice, lang, ns, nfr, length):
        """tok [B, Tmax] text ids, tlen [B], voice [B], lang [B] 0/1, ns [B] bool, nfr [B] frames to lay out.
        -> text ids [B, L], codec ids [B, L] (-1: none), frame index [B, L] (-1: not a frame), position of bos [B]"""
        dev = self.dev
        p = torch.arange(length, device=dev)[None]
        s = (3 + 5 + lang)[:, None]
        r = p - s
        T = tlen[:, None]
        text = torch.gather(tok, 1, r.clamp(0, tok.shape[1] - 1))
        text = torch.where(r >= T, self.tx.eos, text)
        text = torch.where(r > T, self.tx.pad, text)
        text = torch.where(r == -1, self.tx.bos, text)
        text = torch.where(r < -1, self.tx.pad, text)
        text = torch.where(p < 3, self.role[p.clamp(max=2)].expand_as(text), text)
        bos = torch.where(ns, tlen + 1, torch.zeros_like(tlen))[:, None]
        pre = self.pre[lang]
        c = torch.gather(pre, 1, (p - 3).clamp(0, 5).expand(len(tok), -1))
        c = torch.where(c == -2, self.spk[voice][:, None], c)
        c = torch.where(p < 3, -1, c)
        c = torch.where((r >= 0) & (r < bos), self.ids["codec_pad_id"], c)
        c = torch.where(r == bos, self.ids["codec_bos_id"], c)
        f = r - bos - 1
        f = torch.where((f >= 0) & (f < nfr[:, None]), f, -1)
        return text, c, f, (s + bos)[:, 0]


def lookup(weight, ids):
    """Rows of an embedding as a product with ones and zeros: its gradient is a product too, and not a sort."""
    return (ids[..., None] == torch.arange(len(weight), device=ids.device)).to(product_type(weight)) @ weight


def product_type(weight):
    """the type that a matrix product of weight takes place in"""
    return torch.get_autocast_dtype(weight.device.type) if torch.is_autocast_enabled(weight.device.type) else weight.dtype


def embed(tk, text, codec, f, codes):
    """codes [B, F, 16] of the frames"""
    m, k = tk.model, tk.c["codebook_size"]
    x = tk.text_projection(lookup(m.text_embedding.weight, text))
    fi = f.clamp(min=0)
    c0 = torch.gather(codes[..., 0], 1, fi)
    isf = f >= 0
    ids = torch.where(isf, c0, codec.clamp(min=0))
    x = x + lookup(m.codec_embedding.weight, ids) * ((codec >= 0) | isf)[..., None]
    # the 15 acoustic embeddings, summed per frame and then spread over the positions
    books = torch.cat([e.weight for e in tk.code_predictor.model.codec_embedding])
    hot = torch.zeros(*codes.shape[:2], len(books), dtype=product_type(books), device=codes.device)
    hot.scatter_(2, codes[..., 1:] + k * torch.arange(codes.shape[2] - 1, device=codes.device), 1)
    ac = torch.gather(hot @ books, 1, fi[..., None].expand(-1, -1, books.shape[1]))
    return x + ac * isf[..., None]


WEIGHTS = [max(0.06, 0.7 ** q) for q in range(15)]  # of codebooks 1 to 15: the first decide what is understood


def disturb(codes, nfr, k, amount):
    """The history as it is when the talker has spoken it: partly wrong. Each utterance has its own measure, a quarter
    none at all. Frames get the acoustic codes of a stranger, a few are strangers or repetitions altogether,
    so what comes next must be read from the text, and where it stands from the phones. codes [B, F, 16]"""
    B, n, _ = codes.shape
    dev = codes.device
    draw = lambda: torch.rand(B, n, device=dev)  # noqa: E731
    u = (torch.rand(B, 1, device=dev) * 4 / 3 - 1 / 3).clamp(min=0) * amount
    other = torch.randint(B, (B, n), device=dev)
    stranger = codes[other, (draw() * nfr[other]).long()]
    seen = torch.cat([codes[..., :2], torch.where((draw() < u)[..., None], stranger[..., 2:], codes[..., 2:])], -1)
    seen = torch.where((draw() < 0.35 * u)[..., None], stranger, seen)
    seen = torch.where((draw() < 0.1 * u)[..., None], codes.roll(1, 1), seen)
    return torch.where(torch.rand(codes.shape, device=dev) < 0.05 * u[..., None], torch.randint_like(codes, k), seen)


def predictor_inputs(tk, hidden, codes):
    """[N, 16, H]: the talker's state, then codes 0 to 14"""
    e = tk.code_predictor.model.codec_embedding
    books = torch.stack([tk.model.codec_embedding.weight[:tk.c["codebook_size"]], *(v.weight for v in e[:-1])])
    hot = codes.t()[:-1, :, None] == torch.arange(books.shape[1], device=codes.device)
    rows = torch.bmm(hot.to(product_type(books)), books)
    return torch.cat([hidden[:, None], rows.transpose(0, 1)], 1)


def losses(tk, lay, b, noise=0.0, frames=0, run=None, predict=None):
    """Cross entropy of codebook 0 with the end, of the others [15], and the accuracy of codebook 0. The predictor sees
    `frames` of the batch's frames, picked at random, or all."""
    codes, nfr = b["codes"], b["nfr"]
    seen = disturb(codes, nfr, lay.k, noise) if noise > 0 else codes
    text, codec, f, bos = lay(b["tok"], b["tlen"], b["voice"], b["lang"], b["ns"], nfr, b["length"])
    h = (run or tk.run)(embed(tk, text, codec, f, seen))
    # hidden states that predict frame 0..n-1 and the end: positions bos .. bos + n
    Fm = codes.shape[1]
    j = torch.arange(Fm + 1, device=codes.device)[None]
    pos = (bos[:, None] + j).clamp(max=h.shape[1] - 1)
    hj = torch.gather(h, 1, pos[..., None].expand(-1, -1, h.shape[-1]))
    tgt = torch.cat([codes[..., 0], codes[:, :1, 0]], 1)
    tgt = torch.where(j == nfr[:, None], lay.ids["codec_eos_token_id"], tgt)
    ok = j <= nfr[:, None]
    tgt = torch.where(ok, tgt, -100)
    lg = tk.codec_head(hj).float()
    l0 = F.cross_entropy(lg.flatten(0, 1), tgt.flatten(), ignore_index=-100)
    real = (j < nfr[:, None])[:, :Fm].flatten()
    if frames:
        pick = (torch.rand(len(real), device=codes.device) + real).topk(min(frames, len(real))).indices
    else:
        pick = real.nonzero()[:, 0]
    lq = (predict or tk.predictor_logits)(predictor_inputs(tk, hj[:, :Fm].flatten(0, 1)[pick], codes.flatten(0, 1)[pick])).float()
    ce = F.cross_entropy(lq.flatten(0, 1), codes.flatten(0, 1)[pick][:, 1:].t().flatten(), reduction="none").view(lq.shape[0], -1)
    ce = (ce * real[pick]).sum(1) / real[pick].sum().clamp(min=1)
    acc = ((lg.argmax(-1) == tgt) & ok).sum() / ok.sum()
    return l0, ce, acc


@torch.no_grad()
def generate(tk, lay, tok, tlen, voice, lang, ns, max_frames):
    """The likeliest codes, batched, with key/value caches; -> codes [B, F, 16], lengths, which ended"""
    c, dev = tk.c, tok.device
    B = len(tok)
    zero = torch.zeros_like(tlen)
    done, n = torch.zeros(B, dtype=torch.bool, device=dev), zero.clone()
    # prompts differ in length: run the full sequences without a cache, padded on the right
    codes = torch.zeros(B, max_frames, c["groups"], dtype=torch.long, device=dev)
    full_len = int((9 + torch.where(ns, tlen + 1, zero)).max()) + max_frames + 1
    text, codec, f, bos = lay(tok, tlen, voice, lang, ns, zero + max_frames, full_len)
    # left-align by bos: the cache holds positions per item; use a per-item index instead
    m = tk.model
    hd, kv, L = c["head_dim"], c["kv_heads"], c["layers"]
    K = [torch.zeros(B, kv, full_len, hd, device=dev, dtype=torch.float32) for _ in range(L)]
    V = [torch.zeros_like(K[0]) for _ in range(L)]
    cos, sin = M.rope_cache(full_len, hd, c["theta"], dev)

    def step(x, pos):
        """x [B, t, H] at positions pos [B, t]; writes the caches; -> hidden"""
        t = x.shape[1]
        ar = torch.arange(full_len, device=dev)
        mask = ar[None, None, None] <= pos[:, None, :, None]
        cs, sn = cos[pos][:, None], sin[pos][:, None]
        for l, layer in enumerate(m.layers):
            a = layer.self_attn
            y = layer.input_layernorm(x)
            q = a.q_norm(a.q_proj(y).view(B, t, a.h, hd)).transpose(1, 2).float()
            k = a.k_norm(a.k_proj(y).view(B, t, kv, hd)).transpose(1, 2).float()
            v = a.v_proj(y).view(B, t, kv, hd).transpose(1, 2).float()
            q, k = M.rope(q, cs, sn), M.rope(k, cs, sn)
            ix = pos[:, None, :, None].expand(-1, kv, -1, hd)
            K[l].scatter_(2, ix, k)
            V[l].scatter_(2, ix, v)
            kk, vv = K[l].repeat_interleave(a.h // kv, 1), V[l].repeat_interleave(a.h // kv, 1)
            o = F.scaled_dot_product_attention(q, kk, vv, attn_mask=mask)
            x = x + a.o_proj(o.transpose(1, 2).reshape(B, t, -1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return m.norm(x)

    plen = int(bos.max()) + 1
    x = embed(tk, text[:, :plen], codec[:, :plen], torch.full_like(f[:, :plen], -1), codes)
    h = step(x, torch.arange(plen, device=dev)[None].expand(B, -1))
    h = torch.gather(h, 1, bos[:, None, None].expand(-1, 1, h.shape[-1]))[:, 0]
    cp = tk.code_predictor
    for i in range(max_frames):
        lg = tk.codec_head(h).float()
        lg[:, lay.k:] = torch.where(torch.arange(lay.k, lg.shape[1], device=dev) == lay.ids["codec_eos_token_id"], lg[:, lay.k:], -1e9)
        if i < 2:
            lg[:, lay.ids["codec_eos_token_id"]] = -1e9
        c0 = lg.argmax(-1)
        done = done | (c0 == lay.ids["codec_eos_token_id"])
        if i % 8 == 0 and bool(done.all()):
            break
        c0 = torch.where(done, torch.zeros_like(c0), c0)
        fr = [c0]
        x = torch.stack([h, m.codec_embedding(c0)], 1)
        room = (B, c["cp_kv_heads"], c["groups"], c["cp_head_dim"])
        caches = [dict(k=h.new_zeros(room), v=h.new_zeros(room), n=0) for _ in range(c["cp_layers"])]
        for q in range(1, c["groups"]):
            hh = cp.run(x, caches, 0 if q == 1 else q)[:, -1]
            fr.append(cp.lm_head[q - 1](hh).argmax(-1))
            if q < c["groups"] - 1:
                x = cp.model.codec_embedding[q - 1](fr[-1])[:, None]
        codes[:, i] = torch.stack(fr, 1)
        n = torch.where(done, n, n + 1)
        e = m.codec_embedding(c0)
        for q in range(1, c["groups"]):
            e = e + cp.model.codec_embedding[q - 1](fr[q])
        pos = bos[:, None] + 1 + i
        tid = torch.gather(text, 1, pos)
        h = step(tk.text(tid) + e[:, None], pos)[:, 0]
    return codes, n, done


class CodePool:
    """All codes and text tokens so far, on the device; utterances as rows of start, frames, text start, text length."""

    def __init__(self, speech, dev, cap_hours, silence):
        """silence: the codes of a silent frame"""
        self.dev, self.cap, self.silence = dev, int(cap_hours * 45000), torch.as_tensor(silence, device=dev).long()
        self.codes = torch.zeros(self.cap, 16, dtype=torch.uint8, device=dev)
        self.toks = torch.zeros(self.cap, dtype=torch.int16, device=dev)
        self.n = self.m = 0
        self.rows, self.meta = [], np.zeros((0, 4), np.int64)
        self.reader = ChunkReader(speech, ("codes", "frames", "toks", "tlen"))

    def poll(self, limit):
        for _ in range(limit):
            c = self.reader.get()
            if c is None:
                return
            n, m = len(c["codes"]), len(c["toks"])
            if self.n + n > self.cap or self.m + m > self.cap:
                self.reader.stop = True
                return
            self.codes[self.n:self.n + n] = torch.from_numpy(c["codes"]).to(self.dev)
            self.toks[self.m:self.m + m] = torch.from_numpy(c["toks"].astype(np.int16)).to(self.dev)
            fr, tl = c["frames"].astype(np.int64), c["tlen"].astype(np.int64)
            self.rows.append(np.stack([self.n + np.cumsum(fr) - fr, fr, self.m + np.cumsum(tl) - tl, tl], 1))
            self.n += n
            self.m += m

    def wait(self, hours, timeout):
        t0 = time.time()
        while self.n < hours * 45000 and time.time() - t0 < timeout:
            self.poll(8)
            time.sleep(0.05)
        if self.n == 0:
            raise SystemExit("no speech chunks arrived")

    def batches(self, rng, budget, sample_n):
        """A shuffled list of batches of similar lengths, drawn from everything so far: a length, and rows of code start,
        frames, text start, text length, language, layout [6, n]. There are few lengths, and each has one number
        of rows, so that a step can be recorded for it."""
        if self.rows:
            self.meta = np.concatenate([self.meta, *self.rows])
            self.rows = []
        pick = rng.integers(len(self.meta), size=sample_n)
        ns, lang = rng.random(sample_n) < 0.5, rng.random(sample_n) < 0.5
        length = self.meta[pick, 1] + 11 + np.where(ns, self.meta[pick, 3] + 1, WAIT)
        rows = np.concatenate([self.meta[pick].T, lang[None], ns[None]]).astype(np.int64)
        low, out = 0, []
        for top in LENGTHS:
            at = np.flatnonzero((length > low) & (length <= top))
            k = max(1, budget // top)
            out += [(top, rows[:, at[i:i + k]]) for i in range(0, len(at) - k + 1, k)]
            low = top
        rng.shuffle(out)
        return out

    def batch(self, length, rows):
        """rows [6, n] on the device -> the batch"""
        st, fr, ts, tl, lang, ns = rows
        j = torch.arange(length - 10, device=self.dev)[None]
        tok = self.toks[(ts[:, None] + j).clamp(max=self.cap - 1)].long()
        # The first frame of the speech is no silence: the beginning of a sound may be heard in it.
        wait = WAIT * (1 - ns)
        codes = self.codes[(st[:, None] + (j - wait[:, None]).clamp(min=0)).clamp(max=self.cap - 1)].long()
        codes = torch.where((j < wait[:, None])[..., None], self.silence, codes)
        return dict(tok=tok, tlen=tl, voice=torch.zeros_like(fr), lang=lang, ns=ns > 0, nfr=fr + wait, codes=codes, length=length)


LENGTHS = (56, 72, 96, 120, 144, 176, 208, 256, 320, 448)  # positions; utterances fit the next longer


class Stepper:
    """One training step as a function of the rows of a batch; on a GPU recorded as a CUDA graph for each length,
    since a step is a thousand small kernels."""

    def __init__(self, tk, lay, pool, params, opt, a, say):
        self.tk, self.lay, self.pool, self.params, self.opt, self.a, self.say = tk, lay, pool, params, opt, a, say
        self.dev, self.graphs, self.memory = pool.dev, {}, None
        self.weights = torch.tensor(WEIGHTS, device=self.dev)
        self.record = a.record and self.dev == "cuda"
        self.run = torch.compile(tk.run, dynamic=True) if a.compile else tk.run
        self.predict = torch.compile(tk.predictor_logits, dynamic=False) if a.compile else tk.predictor_logits

    def body(self, length, rows):
        with torch.autocast(self.dev, dtype=torch.bfloat16, enabled=self.dev == "cuda"):
            l0, ce, acc = losses(self.tk, self.lay, self.pool.batch(length, rows), self.a.noise, self.a.cp_frames, self.run, self.predict)
            loss = l0 + (ce * self.weights).sum()
        gradient = guarded_step(loss, self.params, self.opt)
        return torch.cat([torch.stack([l0, acc, gradient]), ce]).detach()

    def plainer(self):
        """Does without the compiler, then without recording -> what it does without, or None if nothing is left."""
        self.graphs, self.memory = {}, None
        if self.run != self.tk.run:
            self.run, self.predict = self.tk.run, self.tk.predictor_logits
            return "without compiling"
        if self.record:
            self.record = False
            return "without recording"
        return None

    def __call__(self, length, rows):
        """-> loss of codebook 0, accuracy, gradient norm, losses of the others"""
        rows = torch.from_numpy(np.ascontiguousarray(rows))
        if not self.record:
            return self.body(length, rows.to(self.dev))
        if length not in self.graphs:
            t, held = time.time(), rows.to(self.dev)
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.body(length, held)
            torch.cuda.current_stream().wait_stream(side)
            self.opt.zero_grad(set_to_none=True)
            g = torch.cuda.CUDAGraph()
            with torch.cuda.graph(g, pool=self.memory):
                out = self.body(length, held)
            self.memory = self.memory or g.pool()
            self.graphs[length] = g, held, out
            self.say(f"recorded length {length} in {time.time() - t:.1f}s")
        g, held, out = self.graphs[length]
        held.copy_(rows.pin_memory(), non_blocking=True)
        g.replay()
        return out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--speech", required=True)
    ap.add_argument("--text", required=True)
    ap.add_argument("--quantizer", required=True)
    ap.add_argument("--ckpt", required=True, help="folder to write talker.pt, talker_mean.pt and talker_opt.pt to, and talker_steady.pt as the rate begins to fall")
    ap.add_argument("--start", help="folder with these files to resume from, if it has them")
    ap.add_argument("--seconds", type=float, required=True, help="wall clock, in all")
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--decay-from", type=float, default=1.0, help="share of the time after which the rate falls to zero; 1: it does not")
    ap.add_argument("--tokens", type=int, default=32768, help="positions a step")
    ap.add_argument("--cp-frames", type=int, default=6144, help="frames a step that the code predictor learns from")
    ap.add_argument("--noise", type=float, default=0.5, help="largest share of disturbed frames in the history")
    ap.add_argument("--cap-hours", type=float, default=1600)
    ap.add_argument("--wait-hours", type=float, default=4)
    ap.add_argument("--max-steps", type=int, default=10 ** 9)
    ap.add_argument("--pair", help="FOLDER:0 for one of two runs whose weights are averaged, FOLDER:1 for the other; the folder in memory")
    ap.add_argument("--round", type=int, default=64, help="steps between two averagings")
    ap.add_argument("--alone-every", type=float, default=90, help="seconds between two judgements of what it says alone")
    ap.add_argument("--dims", default="{}")
    ap.add_argument("--compile", action="store_true")
    ap.add_argument("--record", action="store_true", help="steps as CUDA graphs")
    a = ap.parse_args()
    dev = "cuda" if torch.cuda.is_available() else "cpu"
    say = lambda *x: print("talker", *x, flush=True)  # noqa: E731
    seed = time.time_ns() // 1000 % 2 ** 32  # of a pair each its own
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    rng, quantizer = np.random.default_rng(seed), Quantizer(a.quantizer)
    amp = lambda: torch.autocast(dev, dtype=torch.bfloat16, enabled=dev == "cuda")  # noqa: E731
    ck = Path(a.ckpt)
    ck.mkdir(parents=True, exist_ok=True)
    tx = TextIds(a.text)
    cfg = {**M.TALKER, "text_vocab_size": tx.tok.get_vocab_size(), **json.loads(a.dims)}
    cfg["vocab_size"] = cfg["codebook_size"] + 1024
    tk = M.Talker(cfg).to(dev)
    decay = [p for n, p in tk.named_parameters() if p.ndim >= 2 and "embedding" not in n]
    rest = [p for n, p in tk.named_parameters() if not (p.ndim >= 2 and "embedding" not in n)]
    params = decay + rest
    opt = torch.optim.AdamW([dict(params=decay, weight_decay=0.1), dict(params=rest, weight_decay=0.0)], 
                            lr=torch.tensor(a.lr, device=dev) if dev == "cuda" else a.lr, betas=(0.9, 0.95), fused=dev == "cuda", capturable=dev == "cuda")
    if a.start and (Path(a.start) / "talker.pt").exists():
        s = torch.load(Path(a.start) / "talker.pt", map_location=dev, weights_only=True)
        assert json.loads(s["cfg"]) == json.loads(json.dumps(cfg)), "dims changed"
        tk.load_state_dict({k: v.float() for k, v in s["talker"].items()})
        o = Path(a.start) / "talker_opt.pt"
        ok = o.exists() and restore_optimizer(opt, torch.load(o, map_location=dev, weights_only=True)["opt"])
        say("resumes", "with its optimizer" if ok else "with a fresh optimizer")
    lay = Layout(cfg, tx, dev)
    say("params", M.count(tk), "device", dev, f"start {time.time() - T0:.1f}s")
    silence = quantizer.silence()
    pool = CodePool(a.speech, dev, a.cap_hours, silence)
    pool.wait(a.wait_hours, 120)
    say(f"codes for {pool.n / 45000:.2f} h at {time.time() - T0:.1f}s")

    # held-out batches with their own text; the file may come later
    hd, hb = [], []
    lines = Path(a.text, "heldout-written.txt").read_text().splitlines()

    def held_batch(rows, ns, lang):
        ids = tx.encode([lines[h["line"]] for h in rows])
        wait = WAIT * (not ns)
        tl, fr = np.array([len(i) for i in ids]), wait + np.array([h["frames"] for h in rows])
        tok = np.zeros((len(rows), tl.max()), np.int64)
        codes = np.zeros((len(rows), fr.max(), 16), np.int64)
        for i, h in enumerate(rows):
            tok[i, : tl[i]], codes[i, :wait], codes[i, wait: fr[i]] = ids[i], silence, h["codes"]
        t = lambda v: torch.as_tensor(v, device=dev)  # noqa: E731
        full = lambda v: torch.full((len(rows),), v, device=dev)  # noqa: E731
        return dict(tok=t(tok), tlen=t(tl), voice=full(0), lang=full(int(lang)), ns=full(bool(ns)), nfr=t(fr), codes=t(codes),
                    length=int((fr + 11 + (tl + 1) * ns).max()))

    def evaluate():
        hd[:] = hd or load_heldout(Path(a.speech) / "heldout.npz", wait=0)
        if not hd:
            return "no held-out speech yet"
        hb[:] = hb or [held_batch(hd[:120], ns, lg) for ns, lg in ((False, 0), (True, 1))]
        tk.eval()
        r = []
        with torch.no_grad(), amp():
            for b in hb:
                l0, ce, acc = losses(tk, lay, b)
                r.append([float(l0), float(ce.mean()), float(ce[0]), float(ce[1]), float(ce[-1]), float(acc)])
        tk.train()
        return "held-out " + " | ".join(f"{n} c0 {v[0]:.3f} cp {v[1]:.3f} (c1 {v[2]:.3f} c2 {v[3]:.3f} c15 {v[4]:.3f}) acc {v[5]:.3f}" for n, v in zip(("stream", "full"), r))

    @torch.no_grad()
    def spoken(most):
        """what it says when it is alone: phones that differ, ends, lengths"""
        if dev == "cpu":
            most = 2
        tk.eval()
        out = []
        for name, ns in (("stream", False), ("full", True)):
            rows = hd[:most]
            if not rows:
                break
            b = held_batch(rows, ns, 0)
            codes, n, done = generate(tk, lay, b["tok"], b["tlen"], b["voice"], b["lang"], b["ns"], max_frames=200 if dev == "cuda" else 20)
            codes, n = codes.cpu().numpy(), n.cpu().numpy()
            wrong = total = 0
            ratio = (n - WAIT * (not ns)) / np.array([h["frames"] for h in rows])
            for h, c, k in zip(rows, codes, n):
                said, meant = quantizer.phones(c[:k]), quantizer.phones(h["codes"])
                wrong, total = wrong + edits(meant, said), total + len(meant)
            out.append(f"{name} phones wrong {wrong / total:.4f}, ended {float(done.float().mean()):.3f}, "
                       f"ratio {ratio.min():.2f} {np.median(ratio):.2f} {ratio.max():.2f}")
        tk.train()
        return "alone " + " | ".join(out)

    # The mean of the last three thousand steps or so: while the rate is high it is better than any one of them.
    names, mean = [n for n, _ in tk.named_parameters()], [p.detach().clone() for p in tk.parameters()]

    def store(name="talker"):
        pack = lambda state: {"talker": {k: v.detach().to(torch.bfloat16) for k, v in state.items()}, "cfg": json.dumps(cfg)}  # noqa: E731
        save(pack(tk.state_dict()), ck / f"{name}.pt")
        save(pack({**tk.state_dict(), **dict(zip(names, mean))}), ck / "talker_mean.pt")
        save({"opt": keep_optimizer(opt)}, ck / "talker_opt.pt")

    clock = Clock(a.seconds - (time.time() - T0) - 20)
    patience = Patience(150) if a.compile else None
    stepper = Stepper(tk, lay, pool, params, opt, a, say)
    step, total, count, positions, lastlog, lasteval, laststore, lastalone = 0, 0, 0, 0, time.time(), time.time(), time.time(), time.time()
    steady, pair = False, Pair(a.pair, list(tk.parameters()), say)
    while clock.frac() < 1 and step < a.max_steps:
        for length, rows in pool.batches(rng, a.tokens, min(20000, len(pool.meta) + 2000)):
            if clock.frac() >= 1 or step >= a.max_steps:
                break
            f = clock.frac()
            lr = a.lr * min(1, (step + 1) / 300)
            if f > a.decay_from > 0 and not steady:  # to resume from: a rate that rises again spoils what a fallen one has settled
                store("talker_steady")
                steady = True
            if f > a.decay_from:
                lr *= max(0.005, 1 - (f - a.decay_from) / (1 - a.decay_from))
            for g in opt.param_groups:
                g["lr"] = g["lr"].fill_(lr) if torch.is_tensor(g["lr"]) else lr
            try:
                total = total + stepper(length, rows)
            except Exception as e:  # an unfit compiler must not cost the run
                left = stepper.plainer()
                if left is None:
                    raise
                say(f"continues {left}:", repr(e)[:500])
                continue
            count, step, positions = count + 1, step + 1, positions + length * rows.shape[1]
            if patience and step == 3:
                patience.end()
            if step % 2 == 0:
                pool.poll(3)
            if step % a.round == 0:
                r = step // a.round
                # The first time the other may still be compiling; at the end nobody waits.
                pair.average(r, max(0, min(40 if r > 1 else 200, clock.left())))
                torch._foreach_lerp_(mean, [p.detach() for p in tk.parameters()], max(a.round / 3000, 1 / (r + 1)))
            if time.time() - lastlog > 15 or step in (1, 10, 50):
                v, dt = (total / count).tolist(), max(1e-3, time.time() - lastlog)
                say(f"step {step} t {time.time() - T0:.0f}s {count / dt:.1f} it/s {positions / dt / 1e3:.0f}k pos/s lr {lr:.1e} c0 {v[0]:.3f} acc {v[1]:.3f} "
                    f"cp {sum(v[3:]) / 15:.3f} c1 {v[3]:.3f} c2 {v[4]:.3f} c15 {v[-1]:.3f} grad {v[2]:.2f} data {pool.n / 45000:.1f}h")
                total, count, positions, lastlog = 0, 0, 0, time.time()
            if time.time() - lasteval > 60 and step > 3:
                say(f"t {time.time() - T0:.0f}s", evaluate())
                lasteval = time.time()
            if time.time() - laststore > 60 and step > 3:
                store()
                laststore = time.time()
            if time.time() - lastalone > a.alone_every and step > 3:
                say(f"t {time.time() - T0:.0f}s", spoken(48))
                lastalone = time.time()
    store()
    pool.reader.stop = True
    say(f"{step} steps, {time.time() - T0:.0f} s" + (f", gpu peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if dev == "cuda" else ""))
    say(evaluate())
    say(spoken(239))
    say(f"finished at {time.time() - T0:.0f} s")


if __name__ == "__main__":
    main()
