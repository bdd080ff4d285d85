"""TCP proxies that delay, cut and refuse what goes through them, in a thread of their own."""

import asyncio
import contextlib
import threading
from typing import Final

from drawdown.local.ports import LOOPBACK

_CHUNK: Final = 64 * 1024


class Link:
    """One proxy: its port, and what is done to what passes. Faults may be set from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, behind: int) -> None:
        self.front = 0
        self._loop = loop
        self._behind = behind
        self._delay_s = 0.0
        self._refusing = False
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def delay(self, seconds: float) -> None:
        """Hold every chunk up for so long, in both directions, from now on."""
        self._delay_s = seconds

    def cut(self) -> None:
        """Break every connection now, and every new one until `heal`."""
        self._refusing = True
        self._loop.call_soon_threadsafe(self._break)

    def drop(self) -> None:
        """Break every connection once; new ones are let through."""
        self._loop.call_soon_threadsafe(self._break)

    def heal(self) -> None:
        """Let everything through again."""
        self._delay_s, self._refusing = 0.0, False

    async def listen(self) -> None:
        """Begin to accept."""
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.front = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Accept no more, and break what is open."""
        assert self._server is not None
        self._server.close()
        self._break()

    def _break(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if not self._refusing:
                await self._connect(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, out = await asyncio.open_connection(LOOPBACK, self._behind)
        except OSError:
            return
        self._open.add(out)
        try:
            # Whichever direction ends first ends the other.
            pumps = {
                asyncio.ensure_future(self._pump(reader, out)),
                asyncio.ensure_future(self._pump(back, writer)),
            }
            _, left = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for each in left:
                each.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._open.discard(out)
            out.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                writer.write(chunk)
                await writer.drain()


class Proxies:
    """The thread in which all links run. A context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._links: list[Link] = []

    def __enter__(self) -> "Proxies":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links:
            asyncio.run_coroutine_threadsafe(link.close(), self._loop).result(10)
        asyncio.run_coroutine_threadsafe(_end_tasks(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def to(self, behind: int) -> Link:
        """A link to a port of this machine, open already."""
        link = Link(self._loop, behind)
        asyncio.run_coroutine_threadsafe(link.listen(), self._loop).result(10)
        self._links.append(link)
        return link


async def _end_tasks() -> None:
    others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
