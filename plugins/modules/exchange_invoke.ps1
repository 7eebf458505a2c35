#!powershell

# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#AnsibleRequires -CSharpUtil Ansible.Basic

# Windows PowerShell 5.1 that PowerShell 7 runs too. No strict mode: it would reach into Exchange's own scripts, which are
# loaded in the scope that the calls run in.

$knownCmdlets = @(
    'Get-SendConnector', 'New-SendConnector', 'Set-SendConnector', 'Remove-SendConnector'
    'Get-ReceiveConnector', 'New-ReceiveConnector', 'Set-ReceiveConnector', 'Remove-ReceiveConnector'
    'Get-AcceptedDomain', 'New-AcceptedDomain', 'Set-AcceptedDomain', 'Remove-AcceptedDomain'
    'Get-AdSiteLink', 'Set-AdSiteLink', 'Get-ADSite'
    'Get-ADPermission', 'Add-ADPermission', 'Remove-ADPermission'
    'Get-ExchangeServer', 'Get-ExchangeCertificate', 'Get-TransportConfig', 'Get-TransportService', 'Get-Queue'
)

# What has a Get cmdlet that lists everything, so that an object can be looked at before it is changed.
$listedNouns = @('SendConnector', 'ReceiveConnector', 'AcceptedDomain', 'AdSiteLink')

# What an object is called by in the parameter Identity.
$identities = @('Guid', 'Identity', 'DistinguishedName', 'Name')

$mask = '********'

$doubleHop = 'If access was denied: the logon of this task is not valid for a second connection, which Exchange needs. ' +
'Use CredSSP or Kerberos delegation for the connection to this host, or become with a password, or session_method remoting ' +
'with session_username and session_password.'

$spec = @{
    options = @{
        calls = @{
            type = 'list'
            elements = 'dict'
            required = $true
            options = @{
                cmdlet = @{ type = 'str'; required = $true }
                parameters = @{ type = 'dict' }
                secrets = @{ type = 'dict'; no_log = $false }
                expect = @{ type = 'raw' }
                properties = @{ type = 'list'; elements = 'str' }
                optional = @{ type = 'bool'; default = $false }
                each = @{
                    type = 'dict'
                    options = @{
                        call = @{ type = 'int'; required = $true }
                        property = @{ type = 'str'; required = $true }
                        parameter = @{ type = 'str'; required = $true }
                        where = @{ type = 'dict' }
                        into = @{ type = 'str' }
                    }
                }
            }
        }
        secrets = @{ type = 'dict'; no_log = $true }
        session_method = @{
            type = 'str'
            choices = @('auto', 'existing', 'management_shell', 'remoting', 'edge')
            default = 'auto'
        }
        session_uri = @{ type = 'str' }
        session_authentication = @{
            type = 'str'
            choices = @('kerberos', 'negotiate', 'basic', 'credssp')
            default = 'kerberos'
        }
        session_username = @{ type = 'str' }
        session_password = @{ type = 'str'; no_log = $true }
        domain_controller = @{ type = 'str' }
    }
    required_if = @(
        , @('session_method', 'remoting', @('session_uri'))
    )
    required_together = @(
        , @('session_username', 'session_password')
    )
    supports_check_mode = $true
}

# --- secrets ---------------------------------------------------------------------------------------------------------

