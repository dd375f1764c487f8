"""Puts rows into persist-queue, one call each, and prints the microseconds that each call took: `FOLDER COUNT BYTES`."""

import sys
import time

import persistqueue

folder, count, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
row = bytes(length)
kinds = {
    "file": lambda: persistqueue.Queue(folder + "/file"),
    "sqlite": lambda: persistqueue.SQLiteQueue(folder + "/sqlite", auto_commit=True),
}
for name, make in kinds.items():
    queue = make()
    for _ in range(count):
        started = time.perf_counter_ns()
        queue.put(row)
        print(name, (time.perf_counter_ns() - started) // 1000)
