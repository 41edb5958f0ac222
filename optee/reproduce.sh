#!/usr/bin/env bash
# Builds OP-TEE, the firmware and the trusted applications a second time, from copies of the sources in another folder and
# with the keys of the first build, and compares: reproduce.sh. Whoever has sources and keys gets the same bytes,
# signature included (its padding has no random part), or finds out here which file differs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cache=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}
other=$(mktemp -d)
trap 'rm -rf "$other"' EXIT

mkdir -p "$other/product/dist/ta" "$other/product/node_modules/@commapp" "$other/cache"
cp -r "$here" "$other/product/optee"
# The scripts that the first build took.
cp "$cache/build/809a44f6-3a1c-4e40-860d-4ab23abd8ccb/scripts/trusted-application.mjs" "$other/product/dist/ta/"
cp "$cache/build/809a44f6-3a1c-4e40-860d-4ab23abd8ccb/scripts/host.mjs" "$other/product/dist/ta/optee-host.mjs"
cp "$cache/build/9601f671-238a-4ea9-bac8-8323317539fb/scripts/host.mjs" "$other/product/dist/ta/optee-suites.mjs"
cp -r "$root/node_modules/@commapp/sqlcipher-amalgamation" "$other/product/node_modules/@commapp/"
cp -r "$cache/keys" "$cache/packages" "$other/cache/"
TRUSTHEALTH_OPTEE_CACHE=$other/cache bash "$other/product/optee/build.sh" firmware ta

status=0
for file in firmware/flash.bin ta/809a44f6-3a1c-4e40-860d-4ab23abd8ccb.ta ta/9601f671-238a-4ea9-bac8-8323317539fb.ta; do
  if cmp "$cache/$file" "$other/cache/$file"; then
    echo "the same: $(sha256sum <"$other/cache/$file" | cut -d ' ' -f 1)  $file"
  else
    status=1
  fi
done
exit "$status"