function ConvertTo-Secret {
    param ($Text)
    (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', ([string]$Text)).SecurePassword
}

function ConvertFrom-Secret {
    param ([securestring]$Secret)
    (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $Secret).Password
}

function Protect-Argument {
    # Ansible.Basic masks the text of an option, and a dict has none: its values would stand in the Windows event log and in
    # what is shown at -vvv. So they become secure strings before it sees them.
    param ($Argument)
    foreach ($name in @($Argument.Keys)) {
        if ($name -ne 'secrets' -or $null -eq $Argument[$name]) {
            continue
        }
        $given = $Argument[$name]
        if ($given -isnot [System.Collections.IDictionary]) {
            $Argument[$name] = ConvertTo-Secret -Text $given
            continue
        }
        $table = @{}
        foreach ($key in $given.Keys) {
            $table[$key] = ConvertTo-Secret -Text $given[$key]
        }
        $Argument[$name] = $table
    }
}

function Get-Mask {
    # Every text to hide, the longest first, since one may be part of another.
    param ([System.Collections.IDictionary]$Option)
    $texts = @()
    if ($Option['secrets']) {
        $texts += @(foreach ($secret in $Option['secrets'].Values) { ConvertFrom-Secret -Secret $secret })
    }
    $texts += [string]$Option['session_password']
    @($texts | Where-Object { $_ } | Sort-Object -Property Length -Descending)
}

function Hide-Secret {
    param ([hashtable]$Work, [string]$Text)
    foreach ($secret in $Work.Masks) {
        $Text = $Text.Replace($secret, $mask)
    }
    $Text
}

function Hide-PlainValue {
    # A property may repeat a password, as a comment that somebody wrote it into.
    param ([hashtable]$Work, $Value)
    if ($Value -is [string]) {
        return Hide-Secret -Work $Work -Text $Value
    }
    if ($Value -is [array]) {
        $texts = [string[]]@(foreach ($one in $Value) { Hide-Secret -Work $Work -Text $one })
        return , $texts
    }
    $Value
}

# --- failures --------------------------------------------------------------------------------------------------------

function Get-ExceptionName {
    # What a remote cmdlet threw arrives as a RemoteException, with the type that it had by name.
    param ([System.Management.Automation.ErrorRecord]$Record)
    if ($Record.Exception -is [System.Management.Automation.RemoteException] -and $Record.CategoryInfo.Reason) {
        return [string]$Record.CategoryInfo.Reason
    }
    $Record.Exception.GetType().Name
}

function Get-CallTitle {
    param ([hashtable]$Call)
    $title = "call $($Call.Index), $($Call.Cmdlet)"
    foreach ($name in 'Identity', 'Name') {
        if ($Call.Argument -and $Call.Argument[$name] -is [string]) {
            return "$title '$($Call.Argument[$name])'"
        }
    }
    $title
}

function Get-DoneText {
    param ([hashtable]$Work)
    if ($Work.Done.Count -eq 0) {
        return 'No write call was finished.'
    }
    $titles = @(foreach ($index in $Work.Done) { Get-CallTitle -Call $Work.Calls[$index] })
    "These write calls were finished: $($titles -join '; ')."
}

function Stop-Work {
    # Ends the work with a failure that says what and where, and what can be done about it.
    param ([hashtable]$Work, [string]$Kind, [string]$Text, [string]$Remedy, [System.Management.Automation.ErrorRecord]$Record)
    $failure = @{ kind = $Kind; call = $null; cmdlet = $null; exception = $null; category = $null }
    $place = ''
    if ($Work.Current) {
        $failure.call = $Work.Current.Index
        $failure.cmdlet = $Work.Current.Cmdlet
        $place = "$(Get-CallTitle -Call $Work.Current): "
    }
    if ($Record) {
        $failure.exception = Get-ExceptionName -Record $Record
        $failure.category = [string]$Record.CategoryInfo.Category
    }
    $Text = $Text.Trim()
    $failure.text = Hide-Secret -Work $Work -Text $Text
    if ($Text -notmatch '[.!?]$') {
        $Text += '.'
    }
    $failure.message = Hide-Secret -Work $Work -Text "$place$Text $Remedy".Trim()
    throw $failure
}

function Get-Failure {
    # What Stop-Work threw, or for anything unforeseen the kind of the phase in which it happened.
    param ([hashtable]$Work, [System.Management.Automation.ErrorRecord]$Record)
    if ($Record.TargetObject -is [hashtable] -and $Record.TargetObject.ContainsKey('kind')) {
        return $Record.TargetObject
    }
    try {
        Stop-Work -Work $Work -Kind $Work.Phase -Text $Record.Exception.Message -Remedy (Get-DoneText -Work $Work) -Record $Record
    } catch {
        $_.TargetObject
    }
}

# --- plain values ----------------------------------------------------------------------------------------------------

function ConvertTo-PlainText {
    # PowerShell's own conversion takes ToString() with the invariant culture, and for an object that came from another session
    # the text that it had there.
    param ($Value)
    if ($Value -is [datetime]) {
        $culture = [System.Globalization.CultureInfo]::InvariantCulture
        return $Value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", $culture)
    }
    [string]$Value
}

function Test-Collection {
    param ($Value)
    $Value -is [System.Collections.IEnumerable] -and $Value -isnot [string] -and $Value -isnot [System.Collections.IDictionary]
}

function ConvertTo-PlainValue {
    param ($Value)
    if ($null -eq $Value) {
        return $null
    }
    if ($Value -is [bool]) {
        return [bool]$Value
    }
    if ($Value -is [int] -or $Value -is [int16] -or $Value -is [byte]) {
        return [int]$Value
    }
    if ($Value -is [long] -or $Value -is [uint32]) {
        return [long]$Value
    }
    if (Test-Collection -Value $Value) {
        $texts = [string[]]@(foreach ($one in $Value) { ConvertTo-PlainText -Value $one })
        return , $texts
    }
    ConvertTo-PlainText -Value $Value
}

function Get-PlainProperty {
    param ($InputObject, [string]$Name)
    $property = $InputObject.PSObject.Properties[$Name]
    if ($null -eq $property) {
        return $null
    }
    $value = ConvertTo-PlainValue -Value $property.Value
    if ($value -is [array]) {
        return , $value
    }
    $value
}

function Test-SameText {
    param ($One, $Other)
    [string]::Equals([string]$One, [string]$Other, [System.StringComparison]::OrdinalIgnoreCase)
}

function Get-Signature {
    # Two plain values are the same when this text is: lists without order, texts with case.
    param ($Value)
    if ($null -eq $Value) {
        return 'null'
    }
    if ($Value -is [bool]) {
        return "bool $Value"
    }
    if ($Value -is [int] -or $Value -is [long]) {
        return "int $Value"
    }
    if (Test-Collection -Value $Value) {
        $texts = [string[]]@(foreach ($one in $Value) { ConvertTo-PlainText -Value $one })
        [array]::Sort($texts, [System.StringComparer]::Ordinal)
        return "list $($texts.Length) " + ($texts -join [char]0)
    }
    "text $(ConvertTo-PlainText -Value $Value)"
}

function Get-ShownValue {
    param ($Value)
    if ($null -eq $Value) {
        return 'null'
    }
    if (Test-Collection -Value $Value) {
        return "[$(@($Value) -join ', ')]"
    }
    "'$Value'"
}

# --- checking the calls, before there is a session -------------------------------------------------------------------

function Test-PlainArgument {
    param ($Value)
    $null -eq $Value -or $Value -is [string] -or $Value -is [bool] -or $Value -is [int] -or $Value -is [long]
}

function ConvertTo-TextList {
    param ([hashtable]$Work, [string]$Name, $Value)
    foreach ($one in $Value) {
        if ($one -isnot [string]) {
            Stop-Work -Work $Work -Kind 'bad_call' -Text "parameter $($Name): a list holds texts only"
        }
    }
    return , [string[]]@($Value)
}

function ConvertTo-Argument {
    # A value as the cmdlet takes it.
    param ([hashtable]$Work, [string]$Name, $Value)
    if ($Value -is [datetime]) {
        # ansible-core 2.19 makes one of a text that looks like it, in PowerShell 7.
        return ConvertTo-PlainText -Value $Value
    }
    if ($Value -is [long] -and $Value -ge [int]::MinValue -and $Value -le [int]::MaxValue) {
        return [int]$Value
    }
    if (Test-PlainArgument -Value $Value) {
        return $Value
    }
    if (Test-Collection -Value $Value) {
        return , (ConvertTo-TextList -Work $Work -Name $Name -Value $Value)
    }
    $table = @{}
    if ($Value -is [System.Collections.IDictionary]) {
        foreach ($key in $Value.Keys) {
            if ($key -notin 'add', 'remove') {
                Stop-Work -Work $Work -Kind 'bad_call' -Text "parameter $($Name): a dict has add and remove, not $key"
            }
            $table[@{ add = 'Add'; remove = 'Remove' }[$key]] = ConvertTo-TextList -Work $Work -Name $Name -Value $Value[$key]
        }
        return $table
    }
    Stop-Work -Work $Work -Kind 'bad_call' -Text "parameter $($Name): a $($Value.GetType().Name) cannot be passed on"
}

function ConvertTo-Credential {
    param ([hashtable]$Work, [string]$Name, $Username, [string]$Key)
    $secrets = $Work.Option['secrets']
    if (-not $secrets -or -not $secrets[$Key] -or $secrets[$Key].Length -eq 0) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text "parameter $($Name): there is no secret '$Key'" -Remedy 'Give it in secrets.'
    }
    if ($Username -isnot [string] -or -not $Username) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text "parameter $($Name): the user name of a credential is missing"
    }
    New-Object -TypeName System.Management.Automation.PSCredential -ArgumentList $Username, $secrets[$Key]
}

