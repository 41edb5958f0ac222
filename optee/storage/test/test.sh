#!/bin/sh
# The storage's tests on this machine, without TrustZone: test.sh [--long]. Part of `npm run test:optee`.
# Needs a C compiler and mbedTLS (Debian: gcc libc6-dev libmbedtls-dev), and the npm packages for SQLCipher's source.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}/storage-test
# As the build does it: by root, else the missing ones are named.
for package in gcc libc6-dev libmbedtls-dev; do
	dpkg-query -W -f '${Status}' $package 2>/dev/null | grep -q 'ok installed' && continue
	if [ "$(id -u)" -ne 0 ]; then echo "missing Debian package: $package" >&2 && exit 1; fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $package >/dev/null
done
"$here/build.sh" "$out"
database=$out/left.database
if [ "${1:-}" = --long ]; then
	"$out/calls" 1 60
	"$out/crash" 1 40
	for seed in 1 2 3 4 5 6 7 8 9 10; do "$out/tamper" $seed; done
	for seed in 1 10 20 30 40; do "$out/sql" $seed 10000 "$database"; done
else
	"$out/calls"
	"$out/crash"
	"$out/tamper"
	"$out/sql" 1 1000 "$database"
fi
# The file is SQLCipher's: its own program opens it, where there is one of version 4 or later.
key=$(printf 'a raw key of thirty-two bytes...' | od -An -v -t x1 | tr -d ' \n')
case $(sqlcipher :memory: 'PRAGMA cipher_version' 2>/dev/null || true) in
[4-9].*)
	answer=$(echo "PRAGMA key = \"x'$key'\"; SELECT s FROM t; PRAGMA cipher_integrity_check;" | sqlcipher "$database")
	[ "$answer" = "ok
penicillin-canary" ] || { echo "the sqlcipher program does not read the database: $answer" >&2 && exit 1; }
	;;
*) echo "NOT CHECKED: the program sqlcipher 4 is not installed on this machine" ;;
esac
