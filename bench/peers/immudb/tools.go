//go:build tools

package main

// The server, so that go.mod pins it and what it needs.
import _ "github.com/codenotary/immudb/cmd/immudb"