function Get-Argument {
    # The parameters of a call as one table for splatting.
    param ([hashtable]$Work, [System.Collections.IDictionary]$Parameter, [System.Collections.IDictionary]$Secret)
    $table = @{}
    foreach ($name in $Parameter.Keys) {
        $table[$name] = ConvertTo-Argument -Work $Work -Name $name -Value $Parameter[$name]
    }
    foreach ($name in $Secret.Keys) {
        $table[$name] = ConvertTo-Credential -Work $Work -Name $name -Username $table[$name] -Key $Secret[$name]
    }
    $table
}

function Test-Expectation {
    # Only whether it can be checked at all.
    param ([hashtable]$Work, [hashtable]$Call)
    if ($null -eq $Call.Expect) {
        return
    }
    $absent = $Call.Expect -is [string] -and $Call.Expect -eq 'absent'
    if (-not $absent -and $Call.Expect -isnot [System.Collections.IDictionary]) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text 'expect is absent or a dict of properties'
    }
    if (-not $Call.Writes -or $Call.Noun -notin $listedNouns) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text "expect is not possible with $($Call.Cmdlet)"
    }
    $key = if ($absent) { 'Name' } else { 'Identity' }
    if (-not $Call.Argument[$key]) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text "expect needs the parameter $key"
    }
}

