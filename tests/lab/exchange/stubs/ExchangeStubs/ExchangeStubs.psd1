# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A session that looks for any of these loads the module, which then exports only what the host at hand is to have.
@{
    RootModule = 'ExchangeStubs.psm1'
    ModuleVersion = '1.0.0'
    GUID = '6f0c4f0a-5a3b-4b1e-9d52-0d5d8f6c2a11'
    FunctionsToExport = @(
        'Get-SendConnector', 'New-SendConnector', 'Set-SendConnector', 'Remove-SendConnector'
        'Get-ReceiveConnector', 'New-ReceiveConnector', 'Set-ReceiveConnector', 'Remove-ReceiveConnector'
        'Get-AcceptedDomain', 'New-AcceptedDomain', 'Set-AcceptedDomain', 'Remove-AcceptedDomain'
        'Get-AdSiteLink', 'Set-AdSiteLink', 'Get-ADSite'
        'Get-ADPermission', 'Add-ADPermission', 'Remove-ADPermission'
        'Get-ExchangeServer', 'Get-ExchangeCertificate', 'Get-TransportConfig', 'Get-TransportService', 'Get-Queue'
        'New-PSSession', 'Import-PSSession', 'Get-PSSession', 'Remove-PSSession', 'Add-PSSnapin', 'Get-Process'
    )
    CmdletsToExport = @()
    VariablesToExport = @()
    AliasesToExport = @()
}
