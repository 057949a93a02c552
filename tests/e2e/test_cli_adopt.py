"""``albumen adopt --from-elasticsearch`` and ``export --as seed0``, against a server that answers as version 7.10."""

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from e2e.command import Home, patched, whole
from make import f01, f04, f06, jpeg
from make.media import RAW, every_extension
from make.seed0 import ALBUM, MONTH, SETTINGS, collection, content_hash, documents, entry, md5
from servers.old_elastic import OldElastic, old_elastic
from servers.tls import Authority


@pytest.fixture
def albumen(home: Home) -> Home:
    """Two empty stores, nas and cloud."""
    (home.path / "albumen.toml").write_text(SETTINGS)
    for name in ("photos", "cloud"):
        (home.path / name).mkdir()
    return home


def adopt(home: Home, server: OldElastic, *words: str, code: int, **how: Any) -> Any:
    return home.run("adopt", "--from-elasticsearch", server.url, "--dropbox", "cloud", *words, code=code, **how)


def exported(home: Home) -> dict[str, dict[str, Any]]:
    return {row["sha256"]: row for row in home.run("export", code=0).rows}


def sha(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def files(home: Home) -> list[Any]:
    """All there is of each file of a person's: inode, mode, size, times, bytes."""
    trees = [whole(home.path / name) for name in ("photos", "cloud")]
    return [{k: v for k, v in tree.items() if stat.S_ISREG(v[0]) and "/.albumen/" not in k} for tree in trees]


def test_an_index_becomes_records_and_placements_and_no_file_is_touched(albumen: Home) -> None:
    entries = collection(albumen.path)
    before = files(albumen)
    with old_elastic(documents(entries), page=2) as server:
        shown = adopt(albumen, server, "--dry-run", code=0)
        assert albumen.run("export", code=0).out == ""
        ran = adopt(albumen, server, "-v", code=0)
        assert server.open == {}  # the scroll is ended
    assert [one for one in shown.lines if " -> " in one] == [one for one in ran.lines if " -> " in one]
    for one in (shown, ran):
        assert "6 entries = 6 adopted + 0 known + 0 failed; 5 new records, 7 new placements, 0 copies missing" in one.lines
    assert files(albumen) == before
    rows = exported(albumen)
    both = rows[sha(albumen / f"cloud/{MONTH}/2021-07-01 12-00-00 Bern.jpg")]
    assert [(one["store"], one["proof"]["method"]) for one in both["placements"]] == [("cloud", "read"), ("nas", "read")]
    assert both["digests"]["dropbox"] == entries[1]["checksum"]
    assert (both["taken"], both["date_source"], both["place"]["city"]) == ("2021-07-01T12:00:00", "exif:DateTimeOriginal", "Bern")
    lake = rows[sha(albumen / f"photos/{ALBUM}/See.jpg")]
    assert [(one["path"], one["album"]) for one in lake["placements"]] == [
        (f"{ALBUM}/See.jpg", ALBUM),
        (f"{ALBUM}/Tag 2/See.jpg", f"{ALBUM}/Tag 2"),
    ]
    top = rows[sha(albumen / "photos/top.jpg")]
    assert all("album" not in one for one in (*both["placements"], *top["placements"]))


def test_the_index_speaks_where_the_file_is_silent_and_never_against_it(albumen: Home) -> None:
    entries = collection(albumen.path)
    entries[0] |= {"captured": 1, "location": "1.00000,2.00000", "dimensions": "9999x9999"}  # nonsense about a file that knows
    with old_elastic(documents(entries)) as server:
        adopt(albumen, server, code=0)
    rows = exported(albumen)
    lake = rows[sha(albumen / f"photos/{ALBUM}/See.jpg")]
    assert (lake["taken"], lake["date_source"], lake["date_confidence"]) == ("2010-07-05T12:00:00", "seed0:captured", "low")
    assert (lake["position"], lake["place"]["city"]) == ({"lat": 46.15, "lon": 8.8}, "Ascona")
    assert "its position is from the first seed's index" in lake["told"]
    assert lake["arrival"][0]["source"] == "first seed's index"
    first = rows[sha(albumen / f"photos/{MONTH}/2021-07-01 00-30-00.jpg")]
    assert (first["taken"], first["width"]) == ("2021-07-01T00:30:00", 48)
    lines = albumen.run("show", f"photos/{ALBUM}/See.jpg", code=0).lines
    assert any("used: seed0:captured" in one for one in lines)


def test_twice_is_harmless_and_reads_nothing_again(albumen: Home) -> None:
    entries = collection(albumen.path)
    with old_elastic(documents([*entries, entries[0]])) as server:
        once = adopt(albumen, server, code=0)
        assert "7 entries = 6 adopted + 1 known + 0 failed" in once.out
        assert f"{MONTH}/2021-07-01 00-30-00.jpg: stands in the index more than once" in once.lines
        rows = albumen.run("export", "--stable", code=0).out
        env = patched(
            albumen, "import albumen.operations.adopting_files as it\ndef at(*_):\n    raise AssertionError('read')\nit.at = at\n"
        )
        again = adopt(albumen, server, code=0, env=env)
    assert "7 entries = 0 adopted + 7 known + 0 failed; 0 new records, 0 new placements" in again.out
    assert albumen.run("export", "--stable", code=0).out == rows


def test_each_bad_entry_is_a_row_and_the_rest_goes_on(albumen: Home) -> None:
    good, other, *_ = collection(albumen.path)
    nas = albumen / "photos"
    Path(nas, "text.jpg").write_bytes(b"hello")
    jpeg(f"{nas}/changed.jpg", colour=(1, 2, 3))
    bad = {
        "no fields": (None, "has no fields"),
        "no name": ({"path": MONTH, "nas": True}, "has no name"),
        "outside": ({**good, "path": "../../etc", "name": "passwd"}, "is no path inside the collection"),
        "nowhere": ({**good, "nas": None}, "is marked neither nas nor dropbox"),
        "ours": ({**good, "path": ".albumen"}, "is a file of albumen's own"),
        "gone": ({**good, "name": "gone.jpg"}, "gone.jpg"),
        "grown": (entry(nas, "changed.jpg", size=7), "the index knows 7: it is another file by now"),
        "other": (entry(nas, "changed.jpg", name="changed.jpg", checksum="0" * 64), "stands in the index more than once"),
        "text": (entry(nas, "text.jpg"), "is named like a picture or video"),
    }
    docs = [("good", good), ("half", {**other, "checksum": None}), *((key, one) for key, (one, _) in bad.items())]
    shutil.move(albumen.path / "cloud/2021", albumen.path / "cloud/elsewhere")
    with old_elastic(docs) as server:
        ran = adopt(albumen, server, code=1)
    for key, (_, why) in bad.items():
        assert why in ran.err + ran.out, (key, ran)
    assert "missing: 2021/07_July/2021-07-01 12-00-00 Bern.jpg: " in ran.err
    assert "Traceback" not in ran.err
    assert "11 entries = 2 adopted + 1 known + 8 failed; 2 new records, 2 new placements, 1 copies missing" in ran.lines


def test_other_bytes_than_the_index_knows_are_not_adopted(albumen: Home) -> None:
    (first, *rest) = collection(albumen.path)
    path = Path(albumen / "photos", first["path"], first["name"])
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with old_elastic(documents([first, *rest])) as server:
        ran = adopt(albumen, server, code=1)
    assert "holds other bytes than the index knows" in ran.err
    assert "6 entries = 5 adopted + 0 known + 1 failed" in ran.out


def test_what_travels_together_is_one_item_and_cannot_hold_each_other_back(albumen: Home) -> None:
    folder = f"{albumen / 'photos'}/{MONTH}"
    made = every_extension(albumen / "types")
    os.makedirs(folder)
    for name in RAW:
        shutil.copy(made[name], f"{folder}/{name}.{name}")
        jpeg(f"{folder}/{name}.jpg", when="2021:07:05 10:00:00", colour=(80 * RAW.index(name), 9, 9))
    broken = min(RAW)
    entries = [entry(albumen / "photos", f"{MONTH}/{one}") for one in sorted(os.listdir(folder))]
    entries = [one | ({"checksum": "1" * 64} if one["name"] == f"{broken}.{broken}" else {}) for one in entries]
    with old_elastic(documents(entries)) as server:
        adopt(albumen, server, code=1)
    rows = {row["name"]: row for row in exported(albumen).values()}
    for name in RAW:
        if name == broken:
            assert f"{name}.{name}" not in rows
            assert "companion_of" not in rows[f"{name}.jpg"]
        else:
            assert rows[f"{name}.jpg"]["companion_of"] == rows[f"{name}.{name}"]["id"]
            assert [one["role"] for one in rows[f"{name}.{name}"]["companions"]] == ["jpeg"]
            assert [one["role"] for one in rows[f"{name}.jpg"]["placements"]] == ["jpeg"]


def test_names_composed_one_way_are_found_the_other(albumen: Home) -> None:
    jpeg(f"{albumen / 'photos'}/Zu\u0308rich/a\u0308.jpg")
    made = entry(albumen / "photos", "Zu\u0308rich/a\u0308.jpg") | {"path": "Z\u00fcrich", "name": "\u00e4.jpg"}
    with old_elastic(documents([made])) as server:
        adopt(albumen, server, code=0)
    (row,) = exported(albumen).values()
    assert row["placements"][0]["path"] == "Zu\u0308rich/a\u0308.jpg"


def test_marks_without_a_store_are_told(albumen: Home) -> None:
    entries = collection(albumen.path)
    with old_elastic(documents(entries)) as server:
        ran = albumen.run("adopt", "--from-elasticsearch", server.url, code=1)
        assert "2 copies in Dropbox are left out: there is no store for them; name one by --dropbox" in ran.err
        assert "lies in Dropbox only: name its store by --dropbox" in ran.err
        assert (
            "there is no such store; there are: cloud, nas"
            in albumen.run("adopt", "--from-elasticsearch", server.url, "--nas", "attic", code=2).err
        )
        assert "each mark stands for a store of its own" in adopt(albumen, server, "--nas", "cloud", code=2).err


def test_a_store_that_is_away_does_not_make_every_file_look_gone(albumen: Home) -> None:
    entries = collection(albumen.path)
    os.rename(albumen / "photos", albumen / "away")
    (albumen.path / "photos").mkdir()
    with old_elastic(documents(entries)) as server:
        ran = adopt(albumen, server, code=1)
        assert ran.err == "nas: holds no file at all: is it mounted, and its root right?\n"
        (albumen.path / "photos").rmdir()
        os.rename(albumen / "away", albumen / "photos")
        adopt(albumen, server, code=0)
        os.rename(albumen / "photos", albumen / "away")
        (albumen.path / "photos").mkdir()
        (albumen.path / "photos/stray.jpg").write_bytes(b"x")
        ran = adopt(albumen, server, code=1)
    assert len(ran.err.splitlines()) == 1, ran


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        ((401, {}, {}), 1, "--user and --password"),
        ((403, {"error": "no"}, {}), 1, "lets us not read (403)"),
        ((404, {"error": {"type": "index_not_found_exception", "reason": "no such index [catalog]"}}, {}), 1, "--index"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), 1, "redirects are not followed"),
        ((503, {"error": {"type": "x", "reason": "all shards failed"}}, {}), 1, "cannot answer now (503): all shards failed"),
        ((200, b"<html>", {}), 1, "is the address right?"),
        ((200, {"took": 1}, {}), 1, "is the address right?"),
        ((200, {"timed_out": True, "hits": {"hits": []}}, {}), 1, "a part of the index catalog does not answer"),
    ],
)
def test_a_server_that_does_not_answer_well_is_told(albumen: Home, answer: Any, code: int, told: str) -> None:
    with old_elastic([], answers=[answer]) as server:
        ran = adopt(albumen, server, code=code)
    assert told in ran.err, ran


