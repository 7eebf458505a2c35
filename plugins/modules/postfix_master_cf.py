#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postfix_master_cf
short_description: Define and remove services in Postfix's master.cf
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Defines any number of services in one atomic write and removes others.
  - A service is compared by what it means, not by its layout, and keeps its text when it already is as wanted.
    Comments and all other services stay byte for byte. Nothing is written when nothing differs.
  - A change is tried aside first. Misspelt parameters and options without effect are errors before anything is touched.
    Afterwards Postfix has to read the same services back, or the file of before is restored.
  - Updates of somebody else at the same time, such as C(postconf -M -e), are not lost.
options:
  services:
    description:
      - The services. One that is not named stays as it is.
      - The definition is the whole one. A field that is left out has Postfix's default, and an option that is not
        listed is removed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The service's name, or for type V(inet) the port or address and port to listen on.
        type: str
        required: true
      type:
        description: What the service listens on. Name and type together identify a service.
        type: str
        choices: [inet, unix, fifo, pass, unix-dgram]
        default: unix
      state:
        description: Whether the service is defined or removed.
        type: str
        choices: [present, absent]
        default: present
      command:
        description: The program that is started, such as V(smtp) or V(smtpd). Required when O(services[].state=present).
        type: str
      private:
        description:
          - Whether only Postfix's own programs reach the service.
          - The default is V(n) for type V(inet), where nothing else is possible, and otherwise V(-).
        type: str
        choices: ['y', 'n', '-']
      unprivileged:
        description: Whether the program runs without root's rights.
        type: str
        choices: ['y', 'n', '-']
        default: '-'
      chroot:
        description: Whether the program is confined to the queue directory.
        type: str
        choices: ['y', 'n', '-']
        default: '-'
      wakeup:
        description: Seconds after which the service is woken up, with V(?) at the end only if it is in use; V(-) is never.
        type: str
        default: '-'
      maxproc:
        description: The greatest number of processes; V(0) is no limit and V(-) the value of C(default_process_limit).
        type: str
        default: '-'
      options:
        description:
          - Parameters of C(main.cf) that have another value for this service (C(-o name=value)).
          - A value is a string, a number, a boolean (written as V(yes) or V(no)), or a list, whose elements are joined
            by commas.
          - Parameters that only the queue manager reads, such as C(NAME_destination_concurrency_limit), are refused,
            since they have no effect here. Set them with M(mailops.connectors.postfix_main_cf).
        type: dict
        default: {}
      arguments:
        description: Further arguments of the command, flags such as V(-v) first.
        type: list
        elements: str
        default: []
  allow_unknown:
    description: Parameters in O(services[].options) that Postfix does not know and that may be set nevertheless.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - mailops.connectors.attributes
  - mailops.connectors.attributes.postfix_group
  - mailops.connectors.postfix
  - mailops.connectors.postfix.reload
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - Changes take effect with a reload.
  - Options whose values have white space are written as C(-o { name = value }), which Postfix reads from version 3.0 on.
seealso:
  - module: mailops.connectors.postfix_main_cf
  - name: master(5)
    description: The format of master.cf.
    link: https://www.postfix.org/master.5.html
"""

EXAMPLES = r"""
- name: A service of its own for mail to the partner
  mailops.connectors.postfix_master_cf:
    services:
      - name: partner
        command: smtp
        chroot: 'n'
        options:
          syslog_name: postfix/partner
          smtp_tls_security_level: encrypt
          smtp_helo_name: out.example.com

- name: Listen on the submission port, and no longer on smtps
  mailops.connectors.postfix_master_cf:
    services:
      - name: submission
        type: inet
        command: smtpd
        options:
          smtpd_tls_security_level: encrypt
          smtpd_client_restrictions: [permit_sasl_authenticated, reject]
      - name: smtps
        type: inet
        state: absent
"""

RETURN = r"""
changes:
  description: The services that differ (or would), by name and type, with their lines before and after. Null means none.
  returned: success
  type: dict
  sample:
    partner/unix:
      before: null
      after: |-
        partner    unix  -       -       n       -       -       smtp
            -o smtp_tls_security_level=encrypt
commands:
  description: What was done (or would be), in order.
  returned: success
  type: list
  elements: str
  sample:
    - "write /etc/postfix/master.cf (1 service set, 0 removed)"
    - "postfix -c /etc/postfix reload"
diff:
  description: The services that differ, as text before and after.
  returned: in diff mode
  type: dict
