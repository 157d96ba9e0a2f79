"""An entry of a connection table with all that is known of it: state, timeout, times, and counts each way."""

from __future__ import annotations

from eigw_ns.dataplane.state.objects import Flow
from eigw_ns.frozen import frozen

TCP_STATES: tuple[str, ...] = (
    *("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT"),
    *("CLOSE", "SYN_SENT2"),
)
SCTP_STATES: tuple[str, ...] = (
    *("NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD"),
    *("SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED"),
)
DCCP_STATES: tuple[str, ...] = ("NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT")
"""By the kernel's numbers: enum tcp_conntrack, sctp_conntrack, ct_dccp_states."""

OTHER_STATES = ("UNREPLIED", "REPLIED", "ASSURED")
TAUGHT_STATE = "TAUGHT"
"""The state of a flow that a replica was told of and has not seen begin."""

STATES = tuple(dict.fromkeys((*TCP_STATES, *SCTP_STATES, *DCCP_STATES, *OTHER_STATES, TAUGHT_STATE)))
"""Every state that a flow may be in."""


@frozen
class Traffic:
    """Packets and bytes of a flow: from its source to its destination (`out`), and the answers (`in`)."""

    packets_out: int
    bytes_out: int
    packets_in: int
    bytes_in: int


@frozen
class FlowEntry:
    """An entry of a connection table.

    `state` is conntrack(8)'s word: the state of TCP, SCTP and DCCP; UNREPLIED, REPLIED or ASSURED for other protocols.
    `id` is the kernel's; with `flow` it identifies the entry. `timeout` is what it has left, in seconds. `begun` and
    `ended` are nanoseconds since 1970. `traffic`, `begun` and `ended` are None if the namespace did not account for
    flows when the flow began.
    """

    flow: Flow
    id: int
    state: str
    timeout: int | None = None
    traffic: Traffic | None = None
    begun: int | None = None
    ended: int | None = None
