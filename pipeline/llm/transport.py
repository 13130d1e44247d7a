"""The HTTP connections of an endpoint: hundreds at once, no redirects, loopback without a proxy."""

from __future__ import annotations

import ssl
from urllib.request import getproxies

import httpx2

# A pool looks at all its connections for every request: 256 in flight cost twice the processor
# time in one pool than in pools of about 16.
_NUM_POOLS = 32
_MOST_CONNECTIONS = 1024


class SpreadTransport(httpx2.AsyncBaseTransport):
    """Sends each request through the pool that has the fewest in flight."""

    def __init__(self, context: ssl.SSLContext) -> None:
        most = _MOST_CONNECTIONS // _NUM_POOLS
        limits = httpx2.Limits(max_connections=most, max_keepalive_connections=most)
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=context, limits=limits) for _ in range(_NUM_POOLS)
        ]
        self._in_flight = [0] * _NUM_POOLS

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        number = self._in_flight.index(min(self._in_flight))
        self._in_flight[number] += 1
        try:
            return await self._pools[number].handle_async_request(request)
        finally:
            self._in_flight[number] -= 1

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.aclose()


def http_client(
    timeout_s: float, connect_timeout_s: float, *, is_direct: bool, is_encrypted: bool
) -> httpx2.AsyncClient:
    """Return a client; `is_direct` is one that heeds no proxy of the environment.

    A redirect is never followed: it could lead a request off this machine.
    """
    timeout = httpx2.Timeout(timeout_s, connect=connect_timeout_s)
    if getproxies() and not is_direct:
        limits = httpx2.Limits(max_connections=_MOST_CONNECTIONS)
        return httpx2.AsyncClient(limits=limits, timeout=timeout)
    # Reading the certificates of the system takes longer than many a request.
    context = (
        httpx2.create_ssl_context() if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    transport = SpreadTransport(context)
    return httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=not is_direct)
