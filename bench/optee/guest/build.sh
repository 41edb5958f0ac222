#!/bin/sh
# A proxy with plain SQLite in it: build.sh OUT makes OUT/initrd.gz from what optee/build.sh has left in its cache. The
# same source of SQLite as the secure storage's, without its cipher.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}
optee=$here/../../../optee
timed=$optee/storage/test/ta
out=$1
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p "$out/root/usr/sbin"
"$optee/storage/sql/amalgamation.sh" "$out"
aarch64-linux-gnu-gcc -Os -w -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -I"$out" -c "$out/sqlcipher_amalgamation.c" -o "$out/sqlite.o"
aarch64-linux-gnu-gcc -O2 -Wall -Wextra -Werror -I"$cache/client/usr/include" -I"$out" -I"$timed" -Wl,--wrap=TEEC_InvokeCommand \
	"$optee/proxy/trusthealth-proxy.c" "$here/plain.c" "$timed/timed.c" "$out/sqlite.o" -lm \
	"$cache/guest/usr/lib/aarch64-linux-gnu/libteec.so.2" -Wl,--allow-shlib-undefined -o "$out/root/usr/sbin/trusthealth-proxy"
# The kernel unpacks one archive after the other.
(cd "$out/root" && find usr/sbin/trusthealth-proxy | cpio -o -H newc --quiet -R 0:0 | gzip -1 -n) >"$out/plain.gz"
cat "$cache/initrd.gz" "$out/plain.gz" >"$out/initrd.gz"
