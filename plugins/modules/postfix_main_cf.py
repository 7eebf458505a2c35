#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postfix_main_cf
short_description: Set and remove parameters of Postfix's main.cf
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Sets any number of parameters in one atomic write and removes others, so that Postfix's defaults apply again.
  - Comments, order and layout of everything else in the file stay byte for byte. Nothing is written when nothing differs.
  - A change is tried aside first. Misspelt parameters and values that Postfix refuses are errors before anything is
    touched. Afterwards Postfix has to read the same values back, or the file of before is restored.
  - Updates of somebody else at the same time, such as C(postconf -e), are not lost.
options:
  settings:
    description:
      - Parameters and their values. A parameter that is not named stays as it is.
      - A value is a string, a number, a boolean (written as V(yes) or V(no)), or a list, whose elements are joined
        by commas.
      - The value null removes the parameter, all its lines included, so that Postfix's default applies. An empty
        string sets it to an empty value, which is something else.
      - C($name) in a value is expanded by Postfix.
      - A value that itself holds a secret is refused, since everyone may read C(main.cf).
    type: dict
    required: true
  allow_unknown:
    description:
      - Parameters that nothing in Postfix uses and that may be set nevertheless, for example for another program.
      - A name that another parameter's value refers to as C($name), or that is listed as a restriction class, needs
        not be named here.
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
  - V(inet_interfaces) and V(inet_protocols) take effect when Postfix is stopped and started. The module warns and does
    not do that.
  - Where a parameter stands in the file several times, the last one counts for Postfix and is the one that is changed.
seealso:
  - module: mailops.connectors.postfix_master_cf
  - name: postconf(5)
    description: All parameters of Postfix.
    link: https://www.postfix.org/postconf.5.html
"""

EXAMPLES = r"""
- name: Send all mail to strangers over the smart host
  mailops.connectors.postfix_main_cf:
    settings:
      relayhost: "[smarthost.example.com]:587"
      smtp_tls_security_level: encrypt

- name: Set a list, and go back to Postfix's default for another parameter
  mailops.connectors.postfix_main_cf:
    settings:
      mynetworks:
        - 127.0.0.0/8
        - 192.0.2.0/24
      smtpd_helo_required: true
      message_size_limit: null

- name: Change another instance, without a reload
  mailops.connectors.postfix_main_cf:
    config_directory: /etc/postfix-out
    reload: false
    settings:
      myhostname: out.example.com
"""

RETURN = r"""
changes:
  description: The parameters that differ (or would), with their values before and after. Null means not set.
  returned: success
  type: dict
  sample:
    relayhost:
      before: null
      after: "[smarthost.example.com]:587"
commands:
  description: What was done (or would be), in order.
  returned: success
  type: list
  elements: str
  sample:
    - "write /etc/postfix/main.cf (1 parameter set, 0 removed)"
    - "postfix -c /etc/postfix reload"
diff:
  description: The parameters that differ, as text before and after.
  returned: in diff mode
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import as_printed
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
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import MainCf

# postconf(5): a change takes effect when Postfix is stopped and started, not on reload.
NEED_RESTART = ("inet_interfaces", "inet_protocols")

Settings = dict[str, t.Optional[str]]


def read_settings(given: dict[str, object]) -> Settings:
    """The user's settings as Postfix's text. Raises ValueError with the parameter's name."""
    settings: Settings = {}
    for name, value in given.items():
        try:
            text = plain_value(value)
        except ValueError as error:
            raise ValueError(f"settings: {name}: {error}.") from None
        settings[name] = None if text is None else text.strip()
        if text and may_hold_secret(name, text):
            raise ValueError(f"settings: {secret_problem(name)}")
    return settings


def edited(text: str, settings: Settings, path: str) -> Edit[str, str]:
    """The text with these settings. Raises PostfixFileError and ValueError."""
    main_cf = MainCf.parse(text, path)
    changes: dict[str, tuple[str | None, str | None]] = {}
    for name, value in settings.items():
        before = main_cf.get(name)
        if value == before:
            continue
        changes[name] = (before, value)
        if value is not None:
            main_cf.set(name, value)
        while value is None and main_cf.get(name) is not None:
            main_cf.remove(name)
    return Edit(main_cf.text(), changes)


class MainCfTask(ConfigurationTask[str, str]):
    """One run of the module."""

    file_name = "main.cf"
    noun = "parameter"

    def __init__(self, module: AnsibleModule) -> None:
        super().__init__(module)
        self.settings = read_settings(module.params["settings"])

    def edited(self, text: str) -> Edit[str, str]:
        return edited(text, self.settings, self.file.path)

    def named_parameters(self) -> set[str]:
        return {name for name, value in self.settings.items() if value is not None}

    def misread(self) -> list[str]:
        wanted = {name: as_printed(value) for name, value in self.settings.items() if value is not None}
        # What postconf does not know ($macros of the administrator) it does not print.
        read_back = self.postfix.parameters(wanted, expanded=False)
        return [name for name, value in read_back.items() if value != wanted[name]]

    def shown(self, key: str, value: str | None) -> str | None:
        return shown_value(key, value)

    def shown_diff(self, edit: Edit[str, str]) -> dict[str, str]:
        def side(number: int) -> str:
            lines = ((name, values[number]) for name, values in edit.changes.items())
            return "".join(f"{name} = {shown_value(name, value)}\n" for name, value in lines if value is not None)

        return {"before": side(0), "after": side(1)}

    def warnings(self, edit: Edit[str, str]) -> list[str]:
        sentences = []
        if not edit.text.endswith("\n"):
            # Seen with Postfix 3.7: "postconf -e new=1" makes "a = 1new = 1" of a last line "a = 1".
            sentences.append(
                f"{self.file.path} does not end in a newline. Add one: postconf -e of some versions of "
                "Postfix would write its next parameter behind the last line."
            )
        sentences.extend(
            f"{name} takes effect when Postfix is stopped and started; a reload is not enough."
            for name in NEED_RESTART
            if name in edit.changes and self.postfix.is_running()
        )
        return sentences


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "dict", "required": True},
            "allow_unknown": {"type": "list", "elements": "str", "default": []},
            "config_directory": {"type": "path"},
            "command_directory": {"type": "path"},
            "reload": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    module.no_log_values.update(secret_texts(module.params["settings"]))
    run_task(module, MainCfTask)


if __name__ == "__main__":
    main()
