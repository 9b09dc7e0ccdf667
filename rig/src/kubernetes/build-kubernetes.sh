#!/usr/bin/env bash
# Builds the programs of a one-node Kubernetes, static, from Debian's source package, since Debian's binary packages
# have only kubectl. Puts them into a directory, with etcd. Needs root, apt and 2 GB; takes 6 minutes on 2 quiet cores.
# Does not change /etc/apt. Usage:
#   build-kubernetes.sh FOLDER VERSION PATCH
# VERSION is that of Debian's package, such as 1.20.2. PATCH is the number of the changes below. Both are written to
# FOLDER/version at the end.
set -euo pipefail
folder=$1 version=$2 patch=$3
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)

mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9
noted="$version patch $patch"
[ "$(cat "$folder/version" 2>/dev/null)" != "$noted" ] || exit 0
rm -f "$folder/version"
work=$(mktemp -d "${folder%/*}/build.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

echo 'Installing the compiler…' >&2
export DEBIAN_FRONTEND=noninteractive
# Waits for other users of apt, and retries downloads.
apt=(apt-get -qq -o DPkg::Lock::Timeout=900 -o Acquire::Retries=5)
attempt() {
  for pause in 10 30 60; do
    "$@" && return
    echo "Failed, retrying in $pause s: $*" >&2
    sleep "$pause"
  done
  "$@"
}
attempt "${apt[@]}" update
attempt "${apt[@]}" install -y --no-install-recommends \
  dpkg-dev etcd-server gcc golang-github-modern-go-reflect2-dev golang-go jq libc6-dev make rsync >/dev/null

echo 'Fetching the source…' >&2
mkdir -p "$work/lists/partial" "$work/archives/archives/partial"
if [ -e /etc/apt/sources.list.d/debian.sources ]; then
  sources=$work/apt.sources
  sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$sources"
else
  sources=$work/apt.list
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$sources"
fi
own_apt=(-o "Dir::Etc::sourcelist=$sources" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/lists"
  -o "Dir::Cache=$work/archives" -o APT::Sandbox::User=root)
cd "$work"
attempt "${apt[@]}" "${own_apt[@]}" update
attempt "${apt[@]}" "${own_apt[@]}" source kubernetes >/dev/null
source=$(echo "$work"/kubernetes-*/)
source=${source%/}
case $source in *"$version") ;; *) echo "Debian's package is $source, not $version" >&2 && exit 1 ;; esac

# reflect2 1.0.1 breaks on maps when compiled by a newer Go, which crashes the API server. Debian has 1.0.2.
reflect2=$source/vendor/github.com/modern-go/reflect2
rm -f "$reflect2"/*.go "$reflect2"/*.s
cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$reflect2/"
# The kubelet gives pods a negative oom_score_adj, which fails where root lacks CAP_SYS_RESOURCE.
sed -i 's/defaultSandboxOOMAdj int = -998/defaultSandboxOOMAdj int = 0/' "$source/pkg/kubelet/dockershim/docker_sandbox.go"
sed -i 's/return guaranteedOOMScoreAdj$/return 0/' "$source/pkg/kubelet/qos/policy.go"

echo 'Compiling…' >&2
IFS=. read -r major minor _ <<<"$version"
export GOPATH=$work/go GOCACHE=$work/go-cache CGO_ENABLED=0 GO111MODULE=off GOFLAGS= GOPROXY=off
export KUBE_GIT_VERSION=v$version KUBE_GIT_MAJOR=$major KUBE_GIT_MINOR=$minor KUBE_GIT_TREE_STATE=clean KUBE_GIT_COMMIT=debian
unset GOBIN
mkdir -p "$GOPATH/src/k8s.io"
ln -s "$source" "$GOPATH/src/k8s.io/kubernetes"
(cd "$GOPATH/src/k8s.io/kubernetes" && nice make WHAT="${programs[*]/#/cmd/}" >"$work/make.log" 2>&1) || {
  tail -n 30 "$work/make.log" >&2
  exit 1
}
for program in "${programs[@]}"; do
  install -m 755 "$source/_output/local/bin/linux/$(go env GOARCH)/$program" "$folder/"
done
install -m 755 "$(command -v etcd)" "$folder/"
echo "$noted" >"$folder/version"
