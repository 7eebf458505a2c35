#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the work is done by the action plugin of the same name, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_receive_connectors
short_description: Let Exchange servers take SMTP mail as a list says
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Creates, changes and removes receive connectors. One entry of the list may stand for the same connector on many servers, and one
    task does all connectors of all servers.
  - Before anything changes it is made sure that no two connectors of a server listen on one socket for two services, that ranges on
    one binding do not cross, and that nobody gets an open relay.
  - One Exchange session reads, and a second one writes and reads back, permissions included. In the second one it is made sure
    first that nothing has changed since it was read.
  - A connector that was made or taken over ends its comment in a mark such as V([mailops:default]). Only these are ever purged.
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.exchange_group
  - mailops.connectors.exchange
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  connectors:
    description:
      - The receive connectors. A field that is left out stays as it is, or has Exchange's default on a new connector.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the connector, 1 to 64 characters, unique without case on each server.
        type: str
        required: true
      state:
        description:
          - V(absent) removes the connector where it carries the mark of this O(set), from all servers if
            O(connectors[].servers) is left out. No other field is needed.
        type: str
        choices: [present, absent]
        default: present
      servers:
        description:
          - The inventory names, or Exchange's names, of the servers that have the connector. At least one is needed.
          - On an Edge Transport server only its own name.
        type: list
        elements: str
      renamed_from:
        description:
          - Earlier names of this connector. One that is still there under such a name is renamed.
        type: list
        elements: str
      reset:
        description:
          - Fields to set back to Exchange's default, such as V(banner), V(limits.tarpit_interval) or V(tls) for all of its settings.
          - An error for one field whose default is not known for certain. Of a whole dict such settings stay, and the plan names
            them.
        type: list
        elements: str
      enabled:
        description:
          - Whether the connector takes mail. The default is V(true).
        type: bool
      comment:
        description:
          - A comment, at most 255 characters on one line.
        type: str
      bindings:
        description:
          - The local addresses and ports to listen on, such as V(0.0.0.0:25), V([::]:25) or V(192.0.2.10:587). Required for a new
            connector.
        type: list
        elements: str
      remote_ip_ranges:
        description:
          - The hosts that the connector is for, each a single address, V(a-b) or a network in CIDR form. Required for a new
            connector.
          - A list is exactly these. A dict of C(add) and C(remove) only adds and takes away, and leaves the others. A dict of
            C(exact) is the same as the list.
          - They are compared as numbers. Duplicates are dropped, adjacent ranges are not joined. More than 1,200 are an error.
        type: raw
      permission_groups:
        description:
          - Who may send over the connector. Any of V(anonymous_users), V(exchange_users), V(exchange_servers),
            V(exchange_legacy_servers) and V(partners), or Exchange's own spelling. The list is the whole definition, and may be
            empty. A new connector has none, besides those that O(connectors[].relay) needs.
        type: list
        elements: str
      auth_mechanisms:
        description:
          - How senders may authenticate. Any of V(tls), V(integrated), V(basic), V(basic_over_tls), V(exchange_server) and
            V(externally_secured), or Exchange's own spelling.
          - V(basic_over_tls) needs V(basic) and V(tls). V(externally_secured) only goes with V(tls), and only with
            O(connectors[].relay=externally_secured). The default is V(tls).
        type: list
        elements: str
      transport_role:
        description:
          - The service that the connector belongs to. The default for a new connector is V(frontend_transport).
            V(FrontendTransport) and V(HubTransport) are taken as well. Not known to Edge Transport servers.
        type: str
        choices: [frontend_transport, hub_transport]
      relay:
        description:
          - Whether the hosts may relay to any recipient, and how that comes about. One of the two ways, never both.
          - V(anonymous) sets the permission group V(anonymous_users) and gives strangers the right
            C(ms-Exch-SMTP-Accept-Any-Recipient) in the connector's Active Directory entry, in this order.
          - V(externally_secured) takes the hosts for servers of the organisation, past all checks for spam and size, with the
            mechanism V(externally_secured) and the group V(exchange_servers).
          - V(none) takes away that right and that mechanism. Left out, both stay as they are.
        type: str
        choices: [none, anonymous, externally_secured]
      allow_open_relay:
        description:
          - Relaying for large parts of the Internet, or over a default connector, is refused unless this is V(true). Ranges count
            as large parts of the Internet if they hold more public addresses than a C(/8) of IPv4 or a C(/32) of IPv6.
        type: bool
      helo_name:
        description:
          - The name that the connector greets with. The default is the server's own name; with the mechanism
            V(exchange_server) no other is possible.
        type: str
      banner:
        description:
          - The greeting, which begins with V(220). Empty for Exchange's own.
        type: str
      log:
        description:
          - V(verbose) logs the conversations. The default is V(none).
        type: str
        choices: [none, verbose]
      tls:
        description:
          - Transport security. Each field is given, left alone and reset by itself.
        type: dict
        suboptions:
          required:
            description:
              - Whether senders have to use STARTTLS. The default is V(false).
            type: bool
          certificate:
            description:
              - The certificate to present, V(<I>issuer<S>subject). A warning says where a server does not have it, or not for SMTP.
            type: str
          domain_capabilities:
            description:
              - What senders with a certificate of a domain may use in addition, such as
                V(mail.protection.outlook.com:AcceptCloudServicesMail).
            type: list
            elements: str
      limits:
        description:
          - Limits of the connector. Each is given, left alone and reset by itself. Sizes are such as V(36MB), times such as
            V(30s), V(10m) or V(00:10:00).
        type: dict
        suboptions:
          max_message_size:
            description:
              - The largest message, 64KB to 2147483647 bytes. A receive connector knows no V(unlimited). The default is V(36MB).
            type: str
          max_header_size:
            description:
              - The largest header. The default is V(256KB).
            type: str
          max_recipients_per_message:
            description:
              - 1 to 512000. The default is V(200).
            type: int
          max_hop_count:
            description:
              - After how many hops a message is refused, 1 to 500.
            type: int
          max_local_hop_count:
            description:
              - The same for hops within the organisation, 0 to 50. V(0) never refuses.
            type: int
          max_connections:
            description:
              - Connections at a time, or V(unlimited). The default is V(5000).
            type: str
          max_connections_per_source:
            description:
              - Connections at a time from one address, 1 to 10000 or V(unlimited). The default is V(20).
            type: str
          max_connections_percentage_per_source:
            description:
              - Connections at a time from one address in percent of those that are free, 1 to 100. The default is V(2).
            type: int
          message_rate:
            description:
              - Messages each minute from one client, or V(unlimited), which is the default except on Edge Transport servers.
            type: str
          message_rate_source:
            description:
              - What counts as one client.
            type: str
            choices: [none, user, ip_address, all]
          max_protocol_errors:
            description:
              - Errors until the connection is closed, or V(unlimited). The default is V(5).
            type: str
          max_logon_failures:
            description:
              - Failed logons until the connection is closed, 0 to 10. The default is V(3).
            type: int
          connection_timeout:
            description:
              - How long a connection may last, 1s to 1d, longer than C(inactivity_timeout). The default is V(10m), V(5m) on Edge
                Transport servers.
            type: str
          inactivity_timeout:
            description:
              - How long an idle connection is kept. The default is V(5m), V(1m) on Edge Transport servers.
            type: str
          tarpit_interval:
            description:
              - The pause after an error, at most 10m. V(0s) switches it off. The default is V(5s).
            type: str
          auth_tarpit_interval:
            description:
              - The pause after a failed logon, at most 10m. V(0s) switches it off. The default is V(5s).
            type: str
      exchange:
        description:
          - Parameters that the vocabulary lacks, by their own names. These are C(AdvertiseClientSettings),
            C(BareLinefeedRejectionEnabled), C(BinaryMimeEnabled), C(ChunkingEnabled), C(DefaultDomain),
            C(DeliveryStatusNotificationEnabled), C(DomainSecureEnabled), C(EightBitMimeEnabled), C(EnableAuthGSSAPI),
            C(EnhancedStatusCodesEnabled), C(ExtendedProtectionPolicy), C(LongAddressesEnabled), C(MaxAcknowledgementDelay),
            C(OrarEnabled), C(PipeliningEnabled), C(RejectReservedSecondLevelRecipientDomains),
            C(RejectReservedTopLevelRecipientDomains), C(RejectSingleLabelRecipientDomains), C(RequireEHLODomain),
            C(ServiceDiscoveryFqdn), C(SizeEnabled), C(SmtpUtf8Enabled) and C(SuppressXAnonymousTls).
          - One that the vocabulary covers is an error that names the field.
        type: dict
  hosts:
    description:
      - Who is who, a dict by inventory name, each a dict of which only C(server_name) counts here, the name that Exchange knows the
        server by. The default is the first part of the inventory name. The same dict as in
        M(mailops.connectors.exchange_send_connectors) may be given.
    type: dict
  anonymous_logon:
    description:
      - What the servers call strangers, where Windows speaks another language than English, such as
        V(NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG). By default it is found out from the permissions of the default connectors.
    type: str
  set:
    description:
      - The name of this list. Several teams can own connectors on the same servers, each in a set of its own.
    type: str
    default: default
  purge:
    description:
      - Whether to remove the connectors of this O(set) that O(connectors) does not name, from all servers of the organisation. Those
        of other sets, unmarked ones and default connectors always stay.
    type: bool
    default: false
  allow_unsafe:
    description:
      - Kinds of dangerous plans to carry out. V(large_change) removes more than 30 percent of at least ten connectors.
    type: list
    elements: str
    choices: [large_change]
    default: []
  removals:
    description:
      - When connectors are removed, for who changes the senders in between.
      - V(now), with everything else. V(later), not in this run, except for those that make room for what comes. V(only), nothing
        else happens in this run. Each removal belongs to one of the last two.
      - A connector that lets in fewer hosts than before counts as well. With V(later) it has the ranges of before and after, the right
        to relay and the groups of before where they only become fewer, and stays enabled; V(only) takes the rest away. It changes at
        once where that would stand in another connector's way, or where it is renamed.
    type: str
    choices: [now, later, only]
    default: now
