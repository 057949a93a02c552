"""Implementations in memory, faults, a clock to turn, and the contract test classes: shipped, for plugin authors too."""

from albumen.testing.catalogs import MemoryCatalog
from albumen.testing.clock import FakeClock
from albumen.testing.faulty import Faulty
from albumen.testing.ledgers import MemoryLedger
from albumen.testing.queues import MemoryMemory, MemoryQueue
from albumen.testing.runs import MemoryRun
from albumen.testing.sources import MemorySource
from albumen.testing.stores import CaseBlindStore, LaggingStore, MemoryStore, NoMoveStore, RemoteStore

__all__ = [
    "CaseBlindStore",
    "FakeClock",
    "Faulty",
    "LaggingStore",
    "MemoryCatalog",
    "MemoryLedger",
    "MemoryMemory",
    "MemoryQueue",
    "MemoryRun",
    "MemorySource",
    "MemoryStore",
    "NoMoveStore",
    "RemoteStore",
]
