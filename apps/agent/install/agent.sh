#!/bin/sh
# Installs, upgrades or removes the agent of the root-cause analysis (RCA) platform on a Linux server:
#   curl -fsSL PLATFORM/install/agent.sh | sh -s -- --agent-token TOKEN --agent-type server
# It downloads an archive from the platform, verifies it, unpacks it beside the versions that exist, and lets
# `rca-agent service install` of that archive do the rest. The last line alone runs something: a download of this
# script that was cut does nothing.

print_usage() {
  cat <<'USAGE'
Usage: agent.sh [options]
  --agent-token TOKEN  token that the platform showed, instead of the variable AGENT_TOKEN
  --agent-type TYPE    what to watch, such as server
  --platform-url URL   the platform's address, by default the one that served this script
  --set NAME=VALUE     option of the agent, such as log_level=debug; may be repeated
  --version VERSION    version to install, by default the platform's newest
  --proxy URL          proxy for this download and for the agent, such as http://proxy.example.com:3128
  --ca-file FILE       CA certificates (PEM) that the platform's certificate is checked with
  --connector FOLDER   folder of additional connectors, each installed there with npm
  --prefix FOLDER      folder of the installation, by default /opt/rca-agent
  --wait SECONDS       time for the first accepted heartbeat, by default 60; 0 does not wait
  --no-service         install without a service, and print the command that runs the agent
  --dry-run            print what would be done, and change nothing
  --uninstall          remove the service and everything that was installed

Exit codes:
   0 done                               24 wrong checksum, or a download that was cut
   1 unexpected error                   25 wrong signature
   2 wrong usage or option              30 no space
  10 unsupported system or processor    31 not writable
  11 unsupported C library              32 another installation runs
  12 a tool is missing                  40 token refused
  13 not root                           41 no accepted heartbeat in time
  20 download failed                    42 wrong clock
  21 proxy refused                      50 the service manager failed
  22 TLS not trusted
  23 not found on the platform
USAGE
}

# fail CODE MESSAGE: prints what failed and what to do, and exits.
fail() {
  message=$2
  # Programs repeat what servers answer, which a terminal must not interpret.
  case $message in
  *[![:print:]]*) message=$(printf '%s' "$message" | tr -c '[:print:]\n' '?') ;;
  esac
  printf 'agent.sh: %s\n' "$message" >&2
  exit "$1"
}

has() { command -v "$1" >/dev/null 2>&1; }

# fail_to_write MESSAGE ERROR: exits with the code of a full disk, or else of a folder that is not writable.
fail_to_write() {
  case $2 in
  *'No space left'* | *'quota exceeded'*)
    fail 30 "$1: no space is left. Free 200 MB there, or choose another folder with --prefix"
    ;;
  *) fail 31 "$1: $2. Make it writable, or choose another folder with --prefix" ;;
  esac
}

check_system() {
  case $(uname -s) in
  Linux) ;;
  Darwin) fail 10 'this script is for Linux. Use the command for macOS that the platform shows' ;;
  *) fail 10 "there is no agent for $(uname -s). It runs on Linux, macOS and Windows" ;;
  esac
  case $(uname -m) in
  x86_64 | amd64) architecture=x64 loader=/lib64/ld-linux-x86-64.so.2 ;;
  aarch64 | arm64) architecture=arm64 loader=/lib/ld-linux-aarch64.so.1 ;;
  *) fail 10 "there is no agent for processors of type $(uname -m). It runs on x86_64 and aarch64" ;;
  esac
  [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] ||
    fail 10 'this system is a 32-bit one, though its processor is not. The agent needs a 64-bit system'

  libc=$(ldd --version 2>&1) || :
  case $libc in
  *musl*)
    fail 11 'the C library of this system is musl. The agent needs glibc 2.28 or newer: run its container image instead'
    ;;
  esac
  [ -e "$loader" ] ||
    fail 11 "this system has no $loader, so its C library is not glibc. The agent needs glibc 2.28 or newer: run its container image instead"
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=${libc%%
*}
  libc=${libc##* }
  case $libc in
  2.[0-9] | 2.1[0-9] | 2.2[0-7] | 2.[0-9].* | 2.1[0-9].* | 2.2[0-7].*)
    fail 11 "the C library of this system, glibc $libc, is too old. The agent needs glibc 2.28 or newer: upgrade the system"
    ;;
  esac
}

