# SPDX-License-Identifier: MIT
from __future__ import annotations

import atexit
import ctypes
import enum
import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Optional, Union

import numpy
import numpy.typing

from . import _library

_c = _library.load()

#: Samples per second.
SAMPLE_RATE: int = _c.qwen3tts_sample_rate()
#: The library's release.
__version__: str = _c.qwen3tts_version().decode()

Audio = numpy.typing.NDArray[numpy.float32]


class SynthesisError(Exception):
    """What kept the synthesizer from speaking: what was expected, what was found, what to do."""


class InvalidInput(SynthesisError, ValueError):
    """A text, voice, language or option the model cannot use."""


class InvalidModel(SynthesisError):
    """Files of a model that are missing, damaged or of another kind."""


class DeviceUnavailable(SynthesisError):
    """No device of the kind that was asked for, or one that cannot be used."""


class ResourcesMissing(SynthesisError):
    """The bundled voice is not where the library looks for it."""


class Overloaded(SynthesisError):
    """More speeches than may wait; try again in a while."""


class Stopped(SynthesisError):
    """The synthesizer was closed."""


class TimedOut(SynthesisError, TimeoutError):
    """A text that was not written on, or a speech that was not read, for too long."""


class InternalFailure(SynthesisError):
    """The device or the system failed. Open another synthesizer before the next speech."""


_ERRORS = {1: InvalidInput, 2: InvalidModel, 3: DeviceUnavailable, 4: ResourcesMissing, 5: Overloaded, 6: Stopped,
           7: TimedOut, 8: InternalFailure}


class FinishReason(enum.IntEnum):
    """Why a speech ended."""

    #: The model ended it.
    STOP = 0
    #: It reached its most frames or the end of the model's context.
    LENGTH = 1
    #: It was stuck; another seed usually helps.
    RUNAWAY = 2
    #: It was cancelled.
    CANCELLED = 3


@dataclass(frozen=True)
class Summary:
    """What was spoken and how fast. Durations are in seconds."""

    finish_reason: FinishReason
    #: Frames of 80 ms.
    frames: int
    text_tokens: int
    #: With it the same request has the same samples on the same kind of device.
    seed: int
    audio_seconds: float
    #: From the request to the end, the wait for earlier speeches included.
    wall_seconds: float
    first_audio_seconds: float
    queue_seconds: float
    #: What was asked for and not done, in sentences.
    notices: tuple[str, ...]

    @property
    def real_time_factor(self) -> float:
        """Length of the audio over the time it took: above 1 is faster than real time."""
        return self.audio_seconds / self.wall_seconds if self.wall_seconds > 0 else 0.0


def _raise(error: _library.Error) -> None:
    if error.code:
        raise _ERRORS.get(error.code, SynthesisError)(error.message.decode())


def _text(name: str, value: Optional[str]) -> Optional[bytes]:
    if value is None:
        return None
    if "\0" in value:
        raise InvalidInput(f"{name}: expected a text without the character U+0000, found one with it")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{name}: expected characters of Unicode, found {error}") from None


def _free(pointer: int, synthesizer: "_Handle") -> None:
    # The argument keeps the synthesizer until its speeches are released.
    _c.qwen3tts_free(pointer)


class _Handle:
    """An open synthesizer of the library, closed once."""

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer
        self.is_open = True
        # Held while a speech is begun, which is short, so that none is begun on what is being closed.
        self.lock = threading.Lock()

    def close(self) -> None:
        with self.lock:
            if not self.is_open:
                return
            self.is_open = False
        _c.qwen3tts_close(self.pointer)


