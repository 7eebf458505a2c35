#!/usr/bin/python
# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postfix_lookup_table
short_description: Write Postfix lookup tables and build their indexes
version_added: 0.1.0
author:
  - mailops.connectors contributors (@mailops)
description:
  - Writes the source files of any number of lookup tables and builds their indexes, one process for each.
  - A table is judged by content. A source, an index or a mode that somebody changed, cut off or deleted is repaired,
    and nothing is written when nothing differs.
  - Whoever looks something up while a table changes gets the old or the new answer. C(lmdb) indexes are updated in
    place, first ones and those of the other types are built aside and renamed.
  - What was built is read back. A full disk, of which C(postmap) says nothing, is an error, and the old table stays.
options:
  tables:
    description:
      - The tables. All of them are checked before the first one is touched.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Absolute path of the source file, without the suffix of the index. Its directory has to exist.
        type: path
        required: true
      type:
        description:
          - V(lmdb), V(cdb), V(hash) and V(btree) have an index. V(texthash), V(cidr), V(regexp) and V(pcre) are read by
            Postfix itself when a program starts.
          - The default is the best indexed type that this Postfix has, which is V(lmdb), then V(cdb), then V(hash).
        type: str
      entries:
        description:
          - The entries, as a dict of keys and values, or as a list of dicts with C(key), C(value) and, if wanted,
            C(comment).
          - Keys are compared without case, except in V(cidr), V(regexp) and V(pcre) tables, whose entries stay in
            their order and are best given as a list.
          - A key with white space needs double quotes around it.
          - With O(tables[].purge=false) the value null removes a key.
        type: raw
      secret_entries:
        description:
          - Instead of O(tables[].entries), for a table with passwords. Values are shown nowhere, and need at least four
            characters, since shorter ones could not be masked.
        type: raw
      purge:
        description:
          - V(true) makes these entries the whole content.
          - V(false) keeps other entries, and the comments and the order of the file.
        type: bool
        default: true
      state:
        description:
          - V(absent) removes source and index. That is an error while C(main.cf) or C(master.cf) names the table,
            because Postfix would then defer mail.
        type: str
        choices: [present, absent]
        default: present
      mode:
        description:
          - The octal mode of source and index, quoted, such as V("0640").
          - The default is V("0644"), and V("0600") with O(tables[].secret_entries), which nobody else may read.
        type: str
      owner:
        description:
          - The owner of source and index, by name or number. The default is the owner that the source has, or else
            the user that the task runs as.
        type: str
      group:
        description:
          - The group of source and index, by name or number, with the same default.
        type: str
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
  - A reload is only needed, and only done, for types without an index, and where an index was missing or damaged.
    Postfix notices a new V(hash), V(btree) or V(cdb) index within ten seconds, and a V(lmdb) index that was updated
    at once.
  - In C(transport_maps), Postfix remembers the entry for the key V(*) for up to 30 seconds.
seealso:
  - module: mailops.connectors.postfix_main_cf
  - name: postmap(1)
    description: The format of the source files.
    link: https://www.postfix.org/postmap.1.html
  - name: DATABASE_README
    description: All types of lookup tables.
    link: https://www.postfix.org/DATABASE_README.html
"""

EXAMPLES = r"""
- name: Route two domains, and nothing else
  mailops.connectors.postfix_lookup_table:
    tables:
      - path: /etc/postfix/transport
        entries:
          contoso.com: "smtp:[smarthost.example.com]:25"
          .contoso.com: "smtp:[smarthost.example.com]:25"

- name: Passwords that nobody else may read, and one more accepted sender in a table that others edit too
  mailops.connectors.postfix_lookup_table:
    tables:
      - path: /etc/postfix/sasl_passwd
        type: texthash
        secret_entries:
          "[smarthost.example.com]:587": "relay:{{ smarthost_password }}"
      - path: /etc/postfix/sender_access
        purge: false
        entries:
          - key: partner.example.net
            value: OK
            comment: agreed with the partner's postmaster

- name: Patterns keep their order
  mailops.connectors.postfix_lookup_table:
    tables:
      - path: /etc/postfix/header_checks
        type: regexp
        entries:
          - key: "/^Subject: .*invoice.*\\.exe/"
            value: REJECT
          - key: "/^X-Internal:/"
            value: IGNORE
