"""systemd/albumen.service, by systemd's own judgement. What it does is shown on a machine that boots: ``.ci/long boot``."""

import pathlib
import re
import shutil
import subprocess

import pytest

UNIT = pathlib.Path(__file__).parent.parent / "systemd" / "albumen.service"
TEXT = UNIT.read_text()

systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@systemd
def test_it_is_exposed_by_no_more_than_it_needs() -> None:
    """1.5 of 10, nearly all of it for the network."""
    asked = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", str(UNIT)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
    found = re.search(r"exposure level for albumen.service: (\S+)", done.stdout)
    assert found
    assert float(found[1]) <= 1.5


@systemd
def test_systemd_understands_all_of_it(tmp_path: pathlib.Path) -> None:
    """The program is not installed here, so another stands in its place."""
    copy = tmp_path / UNIT.name
    copy.write_text(TEXT.replace("/opt/albumen/bin/albumen", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_wrong_settings_are_not_tried_again_and_accidents_are_for_ever() -> None:
    assert "RestartPreventExitStatus=2\n" in TEXT
    assert "StartLimitIntervalSec=0\n" in TEXT
    assert "Restart=on-failure\n" in TEXT


def test_the_stop_takes_longer_than_the_daemon_needs() -> None:
    """30 s for steps that run, and some for closing."""
    found = re.search(r"^TimeoutStopSec=(\d+)s$", TEXT, re.MULTILINE)
    assert found
    assert int(found[1]) >= 45
