# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a probe saw is what was wanted: problems, each with its remedy, and notes that fail nothing."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..connector import values
from ..connector.errors import Problem, shown
from .certificate import Certificate, stands_for
from .lookup import Resolution, Server
from .observation import RecipientAnswer, Seen
from .reply import announced_size, authentication_mechanisms, enhanced_code
from .target import Target


@dataclass
class Judgement:
    """What is wrong with a target, or with one of its servers."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def problem(self, where: str, what: str, value: t.Any, message: str, remedy: str) -> None:
        self.problems.append(str(Problem(where, what, shown(value), message, remedy)))


def judge_target(target: Target, resolution: Resolution | None) -> Judgement:
    """What is wrong with the target as a whole; its servers are judged one by one (judge_server)."""
    judged = Judgement()
    where = f"target {target.name}"
    if resolution is None:
        judged.problem(where, "deadline", None, "was not looked up in time", LATE)
        return judged
    judged.notes.extend(resolution.notes)
    for trouble in resolution.problems:
        if target.expect.reachable:
            judged.problem(where, "host", None, trouble.message, trouble.remedy)
        else:
            judged.notes.append(trouble.message)
    return judged


LATE = "give the task a longer deadline, or fewer targets; a name server or server may be slow"


def judge_server(target: Target, server: Server, seen: Seen | None, others_answer: bool) -> Judgement:
    """others_answer: whether another address of the target took the connection."""
    judged = Judgement()
    where = f"target {target.name}"
    if server.host != target.host or server.address != target.host:
        where += f", server {server.name}"
    if seen is None:
        judged.problem(where, "deadline", None, "was not probed to its end in time", LATE)
    elif not target.expect.reachable:
        if seen.connected:
            remedy = "close the port for this host, or leave expect.reachable out"
            judged.problem(where, "expect.reachable", False, "takes connections", remedy)
    elif not seen.connected:
        _judge_unreachable(judged, where, seen, others_answer)
    elif _judge_greeting(judged, where, seen):
        _judge_tls(judged, where, target, seen)
        if seen.failure:
            remedy = "look at the server's log; a firewall that inspects SMTP may be in between"
            judged.problem(where, "", None, seen.failure, remedy)
        _judge_recipients(judged, where, target, seen)
        if not seen.failure and (seen.starttls.negotiated or not target.tls.required):
            _judge_announced(judged, where, target, seen)
    return judged


def _judge_unreachable(judged: Judgement, where: str, seen: Seen, others_answer: bool) -> None:
    if seen.no_route and others_answer:
        judged.notes.append(f"{where}: {seen.failure}; another address answers")
        return
    remedy = "check that the server runs and listens there, and every firewall on the way"
    if seen.no_route:
        remedy = "give this host a route there, or set inet_protocols to what it has"
    judged.problem(where, "host", None, seen.failure, remedy)


def _judge_greeting(judged: Judgement, where: str, seen: Seen) -> bool:
    """Whether the conversation got beyond the greeting."""
    if seen.greeting is None:
        remedy = "check that SMTP is spoken on this port (on port 465 TLS comes first, which is not probed)"
        judged.problem(where, "port", None, seen.failure, remedy)
        return False
    if seen.greeting.code != 220:
        remedy = "let the server take connections from this host, or try later where the code begins with 4"
        judged.problem(where, "host", None, f"greets with {seen.greeting} instead of 220", remedy)
        return False
    return True


def _judge_tls(judged: Judgement, where: str, target: Target, seen: Seen) -> None:
    level, starttls = target.tls.level, seen.starttls
    certificate = starttls.certificate
    if starttls.early_data:
        remedy = (
            "find out what is between this host and the server; the connection is tampered with, or the server broken"
        )
        judged.problem(where, "tls", None, "sends clear text between its answer to STARTTLS and TLS", remedy)
    if level == "none" or starttls.offered is None:
        return
    if starttls.failure:
        if level == "opportunistic":
            judged.notes.append(f"{where}: {starttls.failure}; mail goes in clear text")
        else:
            remedy = "look at the server's log; its TLS versions, ciphers and certificate have to fit this host's"
            judged.problem(where, "tls.level", level, starttls.failure, remedy)
    elif not starttls.offered:
        if target.tls.required:
            remedy = "give the server a certificate and let it offer STARTTLS, or lower tls.level"
            judged.problem(where, "tls.level", level, "does not offer STARTTLS", remedy)
    elif level in ("verify", "chain_only") and starttls.negotiated:
        _judge_certificate(judged, where, target, certificate)


def _judge_certificate(judged: Judgement, where: str, target: Target, certificate: Certificate | None) -> None:
    level = target.tls.level
    if certificate is None:
        judged.problem(where, "tls.level", level, "shows no certificate", "give the server one")
        return
    if not certificate.trusted:
        message = f"its certificate is not trusted: {certificate.distrust}"
        remedy = "renew or replace the certificate, or give the certificates of its authority in tls.ca_file"
        judged.problem(where, "tls.level", level, message, remedy)
    if level == "verify" and certificate.details and not stands_for(certificate.names, target.certificate_names):
        wanted, carried = ", ".join(target.certificate_names), ", ".join(certificate.names) or "no name"
        message = f"its certificate is for {carried}, and none of these is {wanted}"
        remedy = "install a certificate with that name, or give the names that it has to carry in tls.names"
        judged.problem(where, "tls.names", None, message, remedy)


def _judge_recipients(judged: Judgement, where: str, target: Target, seen: Seen) -> None:
    answers = {answer.address: answer for answer in seen.recipients}
    for address in target.recipient_accepted:
        if address in answers:
            _judge_accepted(judged, where, answers[address])
    for address in target.recipient_refused:
        if address in answers:
            _judge_refused(judged, where, answers[address])


def _judge_accepted(judged: Judgement, where: str, answer: RecipientAnswer) -> None:
    reply = answer.reply
    if reply.positive:
        return
    what = "the sender is refused" if answer.at_sender else "is refused"
    remedy = (
        "let the server take mail for the address from this host (relay domains, accepted domains, trusted networks)"
    )
    if answer.at_sender:
        remedy = "give a sender that the server takes from this host, or let it take mail from this host"
    if reply.temporary:
        what, remedy = what + " for now", remedy + "; where the server delays strangers (greylisting), ask again later"
    judged.problem(where, "recipient_accepted", answer.address, f"{what}: {reply}", remedy)


def _judge_refused(judged: Judgement, where: str, answer: RecipientAnswer) -> None:
    reply = answer.reply
    if reply.positive:
        message = f"is accepted: {reply}; the server relays for this host"
        remedy = "take this host out of the networks that the server trusts, or the domain out of its relay domains"
        judged.problem(where, "recipient_refused", answer.address, message, remedy)
    elif _denies_relay_for_now(answer):
        judged.notes.append(
            f"{where}: {answer.address} is refused for now only ({reply}); with reject_unauth_destination instead of "
            "defer_unauth_destination, and without soft_bounce, senders would know at once"
        )
    elif reply.temporary:
        message = f"is refused for now only, which proves nothing: {reply}"
        remedy = "ask again later, when the server no longer delays this host (greylisting), or is well again"
        judged.problem(where, "recipient_refused", answer.address, message, remedy)
    elif answer.at_sender:
        judged.notes.append(f"{where}: the sender is refused ({reply}), so nobody asked for {answer.address}")
    elif enhanced_code(reply).startswith("5.1."):
        # "No such user" says that the domain is served here: the stranger's address was a bad choice.
        judged.notes.append(
            f"{where}: {answer.address} is refused as unknown ({reply}), which says nothing of relaying; "
            "take an address of a domain that is not served there"
        )


def _denies_relay_for_now(answer: RecipientAnswer) -> bool:
    """Debian's stock main.cf defers strangers: 554 with 100 taken off (smtpd_check.c). Greylisting says 450 or 451."""
    return not answer.at_sender and answer.reply.code == 454 and enhanced_code(answer.reply) == "4.7.1"