function Resolve-Call {
    param ([hashtable]$Work, [int]$Index, [System.Collections.IDictionary]$Given)
    $Work.Current = @{ Index = $Index; Cmdlet = $Given['cmdlet'] }
    $cmdlet = @($knownCmdlets | Where-Object { $_ -eq $Given['cmdlet'] })
    if (-not $cmdlet) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text "this cmdlet is not run here, only $($knownCmdlets -join ', ')"
    }
    $call = $Work.Current
    $call.Cmdlet = $cmdlet[0]
    $call.Noun = $call.Cmdlet.Split('-')[1]
    $call.Writes = -not $call.Cmdlet.StartsWith('Get-')
    $call.Argument = Get-Argument -Work $Work -Parameter $Given['parameters'] -Secret $Given['secrets']
    $call.Expect = $Given['expect']
    $call.Properties = @($Given['properties'] | Where-Object { $_ })
    $call.Optional = [bool]$Given['optional']
    $call.Each = $Given['each']
    $call.Objects = @()
    $call.Missing = $false
    if ($call.Writes -and $Work.CheckMode) {
        Stop-Work -Work $Work -Kind 'check_mode' -Text 'in check mode nothing is written'
    }
    if ($call.Writes -and $call.Optional) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text 'only a call that reads can be optional'
    }
    if ($call.Each -and ($call.Each['call'] -lt 0 -or $call.Each['call'] -ge $Index)) {
        Stop-Work -Work $Work -Kind 'bad_call' -Text "each names call $($call.Each['call']), which is no earlier one"
    }
    Test-Expectation -Work $Work -Call $call
    $call
}

function Test-Secret {
    param ([hashtable]$Work)
    foreach ($secret in $Work.Masks) {
        if ($secret.Length -lt 4) {
            Stop-Work -Work $Work -Kind 'bad_call' -Text 'a password shorter than four characters cannot be masked' -Remedy 'Use a longer one.'
        }
    }
}

function Get-NeededCmdlet {
    # The cmdlets of the calls, and those that look whether expectations hold.
    param ([hashtable]$Work)
    $names = foreach ($call in $Work.Calls) {
        $call.Cmdlet
        if ($null -ne $call.Expect) {
            "Get-$($call.Noun)"
        }
    }
    @($names | Select-Object -Unique)
}

# --- the session -----------------------------------------------------------------------------------------------------

function Test-ExchangeCmdlet {
    [bool](Get-Command -Name Get-SendConnector -CommandType Cmdlet, Function -ErrorAction SilentlyContinue)
}

function Test-EdgeRole {
    [bool](Test-Path -LiteralPath 'HKLM:\SOFTWARE\Microsoft\ExchangeServer\v15\EdgeTransportRole' -ErrorAction SilentlyContinue)
}

function Get-ExchangeFile {
    # The path of a file in Exchange's folder of scripts, or nothing.
    param ([string]$Name)
    if ($env:ExchangeInstallPath) {
        $path = Join-Path -Path (Join-Path -Path $env:ExchangeInstallPath -ChildPath 'Bin') -ChildPath $Name
        if (Test-Path -LiteralPath $path) {
            $path
        }
    }
}

