"""Compile filters in libpcap's language (pcap-filter(7)) to classic BPF programs.

The library is loaded when it is needed, and only its compiler is used: it opens no socket.
"""

from __future__ import annotations

import ctypes
from ctypes.util import find_library

from eigw_ns.errors import HostError, UsageError
from eigw_ns.kernel.traffic.sockets import Program

_ETHERNET, _OPTIMISE, _NETMASK_UNKNOWN = 1, 1, 0xFFFFFFFF
_NAMES = ("libpcap.so.0.8", "libpcap.so.1")


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def compiled(text: str, snap_length: int) -> Program:
    """Return the program that keeps `snap_length` bytes of the Ethernet frames that the filter `text` selects.

    Raises UsageError with libpcap's words if the filter is not valid, HostError if libpcap is not installed.
    """
    library = _library()
    handle = library.pcap_open_dead(_ETHERNET, snap_length)
    try:
        program = _Program()
        if library.pcap_compile(handle, ctypes.byref(program), text.encode(), _OPTIMISE, _NETMASK_UNKNOWN):
            why = library.pcap_geterr(handle).decode(errors="replace")
            raise UsageError(
                f"the filter {text!r} is not valid: {why}", hint="see pcap-filter(7); @app is the address of app"
            )
        found = [program.instructions[index] for index in range(program.length)]
        copied = [(each.code, each.jt, each.jf, each.k) for each in found]
        library.pcap_freecode(ctypes.byref(program))
        return copied
    finally:
        library.pcap_close(handle)


def _library() -> ctypes.CDLL:
    for name in (*_NAMES, find_library("pcap")):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library:
            library.pcap_open_dead.restype = ctypes.c_void_p
            library.pcap_compile.argtypes = (
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_int,
                ctypes.c_uint,
            )
            library.pcap_geterr.argtypes = (ctypes.c_void_p,)
            library.pcap_geterr.restype = ctypes.c_char_p
            library.pcap_close.argtypes = (ctypes.c_void_p,)
            return library
    raise HostError(
        "libpcap is not installed, which compiles the filter", hint="apt install libpcap0.8, or omit the filter"
    )
