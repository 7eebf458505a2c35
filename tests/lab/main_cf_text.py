# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main.cf files that a bridgehead is found with."""

from __future__ import annotations

from collections.abc import Mapping

# What an installation as "Internet Site" leaves on Debian, without its pointers to the machine's own certificate and
# alias files.
DEBIAN = """\
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no

# appending .domain is the MUA's job.
append_dot_mydomain = no

readme_directory = no

compatibility_level = 3.6

# TLS parameters
smtpd_tls_security_level = none
smtp_tls_security_level = may
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache

smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
alias_maps =
mydestination = $myhostname, localhost.$mydomain, localhost
relayhost =
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
"""

# As little as possible: every other parameter has its default, mynetworks too.
MINIMAL = """\
compatibility_level = 3.6
alias_maps =
"""

# A firewall gateway with an administrator's own routes in every form that main.cf allows: comments inside values,
# values over several lines, a duplicate, own macros, own tables. Own tables are inline, so that nothing must be built.
GATEWAY = """\
# Mail gateway.  Ask the mail team before changing anything.
compatibility_level = 3.6
our_domains = inside.example,
    # moved here in spring
    old-inside.example

mydestination =
local_recipient_maps =
local_transport = error:5.1.1 no local mail on this host
alias_maps =
mynetworks = 127.0.0.0/8,
\t192.0.2.0/24
relay_domains = $our_domains
relay_recipient_maps = inline:{ @inside.example=x, @old-inside.example=x }
transport_maps =
    inline:{ inside.example=relay:[192.0.2.50], old-inside.example=relay:[192.0.2.50] }
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
parent_domain_matches_subdomains = debug_peer_list smtpd_access_maps
smtp_tls_security_level = may
relayhost = [192.0.2.51]
relayhost = [192.0.2.52]:25
"""

FLAVOURS = {"debian": DEBIAN, "minimal": MINIMAL, "gateway": GATEWAY}


def main_cf(flavour: str, settings: Mapping[str, str | None]) -> str:
    """The file's text: the settings, then the flavour's lines without those that a setting replaces or removes."""
    own = [f"{name} = {value}" for name, value in settings.items() if value is not None]
    kept, replaced = [], False
    for line in FLAVOURS[flavour].split("\n"):
        if line[:1] not in (" ", "\t"):
            replaced = line.partition("=")[0].strip() in settings
        if not replaced:
            kept.append(line)
    return "\n".join([*own, "", *kept])
