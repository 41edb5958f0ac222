#!/usr/bin/env bash
# Builds everything of optee/ from pinned Debian packages: OP-TEE with our own keys, the firmware, the guest's image, the
# trusted application. Each step is kept under ~/.cache/trusthealth/optee and done again only when what it is made from
# changes; keys are made there at the first build and never leave it. Usage: build.sh [STEP...]; default: all steps.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}
umask 022
mkdir -p "$cache"
# Debian's own Python has the modules that its packages bring.
export LC_ALL=C TZ=UTC PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

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

# once NAME COMMAND FILE...: runs COMMAND unless it ran before with the same text and the same files.
once() {
  local name=$1 command=$2 stamp
  shift 2
  stamp=$({ declare -f "$command" && find "$@" -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -d ' ' -f 1)
  if [ "$(cat "$cache/$name.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
  say "builds $name"
  rm -f "$cache/$name.stamp"
  if ! "$command" >"$cache/$name.log" 2>&1; then
    tail -n 30 "$cache/$name.log" >&2
    fail "$name was not built; all of it in $cache/$name.log"
  fi
  echo "$stamp" >"$cache/$name.stamp"
}

# unpack NAME FILE...: Debian's source package or packages in a fresh folder.
unpack() {
  local folder=$cache/$1 file
  shift
  rm -rf "$folder"
  mkdir -p "$folder"
  for file in "$@"; do
    case $file in
      *.deb) dpkg-deb -x "$file" "$folder" ;;
      *.orig.tar.*) tar -C "$folder" --strip-components 1 -xf "$file" ;;
      *) tar -C "$folder" -xf "$file" ;;
    esac
  done
  if [ -f "$folder/debian/patches/series" ]; then
    while read -r file _; do
      case $file in '' | '#'*) ;; *) patch -d "$folder" -s -p1 <"$folder/debian/patches/$file" ;; esac
    done <"$folder/debian/patches/series"
  fi
}

# Made once for this machine: who signs trusted applications, and the hardware unique key of the emulated device.
make_keys() {
  (
    umask 077
    mkdir -p "$cache/keys"
    [ -s "$cache/keys/ta-signing.pem" ] || openssl genrsa -out "$cache/keys/ta-signing.pem" 3072 2>/dev/null
    [ -s "$cache/keys/test_hardware_unique_key.h" ] ||
      echo "#define TEST_HARDWARE_UNIQUE_KEY { $(openssl rand 16 | od -An -v -t x1 | sed 's/ \(..\)/0x\1, /g' | tr -d '\n') }" \
        >"$cache/keys/test_hardware_unique_key.h"
  )
}

os() { make_keys && once os build_os "$here/os" "$here/packages.txt" "$cache/keys"; }
build_os() {
  unpack optee-os "$cache"/packages/optee-os_*
  local os=$cache/optee-os
  cp "$here/os/trusthealth_platform.c" "$cache/keys/test_hardware_unique_key.h" "$os/core/kernel/"
  echo 'srcs-y += trusthealth_platform.c' >>"$os/core/kernel/sub.mk"
  rm -rf "$cache/os"
  # CFG_INSECURE=n: without its own key and seed this does not link. The REE file system keeps the attestation key.
  make -C "$os" -j"$(nproc)" O="$cache/os" \
    CROSS_COMPILE=aarch64-linux-gnu- CROSS_COMPILE_core=aarch64-linux-gnu- CROSS_COMPILE_ta_arm64=aarch64-linux-gnu- \
    PLATFORM=vexpress-qemu_armv8a CFG_ARM64_core=y CFG_USER_TA_TARGETS=ta_arm64 CFG_ARM_GICV3=y CFG_INSECURE=n \
    CFG_ATTESTATION_PTA=y CFG_BUILD_IN_TREE_TA=n CFG_NUM_THREADS=4 CFG_CORE_RESERVED_SHM=n \
    CFG_TEE_CORE_LOG_LEVEL=2 CFG_TEE_TA_LOG_LEVEL=2 TA_SIGN_KEY="$cache/keys/ta-signing.pem"
}

firmware() { os && once firmware build_firmware "$cache/os.stamp" "$here/packages.txt"; }
build_firmware() {
  unpack firmware-src "$cache"/packages/arm-trusted-firmware_*
  unpack u-boot "$cache"/packages/u-boot-qemu_*
  local core=$cache/os/core out=$cache/firmware
  rm -rf "$out"
  make -C "$cache/firmware-src" -j"$(nproc)" BUILD_BASE="$out" CROSS_COMPILE=aarch64-linux-gnu- PLAT=qemu DEBUG=0 LOG_LEVEL=20 \
    QEMU_USE_GIC_DRIVER=QEMU_GICV3 BL32_RAM_LOCATION=tdram SPD=opteed BL32="$core/tee-header_v2.bin" \
    BL32_EXTRA1="$core/tee-pager_v2.bin" BL32_EXTRA2="$core/tee-pageable_v2.bin" \
    BL33="$cache/u-boot/usr/lib/u-boot/qemu_arm64/u-boot.bin" BUILD_MESSAGE_TIMESTAMP='"pinned"' all fip
  rm -f "$out/flash.bin"
  dd if="$out/qemu/release/bl1.bin" of="$out/flash.bin" bs=4096 conv=notrunc status=none
  dd if="$out/qemu/release/fip.bin" of="$out/flash.bin" bs=4096 seek=64 conv=notrunc status=none
  truncate -s 64M "$out/flash.bin"
}

for step in "${@:-tools}"; do "$step"; done
