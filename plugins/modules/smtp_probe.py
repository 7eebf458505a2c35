#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smtp_probe
short_description: Probe SMTP servers for reachability, STARTTLS, size, AUTH and relaying
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Talks SMTP to many servers at the same time, from the host that the task runs on, and says for each whether it answers as
    wanted.
  - Looks up MX and address records, connects, greets, negotiates TLS and judges the certificate, reads the announced
    extensions, and asks whether the server takes mail for some recipients and refuses it for others.
  - No message is ever sent. Every recipient is asked for in a transaction of its own, which ends in C(RSET), and every
    conversation ends in C(QUIT).
  - Every address of a host and every mail exchanger of a domain is probed, so that a dead one behind living ones shows.
options:
  targets:
    description: The servers to probe, and what is wanted of each.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: A host name or an IP address. With O(targets[].mx) the domain whose mail exchangers are probed.
        type: str
        required: true
      port:
        description:
          - The port. TLS that comes first, as on port 465, is not probed.
        type: int
        default: 25
      mx:
        description:
          - Look up the MX records of O(targets[].host), and probe every mail exchanger.
          - A domain without MX records is its own mail exchanger (RFC 5321). A null MX (RFC 7505) is a problem.
        type: bool
        default: false
      tls:
        description: TLS as a connector has it.
        type: dict
        suboptions:
          level:
            description:
              - With V(none), TLS is not tried.
              - With V(opportunistic), TLS is tried where it is offered, and whatever goes wrong with it is a note.
              - With V(encrypt), TLS is required and the certificate does not matter.
              - With V(verify), the certificate has to be trusted and to carry one of O(targets[].tls.names).
              - With V(chain_only), the certificate has to be trusted, whatever its name.
            type: str
            choices: [none, opportunistic, encrypt, verify, chain_only]
            default: opportunistic
          names:
            description:
              - The names of which the certificate has to carry one. V(*.contoso.com) means every name below V(contoso.com).
              - The default is O(targets[].host). With O(targets[].mx), names below it will do as well. An IP address has no
                default.
            type: list
            elements: str
          ca_file:
            description:
              - A PEM file on the target with the certificates to trust. The default is the system's own collection.
            type: path
      helo:
        description: How the probe introduces itself.
        type: dict
        suboptions:
          name:
            description:
              - The name in C(EHLO). The default is the name of the host where it is a full one, and else its address.
            type: str
          command:
            description: V(helo) for servers that do not know C(EHLO). TLS is not tried then.
            type: str
            choices: [ehlo, helo]
            default: ehlo
      sender:
        description: The sender in the envelope. The default is the empty one, as bounces have it.
        type: str
        default: ''
      recipient_accepted:
        description: Mail addresses for which the server has to take mail from this host.
        type: list
        elements: str
        default: []
      recipient_refused:
        description:
          - Mail addresses of strangers, for which the server has to refuse mail from this host for good.
          - Take addresses in domains that the server does not serve. For a domain that it serves, only the user may be unknown.
        type: list
        elements: str
        default: []
      timeout:
        description: Another O(timeout) for each server of this target.
        type: int
      expect:
        description: What else has to be so.
        type: dict
        suboptions:
          reachable:
            description: With V(false), connections have to fail.
            type: bool
            default: true
          size:
            description: The server has to take messages of at least this size, such as V(35MB).
            type: str
          auth_mechanisms:
            description: Mechanisms that AUTH has to offer. With an empty list, AUTH must not be offered.
            type: list
            elements: str
          keywords:
            description: Extensions that the server has to announce, such as V(CHUNKING).
            type: list
            elements: str
            default: []
  timeout:
    description:
      - The seconds that one server gets, everything included.
      - Exchange delays each refusal by five seconds (its tarpit interval), so many recipients need more.
    type: int
    default: 30
  deadline:
    description:
      - The seconds after which all probing is over. What is not finished by then is a problem of its target.
    type: int
    default: 300
  parallel:
    description: The number of servers that are talked to at the same time.
    type: int
    default: 50
  inet_protocols:
    description: The kinds of addresses to use, as in Postfix.
    type: str
    choices: [all, ipv4, ipv6]
    default: all
  host_lookup:
    description:
      - How host names become addresses, as in O(ignore:smtp_host_lookup) of Postfix.
      - V(dns) asks DNS, as Postfix does by default. V(native) asks the system's own resolver, its hosts file included.
      - MX records always come from DNS.
    type: str
    choices: [dns, native]
    default: dns
  nameservers:
    description: The name servers to ask instead of those of the system.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: The IP address of the name server.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 53
  source_addresses:
    description: The addresses to connect from, at most one of IPv4 and one of IPv6.
    type: list
    elements: str
    default: []
  fail_on_problems:
    description: Fail when a target has problems. With V(false), only RV(ok) says so.
    type: bool
    default: true
  dns_answers:
    description:
      - Answers that were looked up on the controller. The action plugin of this module gives them where the target has no
        dnspython; they are not for playbooks.
    type: dict
