"""The broker's jars, resolved by Maven coordinates and cached for every project of this user."""

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from drawdown.errors import LocalSetupFailed
from drawdown.local import extra

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
_LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"
"""Kafka logs through slf4j but brings no backend: without one, a failing start is silent.

The mark keeps the versions that it would manage (an older Kafka client) from applying to Kafka.
"""
_EXPECTED_BYTES = 46_200_000
"""What those take together, so that the progress bar has an end."""


def class_path() -> str:
    """The class path of the broker; fetched on first use, with progress on stderr.

    Raises `LocalSetupFailed` when the jars are neither cached nor to be had.
    """
    return ":".join(str(folder / "*") for folder in _folders() if folder.is_dir())


def _folders() -> tuple[Path, Path]:
    jgo = extra.load("jgo")
    try:
        environment = _build(jgo)
    except Exception as error:  # jgo has no error family of its own
        raise _explained(error) from error
    return environment.jars_dir, environment.modules_dir


def _build(jgo: Any) -> Any:
    builder = _builder(jgo)
    environment = builder(update=False)
    # An interrupted download leaves a truncated jar, and an environment that jgo takes for whole.
    damaged = [jar for jar in environment.all_jars if not zipfile.is_zipfile(jar)]
    if not damaged and environment.lock_path.exists():
        return environment
    cache = jgo.config.GlobalSettings.load().repo_cache
    for jar in damaged:
        for copy in [jar, *cache.rglob(jar.name)]:
            copy.unlink(missing_ok=True)
    return builder(update=True)


def _builder(jgo: Any) -> Callable[..., Any]:
    maven = extra.load("jgo.maven")
    repositories = {**mirror(), **jgo.config.GlobalSettings.load().repositories}

    def build(*, update: bool) -> Any:
        with _progress() as download:
            return jgo.build(
                f"{KAFKA}+{_LOGGING}",
                update=update,
                repositories=repositories,
                resolver=maven.PythonResolver(progress_callback=download),
            )

    return build


def mirror() -> dict[str, str]:
    """The user's own mirror of Maven Central, from `~/.m2/settings.xml`, which jgo doesn't read."""
    try:
        settings = ElementTree.parse(Path.home() / ".m2" / "settings.xml")
    except (OSError, ElementTree.ParseError):
        return {}
    for mirror in settings.iterfind(".//{*}mirror"):
        of, url = mirror.findtext("{*}mirrorOf") or "", mirror.findtext("{*}url") or ""
        if url and {"*", "central", "external:*"} & {each.strip() for each in of.split(",")}:
            return {"central": url.rstrip("/")}
    return {}


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int], contextlib.AbstractContextManager[Any]]]:
    """A callback for jgo's downloads that shows one bar for all, from the first download on."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        tasks: list[TaskID] = []

        @contextlib.contextmanager
        def download(name: str, _size: int) -> Iterator[Callable[[int], None]]:
            if not tasks:
                console.print(f"Fetching {KAFKA}, once, into the Maven cache")
                tasks.append(progress.add_task("", total=_EXPECTED_BYTES))
            progress.update(tasks[0], description=f"[cyan]{name}")
            yield lambda count: progress.advance(tasks[0], count)

        yield download


def _explained(error: Exception) -> LocalSetupFailed:
    requests = extra.load("requests")
    cached = extra.load("jgo.config").GlobalSettings.load().repo_cache
    causes = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        if not isinstance(cause, Exception):
            break
        causes.append(cause)
    offline = any(isinstance(each, requests.RequestException) for each in causes)
    why = "no network" if offline else f"{type(error).__name__}: {error}"
    return LocalSetupFailed(
        f"could not fetch {KAFKA}: {why}, and not cached in {cached}; "
        "connect once, or set KAFKA_BOOTSTRAP_SERVERS"
    )