function Get-LocalUri {
    # Exchange's endpoint on this computer, by its full name, which Kerberos needs.
    $network = [System.Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
    $name = (@($network.HostName, $network.DomainName) | Where-Object { $_ }) -join '.'
    "http://$name/PowerShell/"
}

function Resolve-SessionMethod {
    param ([hashtable]$Work)
    $there = Test-ExchangeCmdlet
    $asked = $Work.Option['session_method']
    if ($asked -eq 'existing' -and -not $there) {
        Stop-Work -Work $Work -Kind 'no_exchange' -Text 'this session has no cmdlets of Exchange' -Remedy (
            'Connect to a session that has them, or use another session_method.')
    }
    if ($asked -ne 'auto') {
        return $asked
    }
    if ($there) {
        return 'existing'
    }
    if ($Work.Option['session_uri']) {
        return 'remoting'
    }
    if (Test-EdgeRole) {
        return 'edge'
    }
    if ($env:ExchangeInstallPath) {
        return 'management_shell'
    }
    Stop-Work -Work $Work -Kind 'no_exchange' -Text 'there is no Exchange on this host' -Remedy (
        'Run the task on an Exchange server, or set session_uri, such as http://ex1.contoso.com/PowerShell/.')
}

function Test-ExchangeSetup {
    param ([hashtable]$Work)
    if (Get-Process -Name 'ExSetup*' -ErrorAction SilentlyContinue) {
        Stop-Work -Work $Work -Kind 'setup_running' -Text 'Exchange Setup is running on this host' -Remedy 'Try again when it has ended.'
    }
}

function Get-OwnSession {
    # The sessions that were opened here. Any other stays as it is.
    param ([hashtable]$Work)
    @($Work.Opened)
    @(Get-PSSession | Where-Object { $Work.Foreign -notcontains $_.InstanceId -and $Work.Opened -notcontains $_ })
}

function Open-Remoting {
    param ([hashtable]$Work, [string]$Uri)
    $option = @{
        ConfigurationName = 'Microsoft.Exchange'
        ConnectionUri = $Uri
        Authentication = $Work.Option['session_authentication']
    }
    $remedy = $doubleHop
    if ($Work.Option['session_username']) {
        $password = ConvertTo-Secret -Text $Work.Option['session_password']
        $option.Credential = New-Object -TypeName System.Management.Automation.PSCredential -ArgumentList $Work.Option['session_username'], $password
        $remedy = 'Check session_uri, session_authentication, the account and its password, and that it may use remote PowerShell.'
    }
    $Work.Session.uri = $Uri
    $Work.Session.server = ([uri]$Uri).Host
    try {
        $Work.Opened = @(New-PSSession @option -ErrorAction Stop 3>$null 4>$null 5>$null 6>$null)
    } catch {
        Stop-Work -Work $Work -Kind 'session' -Text "The session with $Uri was not opened: $($_.Exception.Message)" -Remedy $remedy -Record $_
    }
    Import-ExchangeCmdlet -Work $Work
}

function Import-ExchangeCmdlet {
    # What the account may not use is not there to import. That is found afterwards, so errors count only with a lost session.
    param ([hashtable]$Work)
    $option = @{
        Session = $Work.Opened[0]
        CommandName = Get-NeededCmdlet -Work $Work
        AllowClobber = $true
        DisableNameChecking = $true
        ErrorAction = 'SilentlyContinue'
    }
    try {
        $Work.Imported = Import-PSSession @option 3>$null 4>$null 5>$null 6>$null
    } catch {
        if ([string]$Work.Opened[0].State -ne 'Opened') {
            Stop-Work -Work $Work -Kind 'session' -Text "The cmdlets were not imported: $($_.Exception.Message)" -Record $_
        }
        $Work.ImportError = $_.Exception.Message
    }
}

function Open-ManagementShell {
    # What the shell wrote. Called with a dot, since the functions of RemoteExchange.ps1 live in the scope that loads it. As a
    # pipeline of its own, because that script has errors that it goes on after in a shell, and would not under a try.
    $ErrorActionPreference = 'Continue'
    $shell = [System.Management.Automation.PowerShell]::Create([System.Management.Automation.RunspaceMode]::CurrentRunspace)
    try {
        $null = $shell.AddCommand((Get-ExchangeFile -Name 'RemoteExchange.ps1'), $false).AddStatement()
        $null = $shell.AddCommand('Connect-ExchangeServer').AddParameter('Auto').AddParameter('ClientApplication', 'ManagementShell')
        $shell.Invoke()
    } catch {
        $_
    } finally {
        $shell.Streams.Warning
        $shell.Streams.Error
        $shell.Dispose()
        $ErrorActionPreference = 'Stop'
    }
}

function Open-EdgeSnapin {
    # The snap-ins of this version are listed in the console file of its own shell.
    param ([hashtable]$Work)
    $names = @('Microsoft.Exchange.Management.PowerShell.SnapIn')
    $console = Get-ExchangeFile -Name 'exShell.psc1'
    if ($console) {
        $names = @(([xml](Get-Content -LiteralPath $console -Raw)).PSConsoleFile.PSSnapIns.PSSnapIn | ForEach-Object { $_.Name })
    }
    try {
        foreach ($name in $names) {
            Add-PSSnapin -Name $name -ErrorAction Stop *>$null
        }
    } catch {
        Stop-Work -Work $Work -Kind 'session' -Text "The snap-in of Exchange was not loaded: $($_.Exception.Message)" -Remedy (
            'It needs an Edge Transport server, Windows PowerShell 5.1 and a local administrator.') -Record $_
    }
}

function Open-Session {
    # All methods but the Exchange Management Shell, whose functions have to live until the end.
    param ([hashtable]$Work)
    $Work.Current = $null
    $Work.Phase = 'session'
    $Work.Session.method = Resolve-SessionMethod -Work $Work
    Test-ExchangeSetup -Work $Work
    $Work.Foreign = @(Get-PSSession | ForEach-Object { $_.InstanceId })
    if ($Work.Session.method -eq 'remoting') {
        Open-Remoting -Work $Work -Uri $Work.Option['session_uri']
    } elseif ($Work.Session.method -eq 'management_shell' -and $Work.Option['session_username']) {
        # The shell would connect as the account of this task, which cannot log on from here to the next server.
        Open-Remoting -Work $Work -Uri (Get-LocalUri)
    } elseif ($Work.Session.method -eq 'management_shell') {
        if (-not (Get-ExchangeFile -Name 'RemoteExchange.ps1')) {
            Stop-Work -Work $Work -Kind 'no_exchange' -Text 'there is no Exchange Management Shell on this host' -Remedy (
                'Run the task on an Exchange server, or set session_method to remoting and session_uri.')
        }
        $Work.Shell = $true
    } elseif ($Work.Session.method -eq 'edge') {
        Open-EdgeSnapin -Work $Work
    }
}

function Complete-Session {
    # What is there after opening.
    param ([hashtable]$Work, [object[]]$Noise)
    if ($Work.Shell -and -not (Test-ExchangeCmdlet)) {
        $problem = $Noise | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] } | Select-Object -Last 1
        $text = "The Exchange Management Shell found no server that it may use: $(@($Noise | Select-Object -Last 5) -join ' ')"
        Stop-Work -Work $Work -Kind 'session' -Text $text -Remedy $doubleHop -Record $problem
    }
    $Work.Session.edge = $Work.Session.method -eq 'edge' -or ($Work.Session.method -eq 'existing' -and (Test-EdgeRole))
    if (-not $Work.Session.server) {
        $servers = @(Get-OwnSession -Work $Work | ForEach-Object { [string]$_.ComputerName })
        $Work.Session.server = @($servers + [System.Environment]::MachineName | Where-Object { $_ })[0]
    }
}

