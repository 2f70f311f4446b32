"""Write _build/classroom.zip, all that a room without a network needs: python tools/classroom.py [platform ...].

It holds the built book, the notebooks of both editions, and wheels of what they need: for this machine, or for the
platforms named (linux, macos, macos-intel, windows), each with this Python or with another, as in windows:3.12.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from email import message_from_string
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from shutil import copytree
from typing import NamedTuple

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "_build"
HANDOUTS = ROOT / "tools" / "handouts"
TOP = "classroom"
WANTED = "jupyterlab"  # beside the package with its extra
LINUX = [f"manylinux_2_{minor}_x86_64" for minor in range(17, 40)] + ["manylinux2014_x86_64"]
PLATFORMS = {
    "linux": (LINUX, {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}),
    "macos": (["macosx_14_0_arm64"], {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}),
    "macos-intel": (
        ["macosx_14_0_x86_64"],
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    ),
    "windows": (["win_amd64"], {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}),
}


class Target(NamedTuple):
    """For which machines wheels are collected: options of pip, and what the markers of requirements are told."""

    options: list[str]
    environment: dict[str, str]


def target(name: str = "") -> Target:
    """Return a target by its name, this machine if there is none."""
    here = {key: str(value) for key, value in default_environment().items()}
    if not name:
        return Target([], here)
    platform, _, python = name.partition(":")
    if platform not in PLATFORMS:
        raise ValueError(f"a platform is one of {', '.join(PLATFORMS)}, not {platform!r}")
    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    tags, known = PLATFORMS[platform]
    options = [f"--platform={tag}" for tag in tags] + [f"--python-version={python}", "--implementation=cp"]
    return Target(options, here | known | {"python_version": python, "python_full_version": f"{python}.0"})


def pins() -> dict[str, str]:
    """Return the version of each package that the book is pinned to."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return {canonicalize_name(each.name): str(each.specifier) for each in found}


def needed(wheel: Path, environment: dict[str, str]) -> set[str]:
    """Return the names of all that the package with its extra and JupyterLab need on a machine."""
    waiting = [(text, "book") for text in of_wheel(wheel)] + [(WANTED, "")]
    found: set[str] = set()
    while waiting:
        text, extra = waiting.pop()
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate(environment | {"extra": extra}):
            continue
        if name not in found or requirement.extras:
            found.add(name)
            waiting += [(each, extra) for extra in ("", *requirement.extras) for each in of_installed(name)]
    return found


def of_wheel(wheel: Path) -> list[str]:
    """Return what a wheel requires."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode()).get_all("Requires-Dist", [])


def of_installed(name: str) -> list[str]:
    """Return what a package requires; one that is for other machines only is not here, and requires nothing."""
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


def build_wheel(folder: Path) -> Path:
    """Build the package's wheel, from a copy so that nothing is left in the project."""
    with tempfile.TemporaryDirectory() as copy:
        copytree(ROOT / "rnnkernel", Path(copy) / "rnnkernel")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            (Path(copy) / name).write_bytes((ROOT / name).read_bytes())
        pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), copy)
    return next(folder.glob("rnnkernel-*.whl"))


def collect(folder: Path, platforms: Iterable[str]) -> Path:
    """Collect the wheels in a folder and return that of the package."""
    wheel, versions = build_wheel(folder), pins()
    for name in platforms or [""]:
        options, environment = target(name)
        wanted = [f"{each}{versions[each]}" for each in sorted(needed(wheel, environment))]
        pip("download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), *options, *wanted)
    return wheel


def pip(*arguments: str) -> None:
    """Run pip."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


def contents(wheels: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file of the zip, and where it goes."""
    yield HANDOUTS / "room.md", "README.md"
    yield HANDOUTS / "student.md", "notebooks/README.md"
    yield HANDOUTS / "solved.md", "solved/README.md"
    yield ROOT / "tools" / "marks.py", "solved/marks.py"
    for folder, place in (
        (BUILD / "html", "book"),
        (BUILD / "notebooks" / "student", "notebooks"),
        (BUILD / "notebooks" / "solved", "solved"),
        (wheels, "wheels"),
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path, f"{place}/{path.relative_to(folder).as_posix()}"
    for place in ("notebooks", "solved"):
        yield BUILD / "html" / "_static" / "checks.js", f"{place}/checks.js"
        for path in sorted((ROOT / "book" / "data").iterdir()):
            yield path, f"{place}/data/{path.name}"


def write(archive: Path, wheels: Path) -> None:
    """Write the zip."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, place in contents(wheels):
            kind = zipfile.ZIP_STORED if path.suffix == ".whl" else zipfile.ZIP_DEFLATED
            packed.write(path, f"{TOP}/{place}", kind)


def main(platforms: list[str]) -> None:
    """Collect and pack."""
    if not (BUILD / "notebooks" / "student").exists():
        sys.exit("The book is not built: run `make book` first.")
    with tempfile.TemporaryDirectory() as folder:
        collect(Path(folder), platforms)
        write(BUILD / "classroom.zip", Path(folder))
    size = (BUILD / "classroom.zip").stat().st_size / 2**20
    print(f"_build/classroom.zip, {size:.0f} MB. README.md in it says what a student types.")


if __name__ == "__main__":
    main(sys.argv[1:])
