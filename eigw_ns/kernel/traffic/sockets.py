"""Sockets that are opened inside a namespace and used from outside. All sockets for test traffic are opened here.

A socket stays in the network namespace in which it was opened (network_namespaces(7)), so one thread can use sockets in
hundreds of namespaces. All sockets are IPv6 and non-blocking. See ipv6(7), packet(7), raw(7), tcp(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import random
import resource
import socket
import struct
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address

from eigw_ns.errors import kernel_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces import netns

_ICMP6_FILTER = 1  # linux/icmpv6.h
_IPV6_RECVERR = 25  # linux/in6.h
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_ETH_P_IPV6 = 0x86DD
_BACKLOG = 1024
_ANCILLARY_BYTES = 256
_EXTENDED_ERROR = struct.Struct("=IBBBxxxxxxxxx")  # struct sock_extended_err, linux/errqueue.h
_SENDER = _EXTENDED_ERROR.size + 8  # sin6_addr of the struct sockaddr_in6 behind it
_ORIGIN_ICMP6 = 3
_PORT_UNREACHABLE = (1, 4)  # RFC 4443

ECHO_REQUEST, ECHO_REPLY = 128, 129  # RFC 4443
_NUMBERS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "icmpv6": socket.IPPROTO_ICMPV6}
_TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "icmpv6": socket.SOCK_RAW}

_CANNOT_SEND = (
    errno.EADDRNOTAVAIL,
    errno.EADDRINUSE,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EACCES,
    errno.EINVAL,
)
"""Errnos of bind and connect if the namespace lacks the address or a usable route (EINVAL: a blackhole), or if another
socket has the source port."""

Program = list[tuple[int, int, int, int]]
"""A classic BPF program: instructions as in linux/filter.h (code, jt, jf, k)."""

_CLOSERS = 32
"""Threads that close packet sockets. Each close waits for an RCU grace period (14 ms on 6.18); threads share it."""


def missing(namespaces: Iterable[str]) -> list[str]:
    """Return those of the namespaces that do not exist, sorted."""
    return sorted(name for name in namespaces if not netns.exists(name))


def listen(namespace: str, protocol: str, address: str, port: int) -> socket.socket | None:
    """Open a TCP or UDP socket that listens on the address and port. Returns None if a service has the port already.

    Raises MissingError if the namespace or the address does not exist, HostError without CAP_SYS_ADMIN.
    """
    with netns.inside(namespace):
        opened = socket.socket(socket.AF_INET6, _TYPES[protocol])
    try:
        opened.setblocking(False)
        if protocol == "tcp":  # ignores TIME_WAIT connections of an earlier run; for UDP it would share a port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
        if protocol == "tcp":
            opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise kernel_error(f"listen on {address} {protocol} {port} in {namespace}", error.errno or 0) from error
    return opened


def connect(
    namespace: str,
    protocol: str,
    source: str,
    destination: str,
    port: int | None,
    link: str,
    source_ports: tuple[int, int] | None = None,
) -> socket.socket | None:
    """Open a socket and connect it to the destination. TCP sends its SYN at once; UDP and ICMPv6 send nothing yet.

    Returns None if no packet can leave the source, or if the source port is taken. `link` is the link of a link-local
    destination. TCP and UDP use a random source port of `source_ports` (first, last), if that is given. ICMPv6 is a raw
    socket that receives only echo replies. An ICMPv6 error about its packets is the errno of the next call.

    Raises ConnectionRefusedError if the refusal has arrived already, MissingError if the namespace does not exist,
    HostError without CAP_SYS_ADMIN or CAP_NET_RAW.
    """
    doing = f"send {protocol} from {source} to {destination} in {namespace}"
    with netns.inside(namespace):
        opened = _open(protocol, doing)
        scope = _scope(link) if IPv6Address(destination).is_link_local else 0
    try:
        opened.setblocking(False)
        _prepare(opened, protocol)
        opened.bind((source, _source_port(opened, protocol, source_ports)))
        with contextlib.suppress(BlockingIOError):
            opened.connect((destination, port or 0, 0, scope))
    except ConnectionRefusedError:
        opened.close()
        raise
    except OSError as error:
        opened.close()
        if error.errno in _CANNOT_SEND:
            return None
        raise kernel_error(doing, error.errno or 0) from error
    return opened


def _source_port(opened: socket.socket, protocol: str, ports: tuple[int, int] | None) -> int:
    """Return the port to bind to; 0 lets the kernel choose. Flows to different destinations may share a port."""
    if ports is None or protocol == "icmpv6":
        return 0
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return random.randint(*ports)


def _open(protocol: str, doing: str) -> socket.socket:
    try:
        return socket.socket(socket.AF_INET6, _TYPES[protocol], _NUMBERS[protocol])
    except OSError as error:
        raise kernel_error(doing, error.errno or 0) from error


def _scope(link: str) -> int:
    """Return the index of the link in this thread's namespace; 0, with which connect fails, if it does not exist."""
    try:
        return socket.if_nametoindex(link)
    except OSError:
        return 0