extends_documentation_fragment:
  - mailops.connectors.attributes
attributes:
  check_mode:
    support: full
    details: The module probes in check mode too, since nothing is changed.
  diff_mode:
    support: N/A
    details: The module never changes anything.
  idempotent:
    support: full
requirements:
  - Python 3.9 or newer
  - dnspython 2.0 or newer on the target, or else on the controller. It is needed for O(targets[].mx), and for host names
    with O(host_lookup=dns). What the controller looks up is the controller's view of DNS.
  - openssl on the target, to read certificates that are not trusted; without it only their fingerprint is known
notes:
  - Servers see connections that end without a message. Some count them, and some delay or block who makes many.
  - Exchange servers have no Python, so the probe cannot run there. Probe from a Postfix host or the controller, and bear in mind
    that the way from there is another one.
  - No server name is sent with TLS (SNI), as Postfix sends none by default.
seealso:
  - module: mailops.connectors.smtp_route
"""

EXAMPLES = r"""
- name: Each bridgehead reaches its smart hosts over verified TLS, and they relay for it as agreed
  mailops.connectors.smtp_probe:
    targets:
      - host: mx1.partner.example
        tls: {level: verify}
        recipient_accepted: [postmaster@partner.example]
        recipient_refused: [somebody@stranger.example]
        expect: {size: 35MB}
      - host: partner.example
        mx: true
        tls: {level: encrypt}
    deadline: 60

- name: What a server looks like from the controller, whatever it is
  mailops.connectors.smtp_probe:
    targets:
      - {host: 192.0.2.25, port: 587, expect: {auth_mechanisms: [LOGIN]}}
    fail_on_problems: false
  delegate_to: localhost
  register: probe

- name: Show its certificate
  ansible.builtin.debug:
    var: probe.results[0].servers[0].starttls.certificate

- name: Nobody but the bridgeheads gets through to the internal servers
  mailops.connectors.smtp_probe:
    targets:
      - {host: exchange1.contoso.example, expect: {reachable: false}}
  delegate_to: outside.contoso.example
"""

RETURN = r"""
ok:
  description: Whether no target has problems.
  returned: always
  type: bool
problems:
  description: The problems of all targets, each with its remedy.
  returned: always
  type: list
  elements: str
