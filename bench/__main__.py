"""`python -m bench [PART … | load]`: measure and print one table."""

from __future__ import annotations

import os
import sys
import time
from statistics import median

from bench.parts import LOAD_PARTS, PARTS
from bench.report import Row, table


def main() -> None:
    names = sys.argv[1:] or list(PARTS)
    if names == ["load"]:
        names = list(LOAD_PARTS)
    known = {**PARTS, **LOAD_PARTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"unknown part {', '.join(unknown)}: choose from {', '.join(known)}, or `load` for {', '.join(LOAD_PARTS)}")
    load = os.getloadavg()[0]
    at_first = _fixed_sum()
    rows = [Row("machine", f"{os.cpu_count()} cores, load before {load:.1f}")]
    if load > 1:
        print("the machine is busy with something else: the figures will be worse than they are", file=sys.stderr)
    for name in names:
        began = time.monotonic()
        rows += known[name]()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    rows.insert(1, Row("  a fixed sum on one of its cores, before / after", f"{at_first:.0f} / {_fixed_sum():.0f} ms"))
    print(table(rows))


def _fixed_sum() -> float:
    """Milliseconds, the middle of five. Neighbours on the same hardware make a machine half as fast on some days: tables are compared by this."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        sum(number * number % 7 for number in range(2_000_000))
        times.append(time.perf_counter() - began)
    return 1_000 * median(times)


if __name__ == "__main__":
    main()
