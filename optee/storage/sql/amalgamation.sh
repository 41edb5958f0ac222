#!/bin/sh
# Puts SQLCipher's source where the build finds it: amalgamation.sh OUTPUT-FOLDER. From the npm package
# @commapp/sqlcipher-amalgamation 4.5.5 (package-lock.json), checked against the hash here; without the file
# crypto_cc.c, whose place our provider takes (sql/sqlcipher.c).
set -eu
storage=$(cd "$(dirname "$0")/.." && pwd)
package=$storage/../../node_modules/@commapp/sqlcipher-amalgamation/src
mkdir -p "$1"
sha256sum --check --status - <<HASHES || { echo "$package is missing (npm install) or another version" >&2 && exit 1; }
457f4de07269b6e4e72b52980448c37bec36395ce16fee5929bd5a80f79f9715  $package/sqlite3.c
HASHES
# FTS5 has no option for how much it collects before it writes.
awk '/^#define FTS5_DEFAULT_HASHSIZE / { $0 = "#ifndef FTS5_DEFAULT_HASHSIZE\n" $0 "\n#endif" }
	/^\/\*+ Begin file crypto_cc\.c \*+\/$/ { out = 1 } !out { print } /^\/\*+ End of crypto_cc\.c \*+\/$/ { out = 0 }' \
	"$package/sqlite3.c" >"$1/sqlcipher_amalgamation.c.new"
mv "$1/sqlcipher_amalgamation.c.new" "$1/sqlcipher_amalgamation.c"
cp "$package/sqlite3.h" "$1/sqlite3.h"
