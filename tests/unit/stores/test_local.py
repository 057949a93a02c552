import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumen.errors import Changed, Exists, NotFound, Rejected, Transient, Unavailable
from albumen.model import Content
from albumen.plugins import Context
from albumen.stores import kernel
from albumen.stores.local import LocalSettings, LocalStore
from albumen.testing.stores import content

OLD = 1_400_000_000_987_654_321


def put(store: LocalStore, path: str, data: bytes = b"x") -> str:
    return store.put(path, content(data)).main.rev


def paths(store: LocalStore, prefix: str = "") -> list[str]:
    return sorted(one.main.path for one in store.list(prefix))


# ------------------------------------------------------------------------------------------------------------- names and times


@given(st.binary(min_size=1, max_size=60).filter(lambda raw: b"/" not in raw and b"\0" not in raw and raw not in {b".", b".."}))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_name_of_any_bytes_is_kept_byte_for_byte(store: LocalStore, root: Path, raw: bytes) -> None:
    path = "d/" + os.fsdecode(raw)
    item = store.put(path, content(raw))
    assert os.listdir(os.fsencode(root / "d")) == [raw]
    assert paths(store, "d") == [path]
    store.delete(path, rev=item.main.rev)
    assert os.listdir(root / "d") == []


def test_time_and_mode_are_set_before_the_name_appears(store: LocalStore, root: Path) -> None:
    staged = store.stage(content(b"x", modified=OLD, mode=0o604))
    waiting = os.stat(root / staged.token)
    assert (waiting.st_mtime_ns, waiting.st_mode & 0o777) == (OLD, 0o604)
    (item,) = store.commit([(staged, "x")])
    assert (item.main.modified, item.main.mode) == (OLD, 0o604)


def test_without_a_mode_the_umask_decides(store: LocalStore) -> None:
    before = os.umask(0o027)
    try:
        assert store.put("x", content(b"x")).main.mode == 0o640
    finally:
        os.umask(before)


def test_the_revision_changes_with_bytes_that_keep_size_and_time(store: LocalStore, root: Path) -> None:
    rev = store.put("x", content(b"one", modified=OLD)).main.rev
    with open(root / "x", "r+b") as stream:
        stream.write(b"two")
    os.utime(root / "x", ns=(OLD, OLD))
    assert store.stat("x").main.modified == OLD
    assert store.stat("x").main.rev != rev
    with pytest.raises(Changed):
        store.delete("x", rev=rev)


def test_further_digests_are_computed_in_the_same_pass(root: Path, context: Context) -> None:
    store = LocalStore("nas", LocalSettings(str(root)), context, digests=("sha256", "md5", "dropbox"))
    assert set(store.put("x", content(b"x")).digests) == {"sha256", "md5", "dropbox"}


# ------------------------------------------------------------------------------------------------------ links, pipes and the rest


