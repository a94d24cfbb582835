"""Trellis does what App Mesh's Envoy does, request by request; what differs is listed with its reason."""

import pytest

from cases import CASES, Case
from envoy_diff import Difference, Run
from support.processes import programs
from support.programs import Missing, need


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    try:
        need("envoy")
        need("trellis")
    except Missing as reason:
        pytest.skip(str(reason))
    with programs() as running:
        made = Run(tmp_path_factory.mktemp("differential"), running)
        yield made
        made.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_as_envoy(run: Run, case: Case):
    _, _, differences = run.case(case)
    unexplained = [one for one in differences if not one.allowed]
    assert not unexplained, "\n".join(map(told, unexplained))


def told(one: Difference) -> str:
    return f"{one.aspect}: Envoy {one.envoy!r}, Trellis {one.trellis!r}"
