"""One exchange over the network: the only module that knows httpx. No redirects, no retries, no cookies, no proxies.

The client lives in a thread with an event loop of its own, so that any thread may call it and a total time can end an
exchange wherever it stands. What is not here: which requests are made, and when (stores/http.py).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any, Final

import httpcore
import httpx

from media_pipeline.errors import MediaServiceError
from media_pipeline.stores.addresses import Guard
from media_pipeline.stores.exchanges import Broken, Head, Pace, Receiver

CONNECTIONS: Final = 16
CONNECT_S: Final = 10.0
LOOK_UP_S: Final = 10.0
IDLE_S: Final = 30.0


class Wire:
    """The client and its thread; closed by `close`."""

    def __init__(self, guard: Guard) -> None:
        # They write every URL to their logs, and keys are in URLs.
        for name in ("httpx", "httpcore", "httpcore.connection", "httpcore.http11"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._loop = asyncio.new_event_loop()
        self._lookups = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="names")
        # A transport and no client: a client keeps cookies, and takes every redirect apart by itself.
        self._transport = _Guarded(_Backend(guard, self._lookups))
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()

    def exchange(self, url: str, headers: Mapping[str, str], into: Receiver, *, pace: Pace) -> None:
        """GET; `Broken` where it does not come to its end, and whatever the receiver raises."""
        going = asyncio.run_coroutine_threadsafe(self._exchange(url, headers, into, pace), self._loop)
        try:
            going.result()
        except CancelledError as error:
            raise MediaServiceError("the library was closed while something came") from error
        except BaseException:
            going.cancel()
            raise

    async def _exchange(self, url: str, headers: Mapping[str, str], into: Receiver, pace: Pace) -> None:
        began = False
        try:
            async with asyncio.timeout(pace.total_s):
                limits = httpx.Timeout(pace.silence_s, connect=CONNECT_S, pool=None)
                request = httpx.Request("GET", url, headers=dict(headers), extensions={"timeout": limits.as_dict()})
                response = await self._transport.handle_async_request(request)
                try:
                    began = into.begin(Head(response.status_code, dict(response.headers)))
                    if began:
                        await self._receive(response, into, pace)
                finally:
                    await response.aclose()
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise Broken("bad_url", str(error)) from error
        except httpx.ReadTimeout as error:
            raise Broken("too_slow_host", f"nothing came for {pace.silence_s:g} s") from error
        except httpx.TransportError as error:
            raise Broken("short_body" if began else "unreachable", _said(error)) from error
        except TimeoutError as error:
            raise Broken("too_slow_host", f"not all of it came within {pace.total_s:g} s") from error

    async def _receive(self, response: httpx.Response, into: Receiver, pace: Pace) -> None:
        ends, came = self._loop.time() + pace.while_s, 0
        async for chunk in response.aiter_raw():
            if not into.take(chunk):
                return
            came += len(chunk)
            if self._loop.time() >= ends:
                if came < pace.bytes_per_while:
                    raise Broken("too_slow_host", f"{came} bytes in {pace.while_s:g} s")
                ends, came = self._loop.time() + pace.while_s, 0

    def close(self) -> None:
        """Ends every connection, and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def _end(self) -> None:
        # Whoever waits for an exchange in another thread would wait for ever once the loop has stopped.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._transport.aclose()


# 64 KiB at a time costs a sixth more CPU for a photo of 200 KB.
httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = 1 << 18


class _Guarded(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool that asks the guard where to connect to; httpx has no option for that."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        trusted = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=trusted, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=IDLE_S,
            http1=True,
            http2=False,
            network_backend=backend,
        )


class _Backend(httpcore.AnyIOBackend):
    """Looks names up, has them checked, and connects to what was checked. The name stays in `Host` and TLS."""

    def __init__(self, guard: Guard, lookups: ThreadPoolExecutor) -> None:
        super().__init__()
        self._guard = guard
        self._lookups = lookups

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        looking = asyncio.get_running_loop().run_in_executor(self._lookups, self._guard.addresses, host, port)
        try:
            addresses = await asyncio.wait_for(looking, LOOK_UP_S)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host}: no answer from the name server") from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await super().connect_tcp(address, port, CONNECT_S, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _said(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__