def _judge_announced(judged: Judgement, where: str, target: Target, seen: Seen) -> None:
    expect = target.expect
    size = announced_size(seen.keywords)
    if expect.size is not None and size is not None and (expect.size == values.UNLIMITED or size < expect.size):
        message = f"is more than the {size} bytes that the server announces"
        remedy = "raise the server's largest message size, or lower the connector's"
        judged.problem(where, "expect.size", values.show_size(expect.size), message, remedy)
    elif expect.size is not None and "SIZE" not in seen.keywords:
        judged.notes.append(f"{where}: no SIZE is announced, so that the largest message size is not known")
    offered = authentication_mechanisms(seen.keywords)
    if expect.auth_mechanisms == () and offered:
        remedy = "switch authentication off on this port, or leave expect.auth_mechanisms out"
        judged.problem(where, "expect.auth_mechanisms", None, f"AUTH is offered: {' '.join(offered)}", remedy)
    for mechanism in expect.auth_mechanisms or ():
        if mechanism not in offered:
            message = f"is not offered; AUTH has {' '.join(offered) or 'nothing'}"
            remedy = "let the server offer it on this port" + (
                "" if seen.starttls.negotiated else ", perhaps after TLS only"
            )
            judged.problem(where, "expect.auth_mechanisms", mechanism, message, remedy)
    for keyword in expect.keywords:
        if keyword not in seen.keywords and not (keyword == "STARTTLS" and seen.starttls.offered):
            announced = ", ".join(seen.keywords) or "none"
            remedy = "switch the extension on, or leave it out of expect.keywords"
            judged.problem(where, "expect.keywords", keyword, f"is not announced; announced are {announced}", remedy)
