"""Gateway, sidecar, application: what each proxy on the way applies, adds and logs."""

import pytest

from mesh import HTTP_8080, LINE, ONCE, definitions, free_port, match, ms, route, wait_for
from support.http1 import Client, fetch, request
from support.upstream import hang, says


@pytest.fixture(scope="module")
def app(upstreams):
    return upstreams("app")[0]


@pytest.fixture(scope="module")
def mesh(launch, app, tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    spec = definitions(
        free_port(),
        {"app": {"instances": [{"app": app.endpoint}]}, "caller": {"instances": [{"app": app.endpoint}]}, "other": {}},
        {"all": route({"app": 1}, retries=ONCE), "other": route({"other": 1}, match(prefix="/other"))},
        log=str(folder / "front.log"),
    )
    spec["virtualNodes"]["app"]["logging"] = {"accessLog": {"file": {"path": str(folder / "app.log")}}}
    spec["virtualNodes"]["app"]["listeners"] = [HTTP_8080 | {"timeout": {"http": {"perRequest": ms(400)}}}]
    spec["virtualNodes"]["caller"]["backends"] = [{"virtualService": {"virtualServiceName": "app.test"}}]
    spec["local"]["nodes"]["other"] = {"instances": [{"echo": {"body": "from other"}}]}
    made = launch(spec, "--workers", "1")
    made.app_log = folder / "app.log"
    return made


@pytest.fixture(autouse=True)
def forget(app):
    app.reset()


def test_a_request_passes_the_gateway_and_the_sidecar(mesh, app):
    answer = fetch(mesh.front, target="/through", headers={"x-request-id": "through"})
    assert answer.status == 200 and answer.all("server") == ["envoy"]
    assert app.only().target == "/through"
    assert mesh.last_entry("through")["code"] == "200"
    wait_for(lambda: mesh.app_log.exists() and "through" in mesh.app_log.read_text(), "line in the sidecar's log")


def test_only_the_gateway_appends_to_x_forwarded_for(mesh, app):
    fetch(mesh.front, headers={"x-forwarded-for": "198.51.100.7"})
    assert [part.strip() for part in ",".join(app.only().all("x-forwarded-for")).split(",")] == [
        "198.51.100.7",
        "127.0.0.1",
    ]


def test_both_proxies_log_the_same_request_id(mesh, app):
    fetch(mesh.front)
    identity = app.only().get("x-request-id")
    assert mesh.last_entry(identity)["request_id"] == identity
    wait_for(lambda: identity in mesh.app_log.read_text(), "the same id in the sidecar's log")


def test_the_application_sees_each_header_once(mesh, app):
    fetch(mesh.front)
    for name in ("x-request-id", "x-forwarded-proto", "x-envoy-expected-rq-timeout-ms", "host"):
        assert len(app.only().all(name)) == 1, name


def test_the_sidecars_own_timeout_applies_at_the_sidecar(mesh, app):
    app.then(hang)
    answer = fetch(mesh.front, headers={"x-request-id": "sidecar-timeout"})
    assert (answer.status, answer.body) == (504, b"upstream request timeout")
    wait_for(
        lambda: any(
            (entry := LINE.fullmatch(line)) and entry["request_id"] == "sidecar-timeout" and entry["flags"] == "UT"
            for line in mesh.app_log.read_text().splitlines()
        ),
        "UT in the sidecar's log",
    )


def test_the_sidecar_does_not_retry(mesh, app):
    app.then(says(503, b"busy"))
    assert fetch(mesh.front).status == 503
    assert len(app.seen) == 1


def test_the_ingress_can_be_called_directly(mesh, app):
    ingress = mesh.address(proxy="test/app#0", direction="ingress")
    assert fetch(ingress, target="/direct").status == 200
    assert not app.only().has("x-forwarded-for"), "a sidecar leaves x-forwarded-for as it is"


def test_a_workload_calls_a_service_by_its_name_through_its_egress(mesh, app):
    egress = mesh.address(proxy="test/caller#0", direction="egress", port="15001")
    assert fetch(egress, target="/call", host="app.test").status == 200
    assert (app.only().target, app.only().get("host")) == ("/call", "app.test")


@pytest.mark.parametrize("host", ["app.test:8080", "APP.test", "app.test."])
def test_names_of_services_are_read_as_names(mesh, host):
    assert fetch(mesh.address(proxy="test/caller#0", direction="egress", port="15001"), host=host).status == 200


@pytest.mark.parametrize("host", ["app.test:81", "unknown.test", "blue.test"])
def test_what_is_not_a_declared_backend_is_404(mesh, host):
    answer = fetch(mesh.address(proxy="test/caller#0", direction="egress", port="15001"), host=host)
    assert (answer.status, answer.body) == (404, b"")


def test_the_egress_is_an_http_proxy(mesh, app):
    with Client(mesh.address(proxy="test/caller#0", direction="egress", port="15001")) as client:
        assert client.ask(request("GET", "http://app.test/proxied", host="app.test")).status == 200
    assert app.only().target == "/proxied"


def test_an_echo_workload_answers_by_itself(mesh):
    answer = fetch(mesh.front, target="/other")
    assert answer.status == 200 and b"from other" in answer.body
