#!/bin/sh
# Compiles the native tests of the storage with the sanitizers: build.sh OUTPUT-FOLDER [NAME...]
# Needs a C compiler and mbedTLS's headers and library (Debian: gcc libc6-dev libmbedtls-dev); SQLCipher by npm install.
set -eu
storage=$(cd "$(dirname "$0")/.." && pwd)
out=$1
mkdir -p "$out"
shift
: "${CC:=cc}"
strict="-std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Wundef -Wvla -Werror -fno-omit-frame-pointer"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"
include="-I$storage/include -I$storage/src -I$storage/sql -I$storage/../ta/include -I$out"
common="$storage/src/*.c $storage/test/platform_native.c $storage/test/disk.c $storage/test/rpc.c \
	$storage/test/model.c $storage/plugin/volume.c"
for name in ${*:-calls crash tamper sql}; do
	more=
	if [ "$name" = sql ]; then
		# Other people's quarter of a million lines: compiled once.
		if [ ! -e "$out/sqlcipher.o" ] || [ -n "$(find "$storage/sql" -newer "$out/sqlcipher.o" -name 'sqlcipher*')" ]; then
			"$storage/sql/amalgamation.sh" "$out"
			# shellcheck disable=SC2086
			$CC -std=gnu11 -O2 -w $include -c "$storage/sql/sqlcipher.c" -o "$out/sqlcipher.o"
		fi
		more="$storage/sql/provider.c $storage/sql/vfs.c $storage/sql/storage.c $out/sqlcipher.o -lm"
	fi
	# shellcheck disable=SC2086
	$CC $strict $sanitize $include $common "$storage/test/test_$name.c" $more -lmbedcrypto -o "$out/$name"
done
