#!/bin/sh
# The storage's tests on this machine, without TrustZone: test.sh [--long]. Part of `npm run test:optee`.
# Needs a C compiler and mbedTLS (Debian: gcc libc6-dev libmbedtls-dev), and the npm packages for SQLCipher's source.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${TRUSTHEALTH_OPTEE_CACHE:-$HOME/.cache/trusthealth/optee}/storage-test
"$here/build.sh" "$out"
if [ "${1:-}" = --long ]; then
	"$out/calls" 1 60
	"$out/crash" 1 40
	for seed in 1 2 3 4 5 6 7 8 9 10; do "$out/tamper" $seed; done
else
	"$out/calls"
	"$out/crash"
	"$out/tamper"
fi
