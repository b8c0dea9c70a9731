"""The `dev` script: it starts on an old Python to say what is missing, and shows why a step failed."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from firmware.update import slots
from tests.fixtures import dev_script
from tests.fixtures.dev_script import DEV
from tests.fixtures.programs import ROOT


@pytest.fixture(scope="module")
def dev() -> ModuleType:
    return dev_script.load()


def test_it_is_python_3_9_and_needs_the_standard_library_alone() -> None:
    tree = ast.parse(DEV.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["nonsense"], 2), (["help"], 0), (["--help"], 0)])
def test_it_says_what_it_can_do(arguments: list[str], code: int) -> None:
    done = subprocess.run([DEV, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    for command in ("run", "test", "check", "bench", "soak", "render", "lock"):
        assert f"./dev {command} " in done.stdout


def test_every_command_is_in_the_help(dev: ModuleType) -> None:
    assert all(f"./dev {command} " in dev.__doc__ for command in dev.COMMANDS)


def test_no_python_that_is_new_enough_is_said_with_what_helps(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "OLDEST", (3, 99))
    with pytest.raises(dev.Stop, match=r"needs Python 3\.11 or newer; this is 3\.\d+.*\n.*Debian 12"):
        dev.find_python()


def test_a_step_that_fails_shows_its_last_lines(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script = "for n in range(99): print('line', n)\nraise SystemExit(1)"
    with pytest.raises(dev.Stop, match=r"line 98\nthe step failed") as stop:
        dev.Phase("the step").run([sys.executable, "-c", script])
    assert "line 3\n" not in str(stop.value)
    assert "the step: failed in " in capsys.readouterr().out


def test_a_program_that_is_not_there_is_no_crash(dev: ModuleType) -> None:
    with pytest.raises(dev.Stop, match="the step failed: no-such-program"):
        dev.Phase("the step").run(["no-such-program"])


def test_set_up_runs_anew_when_a_lock_changes(dev: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text("a==1")
    first = dev.digest(lock)
    lock.write_text("a==2")
    assert dev.digest(lock) != first
    stamp = tmp_path / "stamp"
    assert not dev.is_current(stamp, first)
    stamp.write_text(first)
    assert dev.is_current(stamp, first)


def test_every_package_that_a_test_names_is_one_that_dev_installs(dev: ModuleType) -> None:
    hints = re.findall(r"apt-get install ([a-z0-9 .+-]+)", dev.tests_text())
    wanted = {name for hint in hints for name in hint.split()}
    assert wanted <= {name for names in dev.PACKAGES.values() for name in names.split()}


def test_a_board_has_the_values_of_constants_and_not_their_names(dev: ModuleType) -> None:
    """But of those that another module knows."""
    wake, courier = (
        dev.text_of_board(ROOT / "firmware" / name) for name in ("power/wake.py", "line/courier.py")
    )
    assert "_ALARM_S = const(2)\n" in wake
    assert "await asyncio.sleep(_ALARM_S)" in wake
    assert "_RECEIPT_MS = const(10000)\n" in courier
    assert "\nID_BYTES = 8 " in dev.text_of_board(ROOT / "firmware" / "wire.py")


def test_a_board_carries_nothing_of_types(dev: ModuleType) -> None:
    """Each name there costs its heap, and lines keep their numbers."""
    for source in sorted((ROOT / "firmware").rglob("*.py")):
        text = dev.text_of_board(source)
        assert "TYPE_CHECKING" not in text, source
        whole = source.read_text().splitlines()
        assert len(text.splitlines()) == len(whole), source
        assert [line.replace("_", "") for line in text.splitlines()[-1:]] == [
            line.replace("_", "") for line in whole[-1:]
        ], source
        compile(text, source, "exec")


@pytest.fixture
def board(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An mpremote that notes what it is asked, and two looks at a board that starts anew.

    Which folder that board runs stands in the file `proven`.
    """
    tool = tmp_path / "tools" / "mpremote"
    tool.mkdir(parents=True)
    (tool / "__init__.py").touch()
    (tool / "__main__.py").write_text(
        "import json, pathlib, sys\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "said = here / 'said'\n"
        "said.open('a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
        "if 'slots.load' in sys.argv[-1]:\n"
        "    print((here / 'proven').read_text())\n"
        "sys.exit(sys.argv[-1] == 'pass' and said.read_text().count('\"pass\"') < 2)\n"
    )
    image = tmp_path / "image"
    (image / "a").mkdir(parents=True)
    (image / "main.py").touch()
    (tmp_path / "proven").write_text("a")
    monkeypatch.setattr(dev, "flash_tools", lambda: {"PYTHONPATH": str(tmp_path / "tools")})
    monkeypatch.setattr(dev, "build_firmware", lambda *_: image)
    monkeypatch.setattr(dev, "released", lambda _: 0)
    monkeypatch.setattr(dev, "RESET_S", 0)
    return tmp_path


