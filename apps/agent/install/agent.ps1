# Installs, upgrades or removes the agent of the root-cause analysis (RCA) platform on a Windows server. In Windows
# PowerShell 5.1, as administrator:
#   irm PLATFORM/install/agent.ps1 | iex; Install-RcaAgent -AgentToken TOKEN -AgentType server log_level=info
#   irm PLATFORM/install/agent.ps1 | iex; Uninstall-RcaAgent
# Install-RcaAgent downloads an archive from the platform, verifies it, unpacks it beside the versions that exist, makes it
# a service with an account of its own, and waits for the first heartbeat that the platform accepts. When none is accepted
# in time, the previous version runs as before, or nothing is left.

# Only defines functions. The block is not closed in a download of this script that was cut: it does nothing.
. {

$RcaAgentPlatformUrl = @PLATFORM_URL@
$RcaAgentVersion = @VERSION@
$RcaAgentSumsSha256 = @SUMS_SHA256@
$RcaAgentPublicKey = @PUBLIC_KEY@

function Install-RcaAgent {
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [string] $PlatformUrl = $RcaAgentPlatformUrl,
        # Without it, the variable AGENT_TOKEN.
        [string] $AgentToken = $env:AGENT_TOKEN,
        [string] $AgentType = 'server',
        [string] $Version = $RcaAgentVersion,
        # Folder of the installation.
        [string] $Prefix = (Join-Path $env:ProgramFiles 'rca-agent'),
        # Proxy for this download and for the agent, such as http://proxy.example.com:3128.
        [string] $Proxy,
        # CA certificates (PEM) with which the agent checks the certificate of the platform. This download uses those of
        # Windows.
        [string] $CaFile,
        # Folder of additional connectors, each installed there with npm.
        [string] $Connector,
        # Seconds for the first accepted heartbeat; 0 does not wait.
        [int] $Wait = 60,
        # Installs without a service, and prints the command that runs the agent.
        [switch] $NoService,
        # Verifies and unpacks the archive in a temporary folder, and changes nothing.
        [switch] $DryRun,
        # Options of the agent, as NAME=VALUE.
        [Parameter(Position = 0, ValueFromRemainingArguments = $true)]
        [string[]] $Setting = @()
    )
    $ErrorActionPreference = 'Stop'
    # The progress bar of Windows PowerShell slows downloads down.
    $ProgressPreference = 'SilentlyContinue'
    Assert-RcaAgentSystem -AnyUser:$DryRun
    if ($Version -notmatch '^[A-Za-z0-9.+-]+$') { Stop-RcaAgent 2 "-Version: '$Version' is not a version" }
    if (-not $AgentToken) { Stop-RcaAgent 2 '-AgentToken is missing. Use the command that the platform shows' }

    $lock = Enter-RcaAgentLock
    $previous = $null
    $folder = ''
    $added = ''
    $root = $Prefix
    if ($DryRun) { $root = Join-Path ([IO.Path]::GetTempPath()) ('rca-agent-' + [Guid]::NewGuid()) }
    $staging = Join-Path $root ('.partial-' + $PID)
    try {
        if (-not $DryRun) {
            $previous = Get-RcaAgentConfiguration
            # Downloads of installations that were killed.
            Get-ChildItem -Force -Path $root -Filter '.partial-*' -ErrorAction SilentlyContinue | Remove-Item -Recurse -Force
        }
        New-RcaAgentFolder $staging
        $archive = "rca-agent-$Version-win-x64"
        $checksum = Get-RcaAgentChecksum -Name "$archive.zip" -Staging $staging -Proxy $Proxy
        Save-RcaAgentFile -Name 'SHA256SUMS.minisig' -Folder $staging -Proxy $Proxy

        # Other bytes with the same version, such as those of a platform that is built from its sources, are kept apart.
        $versions = Join-Path $root 'versions'
        $folder = Join-Path $versions $Version
        if ((Test-Path $folder) -and (Get-RcaAgentInstalledChecksum $folder) -ne $checksum) {
            $folder = $folder + '-' + $checksum.Substring(0, 8)
        }
        if ((Get-RcaAgentInstalledChecksum $folder) -ne $checksum) {
            $unpacked = Expand-RcaAgentArchive -Name $archive -Checksum $checksum -Staging $staging -Proxy $Proxy
            New-RcaAgentFolder $versions
            # A folder without a checksum was not moved completely.
            if (Test-Path $folder) { Remove-Item -Recurse -Force $folder }
            Move-Item $unpacked $folder
            $added = $folder
        }

        $data = Get-RcaAgentDataFolder
        if ($DryRun) {
            $data = Join-Path $root 'data'
            New-RcaAgentFolder $data
        } else {
            Protect-RcaAgentData
            Register-RcaAgentEventSource
        }
        $words = @('service', 'configure', '--folder', $data, '--platform-url', $PlatformUrl, '--agent-type', $AgentType)
        if ($CaFile) { $words += @('--ca-file', $CaFile) }
        if ($Connector) { $words += @('--connector', $Connector) }
        foreach ($each in $Setting) { $words += @('--set', $each) }
        $environment = @{ AGENT_TOKEN = $AgentToken }
        if ($Proxy) { $environment += @{ HTTPS_PROXY = $Proxy; HTTP_PROXY = $Proxy } }
        Invoke-RcaAgent -Folder $folder -Words $words -Environment $environment
        if ($DryRun) {
            Write-Output "Would install version $Version in $(Join-Path $Prefix 'versions'), and start the service rca-agent"
            return
        }
        if ($NoService) {
            Write-Output "Version $Version is installed without a service. Run it as administrator:"
            Write-Output "& $(Format-RcaAgentWord (Join-Path $folder 'bin\rca-agent.cmd')) service run --folder $(Format-RcaAgentWord $data)"
            return
        }
        if (Test-RcaAgentConfiguration -Folder $folder -State $previous) {
            Write-Output 'unchanged'
            return
        }
        $since = [DateTime]::UtcNow
        Start-RcaAgentService $folder
        if ($Wait -gt 0) { Wait-RcaAgentHeartbeat -Since $since -Seconds $Wait }
        [Diagnostics.EventLog]::WriteEntry('rca-agent', "Version $Version is installed", 'Information', 1)
        foreach ($other in Get-ChildItem -Path $versions -Directory) {
            if (@($folder, $previous.Folder) -notcontains $other.FullName) { Remove-Item -Recurse -Force $other.FullName }
        }
    } catch {
        $failure = $_
        $code = $global:LASTEXITCODE
        try {
            if ($previous) { Undo-RcaAgentInstallation -Added $added -Previous $previous -Prefix $Prefix }
        } catch {
            Write-Warning "Not everything could be undone: $($_.Exception.Message)"
        }
        $global:LASTEXITCODE = $code
        throw $failure
    } finally {
        # A file that a virus scanner still reads is removed by the next installation.
        foreach ($rest in @($staging) + @(if ($DryRun) { $root })) {
            if (Test-Path $rest) { Remove-Item -Recurse -Force $rest -ErrorAction SilentlyContinue }
        }
        Remove-RcaAgentEmptyFolder $Prefix
        $lock.ReleaseMutex()
        $lock.Dispose()
    }
}