check_tools() {
  for tool in tar gzip; do
    has "$tool" || fail 12 "the program \`$tool\` is missing. Install it, and run the command again"
  done
  has curl || has wget || fail 12 'curl and wget are missing. Install one of them, and run the command again'
  has sha256sum || has shasum || has openssl ||
    fail 12 'sha256sum, shasum and openssl are missing. Install one of them, and run the command again'
  if [ -n "$ca_file" ] && [ ! -r "$ca_file" ]; then
    fail 2 "--ca-file: $ca_file cannot be read. Name a file with CA certificates in PEM format"
  fi
}

# Prints the start time of a process, which distinguishes it from a later one with the same id.
start_of() {
  line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # Fields are counted from behind the name, which may hold blanks and parentheses.
  # shellcheck disable=SC2086
  set -- ${line##*) }
  printf '%s' "${20}"
}

# Prints the path of a folder without symbolic links, or nothing.
folder_of() { (cd "$1" 2>/dev/null && pwd -P) || :; }

# Takes the lock `PREFIX/.lock`, which holds the id and start time of its process. `rca-agent service install`, which
# replaces this process, goes on with it.
take_lock() {
  error=$(mkdir -p "$prefix" 2>&1) || fail_to_write "$prefix cannot be created" "${error##*: }"
  own="$$ $(start_of $$)"
  error=$( (printf '%s\n' "$own" >"$prefix/.lock.$$") 2>&1) || fail_to_write "$prefix cannot be written" "${error##*: }"
  attempts=0
  until ln "$prefix/.lock.$$" "$prefix/.lock" 2>/dev/null; do
    attempts=$((attempts + 1))
    [ "$attempts" -le 10 ] || fail 31 "the lock $prefix/.lock cannot be created. Choose another folder with --prefix"
    holder=$(cat "$prefix/.lock" 2>/dev/null) || continue
    pid=${holder%% *}
    if [ -n "$pid" ] && [ "$holder" = "$pid $(start_of "$pid")" ]; then
      fail 32 "another installation runs in $prefix (process $pid). Wait until it has ended"
    fi
    # Its process was killed. A lock that another process has taken in this moment is put back.
    mv "$prefix/.lock" "$prefix/.lock.$$.stale" 2>/dev/null || continue
    [ "$(cat "$prefix/.lock.$$.stale")" = "$holder" ] || ln "$prefix/.lock.$$.stale" "$prefix/.lock" 2>/dev/null || :
    rm -f "$prefix/.lock.$$.stale"
  done
  rm -f "$prefix/.lock.$$"
  is_locked=yes
  for partial in "$prefix"/.partial.*; do rm -rf "$partial"; done
}

# shellcheck disable=SC2317 # a trap calls it
clean_up() {
  [ -z "$staging" ] || rm -rf "$staging"
  [ -z "$dry_run" ] || return 0
  # Another installation may be about to fill the folder of versions.
  [ -z "$is_locked" ] || rmdir "$prefix/versions" 2>/dev/null || :
  [ -z "$is_locked" ] || rm -f "$prefix/.lock"
  rm -f "$prefix/.lock.$$"
  rmdir "$prefix" 2>/dev/null || :
}

# download FILE: downloads a file of the platform into the staging folder.
download() {
  url=$platform_url/downloads/$1
  if has curl; then
    status=0
    answer=$(curl --fail --silent --show-error --location --retry 2 --connect-timeout 15 \
      --speed-limit 1 --speed-time 30 ${ca_file:+--cacert "$ca_file"} \
      --write-out '%{http_code}' --output "$staging/$1" "$url" 2>"$staging/error") || status=$?
  else
    status=0
    answer=
    # busybox has neither the long options nor a choice of CA certificates.
    if [ -n "$ca_file" ]; then
      wget --ca-certificate="$ca_file" -T 30 -O "$staging/$1" "$url" 2>"$staging/error" || status=$?
    else
      wget -T 30 -O "$staging/$1" "$url" 2>"$staging/error" || status=$?
    fi
  fi
  [ "$status" != 0 ] || return 0
  if has curl; then error=$(sed -n 1p "$staging/error"); else error=$(sed '/^$/d' "$staging/error" | tail -n 1); fi
  explain_failed_download
}

# Exits with the cause of a failed download. The programs have different exit codes, and some have only one.
explain_failed_download() {
  case $url in
  https:*) has_proxy=${https_proxy:-${HTTPS_PROXY:-${all_proxy:-${ALL_PROXY:-}}}} ;;
  *) has_proxy=${http_proxy:-${all_proxy:-${ALL_PROXY:-}}} ;;
  esac
  proxy_fix='Correct --proxy, or give this server access through the proxy'
  case $answer:$error in
  *'No space left'*) fail 30 "$prefix: no space is left. Free 200 MB there, or choose another folder with --prefix" ;;
  407:* | *'returned error: 407'* | *'from proxy after CONNECT'* | *'CONNECT tunnel failed'* | *'Proxy tunneling failed'* | *'resolve proxy'*)
    fail 21 "the proxy refused the way to $url: $error. $proxy_fix"
    ;;
  *'not yet valid'* | *'has expired'* | *'not yet been activated'*)
    fail 42 "the platform's certificate is not valid at $(date -u '+%Y-%m-%d %H:%M UTC'), the time of this server: $error. Set the clock, or renew the certificate"
    ;;
  404:* | *'ERROR 404'* | *'HTTP/1.'?' 404'*)
    fail 23 "$url does not exist. Build the archives with \`npm run artifacts\` on the platform, or choose another --version"
    ;;
  *ertificate* | *SSL* | *TLS*)
    fail 22 "the platform's certificate is not trusted: $error. Name the file with its CA certificate with --ca-file"
    ;;
  esac
  if has curl; then
    case $status in
    18 | 52 | 56) fail 24 "the download of $url was cut: $error. Run the command again" ;;
    23) fail 30 "$prefix: the download could not be written, probably because no space is left. Free 200 MB there" ;;
    5 | 97) fail 21 "the proxy cannot be used: $error. $proxy_fix" ;;
    esac
  fi
  [ -z "$has_proxy" ] || fail 21 "$url cannot be downloaded through the proxy: $error. $proxy_fix"
  fail 20 "$url cannot be downloaded: $error. Check the network, name resolution and firewall, or name a proxy with --proxy"
}

