"""A package installed beside albumen brings a plugin; a broken one is shown and harms nobody.

What installing a package leaves behind (a module and its ``.dist-info``) is put into a folder of the path, so that no test here needs
an installer. ``e2e/test_plugin.py`` builds and installs the README's package and runs it.
"""

import pathlib
import re
from importlib.metadata import EntryPoint, distributions

import pytest

from albumen.config import load
from albumen.errors import ConfigError
from albumen.plugins import Plugins, Status, fault
from make.plugins import installed


def offered(site: pathlib.Path) -> list[EntryPoint]:
    return [entry for one in distributions(path=[str(site)]) for entry in one.entry_points]


GOOD = """
from dataclasses import dataclass

class Stamp:
    lane = "io"

    @dataclass(frozen=True)
    class Settings:
        word: str = "hello"

    def __init__(self, name, settings, context):
        self.name, self.word = name, settings.word

    def __call__(self, item, run):
        run.tell(self.word, file=item.main.path)
        return [item]
"""


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_a_plugin_is_not_imported_before_it_is_asked_for(site: pathlib.Path) -> None:
    installed(site, "lazy_one", "raise SystemError('imported')\n" + GOOD, "[albumen.handlers]\nlazy = lazy_one:Stamp\n")
    plugins = Plugins(offered(site))
    assert plugins.status() == [Status("handlers", "lazy", "not loaded", "lazy_one")]
    assert "lazy" in plugins.kinds()["step"]
    assert list(plugins.kinds()["step"]) == ["lazy"]


def test_its_settings_are_checked_like_our_own(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    installed(site, "stamp_a", GOOD, "[albumen.handlers]\nstamp = stamp_a:Stamp\n")
    kinds = {"source": {}, "store": {}, "step": Plugins(offered(site)).kinds()["step"]}
    file = tmp_path / "albumen.toml"
    file.write_text('[step.s]\ntype = "stamp"\nwrd = "x"\n[store.none]\ntype = "none"\n')
    with pytest.raises(ConfigError, match=re.escape("[step.s] wrd: there is no such key; did you mean 'word'?")):
        load(str(file), {}, {}, kinds)


BROKEN = {
    "import": ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    "syntax": ("def\n", "SyntaxError"),
    "raises": ("class Odd(Exception): ...\nraise Odd('unwell')\n", "Odd: unwell"),
    "missing": ("x = 1\n", "AttributeError"),
    "function": ("def Stamp(): ...\n", "is not a class"),
    "settings": (GOOD.replace("class Settings", "class Sittings"), "has no class attribute Settings"),
    "plain": (GOOD.replace("    @dataclass(frozen=True)\n", ""), "has no class attribute Settings"),
    "signature": (GOOD.replace("name, settings, context)", "name)"), "cannot be called as Stamp(name, settings, context)"),
    "method": (GOOD.replace("__call__", "run"), "lacks __call__ of Handler"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_one_is_told_and_the_others_work(site: pathlib.Path, kind: str) -> None:
    module, why = BROKEN[kind]
    installed(site, f"bad_{kind}", module, f"[albumen.handlers]\nbad = bad_{kind}:Stamp\n")
    installed(site, f"good_{kind}", GOOD, f"[albumen.handlers]\ngood = good_{kind}:Stamp\n")
    plugins = Plugins(offered(site))
    bad, good = plugins.status(load=True)
    assert (bad.state, bad.package, good.state) == ("broken", f"bad_{kind}", "ok")
    assert why in bad.why
    with pytest.raises(ConfigError, match=r"the plugin 'bad' .* does not work"):
        plugins.load("handlers", "bad")
    assert plugins.load("handlers", "good").lane == "io"


def test_a_broken_plugin_is_a_problem_of_the_settings_only_where_they_use_it(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    installed(site, "bad_used", "1/0\n", "[albumen.handlers]\nbad = bad_used:Stamp\n")
    installed(site, "good_used", GOOD, "[albumen.handlers]\ncatalog = good_used:Stamp\nfile = good_used:Stamp\n")
    kinds = {**Plugins().kinds(), "step": Plugins(offered(site)).kinds()["step"]}
    assert set(kinds["step"]) == {"bad", "catalog", "file"}
    file = tmp_path / "albumen.toml"
    file.write_text('[step.x]\ntype = "bad"\n')
    with pytest.raises(ConfigError, match=r"\[step.x\] type: the plugin 'bad' .* ZeroDivisionError"):
        load(str(file), {}, {}, kinds)
    assert set(load(None, {}, {}, kinds).steps) == {"catalog", "file"}


def test_two_packages_with_one_name_cancel_one_another_but_never_ours(site: pathlib.Path) -> None:
    for name in ("first", "second"):
        installed(site, name, GOOD, f"[albumen.handlers]\nstamp = {name}:Stamp\n")
    (status,) = Plugins(offered(site)).status(load=True)
    assert (status.state, status.package) == ("broken", "first and second")
    installed(site, "albumen", GOOD, "[albumen.handlers]\nstamp = first:Stamp\n")
    states = {(one.package, one.state) for one in Plugins(offered(site)).status(load=True)}
    assert states == {("albumen", "ok"), ("first", "broken"), ("second", "broken")}


def test_an_unknown_name_is_told_with_those_there_are(site: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match="no plugin 'x' among the stores; there are: none"):
        Plugins(offered(site)).load("stores", "x")


def test_everything_that_albumen_brings_works() -> None:
    ours = [one for one in Plugins().status(load=True) if one.package == "albumen"]
    assert {(one.group, one.name): one.why for one in ours if one.state != "ok"} == {}
    assert {one.group for one in ours} == {"sources", "stores", "handlers", "catalogs", "ledgers", "queues", "scalers"}


def test_what_is_no_class_is_at_fault() -> None:
    assert fault("stores", 3) == "3 is not a class"
