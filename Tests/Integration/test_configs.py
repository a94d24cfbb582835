"""Every folder of Configs runs as it is, has no findings, and answers as the comment at its top says.

The comment's lines `curl …   RESULT` are run; the table here says what RESULT means for each, and a line without an entry, or an
entry without a line, is an error. So no example can rot.
"""

import collections
import contextlib
import re
import shlex
import subprocess

import pytest

from mesh import address_base, wait_for
from support.processes import Program
from support.programs import REPOSITORY, need
from support.trellis import Trellis

CONFIGS = REPOSITORY / "Configs"
FOLDERS = sorted({str(file.parent.relative_to(CONFIGS)) for file in CONFIGS.rglob("*.yaml")})
EXAMPLE = re.compile(r"^#   (curl .*?)(?:   +(.*))?$", re.MULTILINE)


def body(*allowed: str):
    return lambda answer: answer.rstrip("\n") in allowed


def contains(*parts: str):
    return lambda answer: all(part in answer for part in parts)


GATEWAY = "http://127.0.0.1:8080"
EXPECTED = {
    "colors": {
        f"curl {GATEWAY}/": body("blue", "green"),
        f"curl -H 'x-color: green' {GATEWAY}/": body("green"),
        f"curl {GATEWAY}/?format=text": contains("name: ", "\nGET /?format=text HTTP/1.1\n"),
    },
    "two-hops": {
        f"curl {GATEWAY}/": lambda answer: re.fullmatch(
            r"page\n  http://color\.hops\.local:8080/ 200 (blue-0|blue-1|green)\n", answer
        ),
        f"curl -H 'accept: application/json' {GATEWAY}/": contains('"name":"page"', '"status":200'),
    },
    "matching": {
        f"curl {GATEWAY}/": body("any"),
        f"curl {GATEWAY}/items/42": body("item"),
        f"curl -X POST {GATEWAY}/items": body("writer"),
        f"curl {GATEWAY}/?beta=yes": body("beta"),
        f"curl -H 'x-version: 7' {GATEWAY}/": body("modern"),
        f"curl {GATEWAY}/shop/items/42": body("item"),
        f"curl {GATEWAY}/old/page": body("any"),
        f"curl -H 'host: admin.test' {GATEWAY}/": body("admin"),
    },
    "faults": {
        f"curl -i {GATEWAY}/slow": contains("HTTP/1.1 504 ", "upstream request timeout"),
        f"curl -i {GATEWAY}/flaky": lambda answer: answer.startswith(("HTTP/1.1 200 ", "HTTP/1.1 500 ")),
        f"curl -i {GATEWAY}/reset": contains("HTTP/1.1 503 ", "upstream connect error"),
        f"curl -N {GATEWAY}/drip": body("one byte after the other"),
        f"curl -i {GATEWAY}/none": contains("HTTP/1.1 404 "),
    },
    "imports/cloudformation": {f"curl {GATEWAY}/": body("blue", "green")},
    "imports/kubernetes": {f"curl {GATEWAY}/": body("blue", "green")},
    "own-program": {f"curl {GATEWAY}/": body("app"), f"curl {GATEWAY}/direct": body("direct")},
    "lattice": {
        "curl -H 'host: shop.test' http://VPC-ADDRESS:8080/items": body("v1", "v2"),
        "curl -H 'host: shop.test' -H 'x-beta: 1' http://VPC-ADDRESS:8080/items": body("v2"),
        "curl -i -H 'host: shop.test' http://VPC-ADDRESS:8080/closed": contains("HTTP/1.1 404 "),
        "curl -i -H 'host: shop.test' http://VPC-ADDRESS:8080/": contains("HTTP/1.1 404 "),
    },
}


def text(folder: str) -> str:
    return "\n".join(file.read_text() for file in sorted((CONFIGS / folder).glob("*.yaml")))


def examples(folder: str) -> list[str]:
    return [line for line, _ in EXAMPLE.findall(text(folder))]


@pytest.fixture(scope="module")
def running(trellis_binary, tmp_path_factory):
    """`running(name)` gives the address of that folder's gateway or VPC, which runs until the module ends."""
    with contextlib.ExitStack() as stack:
        started: dict[str, str] = {}

        def start(folder: str) -> str:
            if folder not in started:
                space = tmp_path_factory.mktemp(folder.replace("/", "-"))
                if folder == "own-program":
                    for port, name in ((9001, "app"), (9002, "direct")):
                        listen = [trellis_binary, "echo", "--listen", str(port), "--name", name]
                        stack.callback(Program(name, listen, space / f"{name}.log").stop)
                mesh = Trellis([CONFIGS / folder], space, ["--address-base", address_base()])
                stack.callback(mesh.stop)
                role = "network" if folder == "lattice" else "gateway"
                own = [one["actual"] for one in mesh.listeners(role=role)]
                started[folder] = next(address for address in own if not address.startswith("127.0.0.1:"))
            return started[folder]

        yield start


def ask(command: str, address: str) -> str:
    command = re.sub(r"http://(127\.0\.0\.1|VPC-ADDRESS):8080", f"http://{address}", command)
    words = [need("curl"), "-sS", "--noproxy", "*", "-m", "20", *shlex.split(command)[1:]]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout


def test_every_folder_is_here():
    assert set(FOLDERS) == set(EXPECTED)


@pytest.mark.parametrize("folder", FOLDERS)
def test_it_says_what_it_shows_and_has_no_findings(trellis_binary, folder):
    assert re.match(r"# \S.*\.\n#\n# Shows: ", text(folder)), "the comment at the top says what the folder shows"
    assert sorted(examples(folder)) == sorted(EXPECTED[folder])
    done = subprocess.run([trellis_binary, "validate", str(CONFIGS / folder)], capture_output=True, text=True, timeout=60)
    if folder.startswith("imports/"):
        # What is no part of a mesh is skipped, and said so; nothing else is to be said.
        assert re.fullmatch(r"\S+ note\[skipped-(resources|objects)\]: skipped 1 .*\n1 note", done.stdout.strip())
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "no findings", "")


@pytest.mark.parametrize("folder, example", [(folder, line) for folder in FOLDERS for line in examples(folder)])
def test_it_answers_as_its_comment_says(running, folder, example):
    address = running(folder)
    if folder == "own-program":
        # The programs behind the mesh may still be starting.
        wait_for(lambda: EXPECTED[folder][example](ask(example, address)), f"the answer of {example}")
    answer = ask(example, address)
    assert EXPECTED[folder][example](answer), answer


def test_the_canary_gets_its_share(running):
    """4,000 requests: the share of 10 % lies within four standard deviations."""
    answers = collections.Counter(ask(f"curl {GATEWAY}/?[1-4000]", running("colors")).split())
    assert set(answers) == {"blue", "green"} and answers.total() == 4000
    assert 400 - 76 <= answers["green"] <= 400 + 76