function Uninstall-RcaAgent {
    [CmdletBinding(PositionalBinding = $false)]
    param([string] $Prefix = (Join-Path $env:ProgramFiles 'rca-agent'))
    $ErrorActionPreference = 'Stop'
    Assert-RcaAgentSystem
    $lock = Enter-RcaAgentLock
    try {
        Remove-RcaAgentInstallation $Prefix
        Write-Output 'rca-agent is removed'
    } finally {
        $lock.ReleaseMutex()
        $lock.Dispose()
    }
}

# Throws what failed and what to do. The codes are those of agent.sh. `exit` would close the window of the user.
function Stop-RcaAgent([int] $Code, [string] $Message) {
    $global:LASTEXITCODE = $Code
    # Exceptions repeat what servers answer, which a terminal must not interpret.
    $text = $Message -replace '[^\P{Cc}\t\r\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]', ''
    throw "rca-agent: $text (exit code $Code)"
}

# Quotes a word for PowerShell.
function Format-RcaAgentWord([string] $Word) {
    "'" + $Word.Replace("'", "''") + "'"
}

function Assert-RcaAgentSystem([switch] $AnyUser) {
    if ($env:OS -ne 'Windows_NT') { Stop-RcaAgent 10 'this script is for Windows. Use the command for this system that the platform shows' }
    # A 32-bit PowerShell sees the processor of its own kind here, and that of the system there.
    $processor = @($env:PROCESSOR_ARCHITEW6432, $env:PROCESSOR_ARCHITECTURE) | Where-Object { $_ } | Select-Object -First 1
    if ($processor -ne 'AMD64') { Stop-RcaAgent 10 "there is no agent for processors of type $processor. On Windows it runs on x64" }
    # PowerShell 7 has no compiler for the service's program.
    if ($PSVersionTable.PSEdition -eq 'Core') { Stop-RcaAgent 12 'this script needs Windows PowerShell. Run it with powershell.exe instead of pwsh.exe' }
    if ($AnyUser) { return }
    $user = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        Stop-RcaAgent 13 'only an administrator can do this. Open PowerShell as administrator, and run the command again'
    }
}

