"""Every store of the house keeps the contract, as far as its nature allows."""

import os
from pathlib import Path

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.ports import Store
from albumen.stores.disk import DiskStore
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.wrap import Gate, Limited, Measured, Retrying, wrap
from albumen.testing.contracts_store import StoreContract
from albumen.testing.faulty import Faulty
from albumen.testing.stores import CaseBlindStore, LaggingStore, MemoryStore, NoMoveStore, RemoteStore


def context(folder: Path) -> Context:
    state = folder / "state"
    state.mkdir(exist_ok=True)
    return Context(str(state), Owners(str(state)))


class TestLocal(StoreContract):
    def make(self, folder: Path) -> Store:
        return LocalStore("nas", LocalSettings(str(folder / "root")), context(folder))


class TestLocalThroughTheCache(StoreContract):
    """On file systems that know no O_DIRECT, and where the shared sync is turned off."""

    def make(self, folder: Path) -> Store:
        return LocalStore("nas", LocalSettings(str(folder / "root"), direct=False, syncfs=False), context(folder))


class TestDisk(StoreContract):
    """The true root of this machine, in a folder of the tests."""

    def make(self, folder: Path) -> Store:
        self.base = os.path.realpath(folder / "root")[1:]
        (folder / "root").mkdir()
        return DiskStore(context(folder))


class TestMemory(StoreContract):
    def make(self, folder: Path) -> Store:
        return MemoryStore()


class TestCaseBlind(StoreContract):
    def make(self, folder: Path) -> Store:
        return CaseBlindStore()


class TestWithoutAbilities(StoreContract):
    def make(self, folder: Path) -> Store:
        return NoMoveStore()


class TestRemote(StoreContract):
    def make(self, folder: Path) -> Store:
        return RemoteStore()


class TestLagging(StoreContract):
    def make(self, folder: Path) -> Store:
        return LaggingStore(lag=2)

    def catch_up(self, store: Store) -> None:
        assert isinstance(store, LaggingStore)
        store.catch_up()


class TestUnderPolicies(StoreContract):
    def make(self, folder: Path) -> Store:
        bare = RemoteStore()
        return wrap(bare, Measured(), Limited(2), Gate(bare.name, bare.ping), Retrying())


class TestLocalUnderPolicies(StoreContract):
    def make(self, folder: Path) -> Store:
        return wrap(LocalStore("nas", LocalSettings(str(folder / "root")), context(folder)), Measured())


class TestFaultyWithoutFaults(StoreContract):
    def make(self, folder: Path) -> Store:
        return Faulty(MemoryStore())