def test_a_reading_that_breaks_off_adopts_nothing(albumen: Home) -> None:
    entries = collection(albumen.path)
    with old_elastic(documents(entries), page=2, lost=1) as server:
        assert "run the same command again" in adopt(albumen, server, code=1).err
    with old_elastic(documents(entries), page=2, short=1) as server:
        assert "told of 7 entries and gave 6" in adopt(albumen, server, code=1).err
    assert albumen.run("export", code=0).out == ""


def test_passwords_come_from_secrets_and_are_shown_nowhere(albumen: Home) -> None:
    """S1-16 (part: the password of an index)."""
    entries = collection(albumen.path)
    secret = {"OLD": "hunter2-hunter2"}
    with old_elastic(documents(entries), user="reader:hunter2-hunter2") as server:
        wrong = adopt(albumen, server, "--user", "reader", "--password", "env:OLD", code=1, env={"OLD": "wrong-wrong"})
        assert "missing authentication credentials" in wrong.err
        assert "wrong-wrong" not in wrong.err + wrong.out
        plain = adopt(albumen, server, "--user", "reader", "--password", "hunter2-hunter2", code=2)
        assert "env:NAME or file:PATH" in plain.err
        url = server.url.replace("//", "//reader:hunter2-hunter2@")
        inside = albumen.run("adopt", "--from-elasticsearch", url, code=2)
        assert "hunter2" not in plain.err + inside.err
        adopt(albumen, server, "--user", "reader", "--password", "env:OLD", code=0, env=secret)