class Speech(Iterator[Audio]):
    """A speech as it is made: iterate over it for its chunks of samples. It can be read once.

    It is made whether or not it is read, up to 20 s ahead of its reader.
    """

    def __init__(self, pointer: int, handle: _Handle) -> None:
        self._pointer = pointer
        self._has_ended = False
        self._summary: Optional[Summary] = None
        # One reader at a time, whose chunk is copied before the next is asked for.
        self._reading = threading.Lock()
        self._release = weakref.finalize(self, _free, pointer, handle)
        self._release.atexit = False  # type: ignore[misc]

    def __iter__(self) -> "Speech":
        return self

    def __next__(self) -> Audio:
        with self._reading:
            if self._has_ended:
                raise StopIteration
            samples, count, error = _library.Samples(), ctypes.c_size_t(), _library.Error()
            code = _c.qwen3tts_next(self._pointer, samples, count, error)
            if code == 0 and count.value:
                chunk: Audio = numpy.ctypeslib.as_array(samples, (count.value,)).copy()
                return chunk
            self._has_ended = True
            self._read_summary()
            # At the interpreter's end a thread that still reads has nobody to report to.
            if not (_is_ending and error.code == 6):
                _raise(error)
            raise StopIteration

    def _read_summary(self) -> None:
        read = _library.Summary(size=ctypes.sizeof(_library.Summary))
        _c.qwen3tts_summarize(self._pointer, read)
        if read.frames < 0:
            return
        notices = _c.qwen3tts_notices(self._pointer).decode()
        self._summary = Summary(
            FinishReason(read.finish_reason), read.frames, read.text_tokens, read.seed, read.audio_seconds,
            read.wall_seconds, read.first_audio_seconds, read.queue_seconds, tuple(notices.splitlines()))

    @property
    def summary(self) -> Optional[Summary]:
        """What was spoken and how fast; `None` before the last chunk was read."""
        return self._summary

    def cancel(self) -> None:
        """Ends the speech, from any thread: what has been made can still be read."""
        _c.qwen3tts_cancel(self._pointer)

    def __enter__(self) -> "Speech":
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.cancel()


