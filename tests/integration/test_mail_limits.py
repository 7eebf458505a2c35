# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Size, HELO, limits, logging and native parameters of a connector, as the smart host sees them."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from lab.certificates import Identity
from lab.mail import bounce, carry, connector, running
from lab.postfix import Instance
from lab.sink import HANG

FIRST, SECOND = "192.0.2.30", "192.0.2.31"


@pytest.fixture(scope="module")
def bridgehead() -> Iterator[Instance]:
    with running(("b1", "127.0.0.11")) as (instance,):
        yield instance


@pytest.fixture(autouse=True)
def no_mail_left(bridgehead: Instance) -> Iterator[None]:
    yield
    bridgehead.run("postsuper", "-d", "ALL")


def body(size: int) -> str:
    return ("x" * 98 + "\r\n") * (size // 100 + 1)


# --- size --------------------------------------------------------------------------------------------------------------


def test_larger_mail_bounces_with_the_limit_named(bridgehead, make_sink):
    """The limits of two connectors and none beside each other; over SMTP and from sendmail(1)."""
    sink = make_sink(FIRST, size=500_000)
    silent = make_sink(SECOND)
    carry(
        bridgehead,
        [
            connector("small", "small.example", via=FIRST, max_message_size="10KB"),
            connector("medium", "medium.example", via=FIRST, max_message_size="100KB"),
            connector("unlimited", "unlimited.example", via=FIRST),
            connector("says-no-size", "silent.example", via=SECOND, max_message_size="10KB"),
        ],
    )
    for domain in ("small", "medium", "unlimited", "silent"):
        bridgehead.inject("a@here.example", f"b@{domain}.example", body=body(20_000), subject=domain)
    bridgehead.sendmail("a@here.example", "c@small.example", body=body(20_000).replace("\r", ""))
    bridgehead.inject("a@here.example", "d@small.example", subject="short")
    bridgehead.inject("a@here.example", "d@medium.example", body=body(200_000))
    for recipient, limit in (("b@small", 10240), ("c@small", 10240), ("d@medium", 102400)):
        told = bounce(bridgehead, f"{recipient}.example")
        assert re.search(rf"exceeds size limit {limit} of server", told), told
    assert {message.subject for message in sink.wait_for(3)} == {"medium", "unlimited", "short"}
    # Where the smart host announces no SIZE there is nothing that could be lowered, as the plan's note says.
    assert silent.wait_for(1)[0].subject == "silent"


def test_unlimited_means_up_to_message_size_limit_and_the_plan_says_so(bridgehead, make_sink):
    make_sink(FIRST)
    bridgehead.configure(message_size_limit="50000")
    bridgehead.reload()
    made = [connector("to-there", "there.example", via=FIRST)]
    outcome = carry(bridgehead, made, check_mode=True)
    notes = [note for change in outcome.plan for note in change["notes"]]
    assert [note for note in notes if "message_size_limit (50000 bytes)" in note]
    bridgehead.configure(message_size_limit=None)
    bridgehead.reload()


# --- HELO --------------------------------------------------------------------------------------------------------------


def test_helo_name_and_command(bridgehead, make_sink):
    first, second = make_sink(FIRST), make_sink(SECOND)
    carry(
        bridgehead,
        [
            connector("named", "named.example", via=FIRST, helo={"name": "Mail.Contoso.example"}),
            connector("old", "old.example", via=SECOND, helo={"name": "old.contoso.example", "command": "helo"}),
            connector("plain", "plain.example", via=FIRST),
        ],
    )
    bridgehead.inject("a@here.example", "b@named.example")
    bridgehead.inject("a@here.example", "b@old.example")
    bridgehead.inject("a@here.example", "b@plain.example")
    names = {
        message.to[0]: (message.helo_verb, message.helo_name) for message in first.wait_for(2) + second.wait_for(1)
    }
    assert names == {
        "b@named.example": ("EHLO", "mail.contoso.example"),
        "b@old.example": ("HELO", "old.contoso.example"),
        "b@plain.example": ("EHLO", bridgehead.hostname),
    }
    assert not any(command.startswith("EHLO") for session in second.sessions for command in session.commands)


# --- limits ------------------------------------------------------------------------------------------------------------


def queue_up(instance: Instance, sink, count: int, domain: str) -> None:
    """So many messages in the queue, which all go at once as soon as the sink is there."""
    sink.stop()
    for number in range(count):
        instance.inject("a@here.example", f"b{number}@{domain}")
    instance.wait_until(lambda: [entry.queue_name for entry in instance.queue()] == ["deferred"] * count, "all wait")
    sink.clear()


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_messages_per_connection_is_what_the_smart_host_counts(bridgehead, make_sink, limit):
    """Also where the administrator keeps connections to this smart host open on principle."""
    sink = make_sink(FIRST)
    bridgehead.configure(smtp_connection_cache_destinations=f"[{FIRST}]:25, {FIRST}")
    limits = {"messages_per_connection": limit, "connections": 1}
    carry(bridgehead, [connector("to-there", "there.example", via=FIRST, limits=limits)])
    queue_up(bridgehead, sink, 12, "there.example")
    sink.start()
    bridgehead.flush()
    sink.wait_for(12)
    bridgehead.configure(smtp_connection_cache_destinations=None)
    each = Counter(message.session for message in sink.messages)
    assert max(each.values()) == limit, each


def test_without_a_limit_a_connection_takes_more(bridgehead, make_sink):
    sink = make_sink(FIRST)
    carry(bridgehead, [connector("to-there", "there.example", via=FIRST, limits={"connections": 1})])
    queue_up(bridgehead, sink, 12, "there.example")
    sink.start()
    bridgehead.flush()
    sink.wait_for(12)
    assert max(Counter(message.session for message in sink.messages).values()) > 4


@pytest.mark.parametrize("limit", [1, 3])
def test_connections_at_once(bridgehead, make_sink, limit):
    sink = make_sink(FIRST, faults={"data": HANG})
    carry(bridgehead, [connector("to-there", "there.example", via=FIRST, limits={"connections": limit})])
    queue_up(bridgehead, sink, 8, "there.example")
    sink.start()
    bridgehead.flush()

    def hanging() -> int:
        return sum("DATA" in session.commands for session in sink.sessions)

    bridgehead.wait_until(lambda: hanging() >= limit, "as many connections as there may be")
    time.sleep(1)  # a further connection would have come: the other messages are in the active queue
    assert len(sink.sessions) == limit
    sink.faults.clear()
    sink.stop()
    sink.start()
    bridgehead.flush()
    bridgehead.wait_until(lambda: len(sink.messages) >= 8, f"all arrive at the sink: {sink.sessions}")
    assert sorted(to for message in sink.messages for to in message.to) == [f"b{n}@there.example" for n in range(8)]


def test_rate_delay(bridgehead, make_sink):
    """A lower bound only: however slow the machine, four messages take at least three delays."""
    sink = make_sink(FIRST)
    carry(bridgehead, [connector("to-there", "there.example", via=FIRST, limits={"rate_delay": "2s"})])
    start = time.monotonic()
    for number in range(4):
        bridgehead.inject("a@here.example", f"b{number}@there.example")
    sink.wait_for(4)
    assert time.monotonic() - start > 5


# --- log, native parameters --------------------------------------------------------------------------------------------


def test_the_log_names_the_connector_and_tells_more_when_verbose(bridgehead, make_sink, authority):
    make_sink(FIRST, certificate=authority.server("x.example"))
    carry(
        bridgehead,
        [
            connector("Quiet One", "quiet.example", via=FIRST),
            connector("Loud One", "loud.example", via=FIRST, log="verbose"),
        ],
    )
    bridgehead.inject("a@here.example", "b@quiet.example")
    bridgehead.inject("a@here.example", "b@loud.example")
    bridgehead.wait_for_log(r"connector-quiet-one/smtp\[\d+\]: .*to=<b@quiet.example>.*status=sent")
    bridgehead.wait_for_log(r"connector-loud-one/smtp\[\d+\]: .*to=<b@loud.example>.*status=sent")
    log = bridgehead.log()
    assert re.search(r"connector-loud-one/smtp\[\d+\]: .*TLS connection established to", log)
    assert not re.search(r"connector-quiet-one/smtp\[\d+\]: .*TLS connection established to", log)


class TlsFront:
    """Takes TLS from the first byte on (port 465) and passes what is inside on to a sink."""

    def __init__(self, identity: Identity, sink_address: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate_file, identity.key_file)
        self._listener = socket.create_server((sink_address, 465))
        self._context, self._sink = context, sink_address
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _peer = self._listener.accept()
                outer = self._context.wrap_socket(plain, server_side=True)
                inner = socket.create_connection((self._sink, 25))
            except ssl.SSLError:
                continue
            except OSError:
                return
            for source, target in ((outer, inner), (inner, outer)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_native_parameters_reach_the_service(bridgehead, make_sink, authority):
    """TLS from the first byte on is what the vocabulary has no field for."""
    sink = make_sink(FIRST)
    front = TlsFront(authority.server("x.example"), FIRST)
    fields = {"tls": {"level": "encrypt"}, "postfix": {"smtp_tls_wrappermode": True, "smtp_bind_address": "127.0.0.12"}}
    carry(bridgehead, [connector("wrapped", "wrapped.example", via=f"{FIRST}:465", **fields)])
    bridgehead.inject("a@here.example", "b@wrapped.example")
    sink.wait_for(1)
    bridgehead.wait_for_log(r"to=<b@wrapped.example>, relay=192.0.2.30\[192.0.2.30\]:465.*status=sent")
    front.stop()
    bound = make_sink(SECOND)
    native = {
        "smtp_bind_address": "127.0.0.12",
        "smtp_header_checks": "inline:{X=Y}",
        "smtp_quote_rfc821_envelope": False,
    }
    carry(bridgehead, [connector("bound", "bound.example", via=SECOND, postfix=native)])
    bridgehead.inject("a@here.example", "b@bound.example")
    assert bound.wait_for(1)[0].peer == "127.0.0.12"


def test_comment_and_name_stand_in_the_table(bridgehead):
    made = connector("To Partner", "partner.example", via=FIRST, comment="agreed with the partner; # 7 % {x} é")
    carry(bridgehead, [made])
    table = (bridgehead.config_directory / "connectors" / "transport").read_text(encoding="utf-8")
    assert '# connector "To Partner": agreed with the partner; # 7 % {x} é\n' in table
    changed = carry(bridgehead, [{**made, "comment": "another"}])
    assert changed.routes_changed == [] and [change["action"] for change in changed.plan] == ["update"]
    assert ": another\n" in (bridgehead.config_directory / "connectors" / "transport").read_text(encoding="utf-8")
