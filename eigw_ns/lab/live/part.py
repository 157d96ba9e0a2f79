"""The plan for the part of a running lab that a change of its cloud concerns."""

from __future__ import annotations

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.incremental import Delta, IncrementalCompiler
from eigw_ns.dataplane.planning.partial import gateways_among, make_partial_plan
from eigw_ns.dataplane.planning.plan import Plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.lifecycle.operations import require_ours


def plan_part(kernel: Kernel, compiler: IncrementalCompiler, cloud: Cloud) -> Plan | None:
    """Return the steps from the compiler's cloud to this one, which the compiler follows. Writes nothing.

    Returns None if the whole lab must be read, also because another namespace of it is missing. Raises
    ForeignError if a namespace that the change needs exists without our mark.
    """
    standing = compiler.namespaces()
    delta = compiler.update(cloud)
    part = delta.namespaces
    if kernel.missing(standing - part):
        return None
    desired = compiler.state(part)
    actual = kernel.observe(cloud.lab, _before(desired, delta), only=part)
    require_ours(kernel, desired, actual)
    gateways = gateways_among(compiler.gateways())
    return make_partial_plan(desired, actual, gateways=gateways, came=delta.came, whole=compiler.state)


def _before(desired: NetState, delta: Delta) -> NetState:
    """Return the state before the change, of which the kernel finds cheaply that it is there."""
    before = dict(desired.objects)
    for thing in delta.came:
        before.pop(thing.key, None)
    before.update((thing.key, thing) for thing in delta.former)
    return NetState(before)