class Synthesizer:
    """A model that is open. It may be used from any thread and speaks many speeches at once.

    :param model: A folder, or the name of a model that `qwen3-tts download` fetched; `None` for the bundled voice.
    :param device: Where to run; "auto" takes a GPU where one can be used and the model is large enough.
    :param voices: Speeches at once, others wait; `None` for 16 on a CPU and 1 on a GPU.
    :param queue: Speeches that may wait; another is refused as `Overloaded`.
    """

    def __init__(self, model: Union[str, os.PathLike[str], None] = None, *,
                 device: Literal["auto", "cpu", "cuda"] = "auto", voices: Optional[int] = None,
                 queue: int = 1024) -> None:
        options = _library.OpenOptions(
            size=ctypes.sizeof(_library.OpenOptions), voices=voices or 0, queue=queue, device=_text("device", device))
        error = _library.Error()
        name = None if model is None else _text("model", os.fspath(model))
        pointer = _c.qwen3tts_open(name, options, error)
        if not pointer:
            _raise(error)
        self._handle = _Handle(pointer)
        _open.add(self)
        #: The device in words.
        self.device: str = _c.qwen3tts_device(pointer).decode()
        #: Voices of the model, in alphabetical order.
        self.voices: tuple[str, ...] = tuple(self._list(_c.qwen3tts_voice))
        #: Languages that can be asked for, besides "auto".
        self.languages: tuple[str, ...] = tuple(self._list(_c.qwen3tts_language))

    def _list(self, function: "ctypes._FuncPointer") -> Iterator[str]:
        index = 0
        while (item := function(self._handle.pointer, index)) is not None:
            yield item.decode()
            index += 1

    def speak(self, text: Union[str, Iterable[str]], *, voice: Optional[str] = None,
              language: Optional[str] = None, instruction: Optional[str] = None,
              normalization: Optional[Literal["auto", "on", "off"]] = None,
              layout: Optional[Literal["whole", "incremental"]] = None, greedy: bool = False,
              temperature: Optional[float] = None, top_k: Optional[int] = None, top_p: Optional[float] = None,
              repetition_penalty: Optional[float] = None, maximum_frames: Optional[int] = None,
              first_chunk_frames: Optional[int] = None, chunk_frames: Optional[int] = None,
              seed: Optional[int] = None) -> Speech:
        """Begins to speak a text, and returns at once: the speech is an iterator of its chunks.

        :param text: The text, or its pieces as they are written, such as a language model's answer. A thread reads
            them; when it raises, so does the speech.
        :param voice: A voice of the model, a saved voice by its name, or the path of a `.voice` file.
        :param top_k: Sampling is among this many of the likeliest codes; 0 means all.

        What is `None` is the model's own default.
        """
        for name, value in [("temperature", temperature), ("top_p", top_p), ("repetition_penalty", repetition_penalty),
                            ("maximum_frames", maximum_frames), ("first_chunk_frames", first_chunk_frames),
                            ("chunk_frames", chunk_frames)]:
            # Zero is the library's word for a default.
            if value is not None and not value > 0:
                raise InvalidInput(f"{name}: expected above 0, found {value}")
        if top_k is not None and top_k < 0:
            raise InvalidInput(f"top_k: expected 0 or more, found {top_k}")
        if seed is not None and not 0 <= seed < 1 << 64:
            raise InvalidInput(f"seed: expected 0 to 2**64 - 1, found {seed}")
        options = _library.Options(
            size=ctypes.sizeof(_library.Options), greedy=greedy, voice=_text("voice", voice),
            language=_text("language", language), instruction=_text("instruction", instruction),
            normalization=_text("normalization", normalization), layout=_text("layout", layout),
            temperature=temperature or 0, top_p=top_p or 0, repetition_penalty=repetition_penalty or 0,
            top_k=0 if top_k is None else top_k or -1, maximum_frames=maximum_frames or 0,
            first_chunk_frames=first_chunk_frames or 0, chunk_frames=chunk_frames or 0,
            has_seed=seed is not None, seed=seed or 0)
        error = _library.Error()
        whole = _text("text", text) if isinstance(text, str) else None
        with self._handle.lock:
            if not self._handle.is_open:
                raise Stopped("synthesizer: expected an open one, found one that was closed")
            pointer = _c.qwen3tts_begin(self._handle.pointer, whole, options, error)
        if not pointer:
            _raise(error)
        if whole is not None:
            return Speech(pointer, self._handle)
        speech = _WrittenSpeech(pointer, self._handle)
        speech.read(text)
        return speech

    def waveform(self, text: str, **options: object) -> Audio:
        """Speaks a text and returns all samples; the options are those of `speak`."""
        chunks = list(self.speak(text, **options))  # type: ignore[arg-type]
        return numpy.concatenate(chunks) if chunks else numpy.zeros(0, numpy.float32)

    def close(self) -> None:
        """Ends all speeches and closes the model; speeches that are still read then raise `Stopped`."""
        _open.discard(self)
        self._handle.close()

    def __enter__(self) -> "Synthesizer":
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.close()


class _WrittenSpeech(Speech):
    """A speech whose text is read from an iterable, on a thread of its own."""

    _failure: Optional[BaseException] = None

    def read(self, pieces: Iterable[str]) -> None:
        # The thread holds the speech weakly: a speech that nobody reads ends, and so does the thread.
        threading.Thread(
            target=_write, args=(weakref.ref(self), pieces), daemon=True, name="qwen3-tts text").start()

    def __next__(self) -> Audio:
        try:
            return super().__next__()
        except StopIteration:
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure from None
            raise


def _write(reference: "weakref.ref[_WrittenSpeech]", pieces: Iterable[str]) -> None:
    error = _library.Error()
    try:
        for piece in pieces:
            encoded = _text("text", piece)
            speech = reference()
            if speech is None or speech._has_ended:
                return
            if _c.qwen3tts_append(speech._pointer, encoded, error):
                return
            del speech
    except BaseException as failure:
        if (speech := reference()) is not None:
            speech._failure = failure
            speech.cancel()
        return
    if (speech := reference()) is not None:
        _c.qwen3tts_finish(speech._pointer, error)


# Closed before the interpreter goes: a speech that is still made then would outlive what reads it.
_open: "weakref.WeakSet[Synthesizer]" = weakref.WeakSet()


_is_ending = False


@atexit.register
def _close_all() -> None:
    global _is_ending
    _is_ending = True
    for synthesizer in list(_open):
        synthesizer.close()
