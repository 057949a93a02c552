"""Packages that bring a plugin: the one in the README, and what an installer leaves of any."""

import re
import types
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def blocks() -> list[tuple[str, str]]:
    """The section on plugins in the README: (language, text) of its fenced blocks."""
    section = README.read_text().partition("## Write your own plugin\n")[2].partition("\n## ")[0]
    return re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)


def example() -> dict[str, str]:
    """The files of the README's package by name: the blocks whose first line is a comment with it."""
    named = ((text.partition("\n")[0], text) for _, text in blocks())
    return {head[2:]: text for head, text in named if re.fullmatch(r"# [\w.]+", head)}


def settings() -> str:
    """The lines of settings that use the package."""
    (text,) = (text for language, text in blocks() if language == "toml" and text.startswith("[source."))
    return text


def module() -> types.ModuleType:
    """The README's module, imported under the name ``ready``."""
    made = types.ModuleType("ready")
    exec(compile(example()["ready.py"], str(README), "exec"), made.__dict__)
    return made


def installed(site: Path, name: str, text: str, entries: str) -> None:
    """What an installer leaves of a package with one module: the module and its ``.dist-info``."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entries)
    (site / f"{name}.py").write_text(text)