sha256_of() {
  if has sha256sum; then
    set -- "$(sha256sum <"$1")"
  elif has shasum; then
    set -- "$(shasum -a 256 <"$1")"
  else
    set -- "$(openssl dgst -sha256 -r <"$1")"
  fi
  printf '%s' "${1%% *}"
}

# Downloads the list of checksums, and sets `checksum` to that of the archive.
read_checksum() {
  download SHA256SUMS
  [ "$(sha256_of "$staging/SHA256SUMS")" = "$sums_sha256" ] ||
    fail 24 "$platform_url/downloads/SHA256SUMS is not the list that this script was made for: the download was cut or changed, or the platform has new archives. Run the command again"
  checksum='' available=''
  while read -r sum name; do
    [ "$name" != "$archive" ] || checksum=$sum
    case $name in
    *-linux-"$architecture".tar.gz) available="$available ${name#rca-agent-}" ;;
    esac
  done <"$staging/SHA256SUMS"
  [ -n "$checksum" ] ||
    fail 23 "the platform has no version $version for linux-$architecture. It has:$(printf '%s' "$available" | sed "s/-linux-$architecture.tar.gz//g"). Choose one of them with --version"
}

# Checks the signature with a program of this system, if it has one that can. Sets `is_signed`.
check_signature() {
  download SHA256SUMS.minisig
  if has minisign; then
    minisign -V -q -P "$public_key" -m "$staging/SHA256SUMS" -x "$staging/SHA256SUMS.minisig" >/dev/null 2>&1 ||
      fail_signature
    is_signed=yes
  elif has openssl && can_verify_ed25519; then
    # A key in DER: the prefix of RFC 8410, and the 32 bytes behind minisign's algorithm and key id.
    printf '\060\052\060\005\006\003\053\145\160\003\041\000' >"$staging/key"
    printf '%s' "$public_key" | openssl base64 -d -A | tail -c 32 >>"$staging/key"
    sed -n 2p "$staging/SHA256SUMS.minisig" | openssl base64 -d -A | tail -c 64 >"$staging/signature"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$staging/key" -rawin -in "$staging/SHA256SUMS" \
      -sigfile "$staging/signature" >/dev/null 2>&1 || fail_signature
    is_signed=yes
  fi
}

