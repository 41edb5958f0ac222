//go:build programs

// Names Fabric CA's programs, so that go.mod and go.sum pin everything they are built from.
package programs

import (
	_ "github.com/hyperledger/fabric-ca/cmd/fabric-ca-client"
	_ "github.com/hyperledger/fabric-ca/cmd/fabric-ca-server"
)
