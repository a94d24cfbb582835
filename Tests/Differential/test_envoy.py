"""Trellis does what App Mesh's Envoy does, request by request; what differs is listed with its reason."""

import pytest

from cases import CASES, Case
from envoy_diff import Difference, Run, compare
from support.processes import programs
from support.programs import Missing, need
from support.trellis import not_in_force


@pytest.fixture(scope="module")
def missing() -> set[str]:
    try:
        need("envoy")
        return not_in_force()
    except Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def observed(request, missing, tmp_path_factory):
    """Both proxies' outcome of every selected case. All are sent first, because logs are written with a delay."""
    cases = [item.callspec.params["case"] for item in request.session.items if item.module is request.module]
    with programs() as running:
        run = Run(tmp_path_factory.mktemp("differential"), running)
        try:
            return run.observe([case for case in cases if case.needs not in missing])
        finally:
            run.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_as_envoy(observed, missing, case: Case):
    if case.needs in missing:
        pytest.skip(f"not in force yet: {case.needs}")
    envoy, trellis = observed[case.name]
    unexplained = [one for one in compare(case, envoy, trellis, missing) if not one.allowed]
    assert not unexplained, "\n".join(map(told, unexplained))


def told(one: Difference) -> str:
    return f"{one.aspect}: Envoy {one.envoy!r}, Trellis {one.trellis!r}"
