# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master.cf with the services of a Debian installation."""

from __future__ import annotations

# CHROOT is y on Debian; upstream and the RHEL family say n. The services that Debian never runs chrooted say n here.
_TEMPLATE = """\
# ==========================================================================
# service type  private unpriv  chroot  wakeup  maxproc command + args
#               (yes)   (yes)   (no)    (never) (100)
# ==========================================================================
LISTEN    inet  n       -       CHROOT       -       -       smtpd
#smtp      inet  n       -       y       -       1       postscreen
#submission inet n       -       y       -       -       smtpd
#  -o syslog_name=postfix/submission
#  -o smtpd_tls_security_level=encrypt
pickup    unix  n       -       CHROOT       60      1       pickup
cleanup   unix  n       -       CHROOT       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       CHROOT       1000?   1       tlsmgr
rewrite   unix  -       -       CHROOT       -       -       trivial-rewrite
bounce    unix  -       -       CHROOT       -       0       bounce
defer     unix  -       -       CHROOT       -       0       bounce
trace     unix  -       -       CHROOT       -       0       bounce
verify    unix  -       -       CHROOT       -       1       verify
flush     unix  n       -       CHROOT       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       CHROOT       -       -       smtp
relay     unix  -       -       CHROOT       -       -       smtp
        -o syslog_name=postfix/$service_name
showq     unix  n       -       CHROOT       -       -       showq
error     unix  -       -       CHROOT       -       -       error
retry     unix  -       -       CHROOT       -       -       error
discard   unix  -       -       CHROOT       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       CHROOT       -       -       lmtp
anvil     unix  -       -       CHROOT       -       1       anvil
scache    unix  -       -       CHROOT       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
# ====================================================================
# Interfaces to non-Postfix software.
# ====================================================================
uucp      unix  -       n       n       -       -       pipe
  flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail ($recipient)
"""


def master_cf(listen: str, *, chroot: bool) -> str:
    """The file's text; listen is ``address:port``."""
    return _TEMPLATE.replace("LISTEN", listen, 1).replace("CHROOT", "y" if chroot else "n")
