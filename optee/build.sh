#!/usr/bin/env bash
# Builds everything of optee/ from pinned Debian packages: OP-TEE with our own keys, the firmware, the guest's image, the
# trusted application. Each step is kept under ~/.cache/trusthealth/optee and done again only when what it is made from
# changes; keys are made there at the first build and never leave it. Usage: build.sh [STEP...]; default: all steps.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cache=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}
umask 022
mkdir -p "$cache"
# Debian's own Python has the modules that its packages bring.
export LC_ALL=C TZ=UTC PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

# One build at a time writes to the cache.
exec 9>"$cache/lock"
flock 9

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
  # Another installation on this machine is waited for.
  DEBIAN_FRONTEND=noninteractive timeout 900 apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" \
    >>"$cache/apt.log" 2>&1 ||
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
  # Not inside a condition, where `set -e` sleeps.
  set +e
  (
    set -e
    "$command"
  ) >"$cache/$name.log" 2>&1
  local status=$?
  set -e
  if [ "$status" -ne 0 ]; then
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

os() { fetch && make_keys && once os build_os "$here/os" "$here/packages.txt" "$cache/keys"; }
build_os() {
  unpack optee-os "$cache"/packages/optee-os_*
  local os=$cache/optee-os
  cp "$here/os/trusthealth_platform.c" "$cache/keys/test_hardware_unique_key.h" "$os/core/kernel/"
  echo 'srcs-y += trusthealth_platform.c' >>"$os/core/kernel/sub.mk"
  # mbedTLS for trusted applications comes without X25519.
  sed -i 's/^#define MBEDTLS_ECP_DP_SECP256K1_ENABLED$/&\n#define MBEDTLS_ECP_DP_CURVE25519_ENABLED/' \
    "$os/lib/libmbedtls/include/mbedtls_config_uta.h"
  grep -q CURVE25519 "$os/lib/libmbedtls/include/mbedtls_config_uta.h"
  make_os "$cache/os"
}
# make_os OUT ARGUMENT...: OP-TEE, or those parts of it. CFG_INSECURE=n: without its own key and seed this does not link. The
# REE file system keeps the attestation key.
make_os() {
  local out=$1
  shift
  rm -rf "$out"
  SOURCE_DATE_EPOCH=1 make -C "$cache/optee-os" -j"$(nproc)" O="$out" TEE_IMPL_VERSION=4.10.0-trusthealth \
    CROSS_COMPILE=aarch64-linux-gnu- CROSS_COMPILE_core=aarch64-linux-gnu- CROSS_COMPILE_ta_arm64=aarch64-linux-gnu- \
    PLATFORM=vexpress-qemu_armv8a CFG_ARM64_core=y CFG_USER_TA_TARGETS=ta_arm64 CFG_ARM_GICV3=y CFG_INSECURE=n \
    CFG_ATTESTATION_PTA=y CFG_BUILD_IN_TREE_TA=n CFG_NUM_THREADS=4 CFG_CORE_RESERVED_SHM=n \
    CFG_TEE_CORE_LOG_LEVEL=2 CFG_TEE_TA_LOG_LEVEL=2 TA_SIGN_KEY="$cache/keys/ta-signing.pem" "$@"
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
  make_flash "$out/qemu/release/bl1.bin" "$out/qemu/release/fip.bin" "$out/flash.bin"
}
# make_flash BL1 FIP OUT
make_flash() {
  rm -f "$3"
  dd if="$1" of="$3" bs=4096 conv=notrunc status=none
  dd if="$2" of="$3" bs=4096 seek=64 conv=notrunc status=none
  truncate -s 64M "$3"
}

# The same firmware with an OP-TEE that has RPMB, for tests: tee-supplicant plays the device, in its own memory, so that it is
# new at each start of the machine.
rpmb() { firmware && once rpmb build_rpmb "$cache/firmware.stamp"; }
build_rpmb() {
  local os=$cache/os-rpmb out=$cache/firmware-rpmb
  make_os "$os" CFG_RPMB_FS=y CFG_RPMB_WRITE_KEY=y "$os"/core/tee-{header,pager,pageable}_v2.bin
  rm -rf "$out"
  mkdir "$out"
  cp "$cache/firmware/qemu/release/fip.bin" "$out/fip.bin"
  "$cache/firmware-src/tools/fiptool/fiptool" update --tos-fw "$os/core/tee-header_v2.bin" \
    --tos-fw-extra1 "$os/core/tee-pager_v2.bin" --tos-fw-extra2 "$os/core/tee-pageable_v2.bin" "$out/fip.bin"
  make_flash "$cache/firmware/qemu/release/bl1.bin" "$out/fip.bin" "$out/flash.bin"
}

# Kernel modules that the guest needs, in the order in which they load.
modules='tee optee netfs 9pnet 9pnet_virtio 9p'

