"""The catalog on a real Elasticsearch that is away, full, closed, slow or somebody else's: nothing is lost, and the right word each."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from albumen.catalogs.elastic import ElasticCatalog, index
from albumen.errors import Permanent, Stale, Unavailable
from albumen.model import Query, Record
from albumen.testing.catalogs import MemoryCatalog
from albumen.testing.records import a_record, everything
from make.daemons import until
from make.elastic import a_catalog
from servers import elastic, proxy
from servers.proxy import Proxy, Request, answer, lost, unsent

pytestmark = pytest.mark.timeout(300)  # a server starts, and the machine may be busy


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[elastic.Node]:
    with elastic.node(tmp_path_factory.mktemp("elastic")) as node:
        yield node


@pytest.fixture
def catalog(node: elastic.Node) -> Iterator[ElasticCatalog]:
    """Straight to the server."""
    with closing(a_catalog(node.url)) as catalog:
        catalog.ready()
        yield catalog


@pytest.fixture
def way(node: elastic.Node) -> Iterator[Proxy]:
    with proxy.before(node.url) as way:
        yield way


@pytest.fixture
def shaky(way: Proxy, catalog: ElasticCatalog) -> Iterator[ElasticCatalog]:
    """The same index, by way of the proxy."""
    with closing(a_catalog(way.url, catalog.settings.index, timeout=20.0)) as shaky:
        shaky.ready()
        yield shaky


def bulk(one: Request) -> bool:
    return "/_bulk" in one.target


# ------------------------------------------------------------------------------------------------------------ answers that are lost


@pytest.mark.parametrize("fault", [lost(), unsent()], ids=["done, not answered", "never heard of"])
def test_a_lost_answer_is_no_reason_to_give_up(shaky: ElasticCatalog, way: Proxy, fault: proxy.Fault) -> None:
    """What was written all the same is not taken for somebody else's, and what was not is written."""
    one, others = a_record(0), [a_record(n) for n in range(1, 30)]
    for records in ([one], others, [replace(one, version=1, title="second")]):
        way.fault(fault, when=bulk, times=1)
        shaky.put(records)
    assert shaky.get([one.id])[one.id] == replace(one, version=2, title="second")
    assert shaky.count(Query()) == {"": 30}
    way.fault(fault, when=bulk, times=1)
    assert shaky.delete([one.id]) == 1
    assert shaky.count(Query()) == {"": 29}


def test_after_a_lost_answer_anothers_change_is_not_covered(shaky: ElasticCatalog, catalog: ElasticCatalog, way: Proxy) -> None:
    """Ours was written, and then somebody else's on top of it: both count."""
    one = a_record(0)
    catalog.put([one])

    def seen(request: Request) -> None:
        if "_mget" in request.target and catalog.get([one.id])[one.id].version == 2:  # we are about to look what became of it
            catalog.put([replace(one, version=2, title="theirs")])

    way.fault(lost(), when=bulk, times=1)
    way.seen = seen
    shaky.put([replace(one, version=1, title="ours")])
    assert catalog.get([one.id])[one.id] == replace(one, version=3, title="theirs")


def test_searches_are_asked_again(shaky: ElasticCatalog, way: Proxy) -> None:
    shaky.put([a_record(0)])
    for fault in (lost(), answer(503, {"Retry-After": "1"}, b'{"error":"starting"}'), answer(429, {}, b"{}")):
        way.fault(fault, when=lambda one: "_search" in one.target, times=1)
        assert shaky.count(Query()) == {"": 1}


def test_what_is_overloaded_for_a_moment_is_waited_for(shaky: ElasticCatalog, way: Proxy) -> None:
    way.fault(answer(429, {}, b'{"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}'), when=bulk, times=2)
    shaky.put([a_record(0)])
    way.fault(answer(429, {}, b'{"error":{"type":"circuit_breaking_exception","reason":"too large"}}'), when=bulk)
    with pytest.raises(Unavailable, match="short of memory") as told:
        shaky.put([a_record(1)])
    assert told.value.place == "catalog"
    assert told.value.retry_after is not None


