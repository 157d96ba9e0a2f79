"""Terraform resolves a configuration itself: `terraform test` with mocked providers, in a private copy.

It needs terraform 1.7 and an initialised folder (`terraform init`), but no account, no credentials and no endpoint.
The user's folder is only read: modules are copied and providers linked. A configuration that would run programs is
refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from eigw_ns.errors import EigwError, HostError
from eigw_ns.frozen import frozen
from eigw_ns.importing.options import DEFAULT_REGION
from eigw_ns.importing.sources.terraform import mocks
from eigw_ns.importing.sources.terraform.configuration import (
    ROOT,
    Configuration,
    configuration,
    declared,
    module_folders,
    providers,
    running,
)
from eigw_ns.kernel.processes import privileges, process, signals
from eigw_ns.kernel.processes.privileges import User
from eigw_ns.lab.host.private_copy import copy_folder, private_folder

PROGRAM = "terraform"
OLDEST = (1, 7)
"""The first version that mocks providers."""

USUAL_TIMEOUT = 300.0

_KEPT = re.compile(r"PATH|LANG|LC_\w+|TZ|TMPDIR|TF_VAR_\w+|TF_WORKSPACE")
"""Variables of the environment that terraform gets. No credentials, no settings of the command line, no proxies."""

_SKIPPED = frozenset({".git", ".hg", ".svn", ".terraform", ".terragrunt-cache", "node_modules", "__pycache__", ".venv"})
_SKIPPED_ENDS = (".tfstate", ".tfstate.backup", ".tftest.hcl", ".tftest.json", ".tfmock.hcl", ".tfmock.json", ".tfplan")
_MOST_SHOWN = 5
_INSTALL = (
    "install terraform 1.7 or later (https://developer.hashicorp.com/terraform/install), or import a state or a plan"
)


def _nothing(_text: str) -> None:
    pass


@frozen
class Layout:
    """A folder with a configuration, and the folders of its modules by their key. `above` holds all of them."""

    folder: Path
    modules: Mapping[str, Path]
    above: Path

    def path_in(self, copy: Path, folder: Path) -> Path:
        """Return where a folder is in a copy of `above`."""
        return copy / folder.relative_to(self.above)


def resolve(
    folder: Path,
    environment: Mapping[str, str],
    *,
    variables: Sequence[str] = (),
    variable_files: Sequence[Path] = (),
    allow_provisioners: bool = False,
    region: str = DEFAULT_REGION,
    timeout: float = USUAL_TIMEOUT,
    progress: Callable[[str], object] = _nothing,
) -> bytes:
    """Return the line that `importing.sources.terraform.read_test_state` reads.

    `variables` are `NAME=VALUE`. `progress` gets a text before each step that takes time. The copy is gone at the end.

    Raises HostError if terraform is missing or too old; EigwError if the folder is not initialised, would run programs
    (unless `allow_provisioners`), or cannot be resolved.
    """
    arguments = _variable_arguments(variables, variable_files)
    user = _user(folder)
    with signals.cleaned_up(), _file_errors(folder), private_folder(user) as copy:
        environment = _clean(environment, copy)
        with privileges.acting_as(user):
            layout = layout_of(folder)
            found = read_configuration(layout)
            _refuse_programs(found, allow_provisioners)
            needed = providers(found)
            _check_version(environment)
            _check_initialised(layout.folder)
            progress(f"copying {folder}")
            target = _copy(layout, copy / "configuration")
            _write(target, found, mocks.test_text(needed), region)
        progress("running terraform test with mocked providers")
        return _line(_run(target, environment, arguments, timeout, user), found)


@contextlib.contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = error.filename or folder
        raise EigwError(
            f"cannot copy {name}: {error.strerror}", hint="check its permissions, and the space in TMPDIR"
        ) from None


def _user(folder: Path) -> User | None:
    """Return the owner of the folder if this is root and the owner is not.

    The folder is read and terraform runs as that user. So root runs no provider that the user has put there, and
    copies no file that the user cannot read. In a user namespace that lacks the user, this stays root of it.
    """
    try:
        status = folder.stat()
        user = User(status.st_uid, status.st_gid)
        if os.geteuid() != 0 or user.uid == 0:
            return None
        with privileges.acting_as(user):
            return user
    except OSError:
        return None


def _variable_arguments(variables: Sequence[str], variable_files: Sequence[Path]) -> list[str]:
    for each in variables:
        if not re.match(r"[A-Za-z_][\w-]*=", each):
            raise EigwError(f"{each!r} is not a variable", hint="write -var NAME=VALUE")
    for file in variable_files:
        if not file.is_file():
            raise EigwError(f"{file} is not a file", hint="write -var-file with the path of a file of variables")
    return [*(f"-var={each}" for each in variables), *(f"-var-file={file.resolve()}" for file in variable_files)]


def layout_of(folder: Path) -> Layout:
    """Return the folders of a configuration. Raises EigwError if there is no configuration, or a module is missing."""
    if not folder.is_dir():
        raise EigwError(f"{folder} is not a folder", hint="name the folder of the root module")
    root = folder.resolve()
    modules = {ROOT: root, **_modules(root)}
    missing = next((key for key, path in modules.items() if not path.is_dir()), None)
    if missing is not None:
        raise EigwError(f"{folder}: the folder of module {missing} is missing", hint=_init(folder))
    return Layout(root, modules, Path(os.path.commonpath([str(path) for path in modules.values()])))


def _modules(root: Path) -> dict[str, Path]:
    file = root / ".terraform" / "modules" / "modules.json"
    if not file.is_file():
        return {}
    found = module_folders(file.read_bytes())
    return {key: (root / path).resolve() for key, path in found.items() if key != ROOT}


def _init(folder: Path) -> str:
    return f"run `terraform -chdir={folder} init -backend=false` first"


def read_configuration(layout: Layout) -> Configuration:
    """Return what the files of all modules declare. Raises EigwError if the root module has none."""
    found = {key: _files(layout, path) for key, path in layout.modules.items()}
    if not found[ROOT]:
        raise EigwError(f"{layout.folder} has no .tf file", hint="name the folder of the root module")
    read = configuration(found)
    known = set(layout.modules)
    for file, block in read.all("module", ROOT):
        if block.labels and block.labels[0] not in known:
            raise EigwError(f"{file.path}:{block.line}: module {block.labels[0]} is missing", hint=_init(layout.folder))
    return read


def _files(layout: Layout, folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.iterdir()) if path.name.endswith((".tf", ".tf.json")) and path.is_file())
    return {os.path.relpath(path, layout.folder): path.read_bytes() for path in paths}


def _refuse_programs(found: Configuration, allowed: bool) -> None:
    texts = () if allowed else running(found)
    if texts:
        shown = ", ".join(texts[:_MOST_SHOWN])
        more = f", and {len(texts) - _MOST_SHOWN} more" if len(texts) > _MOST_SHOWN else ""
        raise EigwError(
            f"the configuration would run programs or send requests: {shown}{more}",
            hint="read them; if they may run on this host, add --allow-provisioners; otherwise import the state",
        )


def _clean(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment for terraform: nothing secret, and a home without settings of a user."""
    kept = {name: value for name, value in environment.items() if _KEPT.fullmatch(name)}
    fixed = {
        "HOME": str(home),
        "TF_CLI_CONFIG_FILE": os.devnull,
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return kept | fixed


def _check_version(environment: Mapping[str, str]) -> None:
    try:
        done = process.run((PROGRAM, "version", "-json"), environment=environment, timeout=60)
    except process.NoSuchCommandError:
        raise HostError(f"{PROGRAM} is not installed", hint=_INSTALL) from None
    found = re.search(r'"terraform_version":\s*"(\d+)\.(\d+)', done.out)
    if found is None:
        raise HostError(f"{PROGRAM} does not say its version: {(done.err or done.out).strip()[:200]}", hint=_INSTALL)
    if (int(found[1]), int(found[2])) < OLDEST:
        raise HostError(f"{PROGRAM} {found[1]}.{found[2]} cannot mock providers", hint=_INSTALL)


def _check_initialised(folder: Path) -> None:
    if not (folder / ".terraform").is_dir():
        raise EigwError(f"{folder} is not initialised", hint=_init(folder))


def _skipped(path: Path) -> bool:
    return path.name in _SKIPPED or path.name.endswith(_SKIPPED_ENDS) or ".tfstate." in path.name


def _copy(layout: Layout, copy: Path) -> Path:
    """Copy the root module and all others, and link the providers. Returns the folder of the root module."""
    target = layout.path_in(copy, layout.folder)
    data = layout.folder / ".terraform"
    for source in sorted(layout.modules.values()):
        copy_folder(source, layout.path_in(copy, source), _skipped)
    target.mkdir(parents=True, exist_ok=True)
    (target / ".terraform").mkdir(exist_ok=True)
    if (data / "modules").is_dir():
        copy_folder(data / "modules", target / ".terraform" / "modules", _skipped)
    if (data / "providers").is_dir():
        (target / ".terraform" / "providers").symlink_to(data / "providers")
    return target


def _write(target: Path, found: Configuration, test: str, region: str) -> None:
    defaults = json.loads((files("eigw_ns.data") / "terraform_mocks.json").read_text(encoding="utf-8"))
    (target / mocks.TEST_FILE).write_text(test, encoding="utf-8")
    (target / mocks.MOCK_FOLDER).mkdir()
    text = mocks.mock_text(found, defaults, region)
    (target / mocks.MOCK_FOLDER / "aws.tfmock.hcl").write_text(text, encoding="utf-8")
    if override := mocks.override_text(found):
        (target / mocks.OVERRIDE_FILE).write_text(override, encoding="utf-8")


def _run(
    folder: Path, environment: Mapping[str, str], arguments: Sequence[str], timeout: float, user: User | None
) -> object:
    """Return the root module of the state that terraform prints. Raises EigwError with terraform's errors."""
    command = (PROGRAM, "test", "-verbose", "-json", f"-filter={mocks.TEST_FILE}", *arguments)
    prepare = None if user is None else partial(privileges.drop, user)
    done = process.run(command, folder=folder, environment=environment, timeout=timeout, prepare=prepare)
    lines = [line for line in map(_parsed, done.out.splitlines()) if line is not None]
    errors = [text for line in lines for text in _errors(line)]
    states = [line["test_state"] for line in lines if line.get("type") == "test_state"]
    if errors or not states:
        raise _failed(errors or [(done.err.strip() or "it printed no state")[:500]])
    return states[0].get("root_module")


def _line(root: object, found: Configuration) -> bytes:
    """Return the line for the reader: without the schemas of providers, and with the places of resources."""
    tree = {"type": "test_state", "test_state": {"root_module": root}, "declared": declared(found)}
    return json.dumps(tree).encode()


def _parsed(line: str) -> dict[str, Any] | None:
    """Return a line of terraform's output; None if it is not an object. The schemas make it very long."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _errors(line: Mapping[str, Any]) -> Iterator[str]:
    found = line.get("diagnostic") or {}
    if found.get("severity") == "error":
        place = found.get("range") or {}
        where = f"{place['filename']}:{place['start']['line']}: " if place.get("filename") else ""
        yield f"{where}{found.get('summary', '')}. {' '.join(str(found.get('detail', '')).split())}".strip()


def _failed(errors: Sequence[str]) -> EigwError:
    found = sorted(set(errors))
    text = "\n".join(f"  {each}" for each in found[:_MOST_SHOWN])
    return EigwError(f"terraform cannot resolve the configuration:\n{text}", hint=_hint(text))


def _hint(text: str) -> str:
    if "No value for required variable" in text:
        return "give each variable with -var NAME=VALUE or -var-file FILE"
    if "Unsupported argument" in text or "Unsupported block type" in text:
        return "check that the configuration fits its provider: `terraform validate`"
    if "init" in text and (
        "not installed" in text or "not found" in text or "Inconsistent" in text or "required" in text
    ):
        return "run `terraform init -backend=false` in the folder, then try again"
    return "a value that a mock invented may not be sound; import the state or a plan (`terraform show -json`) instead"
