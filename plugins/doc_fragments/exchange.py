# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of all modules that open a session with Exchange."""

    DOCUMENTATION = r"""
options:
  session_method:
    description:
      - How the host that Ansible is connected to comes to the cmdlets of Exchange.
      - V(existing) uses cmdlets that its session already has.
      - V(management_shell) opens the Exchange Management Shell of the Exchange server that the task runs on.
      - V(remoting) opens a session with O(session_uri), from any Windows host. Nothing of Exchange needs to be installed there.
      - V(edge) loads the snap-in of the Edge Transport server that the task runs on.
      - V(auto) takes the first that is there of V(existing), V(remoting) if O(session_uri) is set, V(edge) and
        V(management_shell).
    type: str
    choices: [auto, existing, management_shell, remoting, edge]
    default: auto
  session_uri:
    description:
      - The endpoint of an Exchange server, such as V(http://ex1.contoso.com/PowerShell/). Kerberos encrypts the session, and
        needs the full name of the server.
      - Required with O(session_method=remoting).
    type: str
  session_authentication:
    description:
      - How the session with Exchange is authenticated, with O(session_uri) or O(session_username).
    type: str
    choices: [kerberos, negotiate, basic, credssp]
    default: kerberos
  session_username:
    description:
      - The account for the session with Exchange, if it is not that of the task.
      - With it O(session_method=management_shell) opens a session with the server's own endpoint instead of its shell, which
        takes no other account.
    type: str
  session_password:
    description:
      - The password of O(session_username), of at least four characters. The two are given together.
    type: str
  domain_controller:
    description:
      - The domain controller that is read from and written to.
      - By default Exchange chooses one for the first cmdlet, and the task stays with it to the end, so that it reads what it
        wrote.
      - It has no effect on an Edge Transport server, which has no domain.
    type: str
notes:
  - The session with Exchange is a second connection, from the host of the task to an Exchange server. An account that logged on
    with NTLM, or with Kerberos without delegation, cannot open it. Use CredSSP or Kerberos delegation for the connection to the
    host, C(become) with a password, or O(session_method=remoting) with O(session_username) and O(session_password).
  - The account needs management roles in Exchange. Members of C(Organization Management) may do everything that this collection
    does; receive connectors alone are open to C(Server Management) and C(Hygiene Management) too.
  - Nothing is done while Exchange Setup runs on the host.
requirements:
  - Windows PowerShell 5.1 on the host that the task runs on
  - Exchange Server 2016, 2019 or Subscription Edition
"""