def test_no_link_leads_out_of_the_root(store: LocalStore, root: Path, tmp_path: Path) -> None:
    put(store, "a/x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "a" / "out").symlink_to(outside)
    (root / "a" / "file").symlink_to(outside / "secret")
    assert paths(store) == ["a/x"]
    for path in ("a/out/secret", "a/file"):
        for look in (store.stat, store.open, store.prove, store.delete):
            with pytest.raises((Rejected, NotFound)):
                look(path)
    with pytest.raises(Rejected):
        store.local("a/out/secret")
    for path in ("a/out/new", "a/out/deep/new"):
        with pytest.raises(Rejected):
            store.put(path, content(b"x"))
    with pytest.raises(Exists):
        store.put("a/file", content(b"x"))
    assert os.listdir(outside) == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("look", ["a/out/secret", "a/out/deep/secret"])
def test_part_by_part_no_link_is_followed_either(
    store: LocalStore, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    """Kernels before 5.6 and filters that forbid the one call."""

    def missing(root_fd: int, path: str, flags: int) -> int:
        raise OSError(38, "not implemented")

    monkeypatch.setattr(kernel, "open_beneath", missing)
    put(store, "a/b/x")
    assert paths(store) == ["a/b/x"]
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (root / "a" / "out").symlink_to(tmp_path / "outside")
    for call in (store.stat, store.open, store.delete):
        with pytest.raises((Rejected, NotFound)):
            call(look)
    with pytest.raises(Rejected):
        store.put(look, content(b"x"))
    assert os.listdir(tmp_path / "outside" / "deep") == []


def test_pipes_sockets_and_devices_are_never_opened_nor_listed(store: LocalStore, root: Path) -> None:
    put(store, "d/x")
    os.mkfifo(root / "d" / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(root / "d", os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/socket")  # the plain path may be longer than a socket's name
        os.close(here)
    assert paths(store) == ["d/x"]
    for name in ("d/pipe", "d/socket"):
        for look in (store.stat, store.open, store.prove, store.delete):
            with pytest.raises(NotFound):
                look(name)
    assert sorted(os.listdir(root / "d")) == ["pipe", "socket", "x"]


def test_a_path_longer_than_the_kernel_takes_at_once_is_reached(store: LocalStore) -> None:
    path = "/".join(["f" * 200] * 22 + ["x"])
    put(store, path, b"deep")
    assert paths(store) == [path]
    assert store.prove(path).method == "read"


# ---------------------------------------------------------------------------------------------------------------- the incoming area


def test_staged_bytes_lie_in_the_owners_incoming_area_until_named(store: LocalStore, root: Path, context: Context) -> None:
    area = root / ".albumen" / "incoming" / context.owners.me
    staged = store.stage(content(b"x"))
    assert len(os.listdir(area)) == 1
    store.commit([(staged, "x")])
    assert os.listdir(area) == []


def test_a_refused_put_leaves_nothing_behind(store: LocalStore, root: Path, context: Context) -> None:
    rev = put(store, "x")
    put(store, "y")
    store.delete("y")
    calls: list[Callable[[], object]] = [
        lambda: store.put("x", content(b"y")),
        lambda: store.put("x", content(b"y"), replace="other"),
        lambda: store.put("y", content(b"y"), replace=rev),
        lambda: store.put("z", content(b"y"), expect={"sha256": "0"}),
    ]
    for call in calls:
        with pytest.raises((Exists, NotFound, Changed)):
            call()
    assert os.listdir(root / ".albumen" / "incoming" / context.owners.me) == []


def test_a_source_that_cannot_be_opened_is_not_taken_for_the_target(store: LocalStore, tmp_path: Path) -> None:
    with pytest.raises(Transient):
        store.put("x", Content((tmp_path / "nothing").open))  # type: ignore[arg-type]  # opens nothing


def test_a_folder_that_cannot_be_listed_fails_the_whole_listing(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "a/x")
    put(store, "b/x")
    real = kernel.open_beneath

    def denied(root_fd: int, path: str, flags: int) -> int:
        if path == "b" and not flags & os.O_PATH:
            raise PermissionError(13, "Permission denied")
        return real(root_fd, path, flags)

    monkeypatch.setattr(kernel, "open_beneath", denied)
    with pytest.raises(Unavailable, match="folder b cannot be listed"):
        list(store.list())


def test_keys_are_bytes_on_a_file_system_that_knows_case(store: LocalStore) -> None:
    put(store, "x")
    assert store.key("A\udcff.jpg") == "A\udcff.jpg"


def test_keys_are_folded_and_composed_on_one_that_does_not(root: Path, context: Context) -> None:
    store = LocalStore("nas", LocalSettings(str(root), case="blind"), context)
    assert store.key("E\u0301/A\udcff.JPG") == store.key("é/a\udcff.jpg")


def test_a_move_to_another_file_system_says_what_to_do(store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "x")

    def crossing(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(kernel, "rename", crossing)
    with pytest.raises(Rejected, match="another file system"):
        store.move("x", "y")
    assert paths(store) == ["x"]


# ------------------------------------------------------------------------------------------------------- somebody is quicker


def test_a_file_exchanged_just_when_it_is_deleted_is_kept(store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rev = put(store, "x", b"old")
    real = kernel.rename

    def quicker(*args: int) -> None:
        monkeypatch.setattr(kernel, "rename", real)
        (root / "new").write_bytes(b"a person's")
        os.rename(root / "new", root / "x")
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(kernel, "rename", quicker)
    with pytest.raises(Changed):
        store.delete("x", rev=rev)
    assert (root / "x").read_bytes() == b"a person's"


@pytest.mark.parametrize("swaps", [True, False])
def test_a_file_exchanged_just_when_it_is_replaced_is_kept(
    store: LocalStore, root: Path, context: Context, monkeypatch: pytest.MonkeyPatch, swaps: bool
) -> None:
    rev = put(store, "x", b"old")
    real = kernel.rename
    done: list[int] = []

    def quicker(source: int, name: str, target: int, to: str, flags: int) -> None:
        if flags == kernel.EXCHANGE and not swaps:
            raise OSError(22, "Invalid argument")
        if "x" in {name, to} and not done:
            done.append(1)
            (root / "new").write_bytes(b"a person's")
            os.rename(root / "new", root / "x")
        real(source, name, target, to, flags)

    monkeypatch.setattr(kernel, "rename", quicker)
    with pytest.raises(Exists):
        store.put("x", content(b"ours"), replace=rev)
    assert done
    assert (root / "x").read_bytes() == b"a person's"
    assert os.listdir(root / ".albumen" / "incoming" / context.owners.me) == []


@pytest.mark.parametrize("swaps", [True, False])
def test_replacing_removes_the_old_bytes(
    store: LocalStore, root: Path, context: Context, monkeypatch: pytest.MonkeyPatch, swaps: bool
) -> None:
    rev = put(store, "x", b"old")
    real = kernel.rename

    def without(source: int, name: str, target: int, to: str, flags: int) -> None:
        if flags == kernel.EXCHANGE and not swaps:
            raise OSError(22, "Invalid argument")
        real(source, name, target, to, flags)

    monkeypatch.setattr(kernel, "rename", without)
    item = store.put("x", content(b"new", modified=OLD), replace=rev)
    assert item.main == store.stat("x").main
    assert (root / "x").read_bytes() == b"new"
    assert os.listdir(root / ".albumen" / "incoming" / context.owners.me) == []


def test_a_commit_that_is_undone_leaves_what_a_person_put_there_meanwhile(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "taken")
    pairs = [(store.stage(content(b"ours")), "x"), (store.stage(content(b"ours")), "taken")]
    real = kernel.rename

    def quicker(source: int, name: str, target: int, to: str, flags: int) -> None:
        if to == "taken":
            os.unlink(root / "x")
            (root / "x").write_bytes(b"a person's")
        real(source, name, target, to, flags)

    monkeypatch.setattr(kernel, "rename", quicker)
    with pytest.raises(Exists):
        store.commit(pairs)
    assert (root / "x").read_bytes() == b"a person's"