guest() { fetch && once guest build_guest "$here/guest" "$here/proxy" "$here/storage/plugin" "$here/storage/include" "$here/packages.txt"; }
build_guest() {
  local root=$cache/guest name version source
  rm -rf "$root"
  unpack guest "$cache"/packages/{busybox-static,libc6,libgcc-s1,libteec2,tee-supplicant}_*
  unpack kernel "$cache"/packages/linux-image-*
  unpack client "$cache"/packages/optee-client-dev_*
  version=$(basename "$cache"/kernel/boot/vmlinuz-*)
  version=${version#vmlinuz-}
  cp "$cache/kernel/boot/vmlinuz-$version" "$cache/Image"
  mkdir -p "$root"/{bin,proc,sys,dev,tmp,root,store,modules} "$root"/usr/lib/{optee_armtz,tee-supplicant/plugins}
  [ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
  [ -e "$root/sbin" ] || ln -s usr/sbin "$root/sbin"
  cp "$root/usr/bin/busybox" "$root/bin/busybox"
  rm -rf "$root"/usr/share "$root"/usr/lib/aarch64-linux-gnu/{gconv,perl*} "$root"/etc
  for name in $modules; do
    xz -dc "$(find "$cache/kernel/usr/lib/modules/$version/kernel" -name "$name.ko.xz" | grep .)" >"$root/modules/$name.ko"
    echo "$name.ko" >>"$root/modules/order"
  done
  local flags=(-O2 -Wall -Wextra -Werror -I "$cache/client/usr/include" -I "$here/storage/include")
  aarch64-linux-gnu-gcc "${flags[@]}" -o "$root/usr/sbin/trusthealth-proxy" "$here"/proxy/*.c \
    "$root"/usr/lib/aarch64-linux-gnu/libteec.so.2 -Wl,--allow-shlib-undefined
  for source in "$here"/storage/plugin/*.c; do
    [ -e "$source" ] || continue
    aarch64-linux-gnu-gcc "${flags[@]}" -shared -fPIC "$here"/storage/plugin/*.c \
      -o "$root/usr/lib/tee-supplicant/plugins/5a6f7910-dfb6-435d-b119-272787340950.plugin"
    break
  done
  cp "$here/guest/init" "$root/init"
  chmod 755 "$root/init"
  (cd "$root" && find . | sort | cpio -o -H newc --quiet -R 0:0 | gzip -1 -n) >"$cache/initrd.gz"
}

# Objects of musl's library: mathematics that calls nothing outside of it, so none of them reaches for a kernel.
math='__cos __expo2 __fpclassify __invtrigl __math_divzero __math_invalid __math_oflow __math_uflow __math_xflow __rem_pio2
  __rem_pio2_large __signbit __sin __tan acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh exp exp_data expm1 fabs floor fmax
  fmin fmod frexp hypot ldexp log log10 log1p log2 log2_data log_data lrint nearbyint pow pow_data rint round scalbn sin sinh sqrt tan
  tanh trunc'

engine() { fetch && once engine build_engine "$here/ta/engine.patch" "$here/packages.txt"; }
build_engine() {
  local out=$cache/engine name
  unpack engine "$cache"/packages/{qjs-src,musl-dev}_*
  cp "$out"/usr/src/quickjs-ng/*.[ch] "$out/"
  patch -d "$out" -p1 <"$here/ta/engine.patch"
  # __wasi__: no threads, no atomics; nothing else of it is used.
  local flags=(-nostdinc -isystem "$(aarch64-linux-gnu-gcc -print-file-name=include)" -isystem "$out/usr/include/aarch64-linux-musl"
    -D_GNU_SOURCE -D__wasi__ -DNDEBUG -O2 -fPIC -fno-strict-aliasing -fwrapv -mstrict-align -mno-outline-atomics -fno-stack-protector
    -ffunction-sections -fdata-sections -ffile-prefix-map="$out=engine" -w)
  for name in quickjs libregexp libunicode dtoa; do
    aarch64-linux-gnu-gcc "${flags[@]}" -c "$out/$name.c" -o "$out/$name.o"
  done
  rm -f "$out"/*.a
  aarch64-linux-gnu-ar rcsD "$out/libquickjs.a" "$out"/{quickjs,libregexp,libunicode,dtoa}.o
  mkdir "$out/math"
  (cd "$out/math" && aarch64-linux-gnu-ar x "$out/usr/lib/aarch64-linux-musl/libc.a" $(printf '%s.lo ' $math) &&
    aarch64-linux-gnu-ar rcsD "$out/libmath.a" ./*.lo)
}

# The secure storage and SQLCipher, as a library.
storage() {
  os && engine
  once storage build_storage "$here/storage/src" "$here/storage/sql" "$here/storage/include" "$here/storage/shim.c" \
    "$here/storage/build-ta.sh" "$here/ta/include" "$cache/os.stamp" "$cache/engine.stamp"
}
build_storage() {
  "$here/storage/build-ta.sh" "$cache/os/export-ta_arm64" "$cache/engine/usr/include/aarch64-linux-musl" "$cache/storage"
}

# SHA-256 of the public key that signs, as the evidence names it: DER, SubjectPublicKeyInfo.
signer() { openssl rsa -in "$cache/keys/ta-signing.pem" -pubout -outform DER 2>/dev/null | sha256sum | cut -d ' ' -f 1; }

# The binaries: the trusted application, the one that runs the suites of its ports inside the secure world, and one built
# for debugging, apart, which clients must refuse.
ta() {
  storage
  local inputs=("$here/ta" "$cache/os.stamp" "$cache/engine.stamp" "$cache/storage.stamp" "$here/build.sh")
  once "ta-trusthealth" build_trusthealth "${inputs[@]}" "$root"/dist/ta/{trusted-application,optee-host}.mjs
  once ta-suites build_suites "${inputs[@]}" "$root"/dist/ta/{trusted-application,optee-suites}.mjs
  once ta-debug build_debug "${inputs[@]}" "$root"/dist/ta/{trusted-application,optee-host}.mjs
}
# The suites have both implementations of the curves, and the tables of one of them, in the engine at once.
build_suites() {
  local heap_kib=$((heap_kib + 640)) engine_kib=$((engine_kib + 1024))
  build_ta 9601f671-238a-4ea9-bac8-8323317539fb "$root/dist/ta/trusted-application.mjs" "$root/dist/ta/optee-suites.mjs"
}
trusthealth=809a44f6-3a1c-4e40-860d-4ab23abd8ccb
build_trusthealth() {
  build_ta "$trusthealth" "$root/dist/ta/trusted-application.mjs" "$root/dist/ta/optee-host.mjs"
  check_size "$cache/build/$trusthealth/o/$trusthealth.stripped.elf"
}

build_debug() {
  local debug=1 suffix=-debug
  build_ta "$trusthealth" "$root/dist/ta/trusted-application.mjs" "$root/dist/ta/optee-host.mjs"
}

# The bar for a trusted application with everything in it, and what of it is stack and heap.
most_kib=12288
stack_kib=512
heap_kib=8960
# Of the heap, the JavaScript engine's part.
engine_kib=6400
debug=0
# Of the folders that it is built in and left in.
suffix=

# Code, data (the heap is part of it) and stack, in pages: the secure memory that it takes.
check_size() {
  local kib=$stack_kib type offset virtual physical file memory rest
  while read -r type offset virtual physical file memory rest; do
    [ "$type" = LOAD ] && kib=$((kib + (virtual % 4096 + memory + 4095) / 4096 * 4))
  done < <(aarch64-linux-gnu-readelf -lW "$1")
  echo "$kib KiB of secure memory, at most $most_kib"
  [ "$kib" -le "$most_kib" ]
}

# build_ta UUID APPLICATION HOST
build_ta() {
  local uuid=$1 out=$cache/build/$1$suffix signed=$cache/ta$suffix struct
  rm -rf "$out"
  mkdir -p "$out/scripts" "$signed"
  cp "$2" "$out/scripts/trusted-application.mjs"
  cp "$3" "$out/scripts/host.mjs"
  struct=$(echo "$uuid" | sed -E 's/(.{8})-(.{4})-(.{4})-(..)(..)-(..)(..)(..)(..)(..)(..)/{0x\1,0x\2,0x\3,{0x\4,0x\5,0x\6,0x\7,0x\8,0x\9,/')
  # sed knows nine groups: the last two bytes.
  struct="${struct%,*},0x${uuid: -4:2},0x${uuid: -2:2}}}"
  cp -r "$here/ta" "$out/source"
  cat >"$out/source/build_config.h" <<END
#define TH_TA_UUID $struct
#define TH_SIGNER { $(signer | sed 's/../0x&, /g') }
#define TH_STACK_KIB $stack_kib
#define TH_HEAP_KIB $heap_kib
#define TH_ENGINE_KIB $engine_kib
#define TH_SIMULATED 1
#define TH_DEBUG $debug
END
  make -C "$out/source" -j"$(nproc)" O="$out/o" CROSS_COMPILE=aarch64-linux-gnu- TA_DEV_KIT_DIR="$cache/os/export-ta_arm64" \
    UUID="$uuid" ENGINE="$cache/engine" SCRIPTS="$out/scripts" SQL="$cache/storage" \
    LIBRARIES="$cache/storage/libstorage.a $cache/engine/libquickjs.a $cache/engine/libmath.a" TA_SIGN_KEY="$cache/keys/ta-signing.pem"
  # Signed once more with the padding that has no random part: the same input gives the same file.
  "$cache/os/export-ta_arm64/scripts/sign_encrypt.py" sign-enc --uuid "$uuid" --ta-version 1 --algo TEE_ALG_RSASSA_PKCS1_V1_5_SHA256 \
    --in "$out/o/$uuid.stripped.elf" --key "$cache/keys/ta-signing.pem" --out "$signed/$uuid.ta"
}

if [ $# -eq 0 ]; then set -- tools firmware guest ta; fi
for step in "$@"; do "$step"; done
