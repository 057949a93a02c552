"""A process that works a queue until it is empty or killed: ``python queue_child.py STATE WORKERS``; a line per delivery."""

import os
import sys
import threading
import time
from dataclasses import replace

from albumen.model import Done, Job, Outcome
from albumen.owners import Owners
from albumen.queues.sqlite import SqliteQueue


def main(state: str, workers: int) -> None:
    """Work until nothing is pending."""
    queue = SqliteQueue(f"{state}/state.db", Owners(state), poll=0.05)
    acknowledged = threading.Event()

    def handle(job: Job) -> Outcome:
        os.write(1, f"{job.item.main.path} {job.steps[0]}\n".encode())
        time.sleep(0.003)  # the work: kills shall fall into it
        acknowledged.set()
        return Done((replace(job, steps=job.steps[1:]),) if job.steps[1:] else ())

    queue.start(handle, workers={"io": workers})
    while queue.pending("b").active:
        acknowledged.wait(0.05)
        acknowledged.clear()
    queue.stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
