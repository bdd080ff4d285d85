"""Compiles the hot path with mypyc: `python deploy/build/compile.py`.

In place, that is for an editable install: the extensions come to stand beside their sources.
What is made on the way stays in `.build/`. Nothing is done where no source, compiler version or
Python version has changed. The wheel's build hook calls `build` for the same extensions.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "services"
SCRATCH = ROOT / ".build"
"""Left out of version control, and safe to delete."""


def compiled_module() -> ModuleType:
    """`drawdown.compiled`, loaded by its path: the package isn't installed during a build."""
    spec = importlib.util.spec_from_file_location("compiled", SERVICES / "drawdown/compiled.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def missing_tool() -> str | None:
    """What keeps us from compiling, in words; None where nothing does."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"no C compiler ({compiler})"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "no headers of Python (Python.h)"
    return None


def build() -> Path:
    """Compile, unless it was done before; the folder with the extensions, laid out as `services`.

    Raises `CalledProcessError` where mypyc or the C compiler refuses; it has said why.
    """
    key = _key()
    with _alone():
        library = SCRATCH / "lib" / key
        if not library.exists():
            unfinished = SCRATCH / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            script = [sys.executable, __file__, "--build-into", str(unfinished)]
            subprocess.run(script, cwd=SERVICES, check=True)
            shutil.rmtree(SCRATCH / "lib", ignore_errors=True)
            library.parent.mkdir(parents=True)
            unfinished.rename(library)
    return library


def install(library: Path) -> None:
    """Put the extensions beside their sources, and remove those that have none any more."""
    wanted = {path.relative_to(library) for path in library.rglob("*.so")}
    for path in _installed():
        if path.relative_to(SERVICES) not in wanted:
            path.unlink()
    for each in wanted:
        target = SERVICES / each
        if target.exists() and target.read_bytes() == (library / each).read_bytes():
            continue
        # A process that runs the old one keeps it: the file is replaced, not overwritten.
        beside = target.with_suffix(".new")
        shutil.copyfile(library / each, beside)
        beside.chmod(0o755)
        beside.replace(target)


def main(arguments: list[str]) -> int:
    """Compile in place. Gives the exit code: 0, too, where there is no compiler."""
    if arguments[:1] == ["--build-into"]:
        _compile(Path(arguments[1]))
        return 0
    if reason := missing_tool():
        sys.stdout.write(f"{reason}: the same code runs uncompiled, 2.5 times slower\n")
        return 0
    # Ended, it ends the compiler too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        install(build())
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def _compile(target: Path) -> None:
    """In a process of its own: mypyc prints and exits as it likes."""
    from mypyc.build import mypycify
    from setuptools import Distribution  # type: ignore[import-untyped]
    from setuptools.command.build_ext import build_ext  # type: ignore[import-untyped]

    compiled = compiled_module()
    names = [path.relative_to(SERVICES).as_posix() for path in compiled.sources(SERVICES)]
    sys.stdout.write(f"compiling {len(names)} modules, about a minute …\n")
    sys.stdout.flush()
    # Taken before mypyc reads them: a source that is edited meanwhile must count as changed.
    digests = _digests_in_c(compiled)
    options = [f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={SCRATCH / 'mypy'}"]
    extensions = mypycify(
        [*options, *names],
        opt_level="3",
        debug_level="0",
        target_dir=str(SCRATCH / "c"),
        group_name=compiled.GROUP,
    )
    shared = next(each for each in extensions if each.name.endswith("__mypyc"))
    shared.sources.append(str(digests))
    command = build_ext(Distribution({"name": "drawdown", "ext_modules": extensions}))
    command.build_lib = str(target)
    command.build_temp = str(SCRATCH / "objects")
    command.ensure_finalized()
    command.run()


def _digests_in_c(compiled: ModuleType) -> Path:
    """A C file that makes the library carry its sources' digests."""
    text = compiled.MARK.decode() + json.dumps(compiled.digests(SERVICES))
    literals = "\n".join(json.dumps(text[at : at + 80]) for at in range(0, len(text), 80))
    path = SCRATCH / "digests.c"
    path.write_text(f"__attribute__((used)) const char drawdown_sources[] =\n{literals};\n")
    return path


def _key() -> str:
    """What the extensions depend on, as a name."""
    sources = compiled_module().digests(SERVICES)
    parts = [sources, version("mypy"), EXTENSION_SUFFIXES[0], Path(__file__).read_text("utf-8")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _installed() -> Iterator[Path]:
    yield from SERVICES.glob(f"*{EXTENSION_SUFFIXES[0]}")
    yield from (SERVICES / "drawdown").rglob(f"*{EXTENSION_SUFFIXES[0]}")


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in this checkout."""
    SCRATCH.mkdir(exist_ok=True)
    with (SCRATCH / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
