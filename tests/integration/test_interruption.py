# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One update of a running Postfix, killed at its steps, run twice at once, on a full disk, with a reload that fails.

Whatever happens, each address keeps its old or gets its new route, and the next run ends where an undisturbed one does.

MAILOPS_KILLS sets at how many system calls the update is killed (default 12; 0: at every one).
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import files
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import Postfix
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import LookupTables
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.provision import Outcome, provision
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.transaction import ApplyError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.view import Answer

from lab import ansible
from lab import bridgehead as lab_bridgehead
from lab import postfix as lab_postfix
from lab.bridgehead import MEANT, Bridgehead, use_indexed_type
from lab.programs import run_command

KILLS = int(os.environ.get("MAILOPS_KILLS", "12"))
APPLY = Path(lab_bridgehead.__file__).with_name("apply.py")
CALLS = (
    "rename,renameat,renameat2,fsync,fdatasync,link,linkat,unlink,unlinkat,mkdir,rmdir,chmod,fchmod,vfork,clone,clone3"
)

LOGIN = {"mechanism": "basic", "allow_cleartext_password": True, "username": "us", "password": "tops3cret"}


def connector(name: str, spaces: list[str], smart_hosts: list[str], **fields: Any) -> dict[str, Any]:
    return {"name": name, "address_spaces": spaces, "smart_hosts": smart_hosts, "bridgeheads": ["b1"], **fields}


@dataclass(frozen=True)
class State:
    """A list and what stands beside it. The two states differ in every kind of thing that an update touches."""

    connectors: list[dict[str, Any]]
    hosts: dict[str, Any]


ONE = State(
    [
        connector("default", ["*"], ["out1.example", "out2.example"], tls={"level": "encrypt"}),
        connector("to-a", ["*.a.test"], ["[198.51.100.1]"], relay=True, limits={"connections": 3}),
        connector("to-b", ["b.test"], ["b.example:587"], authentication=LOGIN),
        connector("stays", ["stays.test"], ["stays.example"]),
    ],
    {"b1": {"address": "127.0.0.11"}},
)
OTHER = State(
    [
        connector("default", ["*"], ["out9.example"], tls={"level": "none"}),
        connector("to-a", ["a.test", "*.c.test"], ["[198.51.100.9]"], relay=True, max_message_size="1MB"),
        connector("stays", ["stays.test"], ["stays.example"]),
    ],
    {"b1": {"address": "127.0.0.11"}, "b2": {"address": "192.0.2.2"}},
)
DOMAINS = (
    "a.test",
    "x.a.test",
    "b.test",
    "x.b.test",
    "c.test",
    "x.c.test",
    "stays.test",
    "stranger.example",
    "here.test",
)
ADDRESSES = [f"u@{domain}" for domain in DOMAINS]
SETTINGS = {**lab_bridgehead.SETTINGS, "mydestination": "here.test", "relay_domains": "relayed.test"}


def make(bridgehead: Bridgehead, state: State, **fields: Any) -> Outcome:
    outcome = bridgehead.provision(state.connectors, hosts=state.hosts, purge=True, **fields)
    assert not outcome.failure
    return outcome


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Bridgehead]:
    with lab_postfix.temporary_root() as root:
        instance = lab_postfix.Instance(root, "b1", "127.0.0.11", settings=SETTINGS)
        with instance:
            yield Bridgehead(instance)


@dataclass(frozen=True)
class Undisturbed:
    """The content of all files and the routes that each state has where nothing disturbs."""

    content: dict[str, Any]
    answers: list[Answer]


@pytest.fixture(scope="module")
def undisturbed(bridgehead: Bridgehead) -> dict[int, Undisturbed]:
    found = {}
    make(bridgehead, ONE)
    for place, state in ((1, OTHER), (0, ONE)):
        make(bridgehead, state)
        found[place] = Undisturbed(bridgehead.content(), bridgehead.ask_afresh(ADDRESSES))
    assert found[0].answers != found[1].answers
    return found