def said_to(board: Path) -> list[list[str]]:
    return [json.loads(line) for line in (board / "said").read_text().splitlines()]


def test_a_board_is_held_before_files_are_copied_onto_it(dev: ModuleType, board: Path) -> None:
    (board / "node.json").write_text("{}")
    assert dev.flash(["--port", "/dev/ttyX", "--settings", str(board / "node.json")]) == 0
    said = said_to(board)
    assert {tuple(words[:2]) for words in said} == {("connect", "/dev/ttyX")}
    assert [words[2:4] for words in said] == [
        ["resume", "exec"],
        ["exec", "pass"],
        ["exec", "pass"],
        ["exec", dev.PROVEN],
        ["exec", dev.NO_RELEASE % "/a/head"],
        ["fs", "cp"],
        ["fs", "cp"],
        ["exec", dev.LET_GO],
        ["reset"],
    ]
    for program in (dev.HOLD, dev.PROVEN, dev.LET_GO):
        ast.parse(program)


@pytest.mark.parametrize(
    ("proven", "words", "laid", "is_staged"),
    [("a", [], "a", False), ("b", [], "b", False), ("a", ["--slot", "b"], "b", True)],
)
def test_what_is_laid_by_cable_is_what_runs(
    dev: ModuleType, board: Path, proven: str, words: list[str], laid: str, is_staged: bool
) -> None:
    """An update over the air leaves a board with the other folder; that in which nothing runs is staged."""
    (board / "proven").write_text(proven)
    assert dev.flash(words) == 0
    assert (board / "image" / laid).is_dir()
    text = (board / "said").read_text()
    assert f"/{laid}/head" in text
    assert (f"slots.stage('{laid}')" in text) == is_staged


def test_a_bare_board_runs_the_first_folder(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(dev.PROVEN, {})
    monkeypatch.setattr(slots, "load", lambda: {"good": "b"})
    monkeypatch.setitem(sys.modules, "slots", slots)
    exec(dev.PROVEN, {})
    assert capsys.readouterr().out.split() == ["a", "b"]


def test_a_board_that_cannot_say_what_it_runs_is_left_as_it_is(dev: ModuleType, board: Path) -> None:
    (board / "proven").write_text("Traceback")
    with pytest.raises(dev.Stop, match="which folder it runs: Traceback"):
        dev.flash([])
    assert "cp" not in (board / "said").read_text()


def test_a_folder_that_is_laid_by_cable_is_no_release_any_more(dev: ModuleType, tmp_path: Path) -> None:
    """Else the keys that the one before names would count again, and it would be said to run."""
    head = tmp_path / "head"
    head.write_bytes(b"of a release")
    for _ in range(2):
        exec(dev.NO_RELEASE % head, {})
        assert not head.exists()


def test_a_board_gets_its_keys_and_the_number_of_what_it_runs(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "firmware" / "update").mkdir(parents=True)
    (tmp_path / "firmware" / "update" / "version.py").write_text('VERSION = "0.2.0"\n')
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    assert dev.released(tmp_path) == 0
    for version, number in (("0.1.0", 4), ("0.2.0", 5), ("0.3.0", 9)):
        head = f'{{"v":1,"version":"{version}","number":{number}}}\nsignature\nfiles'
        (tmp_path / f"ortoo-node-{version}.release").write_text(head)
    assert dev.released(tmp_path) == 5, "the sources are not the newest"
    (tmp_path / "ortoo-node-0.2.0.release").unlink()
    assert dev.released(tmp_path) == 9
    (tmp_path / "photo.release").write_bytes(b"\xff\xd8 no line")
    with pytest.raises(dev.Stop, match=r"photo\.release: no release"):
        dev.released(tmp_path)
    one = tmp_path / "one.pub"
    one.write_bytes(b"4" * dev.KEY_BYTES)
    assert dev.keys_in([one, one]) == b"4" * 130
    assert dev.keys_in([]) == b""
    with pytest.raises(dev.Stop, match="5 keys"):
        dev.keys_in([one] * 5)
    one.write_bytes(b"-----BEGIN")
    with pytest.raises(dev.Stop, match=r"ends in \.pub"):
        dev.keys_in([one])