notes:
  - The connectors that Exchange's setup makes (C(Default Frontend), C(Client Frontend), C(Outbound Proxy Frontend), C(Default),
    C(Client Proxy), on Edge Transport servers C(Default internal receive connector)) are only touched if the list names them, and are
    never removed. What would break mail between the servers is an error there.
  - A right to relay is taken away before, and given after all other changes, so that at no moment more hosts may relay than before
    or after.
  - C(async) is refused, because the task decides on the controller between its two sessions.
seealso:
  - module: mailops.connectors.exchange_send_connectors
  - module: mailops.connectors.exchange_accepted_domains
"""

EXAMPLES = r"""
- name: Let the application servers relay over two servers
  mailops.connectors.exchange_receive_connectors:
    connectors:
      - name: Application relay
        servers: [ex1, ex2]
        bindings: ["0.0.0.0:25"]
        remote_ip_ranges: [192.0.2.10, 192.0.2.20-192.0.2.29, 10.20.0.0/24]
        relay: anonymous
        limits:
          max_message_size: 50MB
          max_connections_per_source: unlimited
  run_once: true

- name: One more host, whatever else is in the list of ranges
  mailops.connectors.exchange_receive_connectors:
    connectors:
      - name: Application relay
        servers: [ex1, ex2]
        remote_ip_ranges:
          add: [192.0.2.40]
          remove: [192.0.2.10]
  run_once: true