def test_a_server_behind_tls_is_trusted_by_its_authority(albumen: Home) -> None:
    entries = collection(albumen.path)
    authority = Authority.make(albumen.path / "ca")
    with old_elastic(documents(entries), tls=authority.server()) as server:
        assert "name its authority by --ca FILE" in adopt(albumen, server, code=1).err
        assert server.asked == []
        adopt(albumen, server, "--ca", str(authority.ca), code=0)
        plain = server.url.replace("https", "http")
        ran = albumen.run("adopt", "--from-elasticsearch", plain, code=1)
        assert ran.err.startswith(f"{plain}: ")
        assert (
            "--ca"
            in albumen.run("adopt", "--from-elasticsearch", server.url, "--ca", str(albumen.path / "albumen.toml"), code=2).err
        )


@pytest.mark.slow
def test_memory_does_not_grow_with_the_index(albumen: Home) -> None:
    (albumen.path / "photos/x.jpg").write_bytes(b"x")
    code = (
        "import atexit\n"
        "def told():\n"
        "    line = next(one for one in open('/proc/self/status') if one.startswith('VmHWM'))\n"
        "    open('peak', 'w').write(line.split()[1])\n"
        "atexit.register(told)\n"
    )
    env, peaks = patched(albumen, code), []
    for number in (500, 15_000):
        entries = [{"path": f"20{at // 500:02}", "name": f"{at:05}.jpg", "nas": True, "size": 1} for at in range(number)]
        with old_elastic(documents(entries)) as server:
            adopt(albumen, server, "-q", code=1, env=env)
        peaks.append(int((albumen.path / "peak").read_text()))
    assert peaks[1] < peaks[0] + 16_000  # kB; the index alone is more than that