def test_what_is_too_large_for_a_proxy_goes_in_halves(shaky: ElasticCatalog, way: Proxy) -> None:
    way.fault(answer(413), when=lambda one: bulk(one) and int(one.headers.get("content-length", 0)) > 20_000)
    shaky.put([everything(n) for n in range(40)])
    assert shaky.count(Query()) == {"": 40}
    with pytest.raises(Permanent, match="raise that limit"):
        shaky.put([a_record("large", description="x" * 30_000)])


# ---------------------------------------------------------------------------------------------------------------- races


def before_the_first(way: Proxy, what: Callable[[Request], bool], act: Callable[[], object]) -> None:
    """Do something while the first such request waits on its way."""
    guard = threading.Lock()

    def seen(request: Request) -> None:
        if what(request) and guard.acquire(blocking=False):
            act()

    way.seen = seen


def test_who_loses_a_race_in_the_middle_leaves_nothing(shaky: ElasticCatalog, catalog: ElasticCatalog, way: Proxy) -> None:
    old, contested, new = a_record("old"), a_record("contested"), a_record("new")
    catalog.put([old, contested])
    before_the_first(way, bulk, lambda: catalog.put([replace(contested, version=1, title="theirs")]))
    with pytest.raises(Stale) as refused:
        shaky.put([replace(old, version=1, title="ours"), replace(contested, version=1, title="ours"), new])
    assert refused.value.ids == (contested.id,)
    kept = catalog.get([old.id, contested.id, new.id])
    assert kept == {old.id: replace(old, version=1), contested.id: replace(contested, version=2, title="theirs")}
    assert catalog.count(Query(text=("ours",))) == {"": 0}
    shaky.put([replace(old, version=1, title="again"), new])


def test_what_is_taken_back_is_taken_back_although_the_answer_is_lost(
    shaky: ElasticCatalog, catalog: ElasticCatalog, way: Proxy
) -> None:
    old, contested = a_record("old"), a_record("contested")
    catalog.put([old, contested])
    sent = 0

    def seen(request: Request) -> None:
        nonlocal sent
        sent += bulk(request)
        if bulk(request) and sent == 1:
            catalog.put([replace(contested, version=1, title="theirs")])
            way.fault(unsent(), when=bulk, times=1)  # the next one, which takes back

    way.seen = seen
    with pytest.raises(Stale):
        shaky.put([replace(old, version=1, title="ours"), replace(contested, version=1, title="ours")])
    assert catalog.get([old.id])[old.id] == replace(old, version=1)
    assert sent == 3


def shows(catalog: ElasticCatalog) -> None:
    """What it finds is what a plain filter finds among the same records."""
    plain = MemoryCatalog()
    kept = list(catalog.walk())
    for version in range(max((one.version for one in kept), default=0)):
        plain.put([replace(one, version=version) for one in kept if one.version > version])
    assert [one.id for one in catalog.find(Query(), limit=1000).rows] == [one.id for one in plain.find(Query(), limit=1000).rows]
    for by in (None, "kind", "month"):
        assert catalog.count(Query(), by) == plain.count(Query(), by)
        assert catalog.count(Query(kinds=("video",)), by) == plain.count(Query(kinds=("video",)), by)


MAIN = a_record("main", taken="2020-01-01")
PART = a_record("part", kind="video", taken="2020-01-02", companion_of=MAIN.id)


