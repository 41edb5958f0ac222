#!/bin/sh
# Builds the test's trusted application from what optee/build.sh has left in its cache: build.sh OUT. The binary is
# OUT/ta/<uuid>.ta, signed by the key of this machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}
uuid=809a44f6-3a1c-4e40-860d-4ab23abd8ccb
out=$1
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
rm -rf "$out"
mkdir -p "$out/source" "$out/ta" "$out/include"
cp "$here"/* "$here/../../../ta/src/anchor.c" "$here/../../../ta/src/platform.c" "$out/source/"
cp -r "$here/../../../ta/include" "$out/"
make -C "$out/source" O="$out/o" CROSS_COMPILE=aarch64-linux-gnu- TA_DEV_KIT_DIR="$cache/os/export-ta_arm64" \
	SQL="$cache/storage" LIBRARIES="$cache/storage/libstorage.a $cache/engine/libmath.a" \
	TA_SIGN_KEY="$cache/keys/ta-signing.pem" >"$out/make.log" 2>&1 || { tail -n 20 "$out/make.log" >&2 && exit 1; }
cp "$out/o/$uuid.ta" "$out/ta/"
