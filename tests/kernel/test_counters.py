"""Counters are read as JSON: every one of them, whatever else is in the table, and none without a table."""

from __future__ import annotations

import pytest

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.protocol import Count

pytestmark = pytest.mark.root

TABLE = """table inet eigw_ns {
  counter empty { }
  counter full { packets 3 bytes 5000000000 }
  counter commented { packets 1 bytes 40; comment "a { packets 7 bytes 7 }"; }
  set numbers { type mark; elements = { 0x1 comment "counter x { }" } }
  chain input { type filter hook input priority 0; policy drop; counter name full drop comment "	counter y {"; }
}
"""


def test_every_counter_of_our_table_is_read() -> None:
    with netns.nameless():
        library = Nft()
        assert library.counters("inet") == {}
        library.run(TABLE, "make counters")
        library.run("add table inet other; add counter inet other foreign", "make a foreign counter")
        counted = {"empty": Count(0, 0), "full": Count(3, 5_000_000_000), "commented": Count(1, 40)}
        assert library.counters("inet") == counted
        library.listing("inet")  # stateless
        assert library.counters("inet") == counted
        assert library.counters("bridge") == {}
