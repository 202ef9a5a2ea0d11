"""How well do fingerprints tell faults apart? Over messages of a real Postgres, each labelled with its place of origin.

    python bench/fingerprints.py [--wrong]

Pairs of messages: precision is how many of the pairs that we call one fault are one; recall, how many pairs that are
one fault we call so. drain3 mines the same messages, with its usual settings and with our literals masked before.
Singular messages count in precision alone. `--wrong` shows what is told apart or thrown together wrongly.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bot.sightings.masking import without_literals
from bot.sightings.messages import template

CORPUS = Path(__file__).parent.parent / "tests/sightings/corpus.jsonl"
Row = dict[str, str]


def pairwise(labels: Sequence[str], given: Sequence[str]) -> tuple[float, float]:
    """Precision and recall over all pairs."""
    def pairs(counts: Counter[object]) -> int:
        return sum(n * (n - 1) // 2 for n in counts.values())

    both = pairs(Counter(zip(labels, given, strict=True)))
    return both / pairs(Counter(given)), both / pairs(Counter(labels))


def ours(row: Row) -> str:
    return f'{row["severity"]} {row["sqlstate"]} {template(row["sqlstate"], row["message"])}'


def drain(mask: Callable[[str], str]) -> Callable[[Sequence[Row]], list[str]]:
    from drain3 import TemplateMiner

    def mined(rows: Sequence[Row]) -> list[str]:
        logging.disable()
        miner = TemplateMiner()
        texts = [f'{row["sqlstate"]} {mask(row["message"])}' for row in rows]
        for text in texts:
            miner.add_log_message(text)
        return [str(found.cluster_id if (found := miner.match(text)) else text) for text in texts]

    return mined


def wrong(rows: Sequence[Row]) -> None:
    by_label, by_template = defaultdict[str, Counter[str]](Counter), defaultdict[str, Counter[str]](Counter)
    for row in rows:
        by_label[row["label"]][ours(row)] += 1
        by_template[ours(row)][row["label"]] += 1
    for label, found in by_label.items():
        if len(found) > 1:
            print("one fault, told apart:", label, *found, sep="\n    ")
    for found, labels in by_template.items():
        if len(labels) > 1:
            print("several faults, thrown together:", found, *labels, sep="\n    ")


def main() -> None:
    rows: list[Row] = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    labels = [row["label"] for row in rows]
    ways: dict[str, Callable[[Sequence[Row]], list[str]]] = {"ours": lambda rows: [ours(row) for row in rows]}
    try:
        ways |= {"drain3": drain(str), "drain3 after our masking": drain(without_literals)}
    except ImportError:
        print("drain3 is not installed: nothing to compare with")
    print(f"{len(rows)} messages of {len(set(labels))} faults")
    for name, way in ways.items():
        begun = time.perf_counter()
        precision, recall = pairwise(labels, way(rows))
        took = (time.perf_counter() - begun) / len(rows) * 1e6
        print(f"{name:<28} precision {precision:.4f}   recall {recall:.4f}   {took:6.1f} us a message")
    if "--wrong" in sys.argv:
        wrong(rows)


if __name__ == "__main__":
    main()
