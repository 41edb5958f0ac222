#!/usr/bin/env bash
# Makes the synthetic patients of data/synthea with MITRE Synthea, byte for byte the same on every run.
#
#   tools/synthea/generate.sh [folder]     default: data/synthea
#
# Needs Maven and a JDK 17 or newer; about 220 MB go to tools/synthea/target the first time, a run takes a minute.
# More or other patients: SYNTHEA_PATIENTS=100 SYNTHEA_SEED=7 tools/synthea/generate.sh /tmp/patients
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../data/synthea}
patients=${SYNTHEA_PATIENTS:-12}
seed=${SYNTHEA_SEED:-2}
bulk_seed=20260302
reference_date=20260301
jar_sha256=4716d5140c0c69fb8bfca0790aac56e32c11d3bb2647d380fbfbd1117a735c73
jar=$here/target/lib/synthea-3.3.0.jar

if [ ! -f "$jar" ]; then
  mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$here/target/lib"
fi
echo "$jar_sha256  $jar" | sha256sum --check --quiet

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# synthea FOLDER SEED PATIENTS [options]: one thread and a fixed date, zone and locale, so that a seed means one result
synthea() {
  local folder=$1 use_seed=$2 count=$3
  shift 3
  java -Xmx2g -Duser.timezone=UTC -Duser.language=en -Duser.country=US -Dfile.encoding=UTF-8 -cp "$here/target/lib/*" App \
    -s "$use_seed" -cs "$use_seed" -r "$reference_date" -e "$reference_date" -p "$count" -a 1-75 \
    --generate.only_alive_patients=true --generate.thread_pool_size=1 \
    --exporter.years_of_history=5 --exporter.metadata.export=false --exporter.baseDirectory="$folder" "$@" \
    Massachusetts > "$folder.log" 2>&1 || { tail -n 20 "$folder.log" >&2; exit 1; }
}

mkdir -p "$out/bulk"
rm -f "$out"/*.json.gz "$out"/bulk/*.ndjson.gz

synthea "$work/bundles" "$seed" "$patients"
number=0
(cd "$work/bundles/fhir" && LC_ALL=C ls) | LC_ALL=C sort | while IFS= read -r name; do
  case $name in
    hospitalInformation*) to=hospitals ;;
    practitionerInformation*) to=practitioners ;;
    *)
      number=$((number + 1))
      to=$(printf 'patient-%02d' "$number")
      ;;
  esac
  mv "$work/bundles/fhir/$name" "$work/$to.json"
done

synthea "$work/bulk" "$bulk_seed" 2 --exporter.fhir.bulk_data=true
for file in "$work"/bulk/fhir/*.ndjson; do
  # Location.1772323200000.ndjson: the number is the reference date again.
  name=$(basename "$file" .ndjson)
  mv "$file" "$work/bulk/${name%%.*}.ndjson"
done

# The sums are of the uncompressed files: another gzip may compress otherwise.
(cd "$work" && LC_ALL=C sha256sum ./*.json bulk/*.ndjson | sed 's|\./||') > "$out/SHA256SUMS"
for file in "$work"/*.json; do gzip -9 -n < "$file" > "$out/$(basename "$file").gz"; done
for file in "$work"/bulk/*.ndjson; do gzip -9 -n < "$file" > "$out/bulk/$(basename "$file").gz"; done
echo "wrote $(find "$out" -name '*.gz' | wc -l) files, $(du -sk "$out" | cut -f1) kB, to $out"