# Takes a lock of the whole machine. Windows releases it when its process ends.
function Enter-RcaAgentLock {
    $lock = New-Object Threading.Mutex $false, 'Global\rca-agent-install'
    $isFree = $false
    try {
        $isFree = $lock.WaitOne(0)
    } catch [Threading.AbandonedMutexException] {
        $isFree = $true
    }
    if ($isFree) { return $lock }
    $lock.Dispose()
    Stop-RcaAgent 32 'another installation runs on this machine. Wait until it has ended'
}

function New-RcaAgentFolder([string] $Path) {
    try {
        New-Item -ItemType Directory -Force -Path $Path | Out-Null
    } catch {
        Stop-RcaAgent 31 "$Path cannot be created: $($_.Exception.Message). Choose another folder with -Prefix"
    }
}

# Downloads a file of the platform into a folder.
function Save-RcaAgentFile([string] $Name, [string] $Folder, [string] $Proxy) {
    # Windows PowerShell offers TLS 1.0 alone on older systems.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $url = "$RcaAgentPlatformUrl/downloads/$Name"
    $options = @{ Uri = $url; OutFile = (Join-Path $Folder $Name); UseBasicParsing = $true }
    if ($Proxy) { $options += @{ Proxy = $Proxy; ProxyUseDefaultCredentials = $true } }
    try {
        Invoke-WebRequest @options
    } catch {
        $text = $_.Exception.Message
        $status = 0
        if ($_.Exception.PSObject.Properties['Response'] -and $_.Exception.Response) { $status = [int] $_.Exception.Response.StatusCode }
        if ($status -eq 404) {
            Stop-RcaAgent 23 "$url does not exist. Build the archives with 'npm run artifacts' on the platform, or choose another -Version"
        }
        if ($status -eq 407) { Stop-RcaAgent 21 "the proxy refused the way to ${url}: $text. Correct -Proxy" }
        if (Test-RcaAgentFullDisk $_.Exception) {
            Stop-RcaAgent 30 "${Folder}: no space is left. Free 200 MB there, or choose another folder with -Prefix"
        }
        if ($text -match 'SSL|TLS|certificate') {
            Stop-RcaAgent 22 "the platform's certificate is not trusted: $text. Add its CA certificate to the trusted roots of Windows"
        }
        Stop-RcaAgent 20 "$url cannot be downloaded: $text. Check the network, name resolution and firewall, or name a proxy with -Proxy"
    }
}

# Returns whether the cause is ERROR_DISK_FULL (0x70) or ERROR_HANDLE_DISK_FULL (0x27).
function Test-RcaAgentFullDisk([Exception] $Exception) {
    ($Exception.GetBaseException().HResult -band 0xFFFF) -in @(0x70, 0x27)
}

function Get-RcaAgentDigest([string] $Path) {
    (Get-FileHash -Algorithm SHA256 -LiteralPath $Path).Hash.ToLowerInvariant()
}

# Returns the checksum of a version that is installed, or nothing.
function Get-RcaAgentInstalledChecksum([string] $Folder) {
    $file = Join-Path $Folder '.sha256'
    if (Test-Path -LiteralPath $file) { (Get-Content -LiteralPath $file -TotalCount 1).Trim() }
}

