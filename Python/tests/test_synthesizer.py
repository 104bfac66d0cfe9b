# SPDX-License-Identifier: MIT
"""The installed wheel: the checks of the package runs this in a fresh environment with nothing but the wheel and numpy.

  python -m unittest discover -s Python/tests [-k WORD]
"""
import gc
import os
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import numpy

import qwen3_tts
from qwen3_tts import FinishReason, InvalidInput, InvalidModel, SynthesisError, Synthesizer, Stopped

SPEECHES = int(os.environ.get("SPEECHES", 1000))


def resident() -> float:
    """MB of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Speaking(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.synthesizer = Synthesizer(device="cpu")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.synthesizer.close()

    def test_speaks_in_chunks(self) -> None:
        speech = self.synthesizer.speak("Good morning, how are you?", seed=1)
        chunks = list(speech)
        self.assertGreater(len(chunks), 1)
        for chunk in chunks:
            self.assertEqual((chunk.dtype, chunk.ndim), (numpy.float32, 1))
        samples = numpy.concatenate(chunks)
        self.assertEqual(len(samples) % 1920, 0)
        self.assertGreater(float(numpy.abs(samples).max()), 0.05)
        self.assertLessEqual(float(numpy.abs(samples).max()), 1)
        summary = speech.summary
        self.assertEqual(summary.finish_reason, FinishReason.STOP)
        self.assertEqual(summary.frames * 1920, len(samples))
        self.assertAlmostEqual(summary.audio_seconds, len(samples) / qwen3_tts.SAMPLE_RATE)
        self.assertEqual(summary.seed, 1)
        self.assertGreater(summary.first_audio_seconds, 0)
        self.assertEqual(list(speech), [])

    def test_the_same_seed_is_the_same_speech(self) -> None:
        first, second = (self.synthesizer.waveform("Good morning.", seed=7) for _ in range(2))
        numpy.testing.assert_array_equal(first, second)

    def test_a_text_in_pieces_is_the_same_speech(self) -> None:
        text = "Good morning. This is a test, and then another one."
        pieces = [text[i:i + 3] for i in range(0, len(text), 3)]
        whole = numpy.concatenate(list(self.synthesizer.speak(iter([text]), seed=3)))
        cut = numpy.concatenate(list(self.synthesizer.speak(iter(pieces), seed=3)))
        numpy.testing.assert_array_equal(whole, cut)

    def test_an_error_of_the_writer_is_the_speechs(self) -> None:
        def writer():
            yield "Good morning. "
            raise ZeroDivisionError("the writer failed")

        with self.assertRaisesRegex(ZeroDivisionError, "the writer failed"):
            list(self.synthesizer.speak(writer()))

    def test_errors_say_what_was_expected(self) -> None:
        for expected, words, options in [
                (InvalidInput, "nobody", {"voice": "nobody"}), (InvalidInput, "klingon", {"language": "klingon"}),
                (InvalidInput, "temperature", {"temperature": -1}), (InvalidInput, "temperature", {"temperature": 1e9}),
                (InvalidInput, "chunk_frames", {"chunk_frames": 0}), (InvalidInput, "seed", {"seed": -1}),
                (InvalidInput, "layout", {"layout": "sideways"}), (InvalidInput, "U+0000", {"instruction": "a\0b"})]:
            with self.subTest(options), self.assertRaisesRegex(expected, words.replace("+", r"\+")):
                list(self.synthesizer.speak("Good morning.", **options))
        with self.assertRaises(InvalidInput):
            list(self.synthesizer.speak(""))
        with self.assertRaises(InvalidModel):
            Synthesizer("/nowhere/at/all")
        with self.assertRaisesRegex(InvalidInput, "auto, cpu, cuda"):
            Synthesizer(device="tpu")

    def test_voices_and_device_are_known(self) -> None:
        self.assertTrue(self.synthesizer.voices)
        self.assertEqual(list(self.synthesizer.voices), sorted(self.synthesizer.voices))
        self.assertTrue(self.synthesizer.device.startswith("CPU"))

    def test_cancelling_ends_a_speech(self) -> None:
        speech = self.synthesizer.speak("one two three four five six seven. " * 100)
        next(speech)
        threading.Timer(0.1, speech.cancel).start()
        start = time.monotonic()
        frames = sum(len(chunk) for chunk in speech) // 1920
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(speech.summary.finish_reason, FinishReason.CANCELLED)
        self.assertLess(frames, 2000)

    def test_many_speeches_from_many_threads(self) -> None:
        texts = [f"This is number {i}." for i in range(100)]
        alone = self.synthesizer.waveform(texts[42], seed=42)
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda i: self.synthesizer.waveform(texts[i], seed=i), range(100)))
        self.assertEqual(sum(len(m) > 1920 for m in made), 100)
        numpy.testing.assert_array_equal(made[42], alone)


class Endings(unittest.TestCase):
    def test_a_closed_synthesizer_refuses_and_ends_its_speeches(self) -> None:
        synthesizer = Synthesizer(device="cpu")
        speech = synthesizer.speak("one two three four five six seven. " * 100)
        next(speech)
        synthesizer.close()
        with self.assertRaises(Stopped):
            for _ in speech:
                pass
        with self.assertRaises(Stopped):
            synthesizer.speak("Good morning.")
        synthesizer.close()

    def test_closing_while_others_speak(self) -> None:
        for _ in range(5):
            synthesizer = Synthesizer(device="cpu")
            outcomes = []

            def speak() -> None:
                try:
                    for _ in range(100):
                        synthesizer.waveform("one two three four five six seven.")
                except Stopped:
                    outcomes.append("stopped")

            threads = [threading.Thread(target=speak) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(0.3)
            synthesizer.close()
            for thread in threads:
                thread.join(30)
            self.assertEqual(outcomes, ["stopped"] * 8)

    def run_python(self, code: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    def test_the_interpreter_ends_in_mid_speech(self) -> None:
        begin = ("from qwen3_tts import Synthesizer\ns = Synthesizer(device='cpu')\n"
                 "speech = s.speak('one two three four five six seven. ' * 100)\nnext(speech)\n")
        reading = "import threading\nthreading.Thread(target=lambda: list(speech), daemon=True).start()\n"
        writing = ("def forever():\n  import time\n  while True: time.sleep(0.01); yield 'one two three. '\n"
                   "other = s.speak(forever())\nnext(other)\n")
        for name, code, expected in [
                ("at its end", "", 0), ("while a thread reads", reading, 0), ("while a thread writes", writing, 0),
                ("by sys.exit", "import sys\nsys.exit(3)\n", 3), ("by an error", "1 / 0\n", 1),
                ("with the name deleted", "del s, speech\n", 0)]:
            for _ in range(5):
                with self.subTest(name):
                    result = self.run_python(begin + code)
                    self.assertEqual(result.returncode, expected, result.stderr)
                    if expected != 1:
                        self.assertEqual(result.stderr, "")

    def test_nothing_leaks(self) -> None:
        with Synthesizer(device="cpu") as synthesizer:
            def some(count: int) -> float:
                with ThreadPoolExecutor(8) as pool:
                    list(pool.map(self.speak(synthesizer), range(count)))
                gc.collect()
                return resident()

            before = some(max(SPEECHES // 5, 20))
            after = some(SPEECHES)
        # A kilobyte a speech would be a megabyte; malloc's own drift is some.
        print(f"\n{SPEECHES} speeches: {before:.1f} MB before, {after:.1f} MB after", file=sys.stderr)
        self.assertLess(after - before, 8)

    @staticmethod
    def speak(synthesizer: Synthesizer):
        def one(index: int) -> None:
            speech = synthesizer.speak(["Yes, ", "please."] if index % 4 == 1 else "Yes, please.", seed=index)
            if index % 4 == 2:
                speech.cancel()
            if index % 4 == 3:
                # Dropped in mid-speech.
                next(speech, None)
                return
            try:
                for _ in speech:
                    pass
            except SynthesisError:
                raise AssertionError("a speech failed")
        return one

    def test_opening_and_closing_does_not_leak(self) -> None:
        def some(count: int) -> float:
            for _ in range(count):
                with Synthesizer(device="cpu") as synthesizer:
                    synthesizer.waveform("Yes.")
            gc.collect()
            return resident()

        before, after = some(5), some(20)
        print(f"\n20 synthesizers: {before:.1f} MB before, {after:.1f} MB after", file=sys.stderr)
        self.assertLess(after - before, 25)


if __name__ == "__main__":
    unittest.main()
