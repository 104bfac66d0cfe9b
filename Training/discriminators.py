"""Judges that the codec decoder is trained against: waveforms folded by periods, and spectrograms at several resolutions.

They never leave the training. Both hear the same stretch of sound; each gives a map of opinions, and its layers' outputs,
which the decoder learns to match (feature matching)."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm


def conv(*args, **more):
    return weight_norm(nn.Conv2d(*args, **more))


class Period(nn.Module):
    """The waveform in rows of `period` samples: what repeats with it stands in columns."""

    def __init__(self, period, widths=(32, 64, 128, 256)):
        super().__init__()
        self.period, before, layers = period, 1, []
        for w in widths:
            layers.append(conv(before, w, (5, 1), (3, 1), padding=(2, 0)))
            before = w
        self.layers = nn.ModuleList([*layers, conv(before, before, (5, 1), padding=(2, 0))])
        self.last = conv(before, 1, (3, 1), padding=(1, 0))

    def forward(self, x):
        x = F.pad(x, (0, -x.shape[1] % self.period)).view(len(x), 1, -1, self.period)
        seen = []
        for m in self.layers:
            x = F.leaky_relu(m(x), 0.1)
            seen.append(x)
        return self.last(x), seen


class Spectrum(nn.Module):
    """The complex spectrogram with its amplitudes compressed to their root, so that quiet highs count too."""

    def __init__(self, size, width=32):
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size))
        layers = [conv(2, width, (3, 9), (1, 2), padding=(1, 4))]
        layers += [conv(width, width, (3, 9), (1, 2), (d, 4), (d, 1)) for d in (1, 2, 4)]
        self.layers = nn.ModuleList([*layers, conv(width, width, (3, 3), padding=(1, 1))])
        self.last = conv(width, 1, (3, 3), padding=(1, 1))

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            s = torch.stft(x.float(), self.size, self.size // 4, window=self.window, center=True, pad_mode="constant", return_complex=True)
            s = torch.view_as_real(s * (2 / self.window.sum()))
            s = s * (s.square().sum(-1, keepdim=True) + 1e-7) ** -0.25
        x, seen = s.permute(0, 3, 2, 1).contiguous(memory_format=torch.channels_last), []  # [B, 2, frames, bins]
        for m in self.layers:
            x = F.leaky_relu(m(x), 0.1)
            seen.append(x)
        return self.last(x), seen


class Discriminators(nn.Module):
    def __init__(self, periods=(2, 3, 5, 7, 11), sizes=(2048, 1024, 512)):
        super().__init__()
        self.judges = nn.ModuleList([*(Period(p) for p in periods), *(Spectrum(n) for n in sizes)])

    def forward(self, real, fake):
        """-> for each judge: opinions of both, outputs of its layers for both; both at once, half the calls"""
        x, n, out = torch.cat([real, fake]), len(real), []
        for j in self.judges:
            o, seen = j(x)
            out.append((o[:n], o[n:], [(s[:n], s[n:]) for s in seen]))
        return out


def judge_loss(opinions):
    """least squares: 1 for real sound, 0 for the decoder's"""
    return sum((1 - r.float()).square().mean() + f.float().square().mean() for r, f, _ in opinions) / len(opinions)


def decoder_losses(opinions):
    """-> to be taken for real, and to look alike to each layer"""
    fooled = sum((1 - f.float()).square().mean() for _, f, _ in opinions) / len(opinions)
    alike = sum((f.float() - r.float().detach()).abs().mean() / r.float().detach().abs().mean().clamp(min=1e-3) for _, _, s in opinions for r, f in s)
    return fooled, alike / sum(len(s) for _, _, s in opinions)
