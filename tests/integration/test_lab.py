# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory does what the other tests rely on."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading

import pytest

from lab import LabError, ansible, namespace, postfix
from lab.certificates import Authority
from lab.sink import DROP, HANG
from lab.waiting import wait_until

SINK = "192.0.2.30"
SMART_HOST = {"relayhost": f"[{SINK}]"}


def test_a_message_goes_through_an_instance_to_a_sink(make_instance, make_sink):
    sink = make_sink(SINK, size=100000)
    bridgehead = make_instance("b1", "127.0.0.11", settings=SMART_HOST)
    assert bridgehead.inject("a@here.example", ["b@there.example", "c@there.example"], subject="one") == {}
    (message,) = sink.wait_for(1)
    assert message.subject == "one"
    assert message.to == ("b@there.example", "c@there.example")
    assert (message.sender, message.peer, message.helo_verb) == ("a@here.example", "127.0.0.11", "EHLO")
    assert message.helo_name == bridgehead.hostname
    assert [parameter.partition("=")[0] for parameter in message.sender_parameters] == ["SIZE"]
    assert (message.tls, message.user) == (None, None)
    bridgehead.wait_for_empty_queue()
    assert bridgehead.pids("trivial-rewrite")
    assert not bridgehead.run("postconf", "-n").stderr


def test_sendmail_submits_without_smtp(make_instance, make_sink):
    sink = make_sink(SINK)
    make_instance("b1", "127.0.0.11", settings=SMART_HOST).sendmail("a@here.example", "b@there.example", subject="two")
    assert sink.wait_for(1)[0].subject == "two"


def test_a_stranger_is_refused(make_instance):
    bridgehead = make_instance("b1", "127.0.0.11")
    assert "Relay access denied" in bridgehead.answer_to("x@there.example", source="198.51.100.7")
    assert bridgehead.answer_to("x@there.example", source="127.0.0.2").startswith("250")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        bridgehead.inject("a@here.example", "x@there.example", source="198.51.100.7")


def test_tls_with_a_trusted_a_wrong_and_an_expired_certificate(make_instance, make_sink, authority, resolver, tmp_path):
    wrong = Authority(tmp_path / "wrong")
    names = {
        "right.example": ("192.0.2.31", authority.server("right.example")),
        "foreign.example": ("192.0.2.32", wrong.server("foreign.example")),
        "expired.example": ("192.0.2.33", authority.server("expired.example", expired=True)),
        "othername.example": ("192.0.2.34", authority.server("something-else.example")),
    }
    for name, (address, _identity) in names.items():
        resolver.set(name, "A", address)
    sinks = {name: make_sink(address, certificate=identity) for name, (address, identity) in names.items()}
    bridgehead = make_instance(
        "b1",
        "127.0.0.11",
        settings={
            "smtp_tls_security_level": "secure",
            "smtp_tls_CAfile": authority.certificate_file,
            "smtp_tls_secure_cert_match": "nexthop",
            "transport_maps": "inline:{" + ", ".join(f"{{to.{name} = smtp:[{name}]}}" for name in names) + "}",
        },
    )
    for name in names:
        bridgehead.inject("a@here.example", f"b@to.{name}")
    (message,) = sinks["right.example"].wait_for(1)
    assert message.tls is not None
    assert (message.tls.version, message.tls.server_name) == ("TLSv1.3", None)
    bridgehead.wait_until(lambda: sum(all(entry.reasons) for entry in bridgehead.queue()) == 3, "three wait")
    reasons = {entry.recipients[0].split("@to.")[1]: entry.reasons[0] for entry in bridgehead.queue()}
    assert set(reasons) == {"foreign.example", "expired.example", "othername.example"}
    assert all("not trusted" in reason or "not verified" in reason for reason in reasons.values()), reasons
    assert not any(sinks[name].messages for name in reasons)


def test_a_client_certificate_is_recorded(make_instance, make_sink, authority):
    identity = authority.client("b1.example")
    sink = make_sink(SINK, certificate=authority.server("sink.example"), client_ca=authority.certificate_file)
    bridgehead = make_instance(
        "b1",
        "127.0.0.11",
        settings={
            **SMART_HOST,
            "smtp_tls_security_level": "encrypt",
            "smtp_tls_cert_file": identity.certificate_file,
            "smtp_tls_key_file": identity.key_file,
        },
    )
    bridgehead.inject("a@here.example", "b@there.example")
    (message,) = sink.wait_for(1)
    assert message.tls is not None
    assert message.tls.client_certificate == "b1.example"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_authentication_after_tls(make_instance, make_sink, authority, mechanism):
    sink = make_sink(
        SINK,
        certificate=authority.server("sink.example"),
        require_tls=True,
        users={"mailer": "a secret, of sorts"},
        mechanisms=(mechanism,),
        require_auth=True,
    )
    bridgehead = make_instance(
        "b1",
        "127.0.0.11",
        settings={**SMART_HOST, "smtp_sasl_auth_enable": "yes", "smtp_sasl_tls_security_options": "noanonymous"},
        start=False,
    )
    passwords = bridgehead.write("passwords", f"[{SINK}] mailer:a secret, of sorts\n", mode=0o600)
    bridgehead.configure(smtp_sasl_password_maps=f"texthash:{passwords}")
    bridgehead.start()
    bridgehead.inject("a@here.example", "b@there.example")
    (message,) = sink.wait_for(1)
    assert (message.user, message.mechanism) == ("mailer", mechanism)
    assert message.tls is not None