@pytest.mark.parametrize("first", ["main", "part"])
@pytest.mark.parametrize(
    "known", [(), (MAIN,), (PART,), (MAIN, PART)], ids=["none known", "main known", "part known", "both known"]
)
def test_a_group_stays_right_while_both_are_written(
    shaky: ElasticCatalog, catalog: ElasticCatalog, way: Proxy, first: str, known: tuple[Record, ...]
) -> None:
    """Whoever is overtaken on the way: the film shows by the still as it is at last."""
    catalog.put(known)
    still = replace(MAIN, version=int(MAIN in known), taken="2024-04-04", title="late")
    film = replace(PART, version=int(PART in known), title="late")
    one, other = (still, film) if first == "main" else (film, still)
    before_the_first(way, bulk, lambda: catalog.put([other]))
    shaky.put([one])
    assert [row.id for row in catalog.find(Query()).rows] == [MAIN.id]
    shows(catalog)
    catalog.put([replace(catalog.get([MAIN.id])[MAIN.id], placements=())])
    shows(catalog)
    catalog.delete([MAIN.id])
    assert [row.id for row in catalog.find(Query()).rows] == [PART.id]


def test_a_group_stays_right_when_its_main_record_goes_meanwhile(
    shaky: ElasticCatalog, catalog: ElasticCatalog, way: Proxy
) -> None:
    catalog.put([MAIN])
    before_the_first(way, bulk, lambda: catalog.delete([MAIN.id]))
    shaky.put([PART])
    assert [row.id for row in catalog.find(Query()).rows] == [PART.id]
    shows(catalog)


def test_groups_stay_right_whatever_many_threads_do(catalog: ElasticCatalog, node: elastic.Node) -> None:
    mains = [a_record(f"main {n}", taken=f"2020-01-0{n + 1}") for n in range(3)]
    parts = [a_record(f"part {n}", kind="video", companion_of=mains[n % 3].id) for n in range(6)]

    def work(number: int) -> None:
        with closing(a_catalog(node.url, catalog.settings.index)) as mine:
            for turn in range(25):
                one = (mains + parts)[(number * 7 + turn * (number + 2)) % 9]
                kept = mine.get([one.id]).get(one.id, one)
                gone = (turn + number) % 5 == 0
                changed = replace(kept, title=f"{number} {turn}", placements=() if gone else one.placements)
                if turn % 4 == 3 and one in parts:
                    changed = replace(changed, companion_of=mains[(turn + number) % 3].id)
                try:
                    if (turn * number) % 7 == 6:
                        mine.delete([one.id])
                    else:
                        mine.put([changed])
                except Stale:
                    continue

    together(*(partial(work, number) for number in range(4)))
    shows(catalog)


def together(*works: Callable[[], None]) -> None:
    """All at once; the first error of any is raised."""
    with ThreadPoolExecutor(len(works)) as pool:
        for one in [pool.submit(work) for work in works]:
            one.result()


# --------------------------------------------------------------------------------------------------- a server that is away


def test_a_server_that_is_away_is_told_of(way: Proxy) -> None:
    way.reset()
    with (
        closing(a_catalog(way.url)) as catalog,
        pytest.raises(Unavailable, match=r"(did not answer|cannot be reached): .*(reset|closed connection)") as told,
    ):
        catalog.get(["0" * 32])
    assert told.value.place == "catalog"
    with closing(a_catalog("http://127.0.0.1:1")) as catalog, pytest.raises(Unavailable, match=r"cannot be reached: .*refused"):
        catalog.count(Query())


def test_a_server_that_hangs_is_waited_for_so_long(way: Proxy, catalog: ElasticCatalog) -> None:
    with closing(a_catalog(way.url, catalog.settings.index, timeout=1.0)) as shaky:
        shaky.ready()
        way.hole()
        with pytest.raises(Unavailable, match="did not answer within 1 s"):
            shaky.get(["0" * 32])
        with ThreadPoolExecutor(16) as pool:
            for one in [pool.submit(shaky.count, Query()) for _ in range(16)]:
                with pytest.raises(Unavailable, match="did not answer within 1 s"):
                    one.result()
        way.heal()
        assert shaky.count(Query()) == {"": 0}


