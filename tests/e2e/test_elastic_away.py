"""While Elasticsearch is away everything waits, and everybody says why."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command import Home
from e2e.test_observing import asked, free_port
from make import jpeg
from make.daemons import CONFIG, until
from servers import elastic

pytestmark = pytest.mark.timeout(600)  # the first start of a server may build it

WORDS = (
    ("status",),
    ("check",),
    ("find",),
    ("find", "kind:image", "--json"),
    ("show", "0123456789ab"),
    ("show", "in/1.jpg"),
    ("list", "in"),
    ("export",),
    ("export", "--stable"),
    ("import", "in"),
    ("import", "in", "--dry-run"),
    ("dates", "fix", "in/1.jpg", "--set", "2020-01-01"),
    ("tag", "in/1.jpg", "--add", "x"),
    ("queue", "review"),
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Its settings name the catalog, whatever this test run is about."""
    return Home(tmp_path, switched=False)


def configure(home: Home, url: str, more: str = "") -> None:
    index = elastic.index_of(home.path)
    section = f'[catalog]\ntype = "elasticsearch"\nurls = ["{url}"]\nindex = "{index}"\ntimeout = "10s"\n'
    (home.path / "albumen.toml").write_text(CONFIG + section + more)
    (home.path / "inbox").mkdir(exist_ok=True)


def photos(folder: Path, *days: int) -> None:
    for day in days:
        jpeg(str(folder / f"{day}.jpg"), when=f"2021:07:{day:02} 00:30:00")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[elastic.Node]:
    """One that may be stopped; each test finds it running."""
    with elastic.node(tmp_path_factory.mktemp("elastic")) as made:
        yield made


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_each_command_says_so_in_a_sentence(home: Home, words: tuple[str, ...]) -> None:
    """Nothing answers at its address. The file stays where it is, and nothing is left that would have to be tidied up."""
    configure(home, f"http://127.0.0.1:{free_port()}")
    photos(home.path / "in", 1)
    ran = home.run(*words, code=1)
    (told,) = [line for line in (ran.out + ran.err).splitlines() if "Elasticsearch at" in line]
    assert "cannot be reached: [Errno 111] Connection refused" in told, ran
    assert "warning" not in ran.err
    assert (home.path / "in/1.jpg").is_file()
    assert home.filed() == {}


def test_what_the_embedded_parts_know_is_told_all_the_same(home: Home) -> None:
    configure(home, f"http://127.0.0.1:{free_port()}")
    (row,) = home.run("status", "--json", code=1).rows
    assert [one["cause"] for one in row["problems"]] == ["database catalog"]
    assert not {"records", "copies", "history"} & {key for key, value in row.items() if value is not None}
    assert home.run("queue", code=0).lines == ["nothing waits"]
    assert home.run("log", code=0).out == ""
    photos(home.path / "in", 1)
    home.run("import", "in", code=1)
    assert "cannot be reached" in home.run("backup", code=1).err
    assert home.run("plugins", code=0)


def lines(log: str, what: str) -> list[dict[str, object]]:
    return [row for row in map(json.loads, log.splitlines()) if row["event"] == what]


@pytest.mark.slow
def test_a_daemon_that_starts_without_it_waits_and_goes_on_by_itself(home: Home, node: elastic.Node) -> None:
    """Arrivals are kept, nothing is filed twice, health and numbers say so; one line for each change of the place."""
    port = free_port()
    configure(home, node.url, f'[metrics]\nlisten = "127.0.0.1:{port}"\n[log]\nformat = "json"\n')
    node.stop()
    photos(home.path / "inbox", 1, 2, 3)
    with home.started("run") as process:
        until(lambda: home.run("status", "--json").rows[0]["queue"].get("later", 0) >= 3)
        (told, *_) = home.run("status", code=1).lines
        assert "Elasticsearch at" in told
        assert "cannot be reached" in told
        until(lambda: asked(port, "/healthcheck")[0] == 503)
        assert "Elasticsearch" in asked(port, "/healthcheck")[1]
        until(lambda: 'albumen_circuits_open{place="catalog"} 1.0' in asked(port, "/metrics")[1])
        numbers = asked(port, "/metrics")[1]
        assert 'albumen_up{what="database catalog"} 0.0' in numbers
        assert "albumen_records" not in numbers
        assert home.filed() == {}
        node.start()
        until(lambda: len(home.filed()) == 3, 90)
        until(lambda: home.run("status").code == 0, 90)
        node.stop()
        photos(home.path / "inbox", 2, 4)
        until(lambda: bool(home.run("status", "--json").rows[0].get("circuits")))
        node.start()
        until(lambda: len(home.filed()) == 4, 90)
        until(lambda: home.run("status").code == 0 and not list((home.path / "inbox").iterdir()), 90)
        until(lambda: 'albumen_up{what="database catalog"} 1.0' in asked(port, "/metrics")[1])
        assert "albumen_records 4.0" in asked(port, "/metrics")[1]
        log = ended(process)
    assert len(home.run("find", "--json", code=0).rows) == 4
    assert len(lines(log, "place closed")) <= 4
    assert len(lines(log, "place works again")) == len(lines(log, "place closed"))
    assert len(lines(log, "filed")) == 4


def ended(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return err


@pytest.mark.slow
def test_what_a_command_left_waiting_is_done_by_the_next_one(home: Home, node: elastic.Node) -> None:
    """And what was done is not done twice. It is only frozen this time: it answers nothing, connections stay open."""
    configure(home, node.url)
    photos(home.path / "in", *range(1, 9))
    home.run("import", "in", code=0)
    photos(home.path / "in", *range(9, 12))
    node.freeze()
    try:
        ran = home.run("import", "in", "--move", code=1)
    finally:
        node.thaw()
    assert "Elasticsearch at" in ran.err
    until(lambda: home.run("check").code == 0)
    home.run("import", "in", "--move", code=0)
    assert len(home.filed()) == 11
    assert list((home.path / "in").iterdir()) == []
    assert len(home.run("find", "--limit", "50", "--json", code=0).rows) == 11
