#!/bin/sh
# Compiles the storage for the trusted application into OUT/libstorage.a, and leaves SQLite's header in OUT:
# build-ta.sh TA-DEV-KIT MUSL-HEADERS OUT. The headers are musl's (what SQLCipher expects of a C library, complete);
# the library that is linked is OP-TEE's, with shim.c for what it does not have.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kit=$1 headers=$2 out=$3
: "${CROSS_COMPILE:=aarch64-linux-gnu-}"
mkdir -p "$out"
rm -f "$out"/*.o "$out"/*.a
"$here/sql/amalgamation.sh" "$out"
flags="-std=gnu11 -Os -fPIC -mstrict-align -mno-outline-atomics -fno-strict-aliasing -fstack-protector-strong
	-ffunction-sections -fdata-sections -DNDEBUG -nostdinc -isystem $(${CROSS_COMPILE}gcc -print-file-name=include)
	-isystem $headers -isystem $kit/include -I$here/include -I$here/src -I$here/sql -I$here/../ta/include -I$out
	-ffile-prefix-map=$here=storage -ffile-prefix-map=$out=storage"
for source in "$here"/src/*.c "$here"/sql/*.c "$here"/shim.c; do
	warnings="-Wall -Wextra -Werror"
	[ "${source##*/}" = sqlcipher.c ] && warnings=-w
	# shellcheck disable=SC2086
	${CROSS_COMPILE}gcc $flags $warnings -c "$source" -o "$out/$(basename "$source" .c).o"
done
${CROSS_COMPILE}ar rcsD "$out/libstorage.a" "$out"/*.o
