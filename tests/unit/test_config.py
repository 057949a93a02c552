"""The settings: every layer, every mistake, and that no text whatever ends in anything but settings or a list of problems."""

import os
import pathlib
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumen.config import Route, Settings, hidden, load, secrets_of
from albumen.errors import ConfigError
from albumen.settings import Preferred
from unit.settings_classes import KINDS, Disk, Watched

GOOD = """
[state]
dir = "state"
[library]
store = "nas"
copies = ["nas", "usb"]
zone = "Europe/Zurich"
[store.nas]
type = "local"
root = "photos"
[store.usb]
type = "local"
root = "/mnt/usb/photos"
[source.camera]
type = "local"
path = "camera"
mode = "move"
settle = "30s"
[step.double]
type = "scale"
factor = 2
[[route]]
from = "camera"
steps = ["catalog", "double", "file"]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)


def written(folder: pathlib.Path, text: str, name: str = "albumen.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def loaded(path: str | None = None, env: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    return load(path, env or {}, {key.replace("__", "."): value for key, value in overrides.items()}, KINDS)


def problems(path: str | None = None, env: Mapping[str, str] | None = None, **overrides: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loaded(path, env, **overrides)
    return caught.value.problems


def test_without_a_file_inbox_is_watched_and_library_kept() -> None:
    """S0-77 (part: missing file)."""
    got, here = loaded(), os.getcwd()
    assert got.file == ""
    assert got.state.dir == f"{here}/library/.albumen"
    assert got.stores["library"].options == Disk(f"{here}/library")
    assert got.sources["inbox"].options == Watched(f"{here}/inbox", mode="move")
    assert got.routes == (Route("inbox", ("catalog", "file")),)
    assert set(got.steps) == {"catalog", "file"}
    assert (got.library.store, got.library.copies, got.library.zone) == ("library", ("library",), "UTC")


def test_paths_in_a_file_start_from_its_folder_wherever_albumen_is_started(tmp_path: pathlib.Path) -> None:
    """S0-77 (part: other current directory)."""
    got = loaded(written(tmp_path, GOOD))
    assert got.state.dir == str(tmp_path / "state")
    assert got.stores["nas"].options.root == str(tmp_path / "photos")
    assert got.stores["usb"].options.root == "/mnt/usb/photos"
    assert got.sources["camera"].options == Watched(str(tmp_path / "camera"), "move", 30.0)
    assert got.steps["double"].options.factor == 2
    assert got.routes == (Route("camera", ("catalog", "double", "file")),)


def test_defaults_beside_a_file_start_from_its_folder_too(tmp_path: pathlib.Path) -> None:
    got = loaded(written(tmp_path, '[log]\nlevel = "debug"\n'))
    assert got.state.dir == str(tmp_path / "library/.albumen")
    assert got.stores["library"].options.root == str(tmp_path / "library")


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, GOOD + '[log]\nlevel = "error"\n')
    env = {"ALBUMEN_LOG_LEVEL": "debug"}
    assert loaded().log.level == "info"
    assert loaded(path).log.level == "error"
    assert loaded(path, env).log.level == "debug"
    assert loaded(path, env, log__level="CRITICAL").log.level == "critical"


def test_the_environment_reaches_every_kind_of_section(tmp_path: pathlib.Path) -> None:
    env = {
        "ALBUMEN_STATE_DIR": "elsewhere",
        "ALBUMEN_STORE_NAS_ROOT": "/data",
        "ALBUMEN_SOURCE_CAMERA_PREFIXES": "a, b",
        "ALBUMEN_STEP_DOUBLE_FACTOR": "4",
        "ALBUMEN_LIBRARY_COPIES": "usb",
        "ALBUMEN_QUEUE_IO": "3",
    }
    got = loaded(written(tmp_path, GOOD), env)
    assert got.state.dir == os.path.join(os.getcwd(), "elsewhere")
    assert got.stores["nas"].options.root == "/data"
    assert got.sources["camera"].options.prefixes == ("a", "b")
    assert got.steps["double"].options.factor == 4
    assert got.library.copies == ("nas", "usb")
    assert got.queue.io == 3


def test_the_longest_instance_name_that_fits_a_variable_wins() -> None:
    pathlib.Path("albumen.toml").write_text(
        '[library]\nstore="a"\n[store.a]\ntype="local"\nroot="1"\n[store.a-b]\ntype="local"\nroot="2"\n'
    )
    got = loaded(env={"ALBUMEN_STORE_A_B_ROOT": "/three"})
    assert (got.stores["a-b"].options.root, os.path.basename(got.stores["a"].options.root)) == ("/three", "1")


def test_the_seeds_log_variables_are_read_and_ours_win() -> None:
    """S1-17 (part: aliases)."""
    env = {"LOGGER_LEVEL": "WARNING", "LOGGER_FORMAT": "%(message)s", "LOGGER_DATE_FORMAT": "%H:%M"}
    log = loaded(env=env).log
    assert (log.level, log.format, log.date_format) == ("warning", "%(message)s", "%H:%M")
    assert loaded(env=env | {"ALBUMEN_LOG_LEVEL": "error"}).log.level == "error"


def test_a_wrong_log_level_is_refused_by_name() -> None:
    """S1-17 (part: wrong level)."""
    (line,) = problems(env={"LOGGER_LEVEL": "loud"})
    assert line.startswith("environment: LOGGER_LEVEL: 'loud' is not one of 'debug'")


def test_the_file_is_searched_in_order(tmp_path: pathlib.Path) -> None:
    pathlib.Path("albumen.toml").write_text('[log]\nlevel = "debug"\n')
    other = written(tmp_path, '[log]\nlevel = "error"\n', "other.toml")
    third = written(tmp_path, '[log]\nlevel = "warning"\n', "third.toml")
    assert loaded().log.level == "debug"
    assert loaded(env={"ALBUMEN_CONFIG": other}).log.level == "error"
    assert loaded(third, {"ALBUMEN_CONFIG": other}).log.level == "warning"


def test_a_named_file_that_is_not_there_is_refused() -> None:
    assert problems("no.toml") == ("no.toml: there is no such file (--config names it)",)
    assert problems(env={"ALBUMEN_CONFIG": "no.toml"}) == ("no.toml: there is no such file (ALBUMEN_CONFIG names it)",)


def test_a_fifo_is_no_settings_file_and_nobody_waits_for_it(tmp_path: pathlib.Path) -> None:
    fifo = str(tmp_path / "pipe.toml")
    os.mkfifo(fifo)
    assert problems(fifo) == (f"{fifo}: is a FIFO, not a file (--config names it)",)


def test_bad_toml_is_told_with_its_line(tmp_path: pathlib.Path) -> None:
    """S0-77 (part: bad TOML)."""
    (line,) = problems(written(tmp_path, "[state]\ndir = \n"))
    assert "albumen.toml: is not valid TOML" in line
    assert "line 2" in line


def test_bytes_that_are_no_text_are_told(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'[library]\nzone = "Z\xfcrich"\n')
    (line,) = problems(str(path))
    assert "is not UTF-8 text" in line


WRONG = [
    (
        '[store.nas]\ntype = "local"',
        '[store.nas]\ntype = "locl"',
        "[store.nas] type: there is no store type 'locl'; did you mean 'local'?",
    ),
    ('[store.nas]\ntype = "local"', "[store.nas]", "[store.nas] type: is missing; known are: cloud, local"),
    ('root = "photos"', 'rot = "photos"', "[store.nas] rot: there is no such key; did you mean 'root'?"),
    ('root = "photos"', "", "[store.nas] root: is missing and has no default"),
    ('root = "photos"', "root = 5", "[store.nas] root: 5 is not a text in quotes"),
    ('root = "photos"', 'root = ""', "[store.nas] root: is empty; name a folder"),
    ("[library]", "[libary]", "[libary]: there is no such section; did you mean 'library'?"),
    ('store = "nas"', 'store = "nass"', "[library] store: there is no store 'nass'; did you mean 'nas'?"),
    ('store = "nas"', "", "[library] store: there is no store 'library'; known are: nas, usb"),
    ('copies = ["nas", "usb"]', 'copies = ["nas", "ubs"]', "[library] copies: there is no store 'ubs'; did you mean 'usb'?"),
    ('copies = ["nas", "usb"]', 'copies = "usb"', "[library] copies: 'usb' is not a list in [brackets]"),
    ('zone = "Europe/Zurich"', 'zone = "Zurich"', "[library] zone: there is no time zone 'Zurich'"),
    ('zone = "Europe/Zurich"', 'zone = "../etc/passwd"', "[library] zone: there is no time zone '../etc/passwd'"),
    ('settle = "30s"', 'settle = "30 apples"', '[source.camera] settle: "30 apples" is not a time'),
    ('settle = "30s"', "settle = true", "[source.camera] settle: True is not a number"),
    ('mode = "move"', 'mode = "mov"', "[source.camera] mode: 'mov' is not one of 'move', 'copy'"),
    ("factor = 2", "factor = 0", "[step.double] factor: must be at least 1"),
    ("factor = 2", 'factor = "2.5"', '[step.double] factor: "2.5" is not a whole number'),
    ("factor = 2", "factor = 2\nlimits = 3", "[step.double] limits: 3 is not a table"),
    ('from = "camera"', 'from = "camra"', "[[route]] 1 from: there is no source 'camra'; did you mean 'camera'?"),
    ('from = "camera"', "", "[[route]] 1 from: is missing"),
    ('"catalog", ', '"catlog", ', "[[route]] 1 steps: there is no step 'catlog'; did you mean 'catalog'?"),
    ('"catalog", ', "", "[[route]] 1 steps: 'double' works on what 'catalog' has read: write 'catalog' before it"),
    ('"catalog", "double"', '"double", "catalog"', "[[route]] 1 steps: 'double' works on what 'catalog' has read"),
    ('"double"', '"scale"', "[step.scale] factor: is missing and has no default"),
    ('steps = ["catalog", "double", "file"]', "steps = []", "[[route]] 1 steps: names no step"),
    ("[[route]]", "[route]", "route: write [[route]], in double brackets"),
    ("[store.usb]", "[store.disk]", "[store.disk]: 'disk' is reserved"),
    ("[store.usb]", '[store."u:b"]', "[store.u:b]: 'u:b' is no name"),
    ("[state]", 'store.x = "y"\n[state]', "store.x: write [store.NAME] and 'x' under it"),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG, ids=[told for _, _, told in WRONG])
def test_each_mistake_is_named_with_its_file_key_and_a_way_out(tmp_path: pathlib.Path, old: str, new: str, told: str) -> None:
    """S0-77 (part: each needed key removed, keys misspelt)."""
    assert GOOD.count(old) >= 1
    path = written(tmp_path, GOOD.replace(old, new, 1))
    assert any(line.startswith(f"{path}: {told}") for line in problems(path)), problems(path)


def test_all_problems_are_told_at_once(tmp_path: pathlib.Path) -> None:
    """S0-77 (part: all problems at once)."""
    text = GOOD.replace("zone =", "zon =").replace("mode =", "mod =").replace("factor = 2", "factor = 0")
    lines = problems(written(tmp_path, text), {"ALBUMEN_LOG_LEVEL": "loud", "ALBUMEN_LIBARY_ZONE": "UTC"})
    assert len(lines) == 5
    assert sum("did you mean" in line for line in lines) == 3


def test_a_source_without_a_route_is_told(tmp_path: pathlib.Path) -> None:
    lines = problems(written(tmp_path, GOOD + '[source.more]\ntype = "local"\npath = "more"\n'))
    assert [line.rpartition("toml: ")[2] for line in lines] == [
        '[source.more] has no route: write one [[route]] with from = "more"',
    ]


def test_unknown_variables_are_told_but_not_those_kubernetes_sets() -> None:
    loaded(env={"ALBUMEN_PORT": "tcp://10.0.0.1:5000", "ALBUMEN_PORT_5000_TCP": "x", "ALBUMEN_SERVICE_HOST": "10.0.0.1"})
    (line,) = problems(env={"ALBUMEN_STORE_LIBARY_ROOT": "/x"})
    assert line == "environment: ALBUMEN_STORE_LIBARY_ROOT: no store of that name is configured; did you mean 'library'?"


PLACES = [
    ("photos/in", "[source.camera] {}/photos/in lies inside [store.nas] {}/photos"),
    ("photos", "[source.camera] {}/photos is the same folder as [store.nas] {}/photos"),
    (".", "[source.camera] {} holds [store.nas] {}/photos"),
    ("link/in", "[source.camera] {}/link/in lies inside [store.nas] {}/photos"),
]


@pytest.mark.parametrize(("path", "told"), PLACES, ids=[path for path, _ in PLACES])
def test_a_source_and_a_store_in_one_another_are_refused(tmp_path: pathlib.Path, path: str, told: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to("photos")
    lines = problems(written(tmp_path, GOOD.replace('path = "camera"', f'path = "{path}"')))
    assert any(told.format(tmp_path, tmp_path) in line for line in lines), lines


def test_two_sources_on_one_folder_are_refused(tmp_path: pathlib.Path) -> None:
    more = '[source.b]\ntype = "local"\npath = "camera/../camera"\n[[route]]\nfrom = "b"\nsteps = ["file"]\n'
    (line,) = problems(written(tmp_path, GOOD + more))
    assert f"[source.b] {tmp_path}/camera is the same folder as [source.camera]" in line


def test_folders_whose_names_only_begin_alike_are_fine(tmp_path: pathlib.Path) -> None:
    loaded(written(tmp_path, GOOD.replace('path = "camera"', 'path = "photos-new"')))


def test_a_secret_is_fetched_and_never_shown(tmp_path: pathlib.Path) -> None:
    """S4-04 (part: settings)."""
    text = GOOD + '[store.c]\ntype = "cloud"\nurl = "u"\npassword = "env:PASS"\n[notify]\nurl = "file:alert"\n'
    (tmp_path / "alert").write_text("https://x/geheim\n")
    got = loaded(written(tmp_path, text), {"PASS": "hunter2"})
    assert set(hidden(got)) == {
        "hunter2",
        "https://x/geheim",
        "geheim",
    }  # also parts that could be quoted
    assert "hunter2" not in repr(got)
    assert "geheim" not in repr(got)
    (line,) = problems(written(tmp_path, text))
    assert line.endswith("[store.c] password: the environment variable PASS is not set or empty")


def attempted(path: str) -> Settings | tuple[str, ...]:
    try:
        return loaded(path)
    except ConfigError as error:
        return error.problems


VALUES = st.recursive(
    st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.sampled_from(["local", "cloud", "nas", "catalog", "move"])),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "root", "path", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)
SECTIONS = ["state", "library", "log", "queue", "notify", "store", "source", "step", "route", "account", "x"]
KEYS = ["dir", "store", "copies", "zone", "type", "root", "path", "level", "io", "url", "nas", "from", "steps", "é"]


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(one):08X}" for one in value if not 0xD800 <= ord(one) < 0xE000) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    assert isinstance(value, dict)
    return "{" + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + "}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tree=st.dictionaries(
        st.sampled_from(SECTIONS), VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=5
    )
)
def test_any_toml_gives_settings_or_problems(tmp_path: pathlib.Path, tree: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in tree.items())
    got = attempted(written(tmp_path, text))
    assert got.library.store in got.stores if isinstance(got, Settings) else all(got)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="[]=\"abc.\n{}'\\ 1_-#,", max_size=60))
def test_any_text_gives_settings_or_problems(tmp_path: pathlib.Path, text: str) -> None:
    assert attempted(written(tmp_path, text))


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ('[metrics]\nlisten = "127.0.0.1:9464"', ""),
        ('[metrics]\nlisten = "[::1]:9464"', ""),
        ('[metrics]\nlisten = "localhost:0"', ""),
        ('[metrics]\nlisten = "0.0.0.0:9464"', "listen: 0.0.0.0:9464 can be reached from other machines: set a token"),
        ('[metrics]\nlisten = "[::]:9464"', "can be reached from other machines"),
        ('[metrics]\nlisten = "127.0.0.1.nip.io:9464"', "can be reached from other machines"),
        ('[metrics]\nlisten = "0.0.0.0:9464"\ntoken = "0123456789abcdef"', ""),
        ('[metrics]\nlisten = "0.0.0.0:9464"\ntoken = "0123456789"', "token: is too short"),
        ('[metrics]\nlisten = "9464"', "is no address such as 127.0.0.1:9464"),
        ('[metrics]\nlisten = "::1:9464"', "is no address"),
        ('[metrics]\nlisten = "127.0.0.1:65536"', "is no address"),
        ('[notify]\nurl = "gopher://geheim"', "url: is no address; it must begin with https:// or http://"),
        ('[notify]\nurl = "https:///geheim"', "url: is no address"),
        ('[notify]\nto = ["a@example.org"]', "smtp: name the server"),
        ('[notify]\nsmtp = "mail.example.org"', "smtp: name the server"),
        ('[notify]\nto = ["a@example.org"]\nsmtp = "mail.example.org"', ""),
        ('[notify]\nto = ["A <a@example.org>"]\nsmtp = "mail.example.org"', "to: 'A <a@example.org>' is no e-mail address"),
        ('[notify]\nto = ["a@example.org\\nBcc: b@example.org"]\nsmtp = "mail.example.org"', "is no e-mail address"),
        ('[notify]\nto = ["a@example.org"]\nsmtp = "mail.example.org:smtp"', "smtp: 'mail.example.org:smtp' is no address"),
        ('[notify]\nuser = "me"', "user: goes with a password"),
        ('[notify]\npassword = "gehü"', "plain ASCII only"),
        (
            '[notify]\nto = ["a@example.org"]\nsmtp = "mail.example.org"\nsecurity = "none"\npassword = "geheim"',
            "security: without it everybody on the way reads the password",
        ),
        ('[notify]\nto = ["a@example.org"]\nsmtp = "localhost"\nsecurity = "none"\npassword = "geheim"', ""),
        ("[notify]\ngrace = -1", "grace: must not be negative"),
    ],
)
def test_where_numbers_are_shown_and_words_go(tmp_path: pathlib.Path, section: str, why: str) -> None:
    path = written(tmp_path, f"{GOOD}\n{section}\n")
    if not why:
        loaded(path)
        return
    (line,) = problems(path)
    assert why in line
    assert "geh" not in line


def test_preferred_places_are_names_or_tables(tmp_path: pathlib.Path) -> None:
    """S0-24 (part: the settings)."""
    text = GOOD.replace(
        "[store.nas]", 'places = ["Winterthur", { name = "Riederalp", point = [46.378, 8], radius = 5 }]\n[store.nas]', 1
    )
    assert loaded(written(tmp_path, text)).library.preferred == (
        Preferred("Winterthur"),
        Preferred("Riederalp", (46.378, 8.0), 5.0),
    )
    sections = GOOD + '[[library.places]]\nname = "Los Angeles"\nradius = 20\n[[library.places]]\nname = "Bern"\n'
    assert loaded(written(tmp_path, sections)).library.preferred == (Preferred("Los Angeles", (), 20.0), Preferred("Bern"))
    named = loaded(written(tmp_path, GOOD), {"ALBUMEN_LIBRARY_PLACES": "Zürich, Le Lignon"}).library.preferred
    assert named == (Preferred("Zürich"), Preferred("Le Lignon"))


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ('[""]', "a name is empty"),
        ('"Bern"', "is not a list"),
        ("[3]", "is not a text"),
        ('[{ name = " " }]', "name: is empty"),
        ("[{ radius = 3 }]", "name: is missing"),
        ('[{ name = "a", point = [46.3] }]', "must be [latitude, longitude]"),
        ('[{ name = "a", point = [91, 0] }]', "must be [latitude, longitude]"),
        ('[{ name = "a", point = ["46", "8"] }]', ""),
        ('[{ name = "a", radius = 0 }]', "more than 0"),
        ('[{ name = "a", radius = -1 }]', "more than 0"),
        ('[{ name = "a", radius = "far" }]', "radius"),
        ('[{ name = "a", raduis = 3 }]', "did you mean 'radius'"),
    ],
)
def test_a_wrong_preferred_place_is_one_line(tmp_path: pathlib.Path, places: str, told: str) -> None:
    text = GOOD.replace("[store.nas]", f"places = {places}\n[store.nas]", 1)
    if not told:
        assert loaded(written(tmp_path, text)).library.preferred[0].point == (46.0, 8.0)
        return
    with pytest.raises(ConfigError) as error:
        loaded(written(tmp_path, text))
    (problem,) = error.value.problems
    assert told in problem
    assert "places" in problem


def test_the_catalog_is_the_embedded_one_unless_a_type_is_named(tmp_path: pathlib.Path) -> None:
    assert loaded().embedded
    assert loaded(written(tmp_path, GOOD)).catalog.type == "sqlite"
    text = GOOD + '[catalog]\ntype = "elasticsearch"\nurls = ["http://one:9200"]\npassword = "file:secret"\ntimeout = "5s"\n'
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "secret").chmod(0o600)
    found = loaded(written(tmp_path, text), {"ALBUMEN_CATALOG_URLS": "http://two:9200, http://three:9200"})
    assert not found.embedded
    options = found.catalog.options
    assert (options.urls, options.timeout, options.index) == (("http://two:9200", "http://three:9200"), 5.0, "albumen")
    assert "s3cret" in {one.reveal() for one in secrets_of(found)}
    assert "s3cret" not in repr(found)
    only = loaded(None, {"ALBUMEN_CATALOG_TYPE": "elasticsearch", "ALBUMEN_CATALOG_URLS": "http://two:9200"})
    assert only.catalog.options.urls == ("http://two:9200",)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('type = "elastic"', "[catalog] type: there is no catalog type 'elastic'; did you mean 'elasticsearch'?"),
        ('tpye = "elasticsearch"', "[catalog] tpye: there is no such key; did you mean 'type'?"),
        ('urls = ["http://one:9200"]', "[catalog] type: is missing; known are: elasticsearch, sqlite"),
        ('type = "elasticsearch"', "[catalog] urls: is missing and has no default"),
        ('type = "elasticsearch"\nurls = []\ntimeuot = 3', "[catalog] timeuot: there is no such key; did you mean 'timeout'?"),
        ('type = "sqlite"\nindex = "a"', "[catalog] index: there is no such key"),
        ('type = "elasticsearch"\nurls = "http://one"', "[catalog] urls: 'http://one' is not a list in [brackets]"),
    ],
)
def test_a_mistake_in_the_catalog_is_told_with_the_others(tmp_path: pathlib.Path, section: str, told: str) -> None:
    found = problems(written(tmp_path, GOOD.replace("factor = 2", "facotr = 2") + f"[catalog]\n{section}\n"))
    assert any(told in one for one in found), found
    assert any("did you mean 'factor'" in one for one in found)


def test_no_store_is_called_as_the_catalog_is(tmp_path: pathlib.Path) -> None:
    """Both can be closed for a while, and a place that is closed is told by its name."""
    found = problems(written(tmp_path, GOOD + '[store.catalog]\ntype = "local"\nroot = "other"\n'))
    assert any("[store.catalog]: 'catalog' is reserved" in one for one in found)