"""

RETURN = r"""
tables:
  description: Each table, in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Type and path, as it stands in C(main.cf).
      type: str
      sample: lmdb:/etc/postfix/transport
    changed:
      description: Whether it was (or would be) built or removed.
      type: bool
    reason:
      description: Why it was (or would be) built or removed, empty where nothing differs.
      type: str
      sample: the index differs from the source
    entries:
      description: How many entries the table has afterwards.
      type: int
commands:
  description: What was done (or would be), in order.
  returned: success
  type: list
  elements: str
  sample:
    - "write /etc/postfix/transport (2 entries)"
    - "postmap lmdb:/etc/postfix/transport"
diff:
  description: The source files that differ, before and after. Values of tables that not everyone may read are masked.
  returned: in diff mode
  type: list
  elements: dict
"""

import grp
import os
import pwd
import typing as t
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mailops.connectors.plugins.module_utils.postfix import files
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.command import (
    Postfix,
    PostfixCommandError,
    PostfixMissing,
    through,
)
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.logical_lines import PostfixFileError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.lookup_tables import (
    INDEX_SUFFIXES,
    PATTERN_FILE_TYPES,
    TEXT_TYPES,
    Entry,
    LookupTableError,
    LookupTables,
    TableTextError,
    choose_indexed_type,
    index_path,
    merge,
    parse,
    render,
)

EXPECTED_ERRORS = (LookupTableError, PostfixCommandError, PostfixFileError, PostfixMissing, TableTextError)
SHORTEST_SECRET = 4
MASK = "********"


class TableProblem(ValueError):
    """Options that do not make a table. The message names the table and the remedy, and no value."""


@dataclass(frozen=True)
class Wanted:
    """One table as it is to be; ``text`` None means absent."""

    table_type: str
    path: str
    before: str | None
    text: str | None
    mode: int
    owner: files.Owner | None
    is_secret: bool

    @property
    def name(self) -> str:
        return f"{self.table_type}:{self.path}"

    @property
    def paths(self) -> list[str]:
        return [path for path in (self.path, index_path(self.table_type, self.path)) if path]

    def count(self) -> int:
        return 0 if self.text is None else sum(1 for line in self.text.split("\n") if line and line[0] not in "# \t")


def read_entries(given: object, path: str, is_secret: bool) -> tuple[list[Entry], list[str]]:
    """The user's entries -> entries to set, keys to remove. Raises TableProblem."""
    if isinstance(given, dict):
        rows = [{"key": key, "value": value} for key, value in given.items()]
    elif isinstance(given, list):
        rows = given
    else:
        raise TableProblem(f"{path}: the entries are neither a dict nor a list. Give a dict of keys and values.")
    entries: list[Entry] = []
    removed: list[str] = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not {"key", "value"} <= set(row) <= {"key", "value", "comment"}:
            raise TableProblem(
                f"{path}: entry {number} is no dict of key and value. A comment is all it may have besides."
            )
        key = _text(row["key"], path, f"the key of entry {number}")
        if row["value"] is None:
            removed.append(key)
            continue
        value = _text(row["value"], path, f"the value of key {key!a}")
        if is_secret and len(value) < SHORTEST_SECRET:
            raise TableProblem(
                f"{path}: the value of key {key!a} is too short to be masked in output. "
                f"Use at least {SHORTEST_SECRET} characters."
            )
        entries.append(Entry(key, value, str(row.get("comment") or "")))
    return entries, removed