@pytest.mark.parametrize(("status", "word"), [(401, "does not know our user or key"), (403, "our role needs")])
def test_who_is_not_let_in_is_told_so(shaky: ElasticCatalog, way: Proxy, status: int, word: str) -> None:
    body = {
        "error": {"type": "security_exception", "reason": "action [indices:data/write/bulk] is unauthorized"},
        "status": status,
    }
    way.fault(answer(status, {"Content-Type": "application/json"}, json.dumps(body).encode()))
    with pytest.raises(Unavailable, match=word) as told:
        shaky.put([a_record(0)])
    assert told.value.auth


@pytest.mark.slow
def test_killed_while_it_is_written_to(node: elastic.Node, catalog: ElasticCatalog) -> None:
    """Every put that returned is there after a kill -9 of the server, as it was; one that did not is tried again, and counts once."""
    said: dict[str, Record] = {}
    failed: list[list[Record]] = []
    over = threading.Event()

    def write(number: int) -> None:
        for turn in range(100_000):
            if over.is_set():
                return
            some = [everything(f"{number} {turn} {one}") for one in range(20)]
            try:
                catalog.put(some)
            except Unavailable:
                failed.append(some)
                return
            said.update((one.id, one) for one in some)

    def reached(wanted: int) -> bool:
        return len(said) >= wanted or not any(one.is_alive() for one in threads)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for one in threads:
        one.start()
    for wanted in (200, 400):
        until(partial(reached, wanted), 120)
    node.kill()
    over.set()
    for one in threads:
        one.join()
    assert len(said) >= 400
    assert failed
    node.start()
    kept = catalog.get(list(said))
    assert kept == {id: replace(one, version=1) for id, one in said.items()}
    for some in failed:
        there = catalog.get([one.id for one in some])
        catalog.put([one for one in some if one.id not in there])
    assert catalog.count(Query(companions=True)) == {"": len(said) + sum(map(len, failed))}


# ------------------------------------------------------------------------------------------------------- a closed or full one


def uses(catalog: ElasticCatalog) -> tuple[Callable[[], object], ...]:
    """What a catalog that can be written to lets one do."""
    return (lambda: catalog.put([a_record(1)]), lambda: catalog.put([a_record(2), a_record(3)]), catalog.ping)


@pytest.mark.parametrize("block", ["write", "read_only"])
def test_a_read_only_index_is_told_of_and_read(node: elastic.Node, catalog: ElasticCatalog, block: str) -> None:
    catalog.put([a_record(0)])
    node.ask("PUT", f"/{catalog.ready()}/_settings", {f"index.blocks.{block}": True})
    for use in uses(catalog):
        with pytest.raises(Unavailable, match=r"set read-only .* set its index.blocks to null again"):
            use()
    with pytest.raises(Unavailable, match="read-only"):
        catalog.delete([a_record(0).id])
    assert catalog.count(Query()) == {"": 1}
    node.ask("PUT", f"/{catalog.ready()}/_settings", {f"index.blocks.{block}": None})
    catalog.ping()
    catalog.put([a_record(1)])


@pytest.mark.slow
def test_a_full_disk_is_told_of(node: elastic.Node, catalog: ElasticCatalog) -> None:
    """The server's own watermark, set so low that this disk is over it."""
    catalog.put([a_record(0)])
    disk = "cluster.routing.allocation.disk"
    low = {f"{disk}.threshold_enabled": True, **{f"{disk}.watermark.{one}": "1b" for one in ("low", "high", "flood_stage")}}
    full = {**low, **{f"{disk}.watermark.{one}": "999tb" for one in ("low", "high", "flood_stage")}}
    node.ask("PUT", "/_cluster/settings", {"persistent": {**full, "cluster.info.update.interval": "10s"}})
    try:
        blocked = f"/{catalog.ready()}/_settings/index.blocks.*?flat_settings=true"
        until(lambda: "read_only_allow_delete" in json.dumps(node.ask("GET", blocked)), 120)
        for use in uses(catalog):
            with pytest.raises(Unavailable, match=r"a disk of Elasticsearch .* is nearly full.*free space there"):
                use()
        assert catalog.count(Query()) == {"": 1}
    finally:
        node.ask("PUT", "/_cluster/settings", {"persistent": low})
        until(lambda: "read_only_allow_delete" not in json.dumps(node.ask("GET", blocked)), 120)
        node.ask("PUT", "/_cluster/settings", {"persistent": dict.fromkeys([*low, "cluster.info.update.interval"])})
    catalog.put([a_record(1)])


