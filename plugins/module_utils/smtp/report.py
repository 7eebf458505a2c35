# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a target, as plain data."""

from __future__ import annotations

import typing as t

from ..connector import values
from .certificate import Certificate, stands_for
from .judge import judge_server, judge_target
from .lookup import Resolution, Server
from .observation import Seen, StartTls
from .probe import Probed
from .reply import announced_size, authentication_mechanisms
from .target import Target


def result(probed: Probed, resolved_by: str) -> dict[str, t.Any]:
    """One target. Whatever was not seen is null or empty."""
    target, seen = probed.target, probed.seen
    resolution = probed.resolution or Resolution()
    judged = judge_target(target, probed.resolution)
    problems, notes, servers = list(judged.problems), list(judged.notes), []
    for server in resolution.servers:
        others_answer = any(one.connected for other, one in seen.items() if other != server)
        own = judge_server(target, server, seen.get(server), others_answer)
        problems += own.problems
        notes += own.notes
        servers.append({**_server(target, server, seen.get(server)), "ok": own.ok})
    return {
        "target": target.name,
        "host": values.show_host(target.host),
        "port": target.port,
        "mx": target.mx,
        "resolved_by": resolved_by,
        "mail_exchangers": [one._asdict() for one in resolution.exchangers],
        "null_mx": resolution.null_mx,
        "addresses": list(dict.fromkeys(server.address for server in resolution.servers)),
        "reachable": any(one.connected for one in seen.values()),
        "servers": servers,
        "ok": not problems,
        "problems": problems,
        "notes": notes,
    }


def _server(target: Target, server: Server, found: Seen | None) -> dict[str, t.Any]:
    seen = found or Seen(server)
    recipients = [
        {
            "address": answer.address,
            "accepted": answer.reply.positive,
            "code": answer.reply.code,
            "text": answer.reply.text,
            "refused_at": None if answer.reply.positive else "sender" if answer.at_sender else "recipient",
        }
        for answer in seen.recipients
    ]
    return {
        "host": server.host,
        "address": server.address,
        "preference": server.preference,
        "reachable": seen.connected,
        "banner": str(seen.greeting) if seen.greeting else None,
        "keywords": seen.keywords,
        "keywords_in_clear": seen.keywords_in_clear,
        "helo_only": seen.helo_only,
        "starttls": _starttls(target, seen.starttls),
        "size": announced_size(seen.keywords),
        "auth_mechanisms": authentication_mechanisms(seen.keywords),
        "recipients": recipients,
        "failure": seen.failure or None,
    }


def _starttls(target: Target, starttls: StartTls) -> dict[str, t.Any]:
    return {
        "offered": starttls.offered,
        "version": starttls.version or None,
        "cipher": starttls.cipher or None,
        "certificate": _certificate(target, starttls.certificate) if starttls.certificate else None,
        "failure": starttls.failure or None,
    }


def _certificate(target: Target, certificate: Certificate) -> dict[str, t.Any]:
    known = certificate.details
    wanted = target.certificate_names
    return {
        "details_known": known,
        "subject": certificate.subject if known else None,
        "issuer": certificate.issuer if known else None,
        "not_after": certificate.not_after if known else None,
        "names": list(certificate.names) if known else None,
        "fingerprint_sha256": certificate.fingerprint,
        "trusted": certificate.trusted,
        "distrust": certificate.distrust or None,
        "name_matches": stands_for(certificate.names, wanted) if known and wanted else None,
    }
