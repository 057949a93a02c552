"""How jobs, circuits and memory lie in ``state.db``, and the translation to and from the nouns.

Texts that may hold any bytes (paths, keys, reasons, cursors, circuit names) are BLOBs, since SQLite refuses surrogates in TEXT.
"""

import json
from typing import Any

from albumen.jsonable import dumps, loads
from albumen.model import Item, Job

READY, RUNNING, LATER, DEAD = range(4)
STATES = ("ready", "running", "later", "dead")

# job.due: ready since · not before · buried at, by state.  job.circuit: the place it last waited for; later with one = parked.
# job.claim counts the claims, token and lease (until when) belong to the last one: together they fence acknowledgements.
# circuit.closed: 0 while it is open, else when it closed; kept, so that a place that only seems to work is tried ever less.
SCHEMA = (
    """
CREATE TABLE job(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL, lane TEXT NOT NULL, place TEXT NOT NULL, batch TEXT NOT NULL,
  key BLOB NOT NULL, dedupe BLOB NOT NULL, priority INTEGER NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL,
  circuit BLOB NOT NULL DEFAULT x'', why BLOB NOT NULL DEFAULT x'',
  token TEXT NOT NULL DEFAULT '', claim INTEGER NOT NULL DEFAULT 0, lease INTEGER NOT NULL DEFAULT 0,
  steps TEXT NOT NULL, item TEXT NOT NULL
);
CREATE INDEX job_ready ON job(lane, priority DESC, id, due) WHERE state=0;
CREATE INDEX job_running ON job(token, lease) WHERE state=1;
CREATE INDEX job_later ON job(circuit, due, lane) WHERE state=2;
CREATE INDEX job_dead ON job(due, id) WHERE state=3;
CREATE INDEX job_key ON job(key, state, id) WHERE state<2 AND key<>x'';
CREATE INDEX job_batch ON job(batch, state, circuit, due) WHERE state<3;
CREATE INDEX job_circuit ON job(circuit) WHERE state=0 AND circuit<>x'';
CREATE UNIQUE INDEX job_dedupe ON job(dedupe) WHERE state IN (0,2) AND dedupe<>x'';
CREATE TABLE circuit(
  place BLOB PRIMARY KEY, why BLOB NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, failures INTEGER NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE seen(
  source TEXT NOT NULL, path BLOB NOT NULL, rev BLOB NOT NULL, state TEXT NOT NULL, why BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(source, path)
) WITHOUT ROWID;
CREATE TABLE cursor(source TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
""",
    """
CREATE TABLE scratch(drawer TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(drawer, key)) WITHOUT ROWID;
""",
    """
UPDATE seen SET state='listed' WHERE state='aside';
CREATE INDEX seen_aside ON seen(source, path) WHERE state IN ('aside','listed');
""",
    """
CREATE TABLE change(source TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
""",
    """
ALTER TABLE circuit ADD COLUMN auth INTEGER NOT NULL DEFAULT 0;
""",
)

# A twin that waits already swallows the new job: it keeps the higher priority and the earlier time, unless it is parked.
INSERT = """
INSERT INTO job(state, lane, place, batch, key, dedupe, priority, due, tries, steps, item) VALUES(?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT(dedupe) WHERE state IN (0,2) AND dedupe<>x'' DO UPDATE SET
  priority=max(priority, excluded.priority),
  state=CASE WHEN state=2 AND circuit=x'' THEN excluded.state ELSE state END,
  due=min(due, excluded.due)
"""


def pack(text: str) -> bytes:
    """Any text as bytes; equal to its UTF-8 where it has one."""
    return text.encode("utf-8", "surrogatepass")


def unpack(data: bytes) -> str:
    """The reverse of ``pack``."""
    return data.decode("utf-8", "surrogatepass")


def row(job: Job, due: int, *, later: bool) -> tuple[Any, ...]:
    """A job as ``INSERT`` wants it: ready since ``due``, or not before it."""
    return (
        LATER if later else READY,
        job.lane,
        job.place,
        job.batch,
        pack(job.key),
        pack(job.dedupe),
        int(job.priority),
        due,
        int(job.tries),
        json.dumps(job.steps),
        dumps(job.item),
    )


def job_of(values: tuple[Any, ...]) -> Job:
    """The job of the columns id, item, steps, batch, key, dedupe, priority, place, lane, tries."""
    id, item, steps, batch, key, dedupe, priority, place, lane, tries = values
    return Job(
        item=loads(Item, item),
        steps=tuple(json.loads(steps)),
        id=str(id),
        batch=batch,
        key=unpack(key),
        dedupe=unpack(dedupe),
        priority=priority,
        place=place,
        lane=lane,
        tries=tries,
    )
