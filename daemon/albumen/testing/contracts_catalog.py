"""What every catalog promises. Subclass ``CatalogContract``, give it a fixture ``catalog``, and pytest runs it all."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from albumen.errors import Stale, UsageError
from albumen.model import Camera, Placement, Query, Record
from albumen.ports import Carries, Catalog, Samples
from albumen.testing.records import a_record, everything


class CatalogContract:
    """Fixture ``catalog``: an empty one."""

    @pytest.fixture
    def catalog(self) -> Catalog | Iterator[Catalog]:
        """Override this."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------------ keeping

    def test_a_record_comes_back_whole(self, catalog: Catalog) -> None:
        """Every field, byte for byte; what is not known stays not known."""
        full, bare = everything(1), a_record(2)
        catalog.put([full, bare])
        kept = catalog.get([full.id, bare.id, "nobody"])
        assert kept == {full.id: replace(full, version=1), bare.id: replace(bare, version=1)}

    def test_the_catalog_counts_versions_up(self, catalog: Catalog) -> None:
        record = a_record()
        catalog.put([record])
        for version in (1, 2):
            catalog.put([replace(record, version=version, title=f"after {version}")])
        assert catalog.get([record.id])[record.id] == replace(record, version=3, title="after 2")

    def test_put_of_many_is_all_or_none(self, catalog: Catalog) -> None:
        first, second, third = a_record(1), a_record(2), a_record(3)
        catalog.put([first])
        with pytest.raises(Stale) as refused:
            catalog.put([second, first, replace(third, version=4)])
        assert set(refused.value.ids) == {first.id, third.id}
        assert set(catalog.get([first.id, second.id, third.id])) == {first.id}
        assert catalog.count(Query()) == {"": 1}

    def test_placements_are_drawn_by_chance(self, catalog: Catalog) -> None:
        """All of a store where there are few, else so many, no two alike, and others the next time; gaps do not matter."""
        if not isinstance(catalog, Samples):
            pytest.skip("this catalog cannot draw")
        assert catalog.sample("nas", 5) == ()
        made = [
            replace(a_record(one), placements=(Placement("nas" if one % 3 else "cloud", f"{one}.jpg"),)) for one in range(300)
        ]
        catalog.put([*made, replace(a_record(400), placements=())])
        catalog.delete(one.id for one in made[::2])
        there = {f"{one}.jpg" for one in range(1, 300, 2) if one % 3}
        draws = [catalog.sample("nas", 20) for _ in range(4)]
        for drawn in [*draws, whole := catalog.sample("nas", 1000)]:
            paths = {one.path for one in drawn}
            assert len(paths) == len(drawn)
            assert paths <= there
        assert [len(drawn) for drawn in draws] == [20] * 4
        assert {one.path for one in whole} == there
        assert len({one.path for drawn in draws for one in drawn}) > 20

    def test_records_are_carried_as_they_are(self, catalog: Catalog) -> None:
        """Versions too: who read a record elsewhere can put it here, and who read an older one cannot. Carried again, it is replaced."""
        if not isinstance(catalog, Carries):
            pytest.skip("nothing can be carried into this catalog")
        catalog.put([a_record(0)])
        main, kept = replace(a_record(1), version=5), [replace(everything(one), version=3) for one in range(2, 30)]
        part = replace(a_record(40), version=2, companion_of=main.id, taken="2021-01-01", placements=(Placement("nas", "part"),))
        catalog.carry([part, *kept, replace(a_record(0), title="carried", version=7)])
        catalog.carry([main, part])  # the companion came before its main record, and comes again
        whole = {one.id: one for one in (part, main, *kept, replace(a_record(0), title="carried", version=7))}
        assert catalog.get(list(whole)) == whole
        assert list(catalog.walk()) == [whole[id] for id in sorted(whole)]
        middle = sorted(whole)[10]
        assert [one.id for one in catalog.walk(middle)] == sorted(whole)[11:]
        assert catalog.count(Query()) == {"": 30}  # the part shows by its main record
        assert catalog.count(Query(text=("carried",))) == {"": 1}
        assert [one.id for one in catalog.find(Query(text=("part",))).rows] == [main.id]
        catalog.put([replace(main, title="put")])
        with pytest.raises(Stale):
            catalog.put([replace(a_record(0), version=1)])
        catalog.delete([a_record(0).id])
        assert catalog.count(Query()) == {"": 29}
        assert len(list(catalog.walk())) == 30

    def test_all_records_are_walked_in_order_of_their_ids(self, catalog: Catalog) -> None:
        """More than one piece of them, history and companions, too; what is put or deleted meanwhile harms nobody."""
        if not isinstance(catalog, Carries):
            pytest.skip("this catalog cannot be walked")
        assert list(catalog.walk()) == []
        made = sorted((a_record(one) for one in range(1500)), key=lambda one: one.id)
        catalog.put(made)
        walk = catalog.walk()
        seen = [next(walk) for _ in range(3)]
        catalog.delete([made[0].id, made[1].id])
        catalog.put([replace(made[2], version=1, title="again")])
        seen += walk
        assert [one.id for one in seen] == [one.id for one in made]

    def test_an_older_version_is_refused(self, catalog: Catalog) -> None:
        record = a_record()
        catalog.put([record])
        catalog.put([replace(record, version=1, rating=5)])
        with pytest.raises(Stale):
            catalog.put([replace(record, version=1, rating=1)])
        assert catalog.get([record.id])[record.id].rating == 5

    def test_one_of_many_writers_of_a_version_wins(self, catalog: Catalog) -> None:
        """Nobody's change is overwritten by one who had not read it."""
        record = a_record()
        catalog.put([record])
        won: list[int] = []

        def write(rating: int) -> None:
            try:
                catalog.put([replace(record, version=1, rating=rating)])
            except Stale:
                return
            won.append(rating)

        threads = [threading.Thread(target=write, args=(rating,)) for rating in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [catalog.get([record.id])[record.id].rating] == won

    def test_nothing_is_put_by_an_empty_put(self, catalog: Catalog) -> None:
        catalog.put([])
        assert catalog.find(Query()).rows == ()

    def test_delete_says_how_many_were_there(self, catalog: Catalog) -> None:
        records = [everything(1), a_record(2)]
        catalog.put(records)
        assert catalog.delete([records[0].id, "nobody"]) == 1
        assert catalog.delete([records[0].id]) == 0
        assert catalog.get([records[0].id]) == {}
        for gone in (
            Query(text=("seepromenade",)),
            Query(digest="ef" * 32),
            Query(tags=("holiday",)),
            Query(box=(-9, -1, -8, 1)),
        ):
            assert catalog.find(gone).rows == ()
        catalog.put([records[0]])
        assert catalog.get([records[0].id])[records[0].id].version == 1

    def test_a_put_forgets_what_it_replaced(self, catalog: Catalog) -> None:
        """A search never finds a record by what it said before."""
        old = everything(1)
        catalog.put([old])
        catalog.put([replace(a_record(1), version=1, tags=("new",))])
        assert [one.tags for one in catalog.find(Query(tags=("new",))).rows] == [("new",)]
        for gone in (
            *(Query(text=("seepromenade",)), Query(digest="ef" * 32), Query(tags=("holiday",)), Query(box=(-9, -1, -8, 1))),
            *(
                Query(people=("ann",)),
                Query(place="zurich"),
                Query(albums=("sommer",)),
                Query(sizes=(77,)),
                Query(group="live-1"),
            ),
            *(
                Query(camera="canon"),
                Query(near=("00ff00ff00ff00ff", 0)),
                Query(paths=(("", "2021/\udcff"),)),
                Query(taken=("", "")),
            ),
        ):
            assert catalog.find(gone).rows == (), gone

    # ------------------------------------------------------------------------------------------------------------- paging

    def test_newest_first_then_id_then_the_undated(self, catalog: Catalog) -> None:
        dated = [
            a_record(n, taken=taken) for n, taken in enumerate(("2021-07", "2021-07-03", "2021-07-03T10:00:00", "1999-01-01"))
        ]
        twins = [a_record(n, taken="2005-05-05") for n in (10, 11, 12)]
        undated = [a_record(n) for n in (20, 21)]
        catalog.put([*undated, *twins, *dated])
        expected = [dated[2], dated[1], dated[0], *sorted(twins, key=_id), dated[3], *sorted(undated, key=_id)]
        assert [one.id for one in catalog.find(Query()).rows] == [one.id for one in expected]
        assert [one.id for one in catalog.find(Query(companions=True)).rows] == [one.id for one in expected]

    @pytest.mark.parametrize("companions", [False, True])
    def test_pages_give_each_record_once(self, catalog: Catalog, *, companions: bool) -> None:
        """Also when records come and go between two pages."""
        records = [a_record(n, taken=f"2021-0{1 + n % 3}-01" if n % 4 else None) for n in range(25)]
        catalog.put(records)
        seen: list[str] = []
        page = catalog.find(Query(companions=companions), limit=4)
        while True:
            seen += [one.id for one in page.rows]
            if not page.after:
                break
            catalog.put([a_record(1000 + len(seen), taken="2030-01-01")])  # newer than every cursor
            catalog.delete([page.rows[-1].id])
            page = catalog.find(Query(companions=companions), after=page.after, limit=4)
        assert sorted(seen) == sorted(one.id for one in records)

    def test_the_last_page_has_no_cursor(self, catalog: Catalog) -> None:
        catalog.put([a_record(n) for n in range(4)])
        first = catalog.find(Query(), limit=2)
        assert first.after
        assert catalog.find(Query(), after=first.after, limit=2).after == ""

    def test_a_foreign_cursor_is_refused(self, catalog: Catalog) -> None:
        for foreign in ("?", "2021", "\udcff|1"):
            with pytest.raises(UsageError, match="page mark"):
                catalog.find(Query(), after=foreign)

    # ----------------------------------------------------------------------------------------------------------- questions

    @pytest.mark.parametrize(
        "query",
        [
            Query(text=("seeprom",)),
            Query(text=("ABEND", "zurich", "eos jorg")),
            Query(text=("0.jpg",)),
            Query(names=("0.JPG",)),
            Query(names=("nothing", "0.jpg.xmp")),
            Query(paths=(("nas", "2021"),)),
            Query(paths=(("", "2021/\udcff/0.jpg"),)),
            Query(paths=(("cloud", ""), ("nas", ""))),
            Query(albums=("sommer",)),
            Query(kinds=("video", "image")),
            Query(types=("jpeg",)),
            Query(taken=("2021-07", "2021-07")),
            Query(taken=("2021-07-03T10:11:12", "")),
            Query(taken=("", "2021")),
            Query(box=(-8.25, 0.0, -8.25, 0.0)),
            Query(box=(170.0, -1.0, -8.0, 1.0)),
            Query(camera="canon eos"),
            Query(camera="OS 5"),
            Query(lens="50MM F/1.8"),
            Query(tags=("HOLIDAY", "ai:cats")),
            Query(people=("jorg",)),
            Query(marks=("nas", "-cloud")),
            Query(digest="AB" * 32),
            Query(digest="ef" * 32),
            Query(near=("00ff00ff00ff00fe", 1)),
            Query(sizes=(5, 77)),
            Query(sizes=(1000,)),
            Query(group="live-1"),
            Query(place="zurich"),
            Query(place="switzerland"),
        ],
    )
    def test_found(self, catalog: Catalog, query: Query) -> None:
        """S0-78 (part: one question of each kind finds the record it is about)."""
        record = everything(0)
        other = Record(id="f" * 32, sha256="f" * 64, size=1, kind="other", type="psd", name="other.psd")
        catalog.put([record, other])
        assert [one.id for one in catalog.find(query).rows] == [record.id]

    @pytest.mark.parametrize(
        "query",
        [
            Query(text=("romenade",)),
            Query(text=("seepromenade", "morgen")),
            Query(text=("!?",)),
            Query(names=("0",)),
            Query(paths=(("nas", "202"),)),
            Query(paths=(("cloud", "2021"),)),
            Query(albums=("",)),
            Query(taken=("2021-07-04", "")),
            Query(taken=("", "2021-07-02")),
            Query(box=(-8.0, -1.0, 170.0, 1.0)),
            Query(box=(-9.0, 0.001, -8.0, 1.0)),
            Query(camera="ef 50mm"),
            Query(tags=("holiday", "dogs")),
            Query(tags=("cats",)),
            Query(marks=("nas", "cloud")),
            Query(marks=("-nas",)),
            Query(digest="00" * 32),
            Query(near=("00ff00ff00ff00fc", 1)),
            Query(near=("00ff", 64)),
            Query(sizes=(99,)),
            Query(group="live"),
            Query(place="zur"),
            Query(kinds=("\udcff",), marks=("\udcff",), digest="\udcff", group="\udcff", text=("\udcff",)),
        ],
    )
    def test_not_found(self, catalog: Catalog, query: Query) -> None:
        catalog.put([everything(0)])
        assert catalog.find(query).rows == ()
        assert catalog.count(query) == {"": 0}

    def test_ids_are_found_by_their_beginning(self, catalog: Catalog) -> None:
        record = a_record(1)
        catalog.put([record, a_record(2)])
        for word in (record.id, record.id[:6], record.id[:11].upper(), str(uuid.UUID(record.id))[:14]):
            assert [one.id for one in catalog.find(Query(ids=(word,))).rows] == [record.id]

    def test_a_month_may_be_any_of_its_days(self, catalog: Catalog) -> None:
        catalog.put([a_record(1, taken="2021-07", precision="month")])
        assert catalog.count(Query(taken=("2021-07-15", "2021-07-16"))) == {"": 1}
        assert catalog.count(Query(taken=("2021-08-01", "2021-08-02"))) == {"": 0}
        assert catalog.count(Query(taken=("2021-06-01", "2021-06-30"))) == {"": 0}

    # -------------------------------------------------------------------------------------------------- groups and history

    def test_a_group_shows_once_by_its_main_record(self, catalog: Catalog) -> None:
        main = a_record("heic", taken="2021-01-01T10:00:00", tags=("still",))
        live = a_record("mov", taken="2021-01-01T09:59:58", kind="video", companion_of=main.id)
        for records in ([live], [main]):  # in whichever order they come
            catalog.put(records)
        assert [one.id for one in catalog.find(Query()).rows] == [main.id]
        assert [one.id for one in catalog.find(Query(kinds=("video",))).rows] == [main.id]
        assert [one.id for one in catalog.find(Query(companions=True)).rows] == [main.id, live.id]
        assert [one.id for one in catalog.find(Query(kinds=("video",), companions=True)).rows] == [live.id]
        assert catalog.count(Query(), "kind") == {"image": 1}
        assert catalog.count(Query(companions=True), "kind") == {"image": 1, "video": 1}

    def test_a_member_without_its_main_record_stands_for_itself(self, catalog: Catalog) -> None:
        main = a_record("heic")
        live = a_record("mov", kind="video", companion_of=main.id)
        catalog.put([main, live])
        catalog.put([replace(main, version=1, placements=())])  # the still is history, the film is not
        assert catalog.count(Query(), "kind") == {"video": 1}
        assert {one.id for one in catalog.find(Query()).rows} == {main.id, live.id}
        catalog.put([replace(main, version=2)])
        assert catalog.count(Query(), "kind") == {"image": 1}
        catalog.delete([main.id])
        assert [one.id for one in catalog.find(Query()).rows] == [live.id]
        assert catalog.count(Query()) == {"": 1}

    def test_history_is_found_but_not_counted(self, catalog: Catalog) -> None:
        sidecar = Placement("nas", "a.xmp", role="xmp", sha256="ef" * 32)
        catalog.put([a_record(1, placements=()), a_record(2, placements=(sidecar,)), a_record(3)])
        assert len(catalog.find(Query()).rows) == 3
        assert catalog.count(Query()) == {"": 1}
        assert catalog.count(Query(marks=("nas",)), "store") == {"nas": 1}

    def test_counts(self, catalog: Catalog) -> None:
        two = (Placement("nas", "a"), Placement("cloud", "a"), Placement("cloud", "b/a"))
        catalog.put(
            [
                a_record(1, taken="2021-07-03", tags=("a", "b"), camera=Camera("Canon", "EOS 5D"), placements=two),
                a_record(2, taken="2021-07", tags=("A",), camera=Camera("Canon")),
                a_record(3, kind="video", type="mov"),
            ]
        )
        assert catalog.count(Query(), "month") == {"2021-07": 2, "": 1}
        assert catalog.count(Query(), "kind") == {"image": 2, "video": 1}
        assert catalog.count(Query(), "type") == {"jpeg": 2, "mov": 1}
        assert catalog.count(Query(), "store") == {"nas": 3, "cloud": 1}
        assert catalog.count(Query(), "camera") == {"EOS 5D": 1, "Canon": 1, "": 1}
        assert catalog.count(Query(), "tag") == {"a": 1, "A": 1, "b": 1}
        assert catalog.count(Query(kinds=("video",)), "month") == {"": 1}
        with pytest.raises(UsageError, match="colour"):
            catalog.count(Query(), "colour")


def _id(record: Record) -> str:
    return record.id
