"""How the replicas of a gateway tell each other of their flows: the configuration of conntrackd, one a replica.

Source: conntrackd.conf(5). What was chosen, and why:

- Two replicas speak FTFW, which repeats what was lost. It numbers messages for one peer: among three, 33 of 100 new
  flows were missing. So three or more use NOTRACK, which numbers nothing, over a link that loses nothing.
- They tell each other of what happens, not of what they know: a peer sends only what it saw happen itself, and makes
  anew what it hears of though it lives. Who comes back is taught by `Kernel.learn`.
- No external cache: what a replica hears of goes into its kernel at once, so that it can take over without being told.
- TCP windows are tracked: a flow that moves is judged strictly, from the first packet of each direction on.
- Socket buffers are the kernel's own (4,000 flows at once reach everybody): larger ones take privilege that a user
  namespace does not give.
- All paths lead into the folder that the daemon is started in; conntrackd takes only those that begin with `/`.
"""

from __future__ import annotations

from eigw_ns.dataplane.rules import SYNC_GROUP, SYNC_PORT
from eigw_ns.dataplane.state import SYNC_LINK, Daemon

_BUFFER = 8 << 20  # octets; a thousand flows a second for some seconds
_TEMPLATE = """\
Sync {{
  Mode {mode} {{
    DisableExternalCache yes
  }}
  Multicast {{
    IPv6_address {group}
    Group {port}
    Interface {link}
    Checksum on
  }}
  Options {{
    TCPWindowTracking yes
  }}
}}
General {{
  Systemd no
  HashSize 32768
  HashLimit {limit}
  LogFile no
  Syslog no
  LockFile /proc/self/cwd/lock
  UNIX {{
    Path /proc/self/cwd/{socket}
  }}
  NetlinkBufferSize {buffer}
  NetlinkBufferSizeMaxGrowth {buffer}
  NetlinkOverrunResync yes
}}
"""


def configuration(replicas: int, flows: int) -> str:
    """What conntrackd is started with in each of so many replicas of a gateway that remembers at most so many flows."""
    return _TEMPLATE.format(
        mode="FTFW" if replicas == 2 else "NOTRACK",
        group=SYNC_GROUP,
        port=SYNC_PORT,
        link=SYNC_LINK,
        buffer=_BUFFER,
        limit=flows,
        socket=Daemon.SOCKET,
    )
