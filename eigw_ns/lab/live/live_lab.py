"""A lab that a long-living process serves: EC2 actions at the cost of what they change, and answers that never wait.

`LiveLab` keeps the stored topology and the desired state of each namespace. Before each change it compares the version
of the store. If another process has changed the lab, it reads everything again.

A change compiles, observes, plans and writes only the namespaces that it concerns. Drift there is repaired, as by every
change. Drift elsewhere stays until an `apply`, which `status` shows. If a change concerns the lab as a whole, or a
namespace of the lab is missing, the whole lab is reconciled (`operations.reconcile`).
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from eigw_ns.cloud.ec2 import api
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.incremental import IncrementalCompiler
from eigw_ns.errors import EigwError
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.lifecycle import ec2, operations, ownership
from eigw_ns.lab.lifecycle.ec2 import KernelFactory
from eigw_ns.lab.live.part import plan_part
from eigw_ns.lab.storage.protocols import IMPATIENT, Patience, Stored
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.topology import Topology


class LiveLab:
    """One stored lab. `describe` may be called by any thread, `perform` by one thread at a time.

    Several processes may serve the same lab: the lab's lock is held during each change.
    """

    def __init__(self, kernel_factory: KernelFactory, storage: Storage, lab: str) -> None:
        self.lab = lab
        self._make_kernel, self._storage = kernel_factory, storage
        self._known: Stored | None = None
        self._compiler: IncrementalCompiler | None = None
        self._appended = False

    def stored(self) -> Stored:
        """Return the stored topology, and its version. Waits for no lock. Reads it only if the version is new.

        Raises NoSuchLabError if none is stored, EigwError if it is damaged, HostError if it may not be read.
        """
        known = self._known
        if known is None or known.version != self._storage.store.version(self.lab):
            known = self._known = self._storage.store.read(self.lab)
        return known

    def describe(self, action: str, request: Request, settings: Settings) -> Reply:
        """Carry out an action that changes nothing, or a dry run. Waits for no lock and no change.

        Raises CloudError if AWS would refuse; also what `stored` raises.
        """
        reply = api.call(self.stored().topology.cloud, action, request, settings)
        return replace(reply, warnings=(*ec2.unfinished(self._storage.journal, self.lab), *reply.warnings))

    def perform(self, action: str, request: Request, settings: Settings, patience: Patience = IMPATIENT) -> Reply:
        """Carry out an action as `lab.lifecycle.ec2.perform` does. Raises what that raises."""
        if not ec2.mutates(action, request):
            return self.describe(action, request, settings)
        with ec2.locked(self._make_kernel, self._storage, self.lab, action, patience):
            known = self.stored()
            reply = api.call(known.topology.cloud, action, request, settings)
            if reply.cloud != known.topology.cloud:
                wanted, told = ec2.followed(known.topology, reply.cloud)
                reply = replace(reply, warnings=(*reply.warnings, *told))
                with ec2.hinting(self._storage, wanted):
                    self._change(known, wanted)
            return reply

    def prepare(self) -> None:
        """Read and compile the lab, so that the first change takes no longer than others. Raises what `stored` does."""
        self._compiler = self._following(self._make_kernel(), self.stored().topology.cloud)

    def close(self) -> None:
        """Write the whole topology, if changes of it are in the store's log alone.

        If another process works on the lab, or the topology cannot be written, the log stays, which is as good.
        """
        if self._appended:
            with contextlib.suppress(EigwError), self._storage.lock.hold(self.lab, f"eigw-ns ({self.lab})"):
                self._storage.store.save(self.stored().topology)
                self._appended = False

    def _change(self, known: Stored, wanted: Topology) -> None:
        """Store the topology and bring the kernel to it. The caller holds the lab's lock."""
        kernel = self._make_kernel()
        ownership.require_folder(kernel, self._storage, self.lab, take_over=False)
        compiler, self._compiler = self._following(kernel, known.topology.cloud), None
        plan = plan_part(kernel, compiler, wanted.cloud)
        if plan is None:
            operations.reconcile(kernel, self._storage, wanted)
        else:
            self._storage.store.require_writable(self.lab)
            operations.carry_out(kernel, self._storage, wanted, plan, lambda: self._save(known, wanted))
        self._compiler = compiler  # after an error, it may be ahead of the store

    def _save(self, known: Stored, wanted: Topology) -> None:
        version = self._storage.store.save_change(known, wanted)
        self._appended = True
        self._known = Stored(wanted, version)

    def _following(self, kernel: Kernel, cloud: Cloud) -> IncrementalCompiler:
        """Return the compiler of the stored cloud."""
        table, compiler = kernel.connection_table(), self._compiler
        if compiler is None or compiler.table != table:
            return IncrementalCompiler(cloud, table)
        if compiler.cloud is not cloud:
            compiler.update(cloud)
        return compiler
