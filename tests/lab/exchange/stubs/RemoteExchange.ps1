# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A stub of the script that starts the Exchange Management Shell. Like it, it writes on every stream, has errors that it
# goes on after, and asks for a server where it finds none.

Write-Host '         Welcome to the Exchange Management Shell!'
Write-Verbose -Message 'Loading.' -Verbose
Get-Item -LiteralPath '/exchange/not/there'
[int]'this is no number'

function Connect-Noisily {
    Write-Host 'VERBOSE: Connecting to ex1.contoso.com.'
    New-PSSession -ConfigurationName Microsoft.Exchange -ConnectionUri 'http://ex1.contoso.com/PowerShell/' -Authentication Kerberos
}

function Connect-ExchangeServer {
    param ([switch]$Auto, [string]$ClientApplication)
    $global:remoteSession = Connect-Noisily
    if (-not $global:remoteSession) {
        Write-Warning -Message 'Failed to connect to an Exchange server in the current site.'
        $null = Read-Host -Prompt 'Enter the server FQDN where you want to connect.'
        return
    }
    if ($env:EXCHANGE_STUBS_SHELL_ENDS_WITH) {
        throw $env:EXCHANGE_STUBS_SHELL_ENDS_WITH
    }
    $null = Import-PSSession -Session $global:remoteSession -AllowClobber -DisableNameChecking
    Write-Host "VERBOSE: Connected to ex1.contoso.com as $ClientApplication."
}
