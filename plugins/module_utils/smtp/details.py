# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leaf that lets openssl read the certificates which Python does not explain: those that it does not trust."""

from __future__ import annotations

import ssl
import time
import typing as t

from .certificate import OPENSSL_ARGUMENTS, Certificate, Details, from_openssl, with_details
from .probe import Probed

# (command line, standard input) -> exit status, standard output
Runner = t.Callable[[list[str], str], tuple[int, str]]


def explain(probed: t.Iterable[Probed], openssl: str | None, run: Runner, end: float) -> None:
    """Fill the details in. Without openssl, or once the time is over, only the fingerprint stays known."""
    read: dict[str, Details | None] = {}
    for one in probed:
        for seen in list(one.seen.values()):
            certificate = seen.starttls.certificate
            if certificate is None or certificate.details:
                continue
            key = certificate.fingerprint
            if key not in read and openssl and time.monotonic() < end:
                read[key] = _details(certificate, openssl, run)
            seen.starttls.certificate = with_details(certificate, read.get(key))


def _details(certificate: Certificate, openssl: str, run: Runner) -> Details | None:
    status, output = run([openssl, *OPENSSL_ARGUMENTS], ssl.DER_cert_to_PEM_cert(certificate.der))
    return from_openssl(output) if status == 0 else None