def test_a_wrong_password_and_a_missing_one_are_refused(make_sink):
    sink = make_sink(SINK, users={"mailer": "right"}, auth_in_clear=True, require_auth=True)
    with smtplib.SMTP(SINK, 25, timeout=30) as client:
        client.ehlo("client.example")
        assert client.mail("a@here.example")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("mailer", "wrong")
    assert set(sink.sessions[-1].refused_users) == {"mailer"}
    assert not any("wrong" in command for command in sink.sessions[-1].commands)


STAGES = ("greeting", "ehlo", "mail", "rcpt", "data", "end")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", ["451 4.3.0 not now", DROP])
def test_a_fault_makes_the_mail_wait_and_its_end_lets_it_go(make_instance, make_sink, stage, fault):
    # A client that is refused EHLO tries HELO.
    sink = make_sink(SINK, faults={stage: fault, **({"helo": fault} if stage == "ehlo" else {})})
    bridgehead = make_instance("b1", "127.0.0.11", settings=SMART_HOST)
    bridgehead.inject("a@here.example", "b@there.example")
    bridgehead.wait_until(lambda: [entry for entry in bridgehead.queue() if all(entry.reasons)], "it waits")
    assert not sink.messages
    sink.faults.clear()
    bridgehead.flush()
    sink.wait_for(1)


def test_a_sink_that_hangs_is_given_up_and_one_that_stopped_refuses(make_instance, make_sink):
    hanging = make_sink("192.0.2.31", faults={"greeting": HANG})
    stopped = make_sink("192.0.2.32")
    good = make_sink("192.0.2.33")
    stopped.stop()
    bridgehead = make_instance(
        "b1",
        "127.0.0.11",
        settings={"relayhost": "[192.0.2.32], [192.0.2.31], [192.0.2.33]", "smtp_helo_timeout": "1s"},
    )
    bridgehead.inject("a@here.example", "b@there.example")
    good.wait_for(1)
    assert hanging.sessions and not hanging.messages
    stopped.start()
    with socket.create_connection(("192.0.2.32", 25), timeout=30) as connection:
        assert connection.recv(100).startswith(b"220")


def test_starttls_that_fails_and_a_server_that_knows_helo_only(make_instance, make_sink, authority):
    broken = make_sink("192.0.2.31", certificate=authority.server("x.example"), faults={"starttls": "454 4.7.0 no"})
    old = make_sink("192.0.2.32", ehlo=False)
    bridgehead = make_instance(
        "b1",
        "127.0.0.11",
        settings={
            "smtp_tls_security_level": "encrypt",
            "transport_maps": "inline:{{tls.example = smtp:[192.0.2.31]}, {old.example = relay:[192.0.2.32]}}",
            "smtp_tls_policy_maps": "inline:{{[192.0.2.32] = none}}",
        },
    )
    bridgehead.inject("a@here.example", "b@old.example")
    assert old.wait_for(1)[0].helo_verb == "HELO"
    bridgehead.inject("a@here.example", "b@tls.example")
    bridgehead.wait_for_log(r"TLS is required, but.*454")
    assert not broken.messages


def test_a_message_larger_than_announced_is_refused(make_sink):
    sink = make_sink(SINK, size=2000)
    with smtplib.SMTP(SINK, 25, timeout=30) as client:
        client.ehlo("client.example")
        assert client.esmtp_features["size"] == "2000"
        assert client.mail("a@here.example", ["SIZE=2001"])[0] == 552
        client.mail("a@here.example")
        client.rcpt("b@there.example")
        assert client.data(b"x" * 3000 + b"\r\n")[0] == 552
    assert not sink.messages


def test_mail_by_mx(make_instance, make_sink, resolver):
    resolver.set("there.example", "MX", "20 second.there.example.", "10 first.there.example.")
    resolver.set("first.there.example", "A", "192.0.2.31")
    resolver.set("second.there.example", "A", "192.0.2.32")
    first, second = make_sink("192.0.2.31"), make_sink("192.0.2.32")
    bridgehead = make_instance("b1", "127.0.0.11")
    bridgehead.inject("a@here.example", "b@there.example")
    first.wait_for(1)
    first.stop()
    bridgehead.inject("a@here.example", "c@there.example")
    second.wait_for(1)
    assert ("there.example", "MX") in resolver.queries
    bridgehead.inject("a@here.example", "d@nowhere.example")
    bridgehead.wait_for_log(r"to=<d@nowhere.example>.*status=bounced.*Host or domain name not found")


