# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The vocabulary: options that every module with a list of connectors has, with the same names and rules."""

    # A fragment attribute of the same name as this file would never be found: the loader takes it for this file.
    DOCUMENTATION = r"""
options:
  connectors:
    description:
      - The connectors, each a dict in the vocabulary that Exchange and Postfix share.
      - On Postfix the list is the whole definition of each connector that it names. A field that is left out or null
        has its default.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the connector, 1 to 64 characters, unique without case, over all sets.
        type: str
        required: true
      state:
        description:
          - V(absent) removes the connector. No field besides O(connectors[].name) is needed for that.
        type: str
        choices: [present, absent]
        default: present
      renamed_from:
        description:
          - Earlier names of this connector. One that is still there under such a name is renamed, without a gap in
            which its mail would have no route.
        type: list
        elements: str
      enabled:
        description:
          - Whether the connector takes mail. One that is disabled stays in the list and takes part in no route.
          - The default is V(true).
        type: bool
      comment:
        description:
          - A comment, at most 255 characters on one line.
        type: str
      address_spaces:
        description:
          - The domains that the connector takes. At least one is needed, except on a connector of the scope
            V(routing_group) that names O(connectors[].connected_routing_groups).
          - V(contoso.com) is that domain alone. V(*.contoso.com) is the domain and all its subdomains. V(*) is
            whatever no narrower space holds.
          - Each is text such as V(contoso.com), V(*.contoso.com;10) or V(SMTP:*;20), where the number behind the
            semicolon is the cost, or a dict of C(domain), C(cost) and C(type).
          - Costs are 1 to 100 and the default is 1. The narrowest space always wins. Among connectors with the same
            space the lowest cost wins.
          - On Postfix the connectors with higher costs take the mail while those before them do not answer. On
            Exchange, mail waits on the connector that was chosen.
          - Types other than V(SMTP) are only possible on Exchange.
        type: list
        elements: raw
      smart_hosts:
        description:
          - The hosts that take the mail. Without any, mail goes where the MX records of the recipient's domain point
            to.
          - Each is a DNS name, an IP address with or without brackets, any of them with C(:port), or a dict of
            C(host), C(port) and C(mx).
          - Postfix tries them in this order. Exchange balances between them, and needs the same port for all.
          - With C(mx=true) the MX records of the name are used. Only possible on Postfix. On Exchange, where MX
            records may be used for any name, C(mx=false) is an error.
        type: list
        elements: raw
      port:
        description:
          - The port of those smart hosts that name none, 1 to 65535. The default is V(25).
          - An error without O(connectors[].smart_hosts).
        type: int
      bridgeheads:
        description:
          - The inventory names of the hosts that carry the connector. At least one is needed.
          - All of them belong to one system and, on Postfix, to one routing group.
        type: list
        elements: str
      scope:
        description:
          - Which hosts may use the connector. V(organization), the default, means every host. V(routing_group) means
            only the hosts in the routing group of its bridgeheads.
        type: str
        choices: [organization, routing_group]
      connected_routing_groups:
        description:
          - The routing groups that this connector leads to, one way. Needs O(connectors[].smart_hosts).
          - Each is a name, or a dict of C(name) and C(cost). Costs are 1 to 100 and the default is 1.
          - With the scope V(routing_group), the space V(*), or no space at all, stands for the domains of all routing
            groups that are reached through this connector, as they are listed with the routing groups. A connector
            that is a default route has no connected groups.
        type: list
        elements: raw
      relay:
        description:
          - Whether messages from anyone may be relayed to the domains of this connector. The default is V(false).
          - An error on V(*) and on a top-level domain, since both would be an open relay. A connector whose V(*)
            stands for the domains of connected routing groups relays exactly to those.
        type: bool
      tls:
        description:
          - How the connection to the next host is protected.
        type: dict
        suboptions:
          level:
            description:
              - V(none) is never. V(opportunistic), the default, is when the other side offers it. V(encrypt) requires
                TLS and checks no certificate.
              - V(verify) requires a certificate of a trusted authority that carries one of O(connectors[].tls.names).
              - V(chain_only) requires a certificate of a trusted authority, whatever its name. Only possible on
                Exchange.
              - V(dane) and V(dane_only) use TLSA records. Only possible on Postfix.
            type: str
            choices: [none, opportunistic, encrypt, verify, chain_only, dane, dane_only]
          names:
            description:
              - The names of which the certificate must carry one, each a DNS name, or V(*.contoso.com) for all names
                below it. Only with the level V(verify).
              - The default is the name of the smart host, or without smart hosts the domain of the recipient. They
                are needed where a smart host is an IP address.
            type: list
            elements: str
          ca_file:
            description:
              - Absolute path of a PEM file with the authorities to trust. Only with the levels V(verify) and
                V(chain_only).
              - On Postfix the SMTP client reads it as the user C(postfix), so that user has to be allowed to.
            type: str
          certificate:
            description:
              - The client certificate to present. On Postfix the absolute path of a PEM file with key and chain, on
                Exchange V(<I>issuer<S>subject).
            type: str
      authentication:
        description:
          - How to log in to the smart hosts.
        type: dict
        suboptions:
          mechanism:
            description:
              - V(none) is the default. V(basic_over_tls) sends name and password once TLS is there, and needs a TLS
                level of at least V(encrypt). V(basic) may send them in clear text.
              - V(exchange_server) and V(externally_secured) are only possible on Exchange.
            type: str
            choices: [none, basic, basic_over_tls, exchange_server, externally_secured]
          username:
            description:
              - The account that the smart hosts know.
            type: str
          password:
            description:
              - The password of the account, at least four characters, since a shorter one could not be masked in
                output.
            type: str
          update_password:
            description:
              - Whether the password is set again when the connector exists. Exchange cannot read it back, so with
                V(on_create), the default, it is not checked there, and V(always) is always a change.
              - Without effect on Postfix, where the password is compared each time.
            type: str
            choices: [on_create, always]
          allow_cleartext_password:
            description:
              - Has to be V(true) for O(connectors[].authentication.mechanism=basic).
              - The default is V(false).
            type: bool
      helo:
        description:
          - How the connector greets.
        type: dict
        suboptions:
          name:
            description:
              - The DNS name to greet with. The default is that of the system.
            type: str
          command:
            description:
              - V(ehlo) is the default. V(helo) offers neither TLS nor authentication, and is an error with a setting
                that needs one of them.
            type: str
            choices: [ehlo, helo]
      max_message_size:
        description:
          - The largest message that the connector takes, such as V(35MB), a number of bytes, or V(unlimited), which
            is the default. Units are powers of 1024.
          - On Exchange, a larger message takes the next connector, if there is one. On Postfix it is returned to its
            sender with the limit named.
        type: str
      limits:
        description:
          - Limits for the connections of this connector. The default of each is that of the system.
        type: dict
        suboptions:
          connections:
            description:
              - Connections at a time, for each bridgehead and destination, 1 to 10000. Only possible on Postfix.
            type: int
          messages_per_connection:
            description:
              - Messages over one connection, 1 to 100000.
            type: int
          inactivity_timeout:
            description:
              - How long an idle connection is kept, such as V(30s), V(10m) or V(00:10:00). Only possible on Exchange.
            type: str
          rate_delay:
            description:
              - The pause between two deliveries to one destination, such as V(1s). Only possible on Postfix.
            type: str
      log:
        description:
          - V(verbose) logs the conversation with the next host. The default is V(none).
        type: str
        choices: [none, verbose]
      delivery:
        description:
          - When mail leaves. Checked, but not carried out by any system yet, so that anything except the default is
            an error of the system that carries the connector.
        type: dict
        suboptions:
          when:
            description:
              - V(always) is the default.
            type: str
            choices: [always, never, times, interval, on_request]
          times:
            description:
              - When O(connectors[].delivery.when=times), such as V(20:00-06:00) or V(mon-fri 20:00-06:00).
            type: list
            elements: str
          interval:
            description:
              - When O(connectors[].delivery.when=interval), such as V(30m).
            type: str
          oversize:
            description:
              - A schedule for large messages, which no system has. The error names what comes nearest.
            type: raw
      restrictions:
        description:
          - Who may send over the connector. Checked, but not carried out by any system yet, so that anything except
            the default is an error of the system that carries the connector.
        type: dict
        suboptions:
          default:
            description:
              - What holds for senders in neither list. V(accept) is the default.
            type: str
            choices: [accept, reject]
          accept_from:
            description:
              - Senders to accept, each a mail address, a domain, or V(*.contoso.com).
            type: list
            elements: str
          reject_from:
            description:
              - Senders to reject, in the same form.
            type: list
            elements: str
      content:
        description:
          - Priorities, types and sizes of messages, a control of classic SMTP connectors that no system has. The
            error names what comes nearest.
        type: dict
      dequeue:
        description:
          - Asking the other side for its mail with ETRN or TURN, a control of classic SMTP connectors that no system
            has. The error names what comes nearest.
        type: dict
      reset:
        description:
          - Fields to set back to their default on Exchange, where a field that is left out stays as it is.
          - Without effect on Postfix. A field that is given a value as well is an error.
        type: list
        elements: str
      exchange:
        description:
          - Parameters of Exchange's send connectors that the vocabulary lacks, by their own names.
        type: dict
      postfix:
        description:
          - Parameters of the Postfix service for this connector that the vocabulary lacks, by their own names.
        type: dict
notes:
  - Names, domains and hosts are compared without case. Internationalised domain names become A-labels. A trailing dot
    or a control character is an error.
  - All mistakes of a list are reported together, each with the connector, the field, the value and the remedy, before
    anything is touched.
  - What a system cannot do is an error that names the nearest alternative. Nothing is dropped silently. A field is
    only judged by the system that carries its connector.
"""

    HOSTS = r"""
options:
  hosts:
    description:
      - Who is who in the organisation, a dict by inventory name. Each value is a dict of the fields below, all of
        them optional. Servers of other organisations only appear as smart hosts.
      - C(system), V(exchange) or V(postfix). The default is the system at hand.
      - C(address), where the host takes mail from the others, a DNS name or an IP address, with C(:port) where that
        is not 25.
      - C(routing_group), the name of its routing group. Hosts that name none form one group.
      - C(server_name), the name that Exchange knows the server by.
      - C(networks), a list of the addresses or networks that the host sends from. The default is its C(address).
      - C(local_domains), a list of the domains that it delivers itself. Each stays local, unless an address space
        of a connector of its own system names exactly it.
      - C(tls), how others protect the connection when they hand mail over to it, a dict as in the field C(tls) of a connector.
      - Without O(hosts), every bridgehead belongs to the system at hand and to one routing group. With it, a name
        that is not in it is an error.
    type: dict
  routing_groups:
    description:
      - The routing groups whose domains somebody needs to know.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the routing group.
        type: str
        required: true
      domains:
        description:
          - The domains that the group delivers itself, each such as V(contoso.com) or V(*.contoso.com).
        type: list
        elements: str
"""

    PLAN = r"""
options:
  set:
    description:
      - The name of this list. Several teams can own connectors on the same servers, each in a set of its own. A
        connector or an address space that two sets claim is an error.
    type: str
    default: default
  purge:
    description:
      - Whether to remove the connectors of this O(set) that O(connectors) does not name. Those of other sets always
        stay.
    type: bool
    default: false
  allow_unsafe:
    description:
      - Kinds of dangerous plans to carry out. By default a plan with one of them fails before anything is touched, or
        in check mode warns.
      - V(large_change) removes more than 30 percent of at least ten connectors, or changes more than 30 percent of at
        least ten routes.
      - V(unserved) leaves an address space that had a route without any.
    type: list
    elements: str
    choices: [large_change, unserved]
    default: []
"""

    THIS_HOST = r"""
options:
  this_host:
    description:
      - The name by which O(connectors[].bridgeheads) and O(hosts) know the host that the task runs on.
      - The default is its inventory name. Needed where the task is delegated to another host.
    type: str
"""

    STRICT = r"""
options:
  strict:
    description:
      - Whether to restore what was there before, and fail, when Postfix itself is asked afterwards and gives another
        route than the planned one. With V(false) this is a warning.
    type: bool
    default: true
"""