# OpenSSL can since 3.0.
can_verify_ed25519() {
  case $(openssl version 2>/dev/null) in
  'OpenSSL 0'* | 'OpenSSL 1'* | LibreSSL* | '') return 1 ;;
  esac
}

# The runtime of the archive checks the signature on systems without such a program: its own checksum was right.
check_signature_with_runtime() {
  # shellcheck disable=SC2016
  "$unpacked/bin/node" -e '
    const { createPublicKey, verify } = require("node:crypto")
    const { readFileSync } = require("node:fs")
    const [key, file, signature] = process.argv.slice(1)
    const prefix = Buffer.from("302a300506032b6570032100", "hex")
    const der = Buffer.concat([prefix, Buffer.from(key, "base64").subarray(10)])
    const bytes = Buffer.from(readFileSync(signature, "utf8").split("\n")[1], "base64").subarray(10)
    const publicKey = createPublicKey({ key: der, format: "der", type: "spki" })
    process.exit(verify(null, readFileSync(file), publicKey, bytes) ? 0 : 25)
  ' "$public_key" "$staging/SHA256SUMS" "$staging/SHA256SUMS.minisig" 2>/dev/null || fail_signature
}

fail_signature() {
  fail 25 "the signature of $platform_url/downloads/SHA256SUMS is wrong: it was not made with the key of this script. Nothing was installed. Build the archives again on the platform"
}

# Downloads, verifies and unpacks the archive. Sets `unpacked` to its folder.
unpack_archive() {
  echo "Downloading $archive"
  download "$archive"
  [ "$(sha256_of "$staging/$archive")" = "$checksum" ] ||
    fail 24 "the checksum of $archive is wrong: the download was cut or changed. Run the command again"
  error=$(tar -xzf "$staging/$archive" -C "$staging" 2>&1) || fail_to_write "$archive cannot be unpacked in $staging" "$error"
  rm -f "$staging/$archive"
  unpacked=$staging/${archive%.tar.gz}
  error=$("$unpacked/bin/node" --version 2>&1) ||
    fail 11 "the agent cannot run on this system: $error. It needs glibc 2.28 or newer, and a prefix that is not mounted noexec"
  [ -n "$is_signed" ] || check_signature_with_runtime
  printf '%s\n' "$checksum" >"$unpacked/.sha256"
}