# Downloads the list of checksums, and returns that of a file.
function Get-RcaAgentChecksum([string] $Name, [string] $Staging, [string] $Proxy) {
    Save-RcaAgentFile -Name 'SHA256SUMS' -Folder $Staging -Proxy $Proxy
    $sums = Join-Path $Staging 'SHA256SUMS'
    if ((Get-RcaAgentDigest $sums) -ne $RcaAgentSumsSha256) {
        Stop-RcaAgent 24 "$RcaAgentPlatformUrl/downloads/SHA256SUMS is not the list that this script was made for: the download was cut or changed, or the platform has new archives. Run the command again"
    }
    $available = @()
    foreach ($line in Get-Content -LiteralPath $sums) {
        $sum, $file = $line -split ' [ *]', 2
        if ($file -eq $Name) { return $sum }
        if ($file -match '^rca-agent-(.+)-win-x64\.zip$') { $available += $Matches[1] }
    }
    Stop-RcaAgent 23 "the platform has no file $Name. It has these versions for win-x64: $available. Choose one of them with -Version"
}

# Downloads, verifies and unpacks the archive. Returns its folder.
function Expand-RcaAgentArchive([string] $Name, [string] $Checksum, [string] $Staging, [string] $Proxy) {
    Write-Host "Downloading $Name.zip"
    Save-RcaAgentFile -Name "$Name.zip" -Folder $Staging -Proxy $Proxy
    $archive = Join-Path $Staging "$Name.zip"
    if ((Get-RcaAgentDigest $archive) -ne $Checksum) {
        Stop-RcaAgent 24 "the checksum of $Name.zip is wrong: the download was cut or changed. Run the command again"
    }
    try {
        # Much faster than Expand-Archive.
        Add-Type -AssemblyName System.IO.Compression.FileSystem
        [IO.Compression.ZipFile]::ExtractToDirectory($archive, $Staging)
    } catch {
        $code = 31
        if (Test-RcaAgentFullDisk $_.Exception) { $code = 30 }
        Stop-RcaAgent $code "$Name.zip cannot be unpacked in ${Staging}: $($_.Exception.GetBaseException().Message). Free 200 MB there, or choose another folder with -Prefix"
    }
    Remove-Item $archive
    $unpacked = Join-Path $Staging $Name
    Assert-RcaAgentSignature -Node (Join-Path $unpacked 'bin\node.exe') -Staging $Staging
    Set-Content -LiteralPath (Join-Path $unpacked '.sha256') -Value $Checksum -Encoding Ascii
    return $unpacked
}

# Checks the signature of the list of checksums: with minisign if it is installed, otherwise with the unpacked runtime,
# whose own checksum was right. .NET has no Ed25519.
function Assert-RcaAgentSignature([string] $Node, [string] $Staging) {
    $sums = Join-Path $Staging 'SHA256SUMS'
    $signature = "$sums.minisig"
    if (Get-Command minisign -CommandType Application -ErrorAction SilentlyContinue) {
        & minisign -V -q -P $RcaAgentPublicKey -m $sums -x $signature | Out-Null
    } else {
        $check = Join-Path $Staging 'check.cjs'
        Set-Content -LiteralPath $check -Encoding Ascii -Value @'
const { createPublicKey, verify } = require('node:crypto')
const { readFileSync } = require('node:fs')
const [key, file, signature] = process.argv.slice(2)
const prefix = Buffer.from('302a300506032b6570032100', 'hex')
const der = Buffer.concat([prefix, Buffer.from(key, 'base64').subarray(10)])
const bytes = Buffer.from(readFileSync(signature, 'utf8').split('\n')[1], 'base64').subarray(10)
const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
process.exit(verify(null, readFileSync(file), publicKey, bytes) ? 0 : 25)
'@
        & $Node $check $RcaAgentPublicKey $sums $signature
    }
    if ($LASTEXITCODE -ne 0) {
        Stop-RcaAgent 25 "the signature of $RcaAgentPlatformUrl/downloads/SHA256SUMS is wrong: it was not made with the key of this script. Nothing was installed. Build the archives again on the platform"
    }
}

function Get-RcaAgentDataFolder {
    Join-Path $env:ProgramData 'rca-agent'
}

# Creates the folder of the configuration and the state, which hold secrets: SYSTEM and administrators alone may read it.
# The files that are written there inherit this.
function Protect-RcaAgentData {
    $folder = Get-RcaAgentDataFolder
    New-RcaAgentFolder (Join-Path $folder 'state')
    # Well-known identifiers, since the names depend on the language of Windows.
    Invoke-RcaAgentProgram 31 icacls.exe $folder '/inheritance:r' '/grant:r' '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' '/Q'
}

