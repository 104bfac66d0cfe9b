# SPDX-License-Identifier: MIT
"""python3 -m unittest discover Benchmarks: what `compare` makes of results, without any engine."""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
COMPARE = os.path.join(HERE, "compare")
loader = importlib.machinery.SourceFileLoader("compare", COMPARE)
sys.dont_write_bytecode = True
compare = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
loader.exec_module(compare)


def spread(p50):
    return dict(p50=p50, p95=p50 + 1, p99=p50 + 2, min=p50 - 1)


BENCH = dict(device="NVIDIA H100, sm_90", frames=120, load_seconds=1.5, step_ms=spread(2),
             rtf=spread(30), ttfa_ms_by_chunk={"1": spread(4), "8": spread(20)},
             start=dict(first_seconds=12, cached_seconds=2), device_peak_bytes=2_000_000_000)
FASTER = dict(device="NVIDIA H100", ms_per_frame=18, rtf=4.2, load_seconds=13,
              ttfa_ms_by_chunk={"1": 72}, memory_bytes=3_000_000_000)
OFFICIAL = dict(device="NVIDIA H100", ms_per_frame=90, rtf=0.9, load_seconds=20,
                ttfa_ms_by_chunk={"whole call": 9000})


class CompareTests(unittest.TestCase):
    def test_bench_has_the_names_of_the_table(self):
        found = compare.from_bench(BENCH)
        self.assertEqual(found["ms_per_frame"], 2)
        self.assertEqual(found["ttfa_ms_by_chunk"], {"1": 4, "8": 20})
        self.assertEqual(found["first_call_seconds"], 10)
        on_cpu = {key: value for key, value in BENCH.items() if key != "device_peak_bytes"}
        self.assertNotIn("memory_bytes", compare.from_bench(on_cpu))

    def test_table(self):
        lines = compare.table(dict(engines=dict(
            ours=compare.from_bench(BENCH), faster=FASTER, official=OFFICIAL)))
        rows = {line[:24].strip(): line[24:].split("  ") for line in lines}
        cells = {name: [cell.strip() for cell in row if cell.strip()] for name, row in rows.items()}
        self.assertEqual(cells["ms a frame"], ["2.00", "18.00 (9.0×)", "90.00 (45.0×)"])
        self.assertEqual(cells["TTFA 1 frame, ms"], ["4.00", "72.00 (18.0×)", "–"])
        self.assertEqual(cells["RTF"], ["30.00", "4.20", "0.90"])
        self.assertEqual(cells["TTFA whole call, ms"], ["–", "–", "9000.00"])
        self.assertEqual(cells["memory, MB"], ["2000.00", "3000.00", "–"])
        self.assertNotIn("TTFA 2 frames, ms", cells)

    def test_what_was_written_is_printed(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(dict(engines=dict(ours=compare.from_bench(BENCH))), file)
            file.flush()
            text = subprocess.run([COMPARE, "--print", file.name], capture_output=True, text=True,
                                  check=True).stdout
        self.assertIn("this engine", text)

    def test_what_cannot_work_is_reported(self):
        for words, *options in [("--engines", "--engines", "theirs"), ("--model", "--model", "/none"),
                                ("compare --setup", "--model", os.path.dirname(HERE) +
                                 "/Sources/Qwen3TTS/Resources/DefaultVoice", "--tool", "/none")]:
            finished = subprocess.run([COMPARE, *options], capture_output=True, text=True)
            self.assertEqual(finished.returncode, 2)
            self.assertIn(words, finished.stderr)


if __name__ == "__main__":
    unittest.main()