def test_names_resolve_inside_only(resolver):
    resolver.set("known.example", "A", "192.0.2.40")
    resolver.set("long.example", "TXT", *[f'"{"x" * 200}{number}"' for number in range(5)])
    assert socket.gethostbyname("known.example") == "192.0.2.40"
    with pytest.raises(socket.gaierror):
        socket.gethostbyname("unknown.example")
    namespace.set_hosts({"listed.example": "192.0.2.41"})
    assert socket.gethostbyname("listed.example") == "192.0.2.41"
    outside = subprocess.run(
        ["/usr/bin/nsenter", "--mount=/proc/1/ns/mnt", "cat", "/etc/hosts"], capture_output=True, text=True, check=False
    )
    assert "listed.example" not in outside.stdout


@pytest.mark.parametrize("flavour", ["debian", "minimal", "gateway"])
@pytest.mark.parametrize("chroot", [True, False])
def test_every_flavour_starts_reloads_and_stops(make_instance, flavour, chroot):
    instance = make_instance("b1", "127.0.0.11", flavour=flavour, chroot=chroot)
    pid = instance.master_pid()
    instance.reload()
    assert instance.master_pid() == pid
    warnings = instance.run("postconf", "-n").stderr.splitlines()
    assert all("overriding earlier entry: relayhost" in line for line in warnings)
    assert len(warnings) == (flavour == "gateway")
    instance.stop()
    assert not instance.running()
    told = [line for line in instance.log().splitlines() if "fatal:" in line or "warning:" in line]
    assert not [line for line in told if "overriding earlier entry" not in line]
    instance.start()
    assert instance.master_pid() not in (None, pid)


def test_an_instance_has_stopped_when_the_last_of_its_daemons_has_ended(make_instance):
    """On a busy machine smtpd ends later than its master, and holds the port until then."""
    instance = make_instance("b1", "127.0.0.11")
    (slow,) = instance.pids("smtpd")
    os.kill(slow, signal.SIGSTOP)
    stopping = threading.Thread(target=instance.stop)
    stopping.start()
    instance.wait_until(lambda: not instance.running(), "its master ends")
    stopping.join(1)
    assert stopping.is_alive(), "it waits for smtpd"
    os.kill(slow, signal.SIGCONT)
    stopping.join(60)
    assert not stopping.is_alive()
    instance.start()


def test_two_instances_hand_over_and_mail_survives_a_stop(make_instance, make_sink):
    sink = make_sink(SINK)
    second = make_instance("b2", "192.0.2.12", settings={**SMART_HOST, "mynetworks": "192.0.2.11/32"}, start=False)
    first = make_instance("b1", "192.0.2.11", settings={"relayhost": "[192.0.2.12]"})
    first.inject("a@here.example", "b@there.example")
    first.wait_until(lambda: [entry for entry in first.queue() if all(entry.reasons)], "it waits for b2")
    first.stop()
    second.start()
    first.start()
    (message,) = sink.wait_for(1)
    assert message.peer == "192.0.2.12"
    assert b"from b1.lab.example" in message.body


def test_a_master_does_not_outlive_a_killed_test_run(lab_root):
    program = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from lab import namespace, postfix\n"
        "namespace.enter()\n"
        "instance = postfix.Instance(Path(sys.argv[2]), 'b1', '127.0.0.11').start()\n"
        "print(instance.master_pid(), flush=True); time.sleep(600)\n"
    )
    tests = str(ansible.CHECKOUT / "tests")
    run = subprocess.Popen([sys.executable, "-c", program, tests, str(lab_root)], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    pid = int(run.stdout.readline())
    assert postfix.program(pid) == "master"
    run.kill()
    run.wait()
    run.stdout.close()
    wait_until(lambda: postfix.program(pid) != "master", "it ends")


def test_a_task_runs_on_several_hosts(tmp_path):
    arguments = {"dest": str(tmp_path / "{{ inventory_hostname }}"), "content": "{{ word }}"}
    host_vars = {"b1": {"word": "one"}, "b2": {"word": "two"}}
    options = {"hosts": ["b1", "b2"], "host_vars": host_vars, "diff": True}
    run = ansible.run_task("ansible.builtin.copy", arguments, check=True, **options)
    assert run["b1"]["changed"] and not (tmp_path / "b1").exists()
    assert "+one" in run.output
    ansible.run_task("ansible.builtin.copy", arguments, **options).expect_success()
    assert (tmp_path / "b2").read_text() == "two"
    assert not ansible.run_task("ansible.builtin.copy", arguments, **options)["b2"]["changed"]


def test_a_failed_run_tells_all():
    run = ansible.run_task("ansible.builtin.fail", {"msg": "on purpose"}, verbosity=3)
    assert run.failed and run["b1"]["msg"] == "on purpose"
    assert "task path" in run.output
    with pytest.raises(LabError, match="on purpose"):
        run.expect_success()
    with pytest.raises(LabError, match="couldn't resolve module"):
        ansible.run_task("mailops.connectors.no_such_module", {})["b1"]


def test_waiting_ends():
    with pytest.raises(LabError, match=r"Not within 0\.1 s: pigs fly\nthey walk"):
        wait_until(lambda: False, "pigs fly", timeout=0.1, details=lambda: "they walk")
