"""Fixtures of the integration tests. Without a Trellis binary every test is skipped, and the reason is printed once."""

import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parent)]

from mesh import Mesh
from support.programs import Missing, need
from support.trellis import not_in_force
from support.upstream import Upstream


@pytest.fixture(scope="session")
def trellis_binary() -> str:
    try:
        return need("trellis")
    except Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def missing_features(trellis_binary) -> set[str]:
    return not_in_force()


@pytest.fixture(autouse=True)
def needs(request):
    """`@pytest.mark.needs("retry policies")`: skipped as long as the binary itself says that this is not in force."""
    for mark in request.node.iter_markers("needs"):
        missing = set(mark.args) & request.getfixturevalue("missing_features")
        if missing:
            pytest.skip(f"not in force yet: {', '.join(sorted(missing))}")


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(feature): skip while `trellis validate` says the feature is not in force")


@pytest.fixture(scope="module")
def launch(trellis_binary, tmp_path_factory):
    """`launch(spec, options…)` runs a mesh; all of them have ended when the module is done."""
    running: list[Mesh] = []

    def start(spec: dict, *options: str, wait: bool = True, base: str | None = None) -> Mesh:
        mesh = Mesh(tmp_path_factory.mktemp("mesh"), spec, list(options), wait, base=base)
        running.append(mesh)
        return mesh

    yield start
    for mesh in running:
        mesh.stop()


@pytest.fixture(scope="module")
def upstreams():
    """`upstreams("blue", "green")` starts scripted upstreams that end with the module."""
    started: list[Upstream] = []

    def start(*names: str) -> list[Upstream]:
        made = [Upstream(name) for name in names]
        started.extend(made)
        return made

    yield start
    for upstream in started:
        upstream.stop()


@pytest.fixture
def log_file(tmp_path) -> pathlib.Path:
    return tmp_path / "access.log"


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.write_line(f"skipped tests: {len(skipped)}", yellow=True)
        for reason in sorted({report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)}):
            terminalreporter.write_line(f"  {reason}", yellow=True)