# ------------------------------------------------------------------------------------------------------ not what it should be


def test_an_index_of_somebody_else_is_left_alone(node: elastic.Node) -> None:
    node.ask("PUT", "/photos", {"mappings": {"properties": {"name": {"type": "text"}}}})
    node.ask("PUT", "/pictures-1", {"aliases": {"pictures": {}}})
    for name in ("photos", "pictures"):
        with closing(a_catalog(node.url, name)) as catalog, pytest.raises(Permanent, match="that albumen did not make"):
            catalog.put([a_record(0)])
    assert node.ask("GET", "/photos,pictures/_count")["count"] == 0


def test_an_index_without_our_fields_takes_nothing(node: elastic.Node, catalog: ElasticCatalog) -> None:
    name = catalog.settings.index
    node.ask("DELETE", f"/{catalog.ready()}")
    mapping = {"dynamic": "strict", "_meta": {"albumen": {"schema": 1}}, "properties": {"id": {"type": "keyword"}}}
    node.ask("PUT", f"/{name}-v1-1", {"mappings": mapping, "aliases": {name: {}}})
    for records in ([a_record(0)], [a_record(1), a_record(2)]):
        with pytest.raises(Permanent, match=r"does not take what albumen writes .*set another name"):
            catalog.put(records)
    assert catalog.get([a_record(0).id]) == {}


def test_an_index_of_a_newer_program_is_not_touched(node: elastic.Node, catalog: ElasticCatalog) -> None:
    catalog.put([a_record(0)])
    node.ask("PUT", f"/{catalog.ready()}/_mapping", {"_meta": {"albumen": {"schema": 99}}})
    with closing(a_catalog(node.url, catalog.settings.index)) as older:
        for use in (lambda: older.get([]), lambda: older.put([a_record(1)]), lambda: older.count(Query())):
            with pytest.raises(Unavailable, match=r"newer version of albumen .*migrate --back"):
                use()


def test_an_index_that_another_has_just_made_is_waited_for(node: elastic.Node) -> None:
    """It is there, and its health is yellow, some moments before its shard can be read; here that takes longer."""

    def many_at_once(number: int | None) -> None:
        node.ask(
            "PUT", "/_cluster/settings", {"persistent": {"cluster.routing.allocation.node_initial_primaries_recoveries": number}}
        )

    with closing(a_catalog(node.url)) as catalog, ThreadPoolExecutor(1) as second:
        made = {
            "mappings": index.mapping(),
            "settings": index.settings(catalog.settings),
            "aliases": {catalog.settings.index: {}},
        }
        many_at_once(0)
        try:
            node.ask("PUT", f"/{catalog.settings.index}-v1-1?wait_for_active_shards=0", made)
            getting = second.submit(catalog.get, [a_record(0).id])
            until(lambda: getting.done() or bool(node.ask("GET", "/_tasks?actions=cluster:monitor/health")["nodes"]))
        finally:
            many_at_once(None)
        node.ask("POST", "/_cluster/reroute")
        assert getting.result(60) == {}


def test_an_index_that_another_makes_between_two_questions_is_ours(node: elastic.Node, way: Proxy) -> None:
    """There is no alias of its name, and a moment later there is."""
    with closing(a_catalog(node.url)) as first, closing(a_catalog(way.url, first.settings.index)) as second:

        def seen(request: Request) -> None:
            if "_mapping" in request.target:
                first.ready()

        way.seen = seen
        assert second.ready() == first.ready()


