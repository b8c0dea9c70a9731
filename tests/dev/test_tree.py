"""What holds over the whole tree: walls between the machines, and nothing of this or that machine in git."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tests.fixtures.programs import ROOT

# Which package's import is kept to one file, per machine: a swap of the part touches that file alone.
SINGLE_IMPORTERS = {
    ("edge", "paho"): "edge/mqtt.py",
    ("edge", "serial"): "edge/sources/serial_port.py",
    ("ingest", "paho"): "ingest/subscriber.py",
    ("ingest", "amqtt"): "ingest/demo/broker.py",
    ("ingest", "influxdb_client"): "ingest/history/influx_server.py",
}

# Spelt so that this file does not find itself.
HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npmjs" + ".org",
    "npmjs" + ".com",
    "debian" + ".org/debian",
)
PLACES = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/")


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:4096]


def imports(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports, also late or for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def modules_of_ours(path: Path) -> Iterator[str]:
    """The modules of this repository that a file imports; of `from a.b import c` both a.b and a.b.c count."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (
            name
            for name in names
            if name.split(".")[0] in {"edge", "firmware", "hardware", "ingest", "tests"}
        )


def file_of(module: str) -> Path | None:
    """The file of a module, None when the name is something within one."""
    base = ROOT / module.replace(".", "/")
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def sources(folder: str) -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / folder)]


@pytest.mark.parametrize(("one", "other"), [("edge", "ingest"), ("ingest", "edge"), ("firmware", "edge")])
def test_the_machines_share_only_the_contract(one: str, other: str) -> None:
    assert [str(path) for path in sources(one) if other in imports(path)] == []


@pytest.mark.parametrize("machine_and_package", SINGLE_IMPORTERS)
def test_an_outside_part_has_one_importer(machine_and_package: tuple[str, str]) -> None:
    machine, package = machine_and_package
    users = [path.relative_to(ROOT).as_posix() for path in sources(machine) if package in imports(path)]
    assert users in ([], [SINGLE_IMPORTERS[machine_and_package]])


@pytest.mark.parametrize("folder", ["edge", "firmware", "hardware", "ingest", "tests"])
def test_what_is_imported_is_tracked(folder: str) -> None:
    """Else it works in this folder, and in no clone of it."""
    known = set(tracked())
    imported = {(path, file_of(module)) for path in sources(folder) for module in modules_of_ours(path)}
    assert sorted({f"{path} imports {file}" for path, file in imported if file and file not in known}) == []


@pytest.mark.parametrize("package", ["numpy", "pydantic", "fastapi", "google"])
def test_the_unit_carries_no_heavy_package(package: str) -> None:
    assert [str(path) for path in sources("edge") if package in imports(path)] == []


def test_no_registry_host_and_no_machine_path_is_tracked() -> None:
    unwanted = re.compile("|".join(map(re.escape, HOSTS + PLACES)))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        if is_text(path)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if unwanted.search(line)
    ]
    assert found == []


def test_no_package_of_others_is_tracked() -> None:
    unwanted = re.compile(r"(^|/)(node_modules|vendor|\.venv)/|\.(whl|tgz|woff2)$|maplibre-gl[^/]*\.m?js$")
    assert [path for path in tracked() if unwanted.search(path.relative_to(ROOT).as_posix())] == []


def test_every_lock_is_pinned_by_hash_and_names_no_index() -> None:
    locks = [path for path in tracked() if path.name == "requirements.lock"]
    assert len(locks) == 6
    for lock in locks:
        text = lock.read_text()
        assert "--index-url" not in text
        assert "://" not in text
        wanted = [line for line in text.replace("\\\n", "").splitlines() if line[:1].isalnum()]
        assert all("==" in line and "--hash=sha256:" in line for line in wanted)


def test_the_locks_agree_with_each_other() -> None:
    """A machine that has run the demo and then the tests keeps the versions of both."""
    pins: dict[str, set[str]] = {}
    shared = [
        path for path in tracked() if path.name == "requirements.lock" and "enclosure" not in path.parts
    ]
    for lock in shared:  # what draws the case goes into a folder of its own
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE):
            pins.setdefault(name, set()).add(version)
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


@pytest.mark.parametrize(
    ("folder", "lock"),
    [
        ("edge", "edge/requirements.lock"),
        ("ingest", "ingest/demo/requirements.lock"),
        ("tests", "tests/requirements.lock"),
    ],
)
def test_what_is_imported_is_in_the_lock(folder: str, lock: str) -> None:
    """Else it works here by chance, and not in a fresh clone."""
    # On a board a judge lies beside the firmware, and what stands alone may lie there too.
    folders = ("firmware", "tests/firmware", "tests/firmware/boards")
    on_a_board = {path.stem for top in folders for path in (ROOT / top).glob("*.py")}
    on_a_board |= {"slots"}
    ours = {"edge", "firmware", "hardware", "ingest", "tests", *on_a_board, "vfs"}  # vfs is MicroPython's
    distributions = metadata.packages_distributions()
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
    for path in sources(folder):
        for package in set(imports(path)) - ours - sys.stdlib_module_names:
            names = {re.sub(r"[-_.]+", "-", name).lower() for name in distributions.get(package, [])}
            assert names & pinned, f"{path} imports {package}, which {lock} does not have"


@pytest.mark.parametrize("name", ["dev", ".ci/run"])
def test_commands_are_executable_in_git(name: str) -> None:
    done = subprocess.run(
        ["git", "ls-files", "-s", name], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("100755")
