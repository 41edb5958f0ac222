module trusthealth/test/conformance/tlog/generate

go 1.20

require github.com/transparency-dev/merkle v0.0.2