main() {
  set -eu
  export LC_ALL=C
  umask 022
  platform_url=@PLATFORM_URL@
  version=@VERSION@
  sums_sha256=@SUMS_SHA256@
  public_key=@PUBLIC_KEY@
  # The key is the last line of minisign's file, which may begin with a comment.
  public_key=${public_key##*
}

  prefix=/opt/rca-agent proxy='' ca_file='' dry_run='' uninstall=''
  staging='' is_locked='' is_signed='' has_platform_url=''
  # Options for `rca-agent service install` go to the end of the arguments; the others are kept here. The token and the
  # proxy, whose address may hold a password, go into its environment, which other users cannot read.
  left=$#
  while [ "$left" -gt 0 ]; do
    option=$1
    value=
    shift
    left=$((left - 1))
    case $option in
    --help | -h) print_usage && exit 0 ;;
    --dry-run | --uninstall | --no-service) ;;
    --agent-token | --agent-type | --platform-url | --set | --version | --proxy | --ca-file | --connector | --prefix | --wait)
      [ "$left" -gt 0 ] || fail 2 "$option needs a value. \`--help\` lists the options"
      value=$1
      shift
      left=$((left - 1))
      ;;
    *) fail 2 "$option is not an option. \`--help\` lists the options" ;;
    esac
    case $option in
    --agent-token) AGENT_TOKEN=$value ;;
    --proxy) proxy=$value ;;
    --version) version=$value ;;
    --uninstall) uninstall=yes ;;
    --dry-run) dry_run=yes && set -- "$@" "$option" ;;
    --no-service) set -- "$@" "$option" ;;
    --prefix) prefix=${value%/} && set -- "$@" "$option" "$prefix" ;;
    --ca-file) ca_file=$value && set -- "$@" "$option" "$value" ;;
    --connector) export RCA_CONNECTORS="$value" && set -- "$@" "$option" "$value" ;;
    --platform-url) has_platform_url=yes && set -- "$@" "$option" "$value" ;;
    *) set -- "$@" "$option" "$value" ;;
    esac
  done
  case $prefix in
  /*[!A-Za-z0-9._/+-]* | [!/]* | '') fail 2 '--prefix must be an absolute path of letters, digits and ._+-/' ;;
  esac
  case $version in
  *[!A-Za-z0-9.+-]* | '') fail 2 "--version: \`$version\` is not a version" ;;
  esac
  if [ -z "$dry_run" ] && [ "$(id -u)" != 0 ]; then
    fail 13 'only root can do this. Become root, for example with sudo -i, and run the command again'
  fi

  if [ -n "$uninstall" ]; then
    for folder in "$prefix/current" "$prefix"/versions/*; do
      [ ! -x "$folder/bin/rca-agent" ] || exec "$folder/bin/rca-agent" service uninstall "$@" </dev/null
    done
    # An installation that was killed during its download has left that.
    if [ -z "$dry_run" ] && [ -d "$prefix" ]; then
      trap clean_up EXIT
      take_lock
    fi
    echo "Nothing is installed in $prefix"
    exit 0
  fi

  check_system
  check_tools
  if [ -n "$proxy" ]; then
    export http_proxy="$proxy" https_proxy="$proxy" HTTP_PROXY="$proxy" HTTPS_PROXY="$proxy"
  fi
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ -n "$dry_run" ]; then
    staging=$(mktemp -d) || fail 31 "no folder can be created in ${TMPDIR:-/tmp}. Make it writable"
  else
    take_lock
    staging=$prefix/.partial.$$
    error=$(mkdir -p "$prefix/versions" "$staging" 2>&1) || fail_to_write "$prefix cannot be written" "${error##*: }"
  fi

  archive=rca-agent-$version-linux-$architecture.tar.gz
  read_checksum
  check_signature
  # Without a token, the agent keeps the configuration that it has.
  export AGENT_TOKEN="${AGENT_TOKEN-}" RCA_PUBLIC_KEY="$public_key"
  [ -n "$has_platform_url" ] || [ -z "$AGENT_TOKEN" ] || set -- "$@" --platform-url "$platform_url"
  if [ -n "$dry_run" ]; then
    unpack_archive
    status=0
    "$unpacked/bin/rca-agent" service install "$@" </dev/null || status=$?
    exit "$status"
  fi

  # Other bytes with the same version, such as those of a platform that is built from its sources, are kept apart.
  installed=$prefix/versions/$version
  if [ -e "$installed" ] && [ "$(cat "$installed/.sha256" 2>/dev/null)" != "$checksum" ]; then
    installed=$installed-$(printf '%.8s' "$checksum")
  fi
  # A folder that `current` does not name may have lost its contents in a power failure.
  if [ ! -x "$installed/bin/rca-agent" ] || [ "$(folder_of "$prefix/current")" != "$(folder_of "$installed")" ]; then
    unpack_archive
    rm -rf "$installed"
    mv "$unpacked" "$installed"
  fi
  rm -rf "$staging"
  trap - EXIT
  exec "$installed/bin/rca-agent" service install "$@" </dev/null
}

# The braces are part of it: a shell runs nothing of a command that was cut.
{ main "$@"; exit; }