"""

import dataclasses
import re
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.configuration_file import (
    may_hold_secret,
    plain_value,
    secret_problem,
    secret_texts,
    shown_value,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.configuration_task import (
    ConfigurationTask,
    Edit,
    run_task,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import (
    MasterCf,
    Service,
    ServiceKey,
)


@dataclass(frozen=True)
class Wanted:
    """The services to define, and the keys of those to remove."""

    present: tuple[Service, ...]
    absent: tuple[ServiceKey, ...]


def read_service(given: dict[str, object]) -> Service:
    """One item of the user's list. Raises ValueError with the service's name and field."""
    label = f"services: {given['name']}/{given['type']}"
    options = []
    for name, value in given["options"].items():
        try:
            text = plain_value(value)
        except ValueError as error:
            raise ValueError(f"{label}: options: {name}: {error}.") from None
        if text is None:
            continue
        if may_hold_secret(name, text):
            raise ValueError(f"{label}: options: {secret_problem(name)}")
        options.append((name, text.strip()))
    private = given["private"] or ("n" if given["type"] == "inet" else "-")
    service = Service(
        given["name"],
        given["type"],
        private,
        given["unprivileged"],
        given["chroot"],
        given["wakeup"],
        given["maxproc"],
        given["command"] or "",
        tuple(options),
        tuple(given["arguments"]),
    )
    without_effect = service.options_without_effect()
    if without_effect:
        raise ValueError(
            f"{label}: options: {', '.join(without_effect)}: only the queue manager reads this, from main.cf, so it has "
            "no effect as -o. Set it with mailops.connectors.postfix_main_cf instead."
        )
    service.text()
    return service


def read_services(given: list[dict[str, object]]) -> Wanted:
    """The user's list. Raises ValueError for what master.cf cannot hold and for a service that is named twice."""
    keys = [(item["name"], item["type"]) for item in given]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"services: {key[0]}/{key[1]} is named more than once. Name and type have to be unique.")
    return Wanted(
        tuple(read_service(item) for item in given if item["state"] == "present"),
        tuple(key for key, item in zip(keys, given) if item["state"] == "absent"),
    )


def in_order_of(service: Service, present: Service | None) -> Service:
    """The service with its options in the order in which they stand already: each has one name, so it means nothing."""
    if present is None or sorted(present.options) != sorted(service.options):
        return service
    return dataclasses.replace(service, options=present.options)


def edited(text: str, wanted: Wanted, path: str) -> Edit[ServiceKey, Service]:
    """The text with these services. Raises PostfixFileError and ValueError."""
    master_cf = MasterCf.parse(text, path)
    changes: dict[ServiceKey, tuple[Service | None, Service | None]] = {}
    for service in wanted.present:
        before = master_cf.get(service.key)
        if master_cf.set(in_order_of(service, before)):
            changes[service.key] = (before, service)
    for key in wanted.absent:
        before = master_cf.get(key)
        if before is not None:
            changes[key] = (before, None)
        while master_cf.get(key) is not None:
            master_cf.remove(key)
    return Edit(master_cf.text(), changes)


def as_postconf_shows(service: Service | None) -> Service | None:
    """The service as far as the output of postconf -M tells: it drops the braces around some arguments."""
    if service is None:
        return None
    words = re.split(r"[{}\s]+", " ".join(service.arguments))
    return dataclasses.replace(service, arguments=tuple(word for word in words if word))


def shown_service(service: Service | None) -> str | None:
    """The service's lines in normal form, with secrets that stood there before masked."""
    if service is None:
        return None
    return dataclasses.replace(
        service, options=tuple((name, shown_value(name, value) or "") for name, value in service.options)
    ).text()


class MasterCfTask(ConfigurationTask[ServiceKey, Service]):
    """One run of the module."""

    file_name = "master.cf"
    noun = "service"

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        self.wanted = read_services(module.params["services"])

    def edited(self, text: str) -> Edit[ServiceKey, Service]:
        return edited(text, self.wanted, self.file.path)

    def named_parameters(self) -> set[str]:
        return {name for service in self.wanted.present for name, _value in service.options}

    def misread(self) -> list[str]:
        read_back = MasterCf.parse(self.postfix.services(), "the output of postconf -M")
        wrong = [key for key in self.wanted.absent if read_back.get(key) is not None]
        for service in self.wanted.present:
            found = read_back.get(service.key)
            if as_postconf_shows(in_order_of(service, found)) != as_postconf_shows(found):
                wrong.append(service.key)
        return [self.label(key) for key in wrong]

    def label(self, key: ServiceKey) -> str:
        return "/".join(key)

    def shown(self, key: ServiceKey, value: Service | None) -> str | None:
        return shown_service(value)

    def shown_diff(self, edit: Edit[ServiceKey, Service]) -> dict[str, str]:
        def side(number: int) -> str:
            texts = (shown_service(services[number]) for services in edit.changes.values())
            return "".join(f"{text}\n" for text in texts if text is not None)

        return {"before": side(0), "after": side(1)}


def argument_spec() -> dict[str, dict[str, object]]:
    flag = {"type": "str", "choices": ["y", "n", "-"]}
    service = {
        "name": {"type": "str", "required": True},
        "type": {"type": "str", "choices": ["inet", "unix", "fifo", "pass", "unix-dgram"], "default": "unix"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "command": {"type": "str"},
        "private": flag,
        "unprivileged": {**flag, "default": "-"},
        "chroot": {**flag, "default": "-"},
        "wakeup": {"type": "str", "default": "-"},
        "maxproc": {"type": "str", "default": "-"},
        "options": {"type": "dict", "default": {}},
        "arguments": {"type": "list", "elements": "str", "default": []},
    }
    return {
        "services": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": service,
            "required_if": [("state", "present", ("command",))],
        },
        "allow_unknown": {"type": "list", "elements": "str", "default": []},
        "config_directory": {"type": "path"},
        "command_directory": {"type": "path"},
        "reload": {"type": "bool", "default": True},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    for service in module.params["services"]:
        module.no_log_values.update(secret_texts(service["options"]))
    run_task(module, MasterCfTask)


if __name__ == "__main__":
    main()
