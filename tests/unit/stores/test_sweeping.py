import os
from pathlib import Path

from albumen.owners import Owners
from albumen.plugins import Context
from albumen.stores.disk import DiskStore
from albumen.stores.local import LocalSettings, LocalStore
from albumen.stores.renaming import mark
from albumen.testing.stores import content


def another(context: Context) -> tuple[Owners, Context]:
    owners = Owners(context.state)
    return owners, Context(context.state, owners)


def test_what_a_dead_owner_staged_is_swept_and_what_a_living_one_did_is_not(root: Path, context: Context) -> None:
    owners, other = another(context)
    dying, living = (LocalStore("nas", LocalSettings(str(root)), one) for one in (other, context))
    dying.stage(content(b"never named"))
    kept = living.stage(content(b"kept"))
    owners.close()
    for _ in range(2):
        assert list(living.sweep(context.owners)) == []
    assert os.listdir(root / ".albumen" / "incoming") == [context.owners.me]
    living.commit([(kept, "x")])
    assert living.stat("x").main.size == 4


def test_a_file_taken_aside_is_swept_only_if_it_is_the_one_that_was_meant(root: Path, context: Context) -> None:
    """Killed between taking it aside and looking at it: somebody may have changed the file in between."""
    store = LocalStore("nas", LocalSettings(str(root)), context)
    store.establish()
    area = root / ".albumen" / "incoming" / "deadbeef"
    area.mkdir(parents=True)
    (area / "draft").write_bytes(b"meant")
    meant = f"1.{mark(os.stat(area / 'draft'))}.aside"
    os.rename(area / "draft", area / meant)
    (area / "2.1-2-3.aside").write_bytes(b"a person's")
    assert list(store.sweep({"deadbeef"})) == [".albumen/incoming/deadbeef/2.1-2-3.aside"]
    assert os.listdir(area) == ["2.1-2-3.aside"]


def test_beside_the_targets_of_the_disk_only_dead_owners_leftovers_go(tmp_path: Path, context: Context) -> None:
    owners, other = another(context)
    folder = os.path.realpath(tmp_path)[1:] + "/photos"
    os.mkdir("/" + folder)
    dying, living = DiskStore(other), DiskStore(context)
    dying.stage(content(b"never named"), near=f"{folder}/x")
    staged = living.stage(content(b"kept"), near=f"{folder}/y")
    for name in (".albumen-x.part", "mine.part", ".albumen-"):
        (tmp_path / "photos" / name).write_bytes(b"a person's")
    assert [one.main.path for one in living.list(folder)] == [f"{folder}/mine.part"]
    owners.close()
    for _ in range(2):
        assert list(living.sweep(context.owners, [f"{folder}/x", f"{folder}/y"])) == []
    assert sorted(os.listdir("/" + folder)) == sorted(
        [staged.token.rpartition("/")[2], ".albumen-x.part", "mine.part", ".albumen-"]
    )