results:
  description: One result for each target, in the order in which they were given.
  returned: when the options make sense
  type: list
  elements: dict
  contains:
    target:
      description: What was probed, in one word for people.
      type: str
    host:
      description: The host or domain.
      type: str
    port:
      description: The port.
      type: int
    mx:
      description: Whether the mail exchangers of a domain were asked for.
      type: bool
    resolved_by:
      description: Where names were looked up, V(target), V(controller), or V(not needed) for an IP address.
      type: str
    mail_exchangers:
      description: The MX records as C(preference) and C(host), the first to be tried first.
      type: list
      elements: dict
    null_mx:
      description: Whether the domain says that it takes no mail.
      type: bool
    addresses:
      description: The addresses of all servers.
      type: list
      elements: str
    reachable:
      description: Whether at least one server took the connection.
      type: bool
    ok:
      description: Whether there are no problems.
      type: bool
    problems:
      description: What is not as wanted, each with its remedy, servers included.
      type: list
      elements: str
    notes:
      description: What is worth knowing and fails nothing.
      type: list
      elements: str
    servers:
      description: One entry for each address, in the order in which mail servers try them.
      type: list
      elements: dict
      contains:
        host:
          description: The name of the server, or its address where no name is known.
          type: str
        address:
          description: Its address.
          type: str
        preference:
          description: The preference of its MX record, null without one.
          type: int
        reachable:
          description: Whether it took the connection.
          type: bool
        banner:
          description: Its greeting with the code, null without one.
          type: str
        keywords:
          description: What EHLO announced last, after TLS where that was negotiated. Keywords and their parameters.
          type: dict
        keywords_in_clear:
          description: What EHLO announced before TLS.
          type: dict
        helo_only:
          description: Whether the server was greeted with HELO.
          type: bool
        starttls:
          description: What is known of TLS.
          type: dict
          contains:
            offered:
              description: Whether STARTTLS was announced, null where the conversation did not get there.
              type: bool
            version:
              description: The negotiated version, null without TLS.
              type: str
            cipher:
              description: The negotiated cipher suite, null without TLS.
              type: str
            failure:
              description: Why there is no TLS although it was tried.
              type: str
            certificate:
              description: The certificate that the server showed.
              type: dict
              contains:
                details_known:
                  description:
                    - Whether more than the fingerprint is known. For a certificate that is not trusted, this needs openssl.
                  type: bool
                subject:
                  description: Whose certificate it is.
                  type: str
                issuer:
                  description: Who issued it.
                  type: str
                not_after:
                  description: When it ends, in UTC.
                  type: str
                names:
                  description: The DNS names that it stands for.
                  type: list
                  elements: str
                fingerprint_sha256:
                  description: Its SHA-256 fingerprint, as Postfix writes it.
                  type: str
                trusted:
                  description: Whether it is valid now and leads to an authority in O(targets[].tls.ca_file) or of the system.
                  type: bool
                distrust:
                  description: Why it is not trusted.
                  type: str
                name_matches:
                  description: Whether it carries a wanted name, null where none is wanted or its names are not known.
                  type: bool
        size:
          description: The announced largest size of a message in bytes, null where no limit is announced.
          type: int
        auth_mechanisms:
          description: What AUTH offers.
          type: list
          elements: str
        recipients:
          description: The answer for each recipient that was asked for, first the wanted ones.
          type: list
          elements: dict
          contains:
            address:
              description: The recipient.
              type: str
            accepted:
              description: Whether the server would take mail for it.
              type: bool
            code:
              description: The code of the reply.
              type: int
            text:
              description: The text of the reply.
              type: str
            refused_at:
              description: Whether the V(sender) was refused already, or the V(recipient). Null where neither was.
              type: str
        failure:
          description: What ended the conversation before its time.
          type: str
        ok:
          description: Whether this server has no problems.
          type: bool
  sample:
    - target: "mx1.partner.example:25"
      host: mx1.partner.example
      port: 25
      mx: false
      resolved_by: target
      mail_exchangers: []
      null_mx: false
      addresses: [192.0.2.20]
      reachable: true
      ok: true
      problems: []
      notes: []
      servers:
        - host: mx1.partner.example
          address: 192.0.2.20
          preference: null
          reachable: true
          banner: 220 mx1.partner.example ESMTP
          keywords: {SIZE: "36700160", PIPELINING: "", 8BITMIME: ""}
          keywords_in_clear: {SIZE: "36700160", STARTTLS: "", PIPELINING: "", 8BITMIME: ""}
          helo_only: false
          starttls:
            offered: true
            version: TLSv1.3
            cipher: TLS_AES_256_GCM_SHA384
            failure: null
            certificate:
              details_known: true
              subject: CN=mx1.partner.example
              issuer: CN=Partner CA
              not_after: "2027-01-31T12:00:00Z"
              names: [mx1.partner.example]
              fingerprint_sha256: "1F:8B:...:0C"
              trusted: true
              distrust: null
              name_matches: true
          size: 36700160
          auth_mechanisms: []
          recipients:
            - {address: postmaster@partner.example, accepted: true, code: 250, text: 2.1.5 Ok, refused_at: null}
            - address: somebody@stranger.example
              accepted: false
              code: 554
              text: "5.7.1 <somebody@stranger.example>: Relay access denied"
              refused_at: recipient
          failure: null
          ok: true
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.values import is_address
from ansible_collections.mailops.connectors.plugins.module_utils.smtp import details, resolver
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.lookup import Ask, given_answers
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.probe import Settings, probe
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.report import result
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.request import (
    HOST_LOOKUPS,
    Request,
    read_request,
)
from ansible_collections.mailops.connectors.plugins.module_utils.smtp.target import TLS_LEVELS, Target

Parameters = dict[str, t.Any]


def texts(**more: t.Any) -> Parameters:
    return {"type": "list", "elements": "str", **more}