def test_wrong_words_are_wrong_use(albumen: Home) -> None:
    for url in ("nas:9200", "ftp://nas", "http://", "http://nas/?x=1", "http://nas:0", "http://n s"):
        assert "is no address" in albumen.run("adopt", "--from-elasticsearch", url, code=2).err
    assert (
        "is no name of an index"
        in albumen.run("adopt", "--from-elasticsearch", "http://127.0.0.1:1", "--index", "a,b", code=2).err
    )
    assert "cannot be reached" in albumen.run("adopt", "--from-elasticsearch", "http://127.0.0.1:1", code=1).err


# ------------------------------------------------------------------------------------------------------------------ export


def test_the_export_has_the_fields_and_forms_of_the_seed(home: Home) -> None:
    """S0-01, S0-02, S0-06, S0-67 (parts: export --as seed0)."""
    f06(home / "in")
    f04(home / "in")
    made = every_extension(home / "in")
    home.run("import", "in", "--album", "Alles", code=0)
    rows = {row["name"]: row for row in home.run("export", "--as", "seed0", code=0).rows}
    for row in rows.values():
        data = Path(home.library, row["path"], row["name"]).read_bytes()
        assert (row["checksum"], row["size"], row["nas"]) == (content_hash(data), len(data), True)
        assert row["hash"] == md5(f"{row['path']}/{row['name']}")
        assert row["path_hash"] == md5(row["path"] + row["checksum"])
        assert "dropbox" not in row
        assert None not in row.values()
        assert 0 not in {key: one for key, one in row.items() if key != "nas"}.values()
    ending = {row["type"]: row["kind"] for row in rows.values()}
    assert {ending[one] for one in ("orf", "nef", "cr2", "jpg", "png")} == {1}
    assert {ending[one] for one in made if one in ("mov", "avi", "mp4", "mpg", "m4v", "wmv", "mts", "3gp")} == {2}
    assert ending["psd"] == 3
    south = next(row for row in rows.values() if row.get("location", "").startswith("-33"))
    assert south["location"] == "-33.85875,151.21431"
    assert south["captured"] == 1625313600000  # 2021-07-03 12:00:00
    assert south["dimensions"] == "48x32"
    quiet = next(row for name, row in rows.items() if name.startswith("F04"))
    assert "captured" not in quiet
    assert quiet["modified"] == 1_587_456_138_000


