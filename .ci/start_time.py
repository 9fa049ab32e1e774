"""Prints the best and the median time of `PROGRAM --help`, of 30 runs."""

import subprocess
import sys
import time

times = []
for _ in range(30):
    start = time.perf_counter()
    subprocess.run([sys.argv[1], "--help"], stdout=subprocess.DEVNULL, check=True)
    times.append(time.perf_counter() - start)
times.sort()
print(f"--help {times[0] * 1000:.1f} ms at best, {times[len(times) // 2] * 1000:.1f} ms median (at most 10 ms)")
