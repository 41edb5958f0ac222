#!/usr/bin/env bash
# Builds everything of optee/ from pinned Debian packages: OP-TEE with our own keys, the firmware, the guest's image, the
# trusted application. Each step is kept under ~/.cache/trusthealth/optee and done again only when what it is made from
# changes; keys are made there at the first build and never leave it. Usage: build.sh [STEP...]; default: all steps.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}
umask 022
mkdir -p "$cache"
export LC_ALL=C TZ=UTC

say() { echo "optee: $*" >&2; }
fail() { say "$*" && exit 1; }

# Programs of the build, as Debian 12 packages them. Installed by root; else the missing ones are named.
tools() {
  local missing=() package
  for package in qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc make patch xz-utils cpio device-tree-compiler \
    python3 python3-cryptography python3-pyelftools libssl-dev libc6-dev openssl; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then fail "missing Debian packages: ${missing[*]}"; fi
  say "installs ${missing[*]}"
  timeout 300 apt-get update -qq >"$cache/apt.log" 2>&1 || true
  DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -y -qq --no-install-recommends "${missing[@]}" >>"$cache/apt.log" 2>&1 ||
    fail "cannot install ${missing[*]}: $(tail -n 1 "$cache/apt.log")"
}

# The pinned packages, each with its hash, from this machine's mirror or from Debian's archive of everything.
fetch() {
  local mirror hash path file base
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 2>/dev/null | awk '$1 == "bookworm" { print $2; exit }')
  mkdir -p "$cache/packages"
  while read -r hash path; do
    case $hash in '' | '#'*) continue ;; esac
    file=$cache/packages/${path##*/}
    if [ -f "$file" ] && echo "$hash  $file" | sha256sum --check --status; then continue; fi
    rm -f "$file" "$file.part"
    for base in "${mirror:-http://deb.debian.org/debian/}" "https://snapshot.debian.org/archive/debian/20261122T000000Z/"; do
      say "fetches ${path##*/}"
      if timeout 600 /usr/lib/apt/apt-helper -qq download-file "${base%/}/${path//+/%2b}" "$file.part" "SHA256:$hash" >&2; then break; fi
    done
    echo "$hash  $file.part" | sha256sum --check --status || fail "cannot fetch $path"
    mv "$file.part" "$file"
  done <"$here/packages.txt"
}
for step in "${@:-tools}"; do "$step"; done