# Lets the account of the service read the configuration, and change the state. It exists since the service does.
function Grant-RcaAgentData {
    $folder = Get-RcaAgentDataFolder
    Invoke-RcaAgentProgram 31 icacls.exe $folder '/grant:r' 'NT SERVICE\rca-agent:(OI)(CI)RX' '/Q'
    Invoke-RcaAgentProgram 31 icacls.exe (Join-Path $folder 'state') '/grant:r' 'NT SERVICE\rca-agent:(OI)(CI)M' '/Q'
}

# Runs a program of Windows, and stops with a code when it fails.
function Invoke-RcaAgentProgram([int] $Code, [string] $Program) {
    $output = & $Program @args
    if ($LASTEXITCODE -ne 0) { Stop-RcaAgent $Code "$Program $args failed: $output" }
}

# Registers the source of the agent's entries in the event log.
function Register-RcaAgentEventSource {
    if ([Diagnostics.EventLog]::SourceExists('rca-agent')) { return }
    [Diagnostics.EventLog]::CreateEventSource('rca-agent', 'Application')
}

function Get-RcaAgentService {
    Get-CimInstance -ClassName Win32_Service -Filter "Name='rca-agent'"
}

# Returns the version that the service runs and the bytes of its configuration, as they are before a change.
function Get-RcaAgentConfiguration {
    $service = Get-RcaAgentService
    $file = Join-Path (Get-RcaAgentDataFolder) 'agent.env'
    $state = @{ Folder = ''; Bytes = $null; IsRunning = $false }
    if ($service) {
        $state.Folder = Split-Path -Parent $service.PathName.Trim('"')
        $state.IsRunning = $service.State -eq 'Running'
    }
    if (Test-Path $file) { $state.Bytes = [IO.File]::ReadAllBytes($file) }
    return $state
}

# Returns whether the service runs a version with its present configuration, as it did before.
function Test-RcaAgentConfiguration([string] $Folder, [hashtable] $State) {
    $file = Join-Path (Get-RcaAgentDataFolder) 'agent.env'
    if (-not $State.IsRunning -or $State.Folder -ne $Folder -or -not $State.Bytes -or -not (Test-Path $file)) { return $false }
    return [Convert]::ToBase64String($State.Bytes) -eq [Convert]::ToBase64String([IO.File]::ReadAllBytes($file))
}

# Restores the previous version and its configuration, or removes everything when nothing was installed before.
function Undo-RcaAgentInstallation([string] $Added, [hashtable] $Previous, [string] $Prefix) {
    if (-not $Previous.Folder -and -not $Previous.Bytes) {
        Remove-RcaAgentInstallation $Prefix
        Write-Warning 'Nothing was installed'
        return
    }
    $present = Get-RcaAgentConfiguration
    $isSame = $present.Folder -and (Test-RcaAgentConfiguration -Folder $present.Folder -State $Previous)
    if (-not $isSame) {
        if ($Previous.Bytes) { [IO.File]::WriteAllBytes((Join-Path (Get-RcaAgentDataFolder) 'agent.env'), $Previous.Bytes) }
        if ($Previous.Folder) { Start-RcaAgentService $Previous.Folder }
        if (-not $Previous.IsRunning) { Stop-Service -Name rca-agent -ErrorAction SilentlyContinue }
        if ($present.Folder -and -not $Previous.Folder) { Invoke-RcaAgentProgram 50 sc.exe delete rca-agent }
    }
    if ($Added -and $Added -ne $Previous.Folder -and (Test-Path $Added)) { Remove-Item -Recurse -Force $Added }
    Write-Warning 'Everything is installed as before'
}

function Remove-RcaAgentInstallation([string] $Prefix) {
    if (Get-RcaAgentService) {
        Stop-Service -Name rca-agent
        Invoke-RcaAgentProgram 50 sc.exe delete rca-agent
    }
    # The prefix may be a folder of the operator, with other files.
    foreach ($folder in @((Join-Path $Prefix 'versions'), (Get-RcaAgentDataFolder))) {
        if (Test-Path $folder) { Remove-Item -Recurse -Force $folder }
    }
    Remove-RcaAgentEmptyFolder $Prefix
    if ([Diagnostics.EventLog]::SourceExists('rca-agent')) { [Diagnostics.EventLog]::DeleteEventSource('rca-agent') }
}

function Remove-RcaAgentEmptyFolder([string] $Path) {
    if ((Test-Path $Path) -and -not (Get-ChildItem -Force -Path $Path)) { Remove-Item -Force $Path }
}