- name: Remove it from all servers
  mailops.connectors.exchange_receive_connectors:
    connectors:
      - name: Application relay
        state: absent
  run_once: true
"""

RETURN = r"""
plan:
  description: What happens to each connector on each server.
  returned: success
  type: list
  elements: dict
  contains:
    server:
      description: The server.
      type: str
    connector:
      description: The connector's name.
      type: str
    action:
      description: One of V(create), V(update), V(adopt) and V(remove).
      type: str
    changes:
      description: The fields that change, with their values before and after.
      type: dict
    kept:
      description: Fields that the list leaves out, and that are not at their default.
      type: list
      elements: str
    notes:
      description: What is worth knowing about the change, in sentences.
      type: list
      elements: str
  sample:
    - server: EX1
      connector: Application relay
      action: update
      changes:
        remote_ip_ranges: {before: [192.0.2.10], after: [192.0.2.40]}
      kept: [relay]
      notes: []
commands:
  description: The cmdlets that ran (or would run), in order.
  returned: success
  type: list
  elements: str
  sample:
    - "Set-ReceiveConnector -Identity '6f2b2f4e-0b0f-4a53-9d8e-3f1c5f0c7a11' -RemoteIPRanges @('192.0.2.40')"
waits:
  description: Whether something is left for a run with O(removals=only).
  returned: with O(removals=later)
  type: bool
  sample: false
unmanaged:
  description: Connectors without a mark on the servers in question, as server and name. They are left alone.
  returned: success
  type: list
  elements: str
  sample: ["EX1\\Scanner"]
unsafe:
  description: What is dangerous about the plan.
  returned: success
  type: list
  elements: dict
  sample: []
session:
  description: Where the cmdlets ran, with C(method), C(server) and C(domain_controller).
  returned: success
  type: dict
  sample: {method: management_shell, server: ex1.contoso.com, domain_controller: dc1.contoso.com}
done:
  description: The cmdlets that had run when the task failed.
  returned: when the writing session ended early
  type: list
  elements: str
not_done:
  description: The cmdlets that had not run, or of which it is not known.
  returned: when the writing session ended early
  type: list
  elements: str
differences:
  description: What did not come back as it was wanted.
  returned: when a value did not come back
  type: list
  elements: str
diff:
  description: The connectors of the set before and after. Those that are alike on several servers stand there once.
  returned: in diff mode
  type: dict
"""
