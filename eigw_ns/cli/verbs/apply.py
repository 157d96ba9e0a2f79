"""`eigw-ns apply`: make it so."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from eigw_ns.cli import options
from eigw_ns.cli.context import choose_lab, open_kernel, open_source, open_storage, origin_of, recall_topology
from eigw_ns.cli.output import show_json
from eigw_ns.cli.program import complain
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import EigwError, UsageError
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.agent import background
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.lifecycle.operations import Applied
from eigw_ns.lab.lifecycle.ownership import Claim
from eigw_ns.lab.storage.parse_cache import ParseCache
from eigw_ns.lab.storage.protocols import Patience
from eigw_ns.lab.storage.storage import Storage

_LINES_SHOWN = 20


@click.command("apply")
@options.positional_file
@options.file
@options.lab
@click.option("--all", "every", is_flag=True, help="Apply every lab that is stored, as after a reboot.")
@options.take_over
@click.option("--agent", is_flag=True, help="Leave an agent running that watches the lab's replicas and repairs them.")
@options.lock_timeout
@options.output
@options.quiet
@options.verbose
def command(
    file: str | None,
    lab: str | None,
    every: bool,
    take_over: bool,
    agent: bool,
    lock_timeout: float,
    output: str,
    quiet: bool,
    verbose: bool,
) -> int:
    """Build the lab that the topology describes, or change what differs from it.

    In a running lab, flows through parts that stay the same lose no packet. A second apply of the same file writes
    nothing. Without -f, applies the topology that was applied last: this repairs drift, and rebuilds the lab after a
    reboot. If apply is killed halfway, no flow from the internet can get in; apply again.

    Refuses to replace a lab that another user applied, or that was applied from another file, unless you give
    --take-over. Never replaces a lab that another state folder stores.

    With --all, applies every stored lab. If one cannot be built, the others are built all the same, and the exit code
    is that of the worst error. If it is enabled, the systemd unit eigw-ns-restore does this at boot.

    With --agent, starts `eigw-ns agent --repair` in the background. It runs until `eigw-ns destroy`.

    \b
    eigw-ns init | sudo eigw-ns apply -f -
    sudo eigw-ns apply -f lab.yaml
    sudo eigw-ns apply
    sudo eigw-ns apply --all
    sudo eigw-ns apply --agent
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    patience, storage = Patience(lock_timeout, talk.note), open_storage()
    if every:
        _refuse_one(file)
        return _apply_all(open_kernel(), storage, output, agent, talk, patience)
    if file is not None:
        applied = _apply_file(storage, file, lab, Claim(origin_of(file), take_over), agent, talk, patience)
    elif take_over:
        raise UsageError("--take-over needs a file", hint="eigw-ns apply -f FILE --take-over")
    else:
        kernel = open_kernel()
        applied = _apply_stored(kernel, storage, choose_lab(lab, kernel), agent, talk, patience)
    if output == "json":
        show_json(_data(applied))
    return 0


def _apply_file(
    storage: Storage, file: str, lab: str | None, claim: Claim, agent: bool, talk: Talk, patience: Patience
) -> Applied:
    source = open_source(file, lab)
    given = recall_topology(file, lab, source)
    kernel = open_kernel()  # after the file: its mistakes are reported without root
    with talk.progress("apply") as progress:
        applied = operations.apply(
            kernel,
            storage,
            given.topology,
            version=given.version,
            claim=claim,
            progress=progress,
            patience=patience,
            announce=lambda stored, wanted: _announce(stored, wanted, talk),
        )
    _report(kernel, storage, applied, agent, talk)
    if applied.adopted:
        name = applied.topology.cloud.lab
        talk.note(f"it was not known who applied the lab {name}; from now on it is of {claim.origin}")
    if not given.version:
        ParseCache(storage.folders).remember(source, given.topology)
    return applied


def _announce(stored: Cloud | None, given: Cloud, talk: Talk) -> None:
    """Print the first changes of the cloud, and the first resources that the internet will reach; all with -v."""
    if talk.quiet or stored == given:
        return
    from eigw_ns.render import cloud_changes  # imported here: an apply without changes does not need it

    changes = cloud_changes.compare(stored, given)
    for lines in (cloud_changes.lines(changes, every=talk.verbose), cloud_changes.warnings(changes)):
        most = len(lines) if talk.verbose else _LINES_SHOWN
        for line in lines[:most]:
            talk.note(line)
        if len(lines) > most:
            talk.note(f"… {len(lines) - most:,} more; -v shows every line")


def _apply_stored(kernel: Kernel, storage: Storage, lab: str, agent: bool, talk: Talk, patience: Patience) -> Applied:
    with talk.progress("apply") as progress:
        applied = operations.apply_stored(kernel, storage, lab, progress=progress, patience=patience)
    _report(kernel, storage, applied, agent, talk)
    return applied


def _report(kernel: Kernel, storage: Storage, applied: Applied, agent: bool, talk: Talk) -> None:
    """Print what was done. If `agent`, start the agent of a lab that needs one."""
    lab = applied.topology.cloud.lab
    if applied.steps:
        from eigw_ns.render.steps import counted

        done = f"{counted(applied.steps, 'change')}, {counted(applied.writes, 'kernel write')}"
        talk.note(f"the lab {lab} is up: {done}")
    else:
        talk.note(f"nothing to do: the lab {lab} is what the topology says")
    limits = operations.lowered_limits(kernel, applied.topology.cloud)
    if limits is not None:
        talk.note(f"{limits}; `eigw-ns doctor` has the fix")
    if applied.agent is not None:
        talk.note(f"the agent of an older version was replaced: process {applied.agent}")
    if any(gateway.replicas > 1 for gateway in applied.topology.cloud.egress_only_internet_gateways.values()):
        if agent:
            talk.note(f"the agent watches: process {background.start(storage.folders, lab, repair=True)}")
    elif agent:
        talk.note("there is nothing for an agent to watch: no gateway has several replicas")


def _apply_all(kernel: Kernel, storage: Storage, output: str, agent: bool, talk: Talk, patience: Patience) -> int:
    """Apply every stored lab, also after an error. Return the highest exit code."""
    code = 0
    done: list[dict[str, Any]] = []
    for lab in storage.store.labs():
        try:
            done.append({"lab": lab, **_data(_apply_stored(kernel, storage, lab, agent, talk, patience))})
        except EigwError as error:
            complain(f"the lab {lab} is not up: {error.message}", error.hint)
            done.append({"lab": lab, "error": error.message})
            code = max(code, error.exit_code)
    if output == "json":
        show_json({"labs": done})
    if not done:
        talk.note("nothing to do: no lab is stored")
    return code


def _data(applied: Applied) -> dict[str, int]:
    return {"changes": applied.steps, "writes": applied.writes}


def _refuse_one(file: str | None) -> None:
    """Refuse --lab or --file beside --all. EIGW_NS_LAB is only ignored: a user may have it in the environment."""
    lab_given = click.get_current_context().get_parameter_source("lab") is ParameterSource.COMMANDLINE
    if lab_given or file is not None:
        given = "--lab" if lab_given else "--file"
        raise UsageError(f"{given} means one lab, --all every one", hint="leave one of them out")
