"""One attempt to communicate: send a random nonce; the outcome is what comes back before the timeout."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import secrets
import socket
import struct

from eigw_ns.kernel.traffic import sockets
from eigw_ns.lab.verify.prober.flow import Flow, Word

_NONCE_BYTES = 16
_MOST = 2048
_IDENTIFIERS = (0, 0xFFFF)  # of ICMPv6 echoes
_TRIES = 4  # UDP and ICMPv6 packets are sent this often, so that one lost packet does not decide

_RESETS = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE)
"""The errnos by which the kernel reports a TCP reset."""


async def attempt(flow: Flow, timeout: float, *, foreign: bool) -> Word:
    """Try `flow` for at most `timeout` seconds. `foreign`: a user's service has the port, not our listener.

    TCP repeats a lost SYN after one second at the earliest (RFC 6298), which may be too late. So a second connection
    starts after half the time, beside the first. Raises MissingError if the source's namespace does not exist,
    HostError if raw sockets are forbidden.
    """
    tries = [asyncio.create_task(_try(flow, timeout, foreign))]
    if flow.protocol == "tcp":
        done, _ = await asyncio.wait(tries, timeout=timeout / 2)
        if not done:
            tries.append(asyncio.create_task(_try(flow, timeout / 2, foreign)))
    try:
        for ended in asyncio.as_completed(tries):
            outcome = await ended
            if outcome != "blocked":
                return outcome
        return "blocked"
    finally:
        for task in tries:
            task.cancel()


async def _try(flow: Flow, timeout: float, foreign: bool) -> Word:
    """Try `flow` with one socket."""
    try:
        async with asyncio.timeout(timeout):
            with await _open(flow, timeout / _TRIES) as client:
                return await _answer(client, flow, foreign, timeout / _TRIES)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "blocked"


async def _answer(client: socket.socket, flow: Flow, foreign: bool, interval: float) -> Word:
    """Return what comes back. After an error that says nothing about the destination, UDP and ICMPv6 try again."""
    while True:
        try:
            await _talk(client, flow, foreign, interval)
            return "allowed"
        except _Noticed as error:
            found = error.notice
        except TimeoutError:
            raise
        except OSError as error:
            found = sockets.notice(client, error.errno or 0) or sockets.Notice(0)
        word = _word(flow, found)
        if word != "blocked" or flow.protocol == "tcp":
            return word
        await asyncio.sleep(interval)


def _word(flow: Flow, told: sockets.Notice) -> Word:
    """Return what a notice means, by its sender: the destination, the source itself, or a node on the way."""
    if not told.sender:
        return "refused" if flow.protocol == "tcp" and told.errno in _RESETS else "blocked"
    if told.sender == flow.destination.address and told.port:
        return "refused"
    return "blocked" if told.sender == flow.source.address else "rejected"


class _Noticed(Exception):
    """A connection attempt failed."""

    def __init__(self, notice: sockets.Notice) -> None:
        super().__init__(os.strerror(notice.errno))
        self.notice = notice


async def _open(flow: Flow, interval: float) -> socket.socket:
    """Return a socket that has begun to connect. Retries while nothing can leave the source: that counts as silence.

    An address and its route take effect some milliseconds after they were made.
    """
    source, there = flow.source, flow.destination.address
    while True:
        client = sockets.connect(
            source.namespace, flow.protocol, source.address, there, flow.port, source.link, flow.source_ports
        )
        if client is not None:
            return client
        await asyncio.sleep(interval)


async def _talk(client: socket.socket, flow: Flow, foreign: bool, interval: float) -> None:
    """Send the nonce, and return when the answer is there."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    if flow.protocol == "tcp":
        await _connected(client)
        if not foreign:  # a user's service must not receive our bytes; an accepted connection is answer enough
            await _exchange(client, nonce)
    elif flow.protocol == "udp":
        await _ask(client, nonce, None if foreign else nonce, interval)
    else:
        identified = struct.pack("!HH", random.randint(*(flow.source_ports or _IDENTIFIERS)), 1) + nonce
        request = struct.pack("!BBH", sockets.ECHO_REQUEST, 0, 0) + identified  # the kernel fills the checksum in
        await _ask(client, request, identified, interval)


async def _connected(client: socket.socket) -> None:
    """Wait for the TCP handshake. Raises _Noticed if it fails."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(client, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(client)
    found = sockets.notice(client)
    if found is not None:
        raise _Noticed(found)


async def _exchange(client: socket.socket, nonce: bytes) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, nonce)
    received = b""
    while received != nonce:
        part = await loop.sock_recv(client, _MOST)
        if not part:
            raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
        received += part


async def _ask(client: socket.socket, message: bytes, answer: bytes | None, interval: float) -> None:
    """Send the message every `interval` seconds until a datagram ends with `answer`; None accepts any datagram."""
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_sendall(client, message)
        try:
            async with asyncio.timeout(interval):
                while not (await loop.sock_recv(client, _MOST)).endswith(answer or b""):
                    pass
            return
        except TimeoutError:
            continue
