# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Stubs of Exchange's cmdlets and of the ways to a session with Exchange, for tests. Everything goes to the simulator behind
# EXCHANGE_STUBS_BRIDGE. EXCHANGE_STUBS_WAY says which way to Exchange this host has.

$script:tables = @{}
$script:sessions = @()
$script:current = $null

function Send-Request {
    param ([hashtable]$Request)
    $place = $env:EXCHANGE_STUBS_BRIDGE.Split(':')
    $client = New-Object -TypeName System.Net.Sockets.TcpClient -ArgumentList $place[0], ([int]$place[1])
    try {
        $stream = $client.GetStream()
        $line = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $Request -Depth 8 -Compress) + "`n")
        $stream.Write($line, 0, $line.Length)
        $reader = New-Object -TypeName System.IO.StreamReader -ArgumentList $stream
        ConvertFrom-Json -InputObject $reader.ReadLine()
    } finally {
        $client.Close()
    }
}

function ConvertTo-Sent {
    param ($Value)
    if ($Value -is [System.Management.Automation.PSCredential]) {
        return @{ '$credential' = @{ username = $Value.UserName; password = $Value.GetNetworkCredential().Password } }
    }
    if ($Value -is [System.Management.Automation.SwitchParameter]) {
        return [bool]$Value
    }
    if ($Value -is [System.Collections.IDictionary]) {
        $table = @{}
        foreach ($key in $Value.Keys) {
            $table[$key] = [string[]]@($Value[$key])
        }
        return $table
    }
    if ($Value -is [array]) {
        return , $Value
    }
    $Value
}

function New-StubError {
    # An error of a remote cmdlet arrives as a RemoteException that has the type it was only by name; one of the connection
    # is an exception of this side.
    param ($Problem, [string]$Cmdlet)
    $exception = New-Object -TypeName System.Management.Automation.RemoteException -ArgumentList $Problem.message
    if ($Problem.type -eq 'PSRemotingTransportException') { # a subclass of it, as it is in PowerShell
        $exception = New-Object -TypeName System.Management.Automation.Remoting.PSRemotingTransportException -ArgumentList $Problem.message
    }
    $record = New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList @(
        $exception, "[Server=ex1],$($Problem.type),$Cmdlet", [System.Management.Automation.ErrorCategory]::InvalidArgument, $null)
    $record.CategoryInfo.Reason = $Problem.type
    $record.CategoryInfo.Activity = $Cmdlet
    $record
}

# --- cmdlets of Exchange ---------------------------------------------------------------------------------------------

function Get-ParameterTable {
    # As implicit remoting makes them: a switch is one, anything else takes any object. Made once, or a thousand calls take minutes.
    param ([string]$Cmdlet)
    if ($script:tables.ContainsKey($Cmdlet)) {
        return $script:tables[$Cmdlet]
    }
    $table = New-Object -TypeName System.Management.Automation.RuntimeDefinedParameterDictionary
    foreach ($parameter in ($script:cmdlets | Where-Object { $_.name -eq $Cmdlet }).parameters) {
        $type = if ($parameter.switch) { [switch] } else { [object] }
        $attributes = New-Object -TypeName 'System.Collections.ObjectModel.Collection[System.Attribute]'
        $attributes.Add((New-Object -TypeName System.Management.Automation.ParameterAttribute))
        $one = New-Object -TypeName System.Management.Automation.RuntimeDefinedParameter -ArgumentList $parameter.name, $type, $attributes
        $table.Add($parameter.name, $one)
    }
    $script:tables[$Cmdlet] = $table
    $table
}

function Invoke-Stub {
    param ($Caller, [string]$Cmdlet, [System.Collections.IDictionary]$Bound)
    $parameters = @{}
    foreach ($name in $script:tables[$Cmdlet].Keys) {
        if ($Bound.ContainsKey($name)) {
            $parameters[$name] = ConvertTo-Sent -Value $Bound[$name]
        }
    }
    $answer = Send-Request -Request @{ do = 'call'; cmdlet = $Cmdlet; parameters = $parameters; session = $script:current }
    foreach ($warning in $answer.warnings) {
        $Caller.WriteWarning($warning)
    }
    if ($answer.error) {
        $record = New-StubError -Problem $answer.error -Cmdlet $Cmdlet
        if ($answer.error.lost) {
            $script:sessions | Where-Object { $_.Id -eq $script:current } | ForEach-Object { $_.State = 'Broken' }
        }
        $Caller.WriteError($record)
        return
    }
    [System.Management.Automation.PSSerializer]::Deserialize($answer.objects) | Where-Object { $null -ne $_ }
}

$stub = {
    [CmdletBinding()]
    param ()
    dynamicparam {
        Get-ParameterTable -Cmdlet $MyInvocation.MyCommand.Name
    }
    end {
        Invoke-Stub -Caller $PSCmdlet -Cmdlet $MyInvocation.MyCommand.Name -Bound $PSBoundParameters
    }
}

function Import-Stub {
    # A module with these cmdlets, as Import-PSSession and Add-PSSnapin bring them.
    param ([string[]]$Name)
    $module = New-Module -Name 'tmp_exchange_stubs' -ArgumentList @($Name, $stub) -ScriptBlock {
        param ($Name, $Body)
        foreach ($one in $Name) {
            # Without the scope it would change a function of the same name that is visible from here.
            Set-Item -Path "Function:script:$one" -Value $Body
        }
        Export-ModuleMember -Function $Name
    }
    Import-Module -ModuleInfo $module -Global -Force -DisableNameChecking
    $module
}