function Close-Session {
    param ([hashtable]$Work)
    try {
        if ($Work.Imported -is [System.Management.Automation.PSModuleInfo]) {
            Remove-Module -ModuleInfo $Work.Imported -Force -ErrorAction SilentlyContinue
        }
        foreach ($session in @(Get-OwnSession -Work $Work)) {
            Remove-PSSession -Session $session -ErrorAction SilentlyContinue
        }
    } catch {
        $Work.Warnings += "The session was not closed: $($_.Exception.Message)"
    }
}

# --- what the account may use ----------------------------------------------------------------------------------------

function Get-RoleText {
    param ([string]$Cmdlet)
    $roles = 'Organization Management'
    if ($Cmdlet -like '*-ReceiveConnector') {
        $roles = 'Organization Management, Server Management or Hygiene Management'
    }
    "The account needs a management role that has it, as the members of $roles have."
}

function Test-Permission {
    # Role based access control hides cmdlets and parameters instead of refusing them. What was imported is all that counts
    # then: a cmdlet of this host by the same name would work without that control.
    param ([hashtable]$Work)
    foreach ($name in Get-NeededCmdlet -Work $Work) {
        $found = @(Get-Command -Name $name -CommandType Cmdlet, Function -ErrorAction SilentlyContinue)
        if ($Work.Opened) {
            $found = @($found | Where-Object { $Work.Imported -and $_.ModuleName -eq $Work.Imported.Name })
        }
        $Work.Commands[$name] = $found | Select-Object -First 1
    }
    foreach ($call in $Work.Calls) {
        $Work.Current = $call
        Test-CmdletPermission -Work $Work -Call $call
    }
    $Work.Current = $null
}

function Test-CmdletPermission {
    param ([hashtable]$Work, [hashtable]$Call)
    $needed = @($Call.Cmdlet)
    if ($null -ne $Call.Expect) {
        $needed += "Get-$($Call.Noun)"
    }
    $Call.Missing = $Call.Optional -and -not $Work.Commands[$Call.Cmdlet]
    if ($Call.Missing) {
        return
    }
    foreach ($name in $needed) {
        if (-not $Work.Commands[$name]) {
            Stop-Work -Work $Work -Kind 'cmdlet_hidden' -Text "the session has no cmdlet $name. $($Work.ImportError)" -Remedy (Get-RoleText -Cmdlet $name)
        }
    }
    $parameters = @($Call.Argument.Keys)
    if ($Call.Each) {
        $parameters += $Call.Each['parameter']
    }
    foreach ($name in $parameters) {
        if (-not $Work.Commands[$Call.Cmdlet].Parameters.ContainsKey($name)) {
            Stop-Work -Work $Work -Kind 'parameter_hidden' -Text "the cmdlet has no parameter $name in this session" -Remedy (
                Get-RoleText -Cmdlet $Call.Cmdlet)
        }
    }
}

# --- running the calls -----------------------------------------------------------------------------------------------

function Test-Lost {
    # Whether the session with Exchange is gone, and not only this one cmdlet.
    param ([hashtable]$Work, [System.Management.Automation.ErrorRecord]$Record)
    if ($Record.Exception -is [System.Management.Automation.Remoting.PSRemotingTransportException]) {
        return $true
    }
    [bool](Get-OwnSession -Work $Work | Where-Object { [string]$_.State -ne 'Opened' })
}

function Stop-AfterError {
    param ([hashtable]$Work, [System.Management.Automation.ErrorRecord]$Record)
    $done = Get-DoneText -Work $Work
    if (-not (Test-Lost -Work $Work -Record $Record)) {
        Stop-Work -Work $Work -Kind 'cmdlet' -Text $Record.Exception.Message -Remedy $done -Record $Record
    }
    $doubt = if ($Work.Current.Writes) { 'Whether this call was carried out is not known.' } else { '' }
    $text = "The session with Exchange was lost: $($Record.Exception.Message)"
    Stop-Work -Work $Work -Kind 'lost' -Text $text -Remedy "$doubt $done Run the task again.".Trim() -Record $Record
}

function Invoke-Cmdlet {
    # Objects and warnings of one cmdlet. From the first object on that names its domain controller, all go to that one.
    param ([hashtable]$Work, [string]$Cmdlet, [hashtable]$Argument)
    $splat = @{} + $Argument
    $directed = $Work.Commands[$Cmdlet].Parameters.ContainsKey('DomainController')
    if ($directed -and $Work.Session.domain_controller -and -not $splat.ContainsKey('DomainController')) {
        $splat.DomainController = $Work.Session.domain_controller
    }
    try {
        $output = @(& $Work.Commands[$Cmdlet] @splat -ErrorAction Stop 3>&1 4>$null 5>$null 6>$null)
    } catch {
        Stop-AfterError -Work $Work -Record $_
    }
    $warnings = @($output | Where-Object { $_ -is [System.Management.Automation.WarningRecord] })
    $objects = @($output | Where-Object { $null -ne $_ -and $_ -isnot [System.Management.Automation.WarningRecord] })
    if ($directed -and -not $Work.Session.domain_controller) {
        $origin = @($objects | ForEach-Object { Get-PlainProperty -InputObject $_ -Name 'OriginatingServer' } | Where-Object { $_ })
        $Work.Session.domain_controller = $origin | Select-Object -First 1
    }
    @{
        Objects = $objects
        Warnings = @($warnings | ForEach-Object { Hide-Secret -Work $Work -Text $_.Message })
    }
}