def _prepare(opened: socket.socket, protocol: str) -> None:
    if protocol == "tcp":
        # close by a reset: no TIME_WAIT remains at either end or in a gateway's connection table
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)  # soft errors, such as "no route", too
    if protocol == "icmpv6":
        blocked = (1 << 256) - 1 & ~(1 << ECHO_REPLY)
        words = (blocked >> shift & 0xFFFFFFFF for shift in range(0, 256, 32))
        opened.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("8I", *words))


@frozen
class Notice:
    """Why a socket failed. `sender` is the sender of an ICMPv6 error; `port` is True for port unreachable."""

    errno: int
    sender: str = ""
    port: bool = False


def notice(opened: socket.socket, code: int = 0) -> Notice | None:
    """Return the pending error of the socket, or the error `code` that a call has just returned; None if none.

    An ICMPv6 error is in the error queue, with its sender. A TCP reset leaves only an errno.
    """
    told = _icmpv6_error(opened)
    if told is not None:
        return told
    code = code or opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return Notice(code) if code else None


def _icmpv6_error(opened: socket.socket) -> Notice | None:
    """Return the first ICMPv6 error of the error queue. See ipv6(7), IPV6_RECVERR.

    The message is a struct sock_extended_err, followed by the sender's address.
    """
    try:
        _, ancillary, _, _ = opened.recvmsg(0, _ANCILLARY_BYTES, socket.MSG_ERRQUEUE)
    except OSError:  # the queue is empty, or this is the socket's own error, which `notice` reads next
        return None
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_RECVERR):
            code, origin, icmp_type, icmp_code = _EXTENDED_ERROR.unpack_from(data)
            if origin == _ORIGIN_ICMP6:
                sender = socket.inet_ntop(socket.AF_INET6, data[_SENDER : _SENDER + 16])
                return Notice(code, sender, (icmp_type, icmp_code) == _PORT_UNREACHABLE)
    return None


def sniff(namespace: str, link: str, protocol: str, source: str, port: int | None) -> socket.socket:
    """Open a packet socket on the link for first packets (TCP SYN, UDP, echo request) from source to port.

    It receives them before any netfilter rule of the namespace. The filter is attached before the socket is bound, so
    that no other packet gets in. Raises MissingError if the namespace or link does not exist, HostError without
    CAP_NET_RAW.
    """
    try:
        with netns.inside(namespace):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            try:
                opened.setblocking(False)
                attach_filter(opened, _first_packets(protocol, source, port))
                opened.bind((link, _ETH_P_IPV6))
            except OSError:
                opened.close()
                raise
    except OSError as error:
        raise kernel_error(f"listen to {link} in {namespace}", error.errno or 0) from error
    return opened


_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _AND, _JUMP_EQUAL, _RETURN = 0x20, 0x28, 0x30, 0x54, 0x15, 0x06
_NEXT_HEADER, _SOURCE, _PAYLOAD = 6, 8, 40  # offsets in the IPv6 header (RFC 8200)
_PORT, _TCP_FLAGS = _PAYLOAD + 2, _PAYLOAD + 13
_SYN, _SYN_OR_ACK = 0x02, 0x12


def _first_packets(protocol: str, source: str, port: int | None) -> Program:
    """Return the program that keeps only such packets."""
    words = struct.unpack("!4I", IPv6Address(source).packed)
    tests = [([(_LOAD_WORD, _SOURCE + 4 * i)], word) for i, word in enumerate(words)]
    tests.append(([(_LOAD_BYTE, _NEXT_HEADER)], _NUMBERS[protocol]))
    if protocol == "icmpv6":
        tests.append(([(_LOAD_BYTE, _PAYLOAD)], ECHO_REQUEST))
    else:
        tests.append(([(_LOAD_HALF, _PORT)], port or 0))
    if protocol == "tcp":
        tests.append(([(_LOAD_BYTE, _TCP_FLAGS), (_AND, _SYN_OR_ACK)], _SYN))
    program: Program = []
    for loads, value in tests:
        program += [(code, 0, 0, operand) for code, operand in loads]
        program += [(_JUMP_EQUAL, 1, 0, value), (_RETURN, 0, 0, 0)]
    return [*program, (_RETURN, 0, 0, 0xFFFF)]


def attach_filter(opened: socket.socket, program: Program) -> None:
    """Let the socket receive only what the program keeps."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code)))


def heard(sniffer: socket.socket) -> bool:
    """Read one packet of the sniffer. Returns whether there was one.

    Returns False, too, if the link has gone down or was removed, which the socket reports once, as an error.
    """
    try:
        sniffer.recv(1)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.ENETDOWN):
            return False
        raise kernel_error("read the packets of a sniffer", error.errno or 0) from error
    return True


def close_all(opened: Iterable[socket.socket]) -> None:
    """Close the sockets in threads, since closing packet sockets one after another takes long.

    If this host allows no more threads (pids.max), close them one after another.
    """
    left = list(opened)
    with ThreadPoolExecutor(_CLOSERS) as closers, contextlib.suppress(RuntimeError):
        for each in left:
            closers.submit(each.close)
    for each in left:
        each.close()  # closing twice does nothing


@contextlib.contextmanager
def descriptors(wanted: int) -> Iterator[int]:
    """Raise the limit of open files to `wanted`, or to the hard limit, while the block runs. Yields the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        yield wanted
        return
    granted = max(soft, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    try:
        yield granted
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
