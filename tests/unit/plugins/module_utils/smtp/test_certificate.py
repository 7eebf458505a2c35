# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates: what Python and openssl say of them reads alike, and which names they stand for."""

from __future__ import annotations

import ssl
import time

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.certificate import (
    Certificate,
    Details,
    from_openssl,
    from_python,
    moment,
    stands_for,
)
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.details import explain
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.lookup import Server
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.observation import Seen, StartTls
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.probe import Probed
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.target import Target

DETAILS = Details(
    "C=DE, O=Contoso, OU=Mail, CN=mx.contoso.com",
    "CN=Contoso CA",
    "2027-01-31T12:00:00Z",
    ("mx.contoso.com", "*.contoso.net"),
)
PYTHON = {
    "subject": (
        (("countryName", "DE"),),
        (("organizationName", "Contoso"),),
        (("organizationalUnitName", "Mail"),),
        (("commonName", "mx.contoso.com"),),
    ),
    "issuer": ((("commonName", "Contoso CA"),),),
    "notAfter": "Jan 31 12:00:00 2027 GMT",
    "subjectAltName": (("DNS", "MX.contoso.com"), ("IP Address", "192.0.2.1"), ("DNS", "*.contoso.net")),
}
OPENSSL = """subject=C=DE, O=Contoso, OU=Mail, CN=mx.contoso.com
issuer=CN=Contoso CA
notAfter=Jan 31 12:00:00 2027 GMT
X509v3 Subject Alternative Name:\x20
    DNS:MX.contoso.com, IP Address:192.0.2.1, DNS:*.contoso.net
"""


def test_both_sources_give_the_same_details():
    assert from_python(PYTHON) == DETAILS
    assert from_openssl(OPENSSL) == DETAILS


def test_without_alternative_names_the_common_name_counts():
    assert from_python({**PYTHON, "subjectAltName": ()}).names == ("mx.contoso.com",)
    assert from_openssl(OPENSSL.replace("DNS:", "email:")).names == ("mx.contoso.com",)
    assert from_python({"notAfter": "", "subject": ()}).names == ()


@pytest.mark.parametrize("text", ["", "unable to load certificate", "subject=CN=x\n"])
def test_other_output_of_openssl_gives_no_details(text):
    assert from_openssl(text) is None


def test_a_time_that_cannot_be_read_is_left_out():
    assert moment("Jan 31 12:00:00 2027 GMT") == "2027-01-31T12:00:00Z"
    assert moment("31 January 2027") == ""


@pytest.mark.parametrize(
    ("carried", "wanted", "same"),
    [
        ("mx.contoso.com", "mx.contoso.com", True),
        ("MX.contoso.com", "mx.Contoso.com", True),
        ("mx.contoso.com", "contoso.com", False),
        ("contoso.com", "mx.contoso.com", False),
        ("*.contoso.com", "mx.contoso.com", True),
        ("*.contoso.com", "a.mx.contoso.com", False),
        ("*.contoso.com", "contoso.com", False),
        ("*.com", "contoso.com", True),
        ("m*.contoso.com", "mx.contoso.com", False),
        ("mx.contoso.com", "*.contoso.com", True),
        ("a.mx.contoso.com", "*.contoso.com", True),
        ("contoso.com", "*.contoso.com", False),
        (".contoso.com", "*.contoso.com", False),
        ("evilcontoso.com", "*.contoso.com", False),
        ("*.contoso.com", "*.contoso.com", True),
    ],
)
def test_which_names_a_certificate_stands_for(carried, wanted, same):
    assert stands_for([carried], [wanted]) is same
    assert stands_for(["x.example", carried], ["y.example", wanted]) is same


def test_no_names_stand_for_nothing():
    assert not stands_for([], ["mx.contoso.com"])
    assert not stands_for(["mx.contoso.com"], [])


# --- openssl on the target -------------------------------------------------------------------------------------------


class Openssl:
    def __init__(self, status=0, output=OPENSSL):
        self.status, self.output, self.given = status, output, []

    def run(self, command, text):
        self.given.append((command[0], ssl.PEM_cert_to_DER_cert(text)))
        return self.status, self.output


def explained(openssl, path="/usr/bin/openssl", seconds=60.0, targets=1):
    all_probed = []
    for _number in range(targets):
        starttls = StartTls(True, "TLSv1.3", certificate=Certificate("AB:CD", trusted=False, der=b"der"))
        server = Server("mx.contoso.com", "192.0.2.1")
        all_probed.append(Probed(Target("mx.contoso.com"), None, {server: Seen(server, starttls=starttls)}))
    explain(all_probed, path, openssl.run, time.monotonic() + seconds)
    return [seen.starttls.certificate for probed in all_probed for seen in probed.seen.values()]


def test_openssl_reads_each_certificate_once():
    openssl = Openssl()
    certificates = explained(openssl, targets=3)
    assert {(one.details, one.names, one.issuer) for one in certificates} == {(True, DETAILS.names, DETAILS.issuer)}
    assert openssl.given == [("/usr/bin/openssl", b"der")]


@pytest.mark.parametrize(
    ("openssl", "options"),
    [(Openssl(), {"path": None}), (Openssl(), {"seconds": -1.0}), (Openssl(1), {}), (Openssl(0, "usage:"), {})],
)
def test_without_openssl_or_time_the_details_are_not_known(openssl, options):
    (certificate,) = explained(openssl, **options)
    assert not certificate.details
    assert certificate.fingerprint == "AB:CD"