function Test-Where {
    param ($InputObject, [System.Collections.IDictionary]$Where)
    foreach ($name in $Where.Keys) {
        $value = Get-PlainProperty -InputObject $InputObject -Name $name
        $wanted = [string[]]@($Where[$name])
        $hits = @($value | Where-Object { [System.Linq.Enumerable]::Contains($wanted, [string]$_, [System.StringComparer]::OrdinalIgnoreCase) })
        if (-not $hits) {
            return $false
        }
    }
    $true
}

function Get-EachArgument {
    # One table of parameters for each object of the earlier call.
    param ([hashtable]$Work, [hashtable]$Call)
    foreach ($one in $Work.Calls[$Call.Each['call']].Objects) {
        if (Test-Where -InputObject $one -Where $Call.Each['where']) {
            $value = [string](Get-PlainProperty -InputObject $one -Name $Call.Each['property'])
            # Without a value a cmdlet may take all objects.
            if (-not $value) {
                Stop-Work -Work $Work -Kind 'bad_call' -Text "an object of call $($Call.Each['call']) has no $($Call.Each['property'])"
            }
            @{} + $Call.Argument + @{ $Call.Each['parameter'] = $value }
        }
    }
}

function Select-PlainObject {
    # $More: what each of them carries besides its own properties.
    param ([hashtable]$Work, [object[]]$InputObject, [string[]]$Property, [hashtable]$More)
    if (-not $Property) {
        return
    }
    foreach ($one in $InputObject) {
        $plain = @{} + $More
        foreach ($name in $Property) {
            $plain[$name] = Hide-PlainValue -Work $Work -Value (Get-PlainProperty -InputObject $one -Name $name)
        }
        $plain
    }
}

function Invoke-Call {
    param ([hashtable]$Work, [hashtable]$Call)
    $Work.Current = $Call
    $arguments = @()
    if ($Call.Each) {
        $arguments = @(Get-EachArgument -Work $Work -Call $Call)
    } elseif (-not $Call.Missing) {
        $arguments = @($Call.Argument)
    }
    $warnings = @()
    $plain = @()
    if (-not $Call.Missing) {
        foreach ($argument in $arguments) {
            $answer = Invoke-Cmdlet -Work $Work -Cmdlet $Call.Cmdlet -Argument $argument
            $Work.Wrote = $Work.Wrote -or $Call.Writes
            $Call.Objects += $answer.Objects
            $warnings += $answer.Warnings
            $more = @{}
            if ($Call.Each -and $Call.Each['into']) {
                $more[$Call.Each['into']] = Hide-PlainValue -Work $Work -Value $argument[$Call.Each['parameter']]
            }
            $plain += @(Select-PlainObject -Work $Work -InputObject $answer.Objects -Property $Call.Properties -More $more)
        }
    }
    $Work.Results += @{
        objects = [object[]]$plain
        missing = $Call.Missing
        warnings = [string[]]$warnings
    }
    if ($Call.Writes) {
        $Work.Done += $Call.Index
    }
    $Work.Current = $null
}

function Get-ObjectIndex {
    # The objects under each of their names: a thousand calls would otherwise look a million times.
    param ([object[]]$InputObject)
    $index = New-Object -TypeName System.Collections.Hashtable -ArgumentList ([System.StringComparer]::OrdinalIgnoreCase)
    foreach ($one in $InputObject) {
        $texts = @(foreach ($name in $identities) { [string](Get-PlainProperty -InputObject $one -Name $name) })
        foreach ($text in @([System.Linq.Enumerable]::Distinct([string[]]$texts, [System.StringComparer]::OrdinalIgnoreCase))) {
            $index[$text] = @($index[$text] | Where-Object { $null -ne $_ }) + $one
        }
    }
    $index
}

function Find-ExpectedObject {
    # The objects that the call is about, of all of its noun.
    param ([hashtable]$Call, [System.Collections.IDictionary]$Index)
    $key = if ($Call.Expect -is [string]) { 'Name' } else { 'Identity' }
    foreach ($one in @($Index[[string]$Call.Argument[$key]] | Where-Object { $null -ne $_ })) {
        if ($Call.Expect -is [string]) {
            $server = [string](Get-PlainProperty -InputObject $one -Name 'Server')
            $wanted = [string]$Call.Argument['Server']
            $there = -not $wanted -or (Test-SameText -One $server.Split('.')[0] -Other $wanted.Split('.')[0])
            if ($there -and (Test-SameText -One (Get-PlainProperty -InputObject $one -Name 'Name') -Other $Call.Argument['Name'])) {
                $one
            }
            continue
        }
        $one
    }
}

