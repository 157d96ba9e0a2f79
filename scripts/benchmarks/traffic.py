"""Traffic that costs its ends as little as can be, so that what is measured is the way between them.

Everything runs on one processor (`pinned`): there, what a packet costs in all is what bounds the rate.

- bulk TCP, as programs do it, and without copying anything
- datagrams of 64 octets (IPv6 header included): 64 with one system call, cut into packets before the first link
- new connections: opened, asked, answered and reset, so that none lingers
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import mmap
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

from eigw_ns.dataplane.compile.names import INSTANCE_LINK
from eigw_ns.kernel.namespaces import netns

Slice = Callable[[float], float]
"""Sends for about so many seconds, and says how much came through a second."""

PORT = 5001
_PAYLOAD, _AT_ONCE = 64 - 40 - 8, 64
_UDP_SEGMENT = 103  # linux/udp.h
_SIOCETHTOOL, _ETHTOOL_SGSO, _SIOCOUTQ = 0x8946, 0x24, 0x5411  # linux/sockios.h, linux/ethtool.h
_PATIENCE = struct.pack("=qq", 5, 0)  # seconds, microseconds
_CHUNK = 1 << 20
_RESET = struct.pack("=ii", 1, 0)  # SO_LINGER of 0 s: closing sends a reset


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """This process, and the ones it starts, on one processor while the block runs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})  # the rest of the machine tends to use the first
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def bulk(source: str, destination: str, address: str) -> Iterator[Slice]:
    """One TCP connection, written and read as programs do; octets a second that were acknowledged."""
    with _served(destination, address, _read), _inside(source) as out, _memory() as octets:
        yield _sending(out, address, lambda: out.send(octets))


@contextlib.contextmanager
def uncopied(source: str, destination: str, address: str) -> Iterator[Slice]:
    """The same from a file's pages (sendfile), thrown away unread by the receiver (MSG_TRUNC)."""
    with _served(destination, address, _swallow), _inside(source) as out, _pages() as pages:
        yield _sending(out, address, lambda: os.sendfile(out.fileno(), pages, 0, _CHUNK))


def _sending(out: socket.socket, address: str, send: Callable[[], int]) -> Slice:
    out.connect((address, PORT))

    def run(seconds: float) -> float:
        size, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            size += send()
        while _unacknowledged(out):
            os.sched_yield()
        return size / (time.perf_counter() - begin)

    return run


@contextlib.contextmanager
def datagrams(source: str, destination: str, address: str) -> Iterator[Slice]:
    """UDP packets a second that arrive in the destination's namespace."""
    message = bytes(_PAYLOAD * _AT_ONCE)
    with _served(destination, address, _hold, socket.SOCK_DGRAM), _inside(source, socket.SOCK_DGRAM) as out:
        _cut_early(out, INSTANCE_LINK)
        out.connect((address, PORT))
        out.send(b"?")
        out.recv(1)  # an answered flow is an established one
        out.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, _PAYLOAD)

        def run(seconds: float) -> float:
            before, begin = _received(destination), time.perf_counter()
            while time.perf_counter() - begin < seconds:
                out.send(message)
            spent = time.perf_counter() - begin
            return (_received(destination) - before) / spent

        yield run


@contextlib.contextmanager
def connections(source: str, destination: str, address: str) -> Iterator[Slice]:
    """TCP connections a second, one after the other: opened, asked, answered, reset."""

    def run(seconds: float) -> float:
        count, begin = 0, time.perf_counter()
        with netns.inside(source):
            while (spent := time.perf_counter() - begin) < seconds:
                with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as out:
                    out.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    out.connect((address, PORT))
                    out.send(b"?")
                    out.recv(1)
                count += 1
        return count / spent

    with _served(destination, address, _answer):
        yield run


def _inside(namespace: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    with netns.inside(namespace):
        made = socket.socket(socket.AF_INET6, kind)
    for direction in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        made.setsockopt(socket.SOL_SOCKET, direction, _PATIENCE)
    return made


def _unacknowledged(out: socket.socket) -> int:
    return int.from_bytes(fcntl.ioctl(out, _SIOCOUTQ, bytes(4)), "little")


def _cut_early(out: socket.socket, link: str) -> None:
    """Have the kernel cut large packets before they leave by this link (`ethtool -K LINK gso off`)."""
    value = ctypes.create_string_buffer(struct.pack("=II", _ETHTOOL_SGSO, 0))
    fcntl.ioctl(out, _SIOCETHTOOL, struct.pack("16sP16x", link.encode(), ctypes.addressof(value)))


def _received(namespace: str) -> int:
    """How many packets the namespace's one link has received."""
    with netns.inside(namespace):
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    return next(int(line.split()[2]) for line in lines if line.split()[0] == f"{INSTANCE_LINK}:")


@contextlib.contextmanager
def _memory() -> Iterator[mmap.mmap]:
    """`_CHUNK` octets that are like any other's: written once, in small pages.

    Of the allocator, one end got the kernel's page of zeros or a huge page and the other did not: a tenth of the rate.
    """
    with mmap.mmap(-1, _CHUNK) as found:
        found.madvise(mmap.MADV_NOHUGEPAGE)
        found.write(b"\xa5" * _CHUNK)
        yield found


@contextlib.contextmanager
def _pages() -> Iterator[int]:
    """A descriptor of `_CHUNK` octets in memory."""
    descriptor = os.memfd_create("eigw-ns-bench")
    try:
        os.truncate(descriptor, _CHUNK)
        yield descriptor
    finally:
        os.close(descriptor)


# ---- the other end ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _served(
    namespace: str,
    address: str,
    serve: Callable[[socket.socket], None],
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> Iterator[None]:
    """A process with an open port in the namespace while the block runs."""
    with netns.inside(namespace):
        listener = socket.socket(socket.AF_INET6, kind)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        if kind == socket.SOCK_STREAM:
            listener.listen(1024)
        server = get_context("fork").Process(target=serve, args=(listener,), daemon=True)
        server.start()
    try:
        yield
    finally:
        server.kill()
        server.join()


def _read(listener: socket.socket) -> None:
    served, _ = listener.accept()
    with _memory() as buffer:
        while served.recv_into(buffer):
            pass


def _swallow(listener: socket.socket) -> None:
    served, _ = listener.accept()
    while served.recv(1 << 22, socket.MSG_TRUNC):
        pass


def _answer(listener: socket.socket) -> None:
    while True:
        with listener.accept()[0] as served, contextlib.suppress(ConnectionResetError):
            served.send(served.recv(1))
            served.recv(1)


def _hold(listener: socket.socket) -> None:
    """Answer the first datagram. Later ones are dropped if the buffer is full, which is the cheapest end."""
    word, peer = listener.recvfrom(1)
    listener.sendto(word, peer)
    signal.pause()