def command(bridgehead: Bridgehead, *before: str) -> list[str]:
    return [*before, sys.executable, "-B", str(APPLY), str(bridgehead.directory)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": ansible.collections_path()}


def request(state: State, **fields: Any) -> str:
    return json.dumps(
        {
            "connectors": state.connectors,
            "hosts": state.hosts,
            "this_host": "b1",
            "purge": True,
            "allow_unsafe": MEANT,
            **fields,
        }
    )


def apply_in_process(bridgehead: Bridgehead, state: State, *before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(bridgehead, *before),
        input=request(state),
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=300,
    )


@dataclass
class Asker:
    """Asks for all routes all the while, in a thread of its own."""

    bridgehead: Bridgehead
    found: set[tuple[str, str, str, str]] = field(default_factory=set)

    def __enter__(self):
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            self.add(self.bridgehead.ask(ADDRESSES))
            self._end.wait(0.01)

    def add(self, answers: list[Answer]) -> None:
        self.found.update((address, *way(answer)) for address, answer in zip(ADDRESSES, answers))

    def wrong(self, *allowed: Undisturbed) -> list[str]:
        right = {(address, *way(answer)) for state in allowed for address, answer in zip(ADDRESSES, state.answers)}
        return [str(found) for found in sorted(self.found - right)]


def way(answer: Answer) -> tuple[str, str, str]:
    """What decides where mail goes. The class may be that of another step: what is admitted grows last."""
    return answer.transport, answer.nexthop, answer.problem


def kept_services(bridgehead: Bridgehead, answers: list[Answer]) -> bool:
    """Whether master.cf has the service of every answer: a reload would keep it running."""
    services = {line.split()[0] for line in bridgehead.instance.master_cf().splitlines() if re.match(r"[a-z]", line)}
    return {answer.transport for answer in answers} <= services


def system_calls(bridgehead: Bridgehead, state: State, log: Path) -> list[str]:
    """Each call that an undisturbed update makes, as strace(1) is told to kill there: it counts each name for itself."""
    done = apply_in_process(bridgehead, state, "strace", "-qq", "-o", str(log), "-e", f"trace={CALLS}")
    assert json.loads(done.stdout)["changed"], done.stderr
    names = re.findall(r"^([a-z]\w*)\(", log.read_text(), re.MULTILINE)
    return [f"{name}:signal=SIGKILL:when={names[: place + 1].count(name)}" for place, name in enumerate(names)]


@pytest.fixture(scope="module")
def strace() -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")


def test_killed_at_every_step(
    strace: None, bridgehead: Bridgehead, undisturbed: dict[int, Undisturbed], tmp_path: Path
) -> None:
    states = (ONE, OTHER)
    calls = {place: system_calls(bridgehead, states[place], tmp_path / "calls") for place in (1, 0)}
    pairs = [(place, call) for place in (0, 1) for call in calls[place]]
    if KILLS and len(pairs) > KILLS:
        pairs = random.SystemRandom().sample(pairs, KILLS)
    print(f"system calls: {len(calls[1])} and {len(calls[0])}; killed at {pairs}")
    killed = 0
    for target, call in pairs:
        make(bridgehead, states[1 - target])
        with Asker(bridgehead) as asker:
            done = apply_in_process(
                bridgehead, states[target], "strace", "-qq", "-o", "/dev/null", "-e", f"inject={call}"
            )
        killed += done.returncode != 0
        where = f"update to state {target} with {call}"
        assert done.returncode != 0 or json.loads(done.stdout)["changed"], where
        asker.add(bridgehead.ask_afresh(ADDRESSES))
        assert not asker.wrong(*undisturbed.values()), where
        assert kept_services(bridgehead, bridgehead.ask(ADDRESSES)), where
        make(bridgehead, states[target])
        assert bridgehead.content() == undisturbed[target].content, where
        assert bridgehead.ask_afresh(ADDRESSES) == undisturbed[target].answers, where
        again = make(bridgehead, states[target])
        assert not again.changed, (where, again.commands)
    assert killed >= len(pairs) * 0.9


# --- a program of Postfix is killed or fails ---------------------------------------------------------------------------


def commands(tmp_path: Path, **scripts: str) -> str:
    """A command directory in which some of Postfix's programs are replaced by shell scripts."""
    directory = tmp_path / "commands"
    directory.mkdir()
    for name in ("postconf", "postmap", "postfix"):
        if name in scripts:
            (directory / name).write_text("#!/bin/sh\n" + scripts[name])
            (directory / name).chmod(0o755)
        else:
            (directory / name).symlink_to(f"/usr/sbin/{name}")
    return str(directory)


def provision_with(bridgehead: Bridgehead, directory: str, state: State, **fields: Any) -> Outcome:
    postfix = Postfix(str(bridgehead.directory), run_command, directory)
    tables = LookupTables(str(bridgehead.directory), run_command, directory)
    request = bridgehead.request(state.connectors, hosts=state.hosts, purge=True, **fields)
    return provision(postfix, tables, request)


def check_as_before(bridgehead: Bridgehead, before: Undisturbed) -> None:
    assert bridgehead.content() == before.content
    assert bridgehead.ask_afresh(ADDRESSES) == before.answers


@pytest.mark.parametrize("kind", ["lmdb", "hash"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_killed_postmap_is_an_error_and_everything_is_as_before(
    strace: None, bridgehead: Bridgehead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, number: int
) -> None:
    """Each postmap that builds an index is killed at its first or second system call that makes something durable."""
    use_indexed_type(monkeypatch, kind)
    make(bridgehead, ONE)
    before = Undisturbed(bridgehead.content(), bridgehead.ask_afresh(ADDRESSES))
    inject = f"inject=fsync,fdatasync,msync,pwrite64,write:signal=SIGKILL:when={number}"
    builds = f'case " $* " in *" -q "*|*" -s "*) exec /usr/sbin/postmap "$@";; esac; exec strace -qq -o /dev/null -e {inject} '
    with Asker(bridgehead) as asker, pytest.raises(ApplyError) as raised:
        provision_with(bridgehead, commands(tmp_path, postmap=builds + '/usr/sbin/postmap "$@"\n'), OTHER)
    assert "All files were restored" in str(raised.value)
    assert not asker.wrong(before)
    check_as_before(bridgehead, before)
    assert not make(bridgehead, ONE).changed


def test_a_reload_that_fails_once_takes_everything_back(bridgehead: Bridgehead, tmp_path: Path) -> None:
    make(bridgehead, ONE)
    before = Undisturbed(bridgehead.content(), bridgehead.ask_afresh(ADDRESSES))
    flag = tmp_path / "fail"
    script = f'if [ -e {flag} ]; then rm {flag}; echo "postfix: fatal: not now" >&2; exit 1; fi; exec /usr/sbin/postfix "$@"\n'
    flag.touch()
    with Asker(bridgehead) as asker, pytest.raises(ApplyError) as raised:
        provision_with(bridgehead, commands(tmp_path, postfix=script), OTHER)
    assert re.search(r"not now.*Done before: write connectors.json.*All files were restored", str(raised.value))
    assert (raised.value.failed, bool(raised.value.undone)) == ([], True)
    assert not asker.wrong(before)
    check_as_before(bridgehead, before)


def test_a_reload_that_always_fails_is_said_and_the_files_are_as_before(bridgehead: Bridgehead, tmp_path: Path) -> None:
    make(bridgehead, ONE)
    before = Undisturbed(bridgehead.content(), bridgehead.ask_afresh(ADDRESSES))
    with pytest.raises(ApplyError) as raised:
        provision_with(bridgehead, commands(tmp_path, postfix="exit 1\n"), OTHER)
    assert [text.startswith("reload (") for text in raised.value.failed] == [True]
    assert "Run the task again once the cause is mended" in str(raised.value)
    check_as_before(bridgehead, before)


# --- another answer than planned ---------------------------------------------------------------------------------------


@pytest.fixture
def pattern_table(bridgehead: Bridgehead) -> Iterator[str]:
    """A table of the administrator's that is asked for whole addresses, so that it wins over every domain's entry."""
    make(bridgehead, ONE)
    table = bridgehead.directory / "patterns"
    bridgehead.tables.build("regexp", str(table), "/@a\\.test$/ smtp:[192.0.2.77]\n", 0o644)
    found = bridgehead.instance.setting("transport_maps")
    bridgehead.instance.configure(transport_maps=f"{found}, regexp:{table}")
    bridgehead.postfix.reload()
    yield f"regexp:{table}"
    make(bridgehead, ONE, strict=False)
    bridgehead.instance.configure(transport_maps=found)
    bridgehead.postfix.reload()
    table.unlink()
    make(bridgehead, ONE)


def test_a_route_that_another_table_wins_is_rolled_back_and_the_table_named(
    bridgehead: Bridgehead, pattern_table: str
) -> None:
    make(bridgehead, ONE)
    before = Undisturbed(bridgehead.content(), bridgehead.ask_afresh(ADDRESSES))
    with Asker(bridgehead) as asker, pytest.raises(ApplyError) as raised:
        make(bridgehead, OTHER)
    assert pattern_table in str(raised.value)
    assert "a.test goes to smtp:[192.0.2.77]" in str(raised.value)
    assert "strict: false" in str(raised.value)
    # All other addresses may have had their new route for a while.
    assert not [found for found in asker.wrong(before) if "u@a.test" in found]
    check_as_before(bridgehead, before)


def test_without_strict_it_stays_in_force_with_a_warning(bridgehead: Bridgehead, pattern_table: str) -> None:
    outcome = make(bridgehead, OTHER, strict=False)
    assert any(pattern_table in warning for warning in outcome.warnings), outcome
    answers = dict(zip(ADDRESSES, bridgehead.ask_afresh(ADDRESSES)))
    assert answers["u@c.test"].transport.startswith("connector-to-a")
    assert answers["u@a.test"].nexthop == "[192.0.2.77]"
    assert not make(bridgehead, OTHER).changed


# --- two at once -------------------------------------------------------------------------------------------------------


def test_two_runs_at_once_end_right(bridgehead: Bridgehead) -> None:
    """Each makes a set of its own; whoever comes second waits and then plans from what the first has made."""
    make(bridgehead, ONE)
    made = {
        "east": [connector("east", ["east.test"], ["east.example"])],
        "west": [connector("west", ["west.test"], ["west.example"])],
    }
    running = []
    for name, connectors in made.items():
        process = subprocess.Popen(
            command(bridgehead),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        text = request(State(connectors, ONE.hosts), set=name)
        running.append((process, text))
    threads = []
    ended: list[tuple[int, str, str]] = []
    for process, text in running:

        def finish(process: subprocess.Popen[str] = process, text: str = text) -> None:
            out, err = process.communicate(text, timeout=300)
            ended.append((process.returncode, out, err))

        threads.append(threading.Thread(target=finish))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert [code for code, _out, _err in ended] == [0, 0], ended
    assert all(json.loads(out)["changed"] for _code, out, _err in ended)
    hops = [answer.nexthop for answer in bridgehead.ask_afresh(["u@east.test", "u@west.test"])]
    assert hops == ["[east.example]:25", "[west.example]:25"]
    for name, connectors in made.items():
        assert not make(bridgehead, State(connectors, ONE.hosts), set=name).changed
        assert make(bridgehead, State([], {}), set=name).changed


def test_a_second_run_waits_for_the_first(bridgehead: Bridgehead) -> None:
    make(bridgehead, ONE)
    before = bridgehead.content()
    process = subprocess.Popen(
        command(bridgehead),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with files.directory_lock(str(bridgehead.directory), 60):
        assert process.stdin is not None
        process.stdin.write(request(OTHER))
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert bridgehead.content() == before
    assert process.wait(120) == 0
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    assert not make(bridgehead, OTHER).changed


# --- a full disk -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(lab_root: Path) -> Iterator[Callable[[], Bridgehead]]:
    """A running instance whose configuration directory is a file system of 2 MB."""
    instance = lab_postfix.Instance(lab_root, "b1", "127.0.0.12", settings=SETTINGS)
    kept = {path.name: path.read_bytes() for path in instance.config_directory.iterdir()}
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", str(instance.config_directory)], check=True
    )
    try:
        for name, content in kept.items():
            (instance.config_directory / name).write_bytes(content)
        with instance:
            yield Bridgehead(instance)
    finally:
        subprocess.run(["umount", str(instance.config_directory)], check=True)


def fill(path: Path, leave: int) -> None:
    """Leave so many bytes free on the file system of this path."""
    with path.open("wb") as filler, pytest.raises(OSError):
        while True:
            os.write(filler.fileno(), bytes(4096))
    os.truncate(path, max(0, path.stat().st_size - leave))


@pytest.mark.parametrize("kind", ["lmdb", "hash"])
def test_a_full_disk_is_an_error_and_everything_is_as_before(
    small_disk: Bridgehead, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """At whichever step the room runs out."""
    use_indexed_type(monkeypatch, kind)
    many = [
        connector(f"c{number}", [f"d{number}.test", f"*.e{number}.test"], [f"h{number}.example"])
        for number in range(12)
    ]
    large = State([*OTHER.connectors, *many], OTHER.hosts)
    make(small_disk, large)
    after = Undisturbed(small_disk.content(), small_disk.ask_afresh(ADDRESSES))
    make(small_disk, ONE)
    before = Undisturbed(small_disk.content(), small_disk.ask_afresh(ADDRESSES))
    filler = small_disk.directory / "filler"
    failed = 0
    for leave in (0, 8192, 24576, 49152, 98304, 131072, 196608):
        fill(filler, leave)
        asker = Asker(small_disk)
        try:
            with asker:
                make(small_disk, large)
        except (ApplyError, OSError) as error:
            failed += 1
            filler.unlink()
            assert "restored" not in str(error) or "Could not be restored" not in str(error), (leave, str(error))
            assert not asker.wrong(before, after), leave
            check_as_before(small_disk, before)
        else:
            filler.unlink()
            make(small_disk, ONE)
    assert failed >= 4
    make(small_disk, large)
    assert small_disk.ask_afresh(ADDRESSES) == after.answers
    assert not make(small_disk, large).changed


# --- a daemon that is late -----------------------------------------------------------------------------------------------


def test_a_reload_ends_once_nobody_is_left_who_may_know_main_cf_of_before(bridgehead: Bridgehead) -> None:
    """A trivial-rewrite(8) that was just starting would open the tables that come next, with the default route of before."""
    make(bridgehead, ONE)
    bridgehead.ask(ADDRESSES)
    (late,) = bridgehead.instance.pids("trivial-rewrite")
    reload = threading.Thread(target=bridgehead.postfix.reload)
    os.kill(late, signal.SIGSTOP)
    try:
        reload.start()
        reload.join(3)
        assert reload.is_alive()
    finally:
        os.kill(late, signal.SIGCONT)
    reload.join(60)
    assert not reload.is_alive()
    assert late not in bridgehead.instance.pids("trivial-rewrite")
