# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs one unchanged Ansible module many times: Ansible.Basic is compiled once, and each line (arguments, environment) that
# arrives on a connection to Port is a run in a runspace of its own, as Ansible's wrapper makes one. Its answer is a line of JSON.

param ([string]$ModuleFile, [string]$UtilDirectory, [int]$Port)

$ErrorActionPreference = 'Stop'

function ConvertTo-Table {
    # As Ansible's wrapper makes arguments of JSON.
    param ($Value)
    if ($Value -is [System.Management.Automation.PSCustomObject]) {
        $table = @{}
        foreach ($property in $Value.PSObject.Properties) {
            $table[$property.Name] = ConvertTo-Table -Value $property.Value
        }
        return $table
    }
    if ($Value -is [array]) {
        return , @(foreach ($one in $Value) { ConvertTo-Table -Value $one })
    }
    $Value
}

function Get-LogText {
    # What Ansible writes into the Windows event log about the arguments. It has no such log here.
    param ($Module)
    $flags = [System.Reflection.BindingFlags]'NonPublic, Instance'
    [string]$Module.GetType().GetMethod('FormatLogData', $flags).Invoke($Module, @($Module.Params, 2))
}

function Invoke-Module {
    param ([scriptblock]$Body, [hashtable]$Argument)
    $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
    $shell.Runspace.SessionStateProxy.SetVariable('ErrorActionPreference', 'Stop')
    $shell.Runspace.SessionStateProxy.SetVariable('complex_args', $Argument)
    $null = $shell.AddScript('Function Write-Host($msg) { Write-Output -InputObject $msg }').AddStatement()
    $null = $shell.AddScript('${function:<AnsibleModule>} = $args[0]').AddArgument($Body).AddStatement()
    $null = $shell.AddCommand('<AnsibleModule>', $false)
    $console = [Console]::Out
    $written = New-Object -TypeName System.IO.StringWriter
    [Console]::SetOut($written)
    try {
        $output = @($shell.Invoke())
        $module = $shell.Runspace.SessionStateProxy.GetVariable('module')
    } finally {
        [Console]::SetOut($console)
    }
    @{
        output = $written.ToString()
        more = @($output | ForEach-Object { [string]$_ })
        errors = @($shell.Streams.Error | ForEach-Object { "$_ $($_.ScriptStackTrace)" })
        logged = if ($module) { Get-LogText -Module $module } else { '' }
    }
    $shell.Runspace.Dispose()
    $shell.Dispose()
}

Import-Module -Name (Join-Path -Path $UtilDirectory -ChildPath 'powershell/Ansible.ModuleUtils.AddType.psm1') -DisableNameChecking
$basic = [System.IO.File]::ReadAllText((Join-Path -Path $UtilDirectory -ChildPath 'csharp/Ansible.Basic.cs'))
$temporary = New-Object -TypeName PSObject -Property @{ Tmpdir = [System.IO.Path]::GetTempPath() }
Add-CSharpType -References @($basic) -AnsibleModule $temporary
[Ansible.Basic.AnsibleModule]::_WrapperWarnings = New-Object -TypeName 'System.Collections.Generic.List[string]'

$text = [System.IO.File]::ReadAllText($ModuleFile)
$set = @()
$stream = (New-Object -TypeName System.Net.Sockets.TcpClient -ArgumentList '127.0.0.1', $Port).GetStream()
$reader = New-Object -TypeName System.IO.StreamReader -ArgumentList $stream
while ($null -ne ($line = $reader.ReadLine())) {
    $request = ConvertTo-Table -Value (ConvertFrom-Json -InputObject $line -DateKind String)
    foreach ($name in $set) {
        [Environment]::SetEnvironmentVariable($name, $null)
    }
    $set = @($request.environment.Keys)
    foreach ($name in $set) {
        [Environment]::SetEnvironmentVariable($name, $request.environment[$name])
    }
    $problems = $null
    $body = [System.Management.Automation.Language.Parser]::ParseInput($text, 'exchange_invoke.ps1', [ref]$null, [ref]$problems).GetScriptBlock()
    $answer = Invoke-Module -Body $body -Argument $request.arguments
    $bytes = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $answer -Depth 5 -Compress) + "`n")
    $stream.Write($bytes, 0, $bytes.Length)
}
