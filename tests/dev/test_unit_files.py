"""The systemd units of all machines: systemd understands them, and they may do little."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.programs import ROOT, find_program, module_command

UNITS = sorted([*ROOT.glob("*/deploy/**/*.service"), *ROOT.glob("*/deploy/**/*.timer")])
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
WORST_SCORE = 2.5  # of 10, which is a process that may do anything


def systemd_analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = find_program("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("unit", UNITS, ids=name)
def test_systemd_takes_it_without_a_word(unit: Path, tmp_path: Path) -> None:
    copies = [tmp_path / other.name for other in UNITS]
    for copy, other in zip(copies, UNITS, strict=True):
        copy.write_text(re.sub(r"(?m)^(ExecStart=)\S+", r"\1/bin/true", other.read_text()))
    answer = systemd_analyze("verify", "--man=no", tmp_path / unit.name)
    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=name)
def test_it_may_do_little(unit: Path) -> None:
    answer = systemd_analyze("security", "--offline=true", "--no-pager", unit)
    score = re.search(r"exposure level for \S+: ([\d.]+)", answer.stdout)
    assert score is not None, answer.stdout + answer.stderr
    assert float(score[1]) <= WORST_SCORE


@pytest.mark.parametrize("unit", SERVICES, ids=name)
def test_its_command_is_one_that_there_is(unit: Path) -> None:
    found = re.search(r"(?m)^ExecStart=/opt/ortoo/bin/ortoo-(edge|ingest) (\w+)(.*)$", unit.read_text())
    assert found is not None
    machine, command, rest = found.groups()
    answer = subprocess.run(
        module_command(machine, command, "--help"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    for option in re.findall(r"--[\w-]+", rest):
        assert option in answer.stdout, option
