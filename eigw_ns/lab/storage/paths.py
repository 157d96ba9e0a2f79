"""Paths of a lab's files in the folders that the environment sets, for code that is not given `LabFolders`."""

from __future__ import annotations

from eigw_ns.lab.storage.folders import EnvironmentFolders, labs_in

__all__ = [
    "ENVIRONMENT",
    "agent_file",
    "agent_log",
    "journal_file",
    "labs_in",
    "lock_file",
    "run_dir",
    "run_errors",
    "source_file",
    "state_dir",
    "state_errors",
    "topology_file",
]

ENVIRONMENT = EnvironmentFolders()

state_dir = ENVIRONMENT.state_dir
run_dir = ENVIRONMENT.run_dir
topology_file = ENVIRONMENT.topology_file
source_file = ENVIRONMENT.source_file
lock_file = ENVIRONMENT.lock_file
journal_file = ENVIRONMENT.journal_file
agent_file = ENVIRONMENT.agent_file
agent_log = ENVIRONMENT.agent_log
state_errors = ENVIRONMENT.state_errors
run_errors = ENVIRONMENT.run_errors
