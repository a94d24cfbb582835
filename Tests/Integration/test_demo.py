"""What Demo holds works: the container file copies only what a clone has, and its example answers where it is published."""

import re
import subprocess
import urllib.request

import pytest

from mesh import address_base, free_port
from support.programs import REPOSITORY
from support.trellis import Trellis

CONTAINER_FILE = REPOSITORY / "Demo" / "Containerfile"


def test_the_container_file_copies_only_what_a_clone_has():
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git clone")
    files = listed.stdout.splitlines()
    copied = [line.split()[1:] for line in CONTAINER_FILE.read_text().splitlines() if line.startswith("COPY ")]
    sources = [source for words in copied if not words[0].startswith("--from=") for source in words[:-1]]
    assert "Package.swift" in sources and "Sources" in sources
    missing = [one for one in sources if one not in files and not any(name.startswith(f"{one}/") for name in files)]
    assert not missing


def test_the_example_of_the_container_answers_on_every_address(trellis_binary, tmp_path):
    """The published port leads to the container's own address, which is none of the loopback ones."""
    (command,) = re.findall(r"^#   podman run .* -p (\d+):(\d+) -v \./(\S+):/etc/trellis:ro", CONTAINER_FILE.read_text(), re.M)
    published, inside, folder = command
    text = (REPOSITORY / folder / "mesh.yaml").read_text()
    assert published == inside and f"port: {inside}, protocol" in text
    port = free_port()
    (tmp_path / "mesh.yaml").write_text(text.replace(f"port: {inside},", f"port: {port},"))
    mesh = Trellis([tmp_path / "mesh.yaml"], tmp_path, ["--address-base", address_base()])
    try:
        (listener,) = mesh.listeners(role="gateway")
        assert listener["actual"] == f"0.0.0.0:{port}"
        for address in ("127.0.0.1", "127.77.3.9"):
            with urllib.request.urlopen(f"http://{address}:{port}/", timeout=5) as answer:
                assert answer.read().strip() in (b"blue", b"green")
    finally:
        mesh.stop()
