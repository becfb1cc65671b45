"""Filling a heap's holes, in an interpreter of its own."""

import json
import subprocess
import sys
from pathlib import Path

import aloft

SOURCE = Path(aloft.__file__).parents[1]
PROGRAM = """
import json, random
from aloft.supervise import heap
lives = [bytes(random.randrange(0, 2000)) for _ in range(100_000)]
for place in random.sample(range(len(lives)), 50_000):
    lives[place] = None
before = heap.free_blocks()
heap.fill_holes()
after = heap.free_blocks()
print(json.dumps([before, after]))
"""


def test_holes_are_filled() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True
    )
    before, after = json.loads(done.stdout)
    assert set(before) == {str(size) for size in range(16, 513, 16)}
    wide = [size for size in before if int(size) >= 48]  # smaller ones hold no bytes object
    assert sum(before[size] for size in wide) > 10_000
    assert sum(after[size] for size in wide) < sum(before[size] for size in wide) / 10
    assert done.stderr == "", "the statistics are not shown to anybody"