# --- ways to a session -----------------------------------------------------------------------------------------------

function New-PSSession {
    [CmdletBinding()]
    param ([string]$ConfigurationName, [uri]$ConnectionUri, [string]$Authentication, [System.Management.Automation.PSCredential]$Credential)
    $request = @{
        do = 'open'
        way = if ($script:foreign) { 'foreign' } else { $env:EXCHANGE_STUBS_WAY }
        uri = [string]$ConnectionUri
        authentication = $Authentication
        configuration = $ConfigurationName
    }
    if ($Credential) {
        $request.credential = ConvertTo-Sent -Value $Credential
    }
    $answer = Send-Request -Request $request
    if ($answer.error) {
        $PSCmdlet.WriteError((New-StubError -Problem $answer.error -Cmdlet 'New-PSSession'))
        return
    }
    $session = [pscustomobject]@{
        Id = $answer.session
        InstanceId = [guid]::NewGuid()
        ComputerName = $ConnectionUri.Host
        ConfigurationName = $ConfigurationName
        State = 'Opened'
    }
    $script:sessions += $session
    $session
}

function Get-PSSession {
    [CmdletBinding()]
    param ()
    $script:sessions
}

function Remove-PSSession {
    [CmdletBinding()]
    param ([object[]]$Session)
    foreach ($one in $Session) {
        $null = Send-Request -Request @{ do = 'close'; session = $one.Id }
        $script:sessions = @($script:sessions | Where-Object { $_.Id -ne $one.Id })
    }
}

function Import-PSSession {
    [CmdletBinding()]
    param ($Session, [string[]]$CommandName, [switch]$AllowClobber, [switch]$DisableNameChecking)
    if (@($Session).Count -ne 1) {
        throw "Cannot convert '$Session' to the type System.Management.Automation.Runspaces.PSSession."
    }
    $there = @($script:cmdlets | ForEach-Object { $_.name })
    $wanted = @(if ($CommandName) { $CommandName } else { $there })
    foreach ($name in @($wanted | Where-Object { $_ -notin $there })) {
        Write-Error -Message "Running the Get-Command command in a remote session reported the following error: The term '$name' is not recognized."
    }
    $names = @($wanted | Where-Object { $_ -in $there })
    if (-not $names) {
        throw 'Running the Get-Command command in a remote session returned no results.'
    }
    $null = Send-Request -Request @{ do = 'import'; session = $Session.Id; names = $names }
    $script:current = $Session.Id
    Import-Stub -Name $names
}

function Add-PSSnapin {
    [CmdletBinding()]
    param ([string[]]$Name)
    foreach ($one in $Name) {
        if ($one -notlike 'Microsoft.Exchange.Management.PowerShell.*') {
            throw "The Windows PowerShell snap-in '$one' is not installed on this computer."
        }
    }
    $null = Import-Stub -Name @($script:cmdlets | ForEach-Object { $_.name })
}

# --- what this host has ----------------------------------------------------------------------------------------------

$script:cmdlets = (Send-Request -Request @{ do = 'cmdlets'; way = $env:EXCHANGE_STUBS_WAY }).cmdlets
if (-not (Get-PSDrive -Name HKLM -ErrorAction SilentlyContinue)) {
    $null = New-PSDrive -Name HKLM -PSProvider FileSystem -Root $env:EXCHANGE_STUBS_REGISTRY -Scope Global
}
$exported = @()
if ($env:EXCHANGE_STUBS_WAY -eq 'existing') {
    $exported = @($script:cmdlets | ForEach-Object { $_.name })
    foreach ($name in $exported) {
        Set-Item -Path "Function:script:$name" -Value $stub
    }
} elseif ($env:EXCHANGE_STUBS_WAY -in 'remoting', 'management_shell') {
    $exported = @('New-PSSession', 'Import-PSSession', 'Get-PSSession', 'Remove-PSSession')
} elseif ($env:EXCHANGE_STUBS_WAY -eq 'edge') {
    $exported = @('Add-PSSnapin')
}
if ($env:EXCHANGE_STUBS_LOCAL) {
    Set-Item -Path Function:script:Set-SendConnector -Value { param ($Identity, $Port) throw "The own cmdlet of this host, with $Identity and $Port." }
    $exported += 'Set-SendConnector'
}
if ($env:EXCHANGE_STUBS_SETUP) {
    # No real process, which every other test on this machine would see.
    Set-Item -Path Function:script:Get-Process -Value {
        param ([string]$Name)
        [pscustomobject]@{ ProcessName = 'ExSetupUI' } | Where-Object { $_.ProcessName -like $Name }
    }
    $exported += 'Get-Process'
}
$script:foreign = [bool]$env:EXCHANGE_STUBS_FOREIGN
if ($script:foreign) {
    $null = New-PSSession -ConfigurationName 'Microsoft.PowerShell' -ConnectionUri 'http://elsewhere.contoso.com/wsman'
    $script:foreign = $false
}
Export-ModuleMember -Function $exported