# Creates the service, or changes its program, and starts it.
function Start-RcaAgentService([string] $Folder) {
    $program = '"' + (New-RcaAgentProgram $Folder) + '"'
    try {
        $service = Get-RcaAgentService
        if ($service) {
            Stop-Service -Name rca-agent
            $result = Invoke-CimMethod -InputObject $service -MethodName Change -Arguments @{ PathName = $program }
            if ($result.ReturnValue -ne 0) { throw "Win32_Service.Change returned $($result.ReturnValue)" }
        } else {
            New-Service -Name rca-agent -BinaryPathName $program -DisplayName 'Incident RCA agent' -StartupType Automatic `
                -Description 'Reports this server to the root-cause analysis (RCA) platform.' | Out-Null
        }
        # A virtual account: it exists as long as the service, has no password and no rights of an administrator.
        Invoke-RcaAgentProgram 50 sc.exe config rca-agent 'obj=' 'NT SERVICE\rca-agent'
        Invoke-RcaAgentProgram 50 sc.exe failure rca-agent 'reset=' 86400 'actions=' 'restart/5000/restart/5000/restart/60000'
        Grant-RcaAgentData
        Start-Service -Name rca-agent
    } catch {
        if ($_.Exception.Message -like 'rca-agent: *') { throw }
        Stop-RcaAgent 50 "the service cannot be started: $($_.Exception.Message)"
    }
}

# Waits until the platform has accepted a heartbeat, which the agent's health endpoint reports.
function Wait-RcaAgentHeartbeat([DateTime] $Since, [int] $Seconds) {
    $deadline = [DateTime]::UtcNow.AddSeconds($Seconds)
    $reason = 'the agent does not answer on port 8687'
    while ([DateTime]::UtcNow -lt $deadline) {
        Start-Sleep -Milliseconds 500
        try {
            $heartbeat = (Invoke-RestMethod -Uri 'http://127.0.0.1:8687/healthz' -TimeoutSec 2).heartbeat
        } catch {
            continue
        }
        if ($heartbeat.acknowledged_at -and ([DateTime] $heartbeat.acknowledged_at).ToUniversalTime() -ge $Since) {
            Write-Output "The platform accepted a heartbeat at $($heartbeat.acknowledged_at)"
            return
        }
        if ($heartbeat.refused_token) {
            Stop-RcaAgent 40 "the platform refused the token: $("$($heartbeat.error)".TrimEnd('.')). Get a new command from the platform"
        }
        $reason = $heartbeat.error
        if (-not $reason) { $reason = 'the agent has no answer of the platform yet' }
        # Causes that waiting does not cure, in the words of Node.
        if ($reason -match 'CERT_NOT_YET_VALID|CERT_HAS_EXPIRED|certificate is not yet valid|certificate has expired') {
            Stop-RcaAgent 42 "the platform's certificate is not valid at the time of this machine: $reason. Set the clock, or renew the certificate"
        }
        if ($reason -match 'certificate|CERT_|self-signed|ERR_TLS|ERR_SSL') {
            Stop-RcaAgent 22 "the platform's certificate is not trusted: $reason. Name the file with its CA certificate with -CaFile"
        }
        if ($reason -match 'proxy') { Stop-RcaAgent 21 "the proxy refused the agent: $reason. Correct -Proxy, or give this machine access through it" }
    }
    # The log is removed with the rest when nothing was installed before.
    $log = Join-Path (Get-RcaAgentDataFolder) 'state\rca-agent.log'
    $lines = @(if (Test-Path $log) { Get-Content -LiteralPath $log -Tail 10 -Encoding UTF8 }) -join "`n"
    Stop-RcaAgent 41 "the platform accepted no heartbeat within $Seconds s: $($reason.TrimEnd('.')). Correct it, or allow more time with -Wait. Last lines of its log:`n$lines`n"
}

# Compiles the program of the service into the folder of a version, and returns its path. A service must answer the service
# control manager, which Node does not: this program starts and stops Node with the configuration as its environment.
function New-RcaAgentProgram([string] $Folder) {
    $program = Join-Path $Folder 'rca-agent-service.exe'
    if (Test-Path $program) { return $program }
    $code = @'
using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.ServiceProcess;
using System.Text;
using System.Text.RegularExpressions;

public class RcaAgentService : ServiceBase
{
    const int StopTimeoutMs = 25000;
    const long MaxLogBytes = 10 * 1024 * 1024;

    [DllImport("kernel32.dll")]
    static extern bool AttachConsole(int process);
    [DllImport("kernel32.dll")]
    static extern bool SetConsoleCtrlHandler(IntPtr handler, bool add);
    [DllImport("kernel32.dll")]
    static extern bool GenerateConsoleCtrlEvent(int signal, int group);

    readonly string folder = AppDomain.CurrentDomain.BaseDirectory;
    readonly string data = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "rca-agent");
    Process agent;
    volatile bool isStopping;

    public RcaAgentService()
    {
        ServiceName = "rca-agent";
        CanShutdown = true;
    }

    public static void Main()
    {
        Run(new RcaAgentService());
    }

    protected override void OnStart(string[] words)
    {
        var start = new ProcessStartInfo(Path.Combine(folder, "bin", "node.exe"));
        start.Arguments = "\"" + Path.Combine(folder, "app", "dist", "main.js") + "\" run";
        start.UseShellExecute = false;
        start.CreateNoWindow = true;
        start.RedirectStandardError = true;
        start.StandardErrorEncoding = Encoding.UTF8;
        var lines = Regex.Matches(
            File.ReadAllText(Path.Combine(data, "agent.env")),
            "^([A-Z_][A-Z0-9_]*)=\"((?:[^\"\\\\]|\\\\.)*)\"\\r?$",
            RegexOptions.Multiline);
        foreach (Match line in lines)
            start.EnvironmentVariables[line.Groups[1].Value] = Regex.Replace(line.Groups[2].Value, "\\\\(.)", "$1");
        agent = new Process();
        agent.StartInfo = start;
        agent.EnableRaisingEvents = true;
        agent.ErrorDataReceived += delegate(object sender, DataReceivedEventArgs received) { Log(received.Data); };
        agent.Exited += delegate { OnExited(); };
        agent.Start();
        agent.BeginErrorReadLine();
    }

    protected override void OnStop()
    {
        isStopping = true;
        RequestAdditionalTime(StopTimeoutMs + 5000);
        // Ctrl+C on the console of the agent, which then sends its remaining reports. This process ignores it.
        if (AttachConsole(agent.Id) && SetConsoleCtrlHandler(IntPtr.Zero, true)) GenerateConsoleCtrlEvent(0, 0);
        if (!agent.WaitForExit(StopTimeoutMs)) agent.Kill();
    }

    protected override void OnShutdown()
    {
        OnStop();
    }

    // Ends without the answer of a service that stopped, so that Windows starts it again.
    void OnExited()
    {
        if (isStopping) return;
        EventLog.WriteEntry("The agent ended with code " + agent.ExitCode + ". Its log is in " + data, EventLogEntryType.Error);
        Environment.Exit(1);
    }

    void Log(string line)
    {
        if (line == null) return;
        var file = Path.Combine(data, "state", "rca-agent.log");
        try
        {
            var info = new FileInfo(file);
            if (info.Exists && info.Length > MaxLogBytes)
            {
                File.Delete(file + ".1");
                File.Move(file, file + ".1");
            }
            File.AppendAllText(file, line + "\n");
        }
        catch (IOException)
        {
            // The agent runs without its log.
        }
    }
}
'@
    Add-Type -TypeDefinition $code -OutputAssembly $program -OutputType ConsoleApplication -ReferencedAssemblies System.ServiceProcess
    return $program
}

# Runs a command of the agent in a folder. Secrets, such as the token, are in its environment, and never among its
# arguments. Starts Node itself, since the command interpreter would read `%` and `&` of a value.
function Invoke-RcaAgent([string] $Folder, [string[]] $Words, [hashtable] $Environment) {
    $before = @{}
    try {
        foreach ($name in $Environment.Keys) {
            $before[$name] = [Environment]::GetEnvironmentVariable($name)
            [Environment]::SetEnvironmentVariable($name, $Environment[$name])
        }
        & (Join-Path $Folder 'bin\node.exe') (Join-Path $Folder 'app\dist\main.js') @Words
        $code = $LASTEXITCODE
    } finally {
        foreach ($name in $before.Keys) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
    }
    if ($code -ne 0) { Stop-RcaAgent $code "rca-agent $($Words[0]) $($Words[1]) failed. Its last lines say why" }
}

}