def target_spec() -> Parameters:
    tls = {
        "level": {"type": "str", "choices": list(TLS_LEVELS), "default": "opportunistic"},
        "names": texts(),
        "ca_file": {"type": "path"},
    }
    helo = {"name": {"type": "str"}, "command": {"type": "str", "choices": ["ehlo", "helo"], "default": "ehlo"}}
    expect = {
        "reachable": {"type": "bool", "default": True},
        "size": {"type": "str"},
        "auth_mechanisms": texts(),
        "keywords": texts(default=[], no_log=False),  # no secret, although ansible-test takes the word for one
    }
    return {
        "host": {"type": "str", "required": True},
        "port": {"type": "int", "default": 25},
        "mx": {"type": "bool", "default": False},
        "tls": {"type": "dict", "options": tls},
        "helo": {"type": "dict", "options": helo},
        "sender": {"type": "str", "default": ""},
        "recipient_accepted": texts(default=[]),
        "recipient_refused": texts(default=[]),
        "timeout": {"type": "int"},
        "expect": {"type": "dict", "options": expect},
    }


def argument_spec() -> Parameters:
    name_server = {"address": {"type": "str", "required": True}, "port": {"type": "int", "default": 53}}
    return {
        "targets": {"type": "list", "elements": "dict", "required": True, "options": target_spec()},
        "timeout": {"type": "int", "default": 30},
        "deadline": {"type": "int", "default": 300},
        "parallel": {"type": "int", "default": 50},
        "inet_protocols": {"type": "str", "choices": ["all", "ipv4", "ipv6"], "default": "all"},
        "host_lookup": {"type": "str", "choices": list(HOST_LOOKUPS), "default": "dns"},
        "nameservers": {"type": "list", "elements": "dict", "default": [], "options": name_server},
        "source_addresses": texts(default=[]),
        "fail_on_problems": {"type": "bool", "default": True},
        "dns_answers": {"type": "dict"},
    }


class ProbeTask:
    """One task: what it asks for, and where its names are looked up."""

    def __init__(self, module: AnsibleModule, request: Request) -> None:
        self.module = module
        self.request = request
        self.answers: Parameters | None = module.params["dns_answers"]
        self.end = time.monotonic() + request.deadline

    @property
    def needs_answers(self) -> bool:
        """Whether the controller has to look names up, since nobody here can."""
        return self.request.needs_dns and self.answers is None and not resolver.available()

    def ask(self) -> Ask:
        if self.answers is not None:
            return given_answers(self.answers)
        return resolver.resolver(self.request.name_servers, self.end) if self.request.needs_dns else resolver.system

    def resolved_by(self, target: Target) -> str:
        if is_address(target.host):
            return "not needed"
        if self.answers is not None and (target.mx or self.request.host_lookup == "dns"):
            return "controller"
        return "target"

    def run(self) -> Parameters:
        request = self.request
        ask = self.ask()
        ask_address = ask if request.host_lookup == "dns" else resolver.system
        settings = Settings(
            deadline=self.end,
            timeout=request.timeout,
            parallel=request.parallel,
            protocols=request.inet_protocols,
            source_addresses=request.source_addresses,
        )
        probed = probe(request.targets, settings, ask, ask_address)
        details.explain(probed, self.module.get_bin_path("openssl"), self.run_openssl, self.end)
        results = [result(one, self.resolved_by(one.target)) for one in probed]
        problems = [problem for one in results for problem in one["problems"]]
        return {"changed": False, "ok": not problems, "problems": problems, "results": results}

    def run_openssl(self, command: list[str], text: str) -> tuple[int, str]:
        status, output, _errors = self.module.run_command(
            command, data=text, environ_update={"LC_ALL": "C"}, handle_exceptions=False
        )
        return status, output


def failure(results: list[Parameters]) -> str:
    wrong = [one for one in results if not one["ok"]]
    whole = f"{len(wrong)} of {len(results)} target{'s have' if len(results) > 1 else ' has'} problems."
    return "\n".join([whole, *(problem for one in wrong for problem in one["problems"])])


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    problems = Problems()
    request = read_request(module.params, problems)
    try:
        problems.raise_if_any()
    except ConnectorError as error:
        module.fail_json(msg=str(error), ok=False, problems=[str(problem) for problem in error.problems])
    task = ProbeTask(module, request)
    if task.needs_answers:
        module.exit_json(changed=False, ok=False, problems=[], needs_dns_answers=True)
    answer = task.run()
    if module.params["fail_on_problems"] and not answer["ok"]:
        module.fail_json(msg=failure(answer["results"]), **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
