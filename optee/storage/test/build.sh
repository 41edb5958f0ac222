#!/bin/sh
# Compiles the native tests of the storage with the sanitizers: build.sh OUTPUT-FOLDER [NAME...]
# Needs a C compiler and mbedTLS's headers and library (Debian: gcc libmbedtls-dev).
set -eu
storage=$(cd "$(dirname "$0")/.." && pwd)
out=$1
mkdir -p "$out"
shift
: "${CC:=cc}"
strict="-std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Wundef -Wvla -Werror -fno-omit-frame-pointer"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"
for name in ${*:-calls crash tamper}; do
	# shellcheck disable=SC2086
	$CC $strict $sanitize -I"$storage/include" -I"$storage/../ta/include" "$storage"/src/sfs_*.c \
		"$storage"/test/platform_native.c "$storage"/test/disk.c "$storage"/test/model.c \
		"$storage/test/test_$name.c" -lmbedcrypto -o "$out/$name"
done
