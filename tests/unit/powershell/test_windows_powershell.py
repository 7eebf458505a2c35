# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_invoke has to run in Windows PowerShell 5.1, calls what is known, and makes no script of data.

What a newer PowerShell accepts says nothing about the old one, so the file is held against tables of what 5.1 has.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from lab.exchange import powershell
from lab.exchange.engine import MODULE

# What the module may call besides its own functions and, through a table, the cmdlets of its list.
ALLOWED = {
    *("Add-PSSnapin", "Import-PSSession", "New-PSSession", "Get-PSSession", "Remove-PSSession", "Remove-Module"),
    *("ForEach-Object", "New-Object", "Select-Object", "Set-Item", "Sort-Object", "Where-Object"),
    *("Get-Command", "Get-Content", "Get-Process", "Join-Path", "Test-Path"),
    "<$Work.Commands[$Cmdlet]>",
}
# Ways to make a script or a command of a text.
_FROM_TEXT = re.compile(
    r"Invoke-Expression|\biex\b|ScriptBlock\]::Create|InvokeScript|AddScript|ExpandString|Add-Type|Invoke-Command"
    r"|NewScriptBlock",
    re.IGNORECASE,
)
_ADDED = {"(Get-ExchangeFile -Name 'RemoteExchange.ps1'), $false", "'Connect-ExchangeServer'"}


def problems(file: Path) -> list[str]:
    """What is wrong with the script, each with its line."""
    program = powershell.find_lab()
    if program is None:
        pytest.skip(
            "there is no checker for Windows PowerShell 5.1: it is part of shared/tools/pwsh beside the checkout"
        )
    command = [str(program), "-Lint51", "--list-commands", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    text = file.read_text(encoding="utf-8")
    own = set(re.findall(r"^function ([A-Z][\w-]+) \{", text, re.MULTILINE))
    found = []
    for line in lines:
        place, command_mark, called = line.partition(": command ")
        if not command_mark:
            found.append(line)
        elif called not in own | ALLOWED:
            found.append(f"{place}: {called} is called")
    for number, code in enumerate(text.splitlines(), start=1):
        if not code.lstrip().startswith("#"):
            found += [f"{number}: {hit.group()} makes a script of a text" for hit in _FROM_TEXT.finditer(code)]
    added = re.findall(r"\.AddCommand\((.*?)\)(?:\.Add|$)", text, re.MULTILINE)
    return found + [f"a pipeline calls {one}" for one in added if one not in _ADDED]


def test_the_module_has_only_what_windows_powershell_5_1_knows_and_calls_only_what_is_allowed() -> None:
    assert problems(MODULE) == []


@pytest.mark.parametrize(
    "line",
    [
        "$port = $given ?? 25",
        "$port = $given ? 25 : 26",
        "Get-Date -AsUTC",
        "$names | Join-String",
        "Invoke-Expression -Command $text",
        "$null = [scriptblock]::Create($text)",
        "Restart-Service -Name MSExchangeTransport",
        "& $Work.Given",
        ". $path",
        "$null = $shell.AddCommand($name)",
        "if ($true) {",
    ],
)
def test_anything_else_is_found(line: str, tmp_path: Path) -> None:
    file = tmp_path / "changed.ps1"
    file.write_text(MODULE.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    assert problems(file) != []


def test_the_module_is_plain_ascii() -> None:
    """Windows PowerShell reads a file without a byte order mark in the code page of the machine."""
    assert MODULE.read_bytes().isascii()