def test_the_vectors_of_the_seed(home: Home) -> None:
    """S0-67 (part: hash and path_hash as in 6.1)."""
    from albumen.model import Placement, Record
    from albumen.operations.seed0 import entries

    path = "2020/02_February/2020-02-08 19-10-04 Winterthur.heic"
    record = Record("0" * 32, "1" * 64, 3 << 30, "image", "heic", "x", placements=(Placement("nas", path), Placement("up", path)))
    (found,) = entries(record, "nas", "up", content_hash(b"hello\n"))
    assert found["hash"] == "e34f7aed16ed1cc8c2409a7b7fe6dd48"
    assert found["path_hash"] == "e8817cbcca27f2f7994108a868012e4c"
    assert found["checksum"] == "ecb65bb98f9d905b70458986c39fcbad7715e5f2fcc3b1f07767d7c83e2438cc"
    assert found["size"] == 2_147_483_646
    assert (found["nas"], found["dropbox"], found["kind"], found["type"]) == (True, True, 1, "heic")


def test_adopting_an_export_gives_the_same_placements(albumen: Home) -> None:
    entries = collection(albumen.path)
    with old_elastic(documents(entries)) as server:
        adopt(albumen, server, code=0)
    rows = albumen.run("export", "--as", "seed0", "--dropbox", "cloud", code=0).rows
    there = {key: value["placements"] for key, value in _steady(albumen).items()}
    shutil.rmtree(albumen.path / "state")
    with old_elastic(documents(rows)) as server:
        adopt(albumen, server, code=0)
    now = _steady(albumen)
    assert {key: value["placements"] for key, value in now.items()} == there
    assert albumen.run("export", "--as", "seed0", "--dropbox", "cloud", "--stable", code=0).rows == sorted(
        rows, key=lambda one: [json.loads(json.dumps(row))["checksum"] == one["checksum"] for row in _order(now)].index(True)
    )


def _steady(home: Home) -> dict[str, Any]:
    return {row["id"]: row for row in home.run("export", "--stable", code=0).rows}


def _order(rows: dict[str, Any]) -> list[Any]:
    return [{"checksum": row["digests"]["dropbox"]} for _, row in sorted(rows.items())]


def test_what_cannot_be_read_has_no_checksum_and_is_told(home: Home) -> None:
    f01(home / "in")
    f04(home / "in")
    home.run("import", "in", code=0)
    gone = next(one for one in home.filed() if "F04" in one)
    (home.library / gone).unlink()
    ran = home.run("export", "--as", "seed0", code=1)
    assert "F04.jpg: no checksum, and so no path_hash" in ran.err
    assert sorted("checksum" in row for row in ran.rows) == [False, True]