function Assert-Expectation {
    param ([hashtable]$Work, [hashtable]$Call, [System.Collections.IDictionary]$Index)
    $again = 'It changed since it was planned. Run the task again.'
    $found = @(Find-ExpectedObject -Call $Call -Index $Index)
    if ($Call.Expect -is [string]) {
        if ($found) {
            Stop-Work -Work $Work -Kind 'expectation' -Text 'there is one of this name already' -Remedy $again
        }
        return
    }
    if ($found.Count -ne 1) {
        Stop-Work -Work $Work -Kind 'expectation' -Text "there are $($found.Count) objects of this identity instead of one" -Remedy $again
    }
    foreach ($name in $Call.Expect.Keys) {
        $value = Get-PlainProperty -InputObject $found[0] -Name $name
        $wanted = $Call.Expect[$name]
        if ((Get-Signature -Value $value) -cne (Get-Signature -Value $wanted)) {
            $text = "$name is $(Get-ShownValue -Value $value) instead of $(Get-ShownValue -Value $wanted)"
            Stop-Work -Work $Work -Kind 'expectation' -Text $text -Remedy $again
        }
    }
}

function Assert-AllExpectations {
    # One list of each noun serves all of its calls.
    param ([hashtable]$Work)
    $lists = @{}
    foreach ($call in @($Work.Calls | Where-Object { $null -ne $_.Expect })) {
        $Work.Current = $call
        if (-not $lists.ContainsKey($call.Noun)) {
            $objects = (Invoke-Cmdlet -Work $Work -Cmdlet "Get-$($call.Noun)" -Argument @{}).Objects
            $lists[$call.Noun] = Get-ObjectIndex -InputObject $objects
        }
        Assert-Expectation -Work $Work -Call $call -Index $lists[$call.Noun]
    }
    $Work.Current = $null
}

function Invoke-AllCalls {
    param ([hashtable]$Work)
    $Work.Phase = 'cmdlet'
    $checked = $false
    foreach ($call in $Work.Calls) {
        if ($call.Writes -and -not $checked) {
            Assert-AllExpectations -Work $Work
            $checked = $true
        }
        Invoke-Call -Work $Work -Call $call
    }
}

function Start-Work {
    param ([hashtable]$Work)
    try {
        Test-Secret -Work $Work
        $given = @($Work.Option['calls'])
        for ($index = 0; $index -lt $given.Count; $index++) {
            $Work.Calls += Resolve-Call -Work $Work -Index $index -Given $given[$index]
        }
        Open-Session -Work $Work
    } catch {
        $Work.Failure = Get-Failure -Work $Work -Record $_
    }
}

function Complete-Work {
    param ([hashtable]$Work, [object[]]$Noise)
    try {
        Complete-Session -Work $Work -Noise $Noise
        Test-Permission -Work $Work
        Invoke-AllCalls -Work $Work
    } catch {
        $Work.Failure = Get-Failure -Work $Work -Record $_
    }
}

function Invoke-Work {
    # Everything, with a failure instead of an exception, and with the session closed on every path.
    param ([hashtable]$Work)
    try {
        Start-Work -Work $Work
        $noise = @()
        if ($Work.Shell) {
            # Ansible's own Write-Host writes to the output, where the functions of Exchange's script would return it.
            Set-Item -Path Function:Write-Host -Value { }
            $noise = @(. Open-ManagementShell)
        }
        if (-not $Work.Failure) {
            Complete-Work -Work $Work -Noise $noise
        }
    } finally {
        Close-Session -Work $Work
    }
}

# --- the module ------------------------------------------------------------------------------------------------------

Protect-Argument -Argument $complex_args
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)

# Types that follow the culture of the thread, as sizes do, shall look the same on every server.
[System.Threading.Thread]::CurrentThread.CurrentCulture = [System.Globalization.CultureInfo]::InvariantCulture

$work = @{
    Option = $module.Params
    CheckMode = $module.CheckMode
    Masks = @(Get-Mask -Option $module.Params)
    Phase = 'bad_call'
    Current = $null
    Calls = @()
    Commands = @{}
    Foreign = @()
    Opened = @()
    Shell = $false
    Imported = $null
    ImportError = ''
    Session = @{ method = $null; server = $null; uri = $null; domain_controller = $module.Params['domain_controller']; edge = $false }
    Results = @()
    Done = @()
    Wrote = $false
    Warnings = @()
    Failure = $null
}
Invoke-Work -Work $work

foreach ($warning in $work.Warnings) {
    $module.Warn((Hide-Secret -Work $work -Text $warning))
}
$module.Result.changed = $work.Wrote
$module.Result.session = $work.Session
$module.Result.results = [object[]]$work.Results
if ($work.Failure) {
    $message = $work.Failure.message
    $work.Failure.Remove('message')
    $module.Result.done = [object[]]$work.Done
    $module.Result.failure = $work.Failure
    $module.FailJson($message)
}
$module.ExitJson()