def test_an_index_that_is_gone_is_not_made_again(node: elastic.Node, catalog: ElasticCatalog) -> None:
    """An empty catalog in place of a lost one would let everything come in anew."""
    catalog.put([a_record(0)])
    node.ask("DELETE", f"/{catalog.ready()}")
    for use in (
        lambda: catalog.put([a_record(1)]),
        lambda: catalog.put([a_record(1), a_record(2)]),
        lambda: catalog.get([a_record(0).id]),
        lambda: catalog.find(Query()),
        lambda: catalog.count(Query(), "kind"),
        lambda: catalog.delete([a_record(0).id]),
        catalog.ping,
    ):
        with pytest.raises(Unavailable, match=r"there is no index .* any more"):
            use()
    assert catalog.settings.index not in json.dumps(node.ask("GET", "/_alias"))


def test_what_is_no_elasticsearch_is_told_so(way: Proxy) -> None:
    """Also an older one, which does not say what it is: only from 7.14 on they do."""
    way.fault(answer(200, {"Content-Type": "application/json"}, b'{"version": {"number": "7.10.2"}}'))
    with closing(a_catalog(way.url)) as catalog, pytest.raises(Unavailable, match="is not Elasticsearch 8 or 9"):
        catalog.ping()
    way.heal()
    told = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}
    way.fault(answer(200, told, b'{"version": {"number": "8.11.4"}}'))
    with (
        closing(a_catalog(way.url)) as catalog,
        pytest.raises(Unavailable, match=r"Elasticsearch 8.11.4: 8.15 or newer is needed"),
    ):
        catalog.ping()


def test_a_part_that_is_missing_is_no_answer(shaky: ElasticCatalog, way: Proxy) -> None:
    body = {
        "timed_out": False,
        "_shards": {"total": 2, "successful": 1, "failed": 1},
        "hits": {"total": {"value": 0}, "hits": []},
    }
    head = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}
    way.fault(answer(200, head, json.dumps(body).encode()), when=lambda one: "_search" in one.target)
    with pytest.raises(Unavailable, match="part of the index"):
        shaky.count(Query())


def test_a_moment_that_is_forgotten_is_no_end(node: elastic.Node, catalog: ElasticCatalog) -> None:
    """Pages go on behind the last record as things are then."""
    catalog.put([a_record(n, taken=f"2020-01-{n + 1:02}") for n in range(9)])
    first = catalog.find(Query(), limit=4)
    catalog.put([replace(catalog.get([a_record(2).id])[a_record(2).id], taken="2030-01-01")])
    second = catalog.find(Query(), after=first.after, limit=4)
    assert [one.id for one in second.rows] == [a_record(n).id for n in (4, 3, 2, 1)]  # of the first page's moment
    node.ask("DELETE", "/_pit", {"id": second.after.split("|")[2]})
    third = catalog.find(Query(), after=second.after, limit=4)
    assert [one.id for one in third.rows] == [a_record(0).id]
    assert third.after == ""
    broken = "|".join([*second.after.split("|")[:2], "nonsense"])
    assert catalog.find(Query(), after=broken, limit=4).rows == third.rows


def test_a_search_sees_what_another_connection_wrote(node: elastic.Node, catalog: ElasticCatalog) -> None:
    with closing(a_catalog(node.url, catalog.settings.index)) as other:
        for number in range(5):
            other.put([a_record(number)])
            assert catalog.count(Query()) == {"": number + 1}


@pytest.mark.slow
def test_a_restarted_server_is_found_again(node: elastic.Node, catalog: ElasticCatalog) -> None:
    catalog.put([a_record(0)])
    node.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        catalog.count(Query())
    node.start()
    assert catalog.count(Query()) == {"": 1}