def _text(value: object, path: str, what: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TableProblem(f"{path}: {what} is no text. Put it in quotes.")
    return str(value)


def read_mode(given: str | None, path: str, is_secret: bool) -> int:
    if given is None:
        return 0o600 if is_secret else 0o644
    try:
        mode = int(given, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777 or mode & 0o600 != 0o600 or mode & 0o111:
        raise TableProblem(
            f'{path}: mode {given} does not suit a table. Give it as octal digits in quotes, such as "0640".'
        )
    if is_secret and mode & 0o007:
        raise TableProblem(f'{path}: mode {given} lets everyone read secrets. Use "0600" or "0640".')
    return mode


def read_owner(owner: str | None, group: str | None, path: str) -> files.Owner | None:
    """User id and group id; where one is not given, that of the present source or of this process."""
    if owner is None and group is None and not os.path.exists(path):
        return None
    found = os.stat(path) if os.path.exists(path) else None
    try:
        user_id = pwd.getpwnam(owner).pw_uid if owner and not owner.isdigit() else int(owner) if owner else None
        group_id = grp.getgrnam(group).gr_gid if group and not group.isdigit() else int(group) if group else None
    except KeyError as error:
        raise TableProblem(f"{path}: {error.args[0]}. Create the account first.") from None
    if user_id is None:
        user_id = found.st_uid if found else os.geteuid()
    if group_id is None:
        group_id = found.st_gid if found else os.getegid()
    return user_id, group_id


def wanted_text(table_type: str, given: dict[str, t.Any], before: str | None, is_secret: bool) -> str:
    """The source text of a table. Raises TableProblem, TableTextError and PostfixFileError."""
    path = given["path"]
    is_ordered = table_type in PATTERN_FILE_TYPES
    entries, removed = read_entries(given["secret_entries"] if is_secret else given["entries"], path, is_secret)
    if given["purge"]:
        if removed:
            raise TableProblem(f"{path}: key {removed[0]!a} has no value. Leave it out: purge removes it.")
        return render(entries, in_order=is_ordered)
    if is_ordered:
        raise TableProblem(
            f"{path}: the order counts in a {table_type} table, so entries cannot be merged into it. "
            "Give all entries, with purge: true."
        )
    return merge(before or "", entries, removed, path)


def masked(text: str) -> str:
    """A source text without its values."""
    return "".join(f"{key}\t{MASK}\n" for key in sorted(parse(text)))


class LookupTableTask:
    """One run of the module: gather and check all tables, plan, build one after the other."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        directories = module.params["config_directory"], module.params["command_directory"]
        self.postfix = Postfix(directories[0], through(self.module), directories[1])
        self.lookup_tables = LookupTables(directories[0], through(self.module), directories[1])
        self.types = self.postfix.table_types()
        self.commands: list[str] = []
        self.needs_reload = False

    def run(self) -> dict[str, t.Any]:
        tables = [self.read(given) for given in self.module.params["tables"]]
        self.refuse_shared_files(tables)
        self.refuse_removal_in_use(tables)
        reasons = [self.reason(table) for table in tables]
        for table, reason in zip(tables, reasons):
            if reason:
                self.carry_out(table)
        if self.needs_reload and self.module.params["reload"] and self.postfix.is_running():
            self.commands.append(f"postfix -c {self.postfix.config_directory} reload")
            if not self.module.check_mode:
                self.postfix.reload()
        return {
            "changed": any(reasons),
            "commands": self.commands,
            "tables": [
                {"name": table.name, "changed": bool(reason), "reason": reason or "", "entries": table.count()}
                for table, reason in zip(tables, reasons)
            ],
            "diff": [self.diff(table, reason) for table, reason in zip(tables, reasons) if reason],
        }

    def read(self, given: dict[str, t.Any]) -> Wanted:
        path = given["path"]
        if not os.path.isabs(path) or any(letter.isspace() or not letter.isprintable() for letter in path):
            raise TableProblem(f"{path!a}: Postfix needs an absolute path without white space. Correct the path.")
        if not os.path.isdir(os.path.dirname(path)) or os.path.isdir(path):
            raise TableProblem(
                f"{path}: its directory does not exist, or it is itself one. Create the directory first."
            )
        table_type = self.table_type(given["type"], path)
        is_secret = given["secret_entries"] is not None
        content = files.read(path)
        before = None if content is None else content.decode("utf-8", "surrogateescape")
        return Wanted(
            table_type,
            path,
            before,
            None if given["state"] == "absent" else wanted_text(table_type, given, before, is_secret),
            read_mode(given["mode"], path, is_secret),
            read_owner(given["owner"], given["group"], path),
            is_secret or (before is not None and not os.stat(path).st_mode & 0o004),
        )

    def table_type(self, given: str | None, path: str) -> str:
        if given is None:
            default = self.postfix.parameters(["default_database_type"])["default_database_type"]
            return choose_indexed_type(self.types, default)
        usable = sorted(self.types & {*INDEX_SUFFIXES, *TEXT_TYPES})
        if given not in usable:
            known = "is not built from a source file" if given in self.types else "is not a table type of this Postfix"
            raise TableProblem(
                f"{path}: {given} {known}, which has (postconf -m): {', '.join(sorted(self.types))}. "
                f"Use one of {', '.join(usable)}, or install the package with Postfix's {given} support."
            )
        return given

    def refuse_shared_files(self, tables: list[Wanted]) -> None:
        owners: dict[str, Wanted] = {}
        for table in tables:
            for path in table.paths:
                if path in owners:
                    raise TableProblem(
                        f"{path} would belong to two tables, {owners[path].name} and {table.name}. "
                        "Give each table a path of its own."
                    )
                owners[path] = table

    def refuse_removal_in_use(self, tables: list[Wanted]) -> None:
        removed = [table for table in tables if table.text is None and self.reason(table)]
        if not removed:
            return
        parameters = self.postfix.run(self.postfix.command("postconf", "-nx")).stdout
        for table in removed:
            for line in [*parameters.split("\n"), *self.postfix.services().split("\n")]:
                words = line.replace(",", " ").replace("{", " ").replace("}", " ").replace("=", " ").split()
                if any(word.endswith(table.name) for word in words):
                    raise TableProblem(
                        f"{table.name} is still named by {words[0]}, and without it Postfix would "
                        "defer mail. Remove it there first."
                    )

    def reason(self, table: Wanted) -> str | None:
        if table.text is None:
            return "it is to be absent" if any(os.path.lexists(path) for path in table.paths) else None
        return self.lookup_tables.is_current(table.table_type, table.path, table.text, table.mode, table.owner)

    def carry_out(self, table: Wanted) -> None:
        if table.text is None:
            self.commands.extend(f"remove {path}" for path in table.paths if os.path.lexists(path))
            if not self.module.check_mode:
                self.remove(table)
            return
        count = table.count()
        self.commands.append(f"write {table.path} ({count} entr{'y' if count == 1 else 'ies'})")
        index = index_path(table.table_type, table.path)
        if index:
            self.commands.append(f"postmap {table.name}")
        # A program that once found no index keeps failing until it starts again.
        is_broken = index is not None and self.lookup_tables.dump(table.table_type, table.path) is None
        self.needs_reload = self.needs_reload or index is None or (is_broken and table.before is not None)
        if not self.module.check_mode:
            self.lookup_tables.build(table.table_type, table.path, table.text, table.mode, table.owner)

    def remove(self, table: Wanted) -> None:
        for path in table.paths:
            if os.path.lexists(path):
                os.unlink(path)

    def diff(self, table: Wanted, reason: str) -> dict[str, str]:
        texts = [text or "" for text in (table.before, table.text)]
        sides = [masked(text) for text in texts] if table.is_secret else texts
        if sides[0] == sides[1]:
            sides[0] += f"# {reason}\n"
        return {"before": sides[0], "after": sides[1], "before_header": table.name, "after_header": table.name}


def argument_spec() -> dict[str, t.Any]:
    return {
        "tables": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "path": {"type": "path", "required": True},
                "type": {"type": "str"},
                "entries": {"type": "raw"},
                "secret_entries": {"type": "raw", "no_log": True},
                "purge": {"type": "bool", "default": True},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "mode": {"type": "str"},
                "owner": {"type": "str"},
                "group": {"type": "str"},
            },
            "mutually_exclusive": [("entries", "secret_entries")],
            "required_if": [("state", "present", ("entries", "secret_entries"), True)],
        },
        "config_directory": {"type": "path"},
        "command_directory": {"type": "path"},
        "reload": {"type": "bool", "default": True},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    task: LookupTableTask | None = None
    try:
        task = LookupTableTask(module)
        result = task.run()
    except (TableProblem, *EXPECTED_ERRORS) as error:
        module.fail_json(msg=str(error), commands=task.commands if task else [])
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename or 'a table'}: {error.strerror}. That table is as before.",
            commands=task.commands if task else [],
        )
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
