// Load on immudb with its own client, for bench/figures/peers.ts: verified writes and verified reads of a fixed size.
//
//	load ADDRESS PORT FOLDER set|get CLIENTS MILLISECONDS BYTES
//
// Prints one line of JSON: operations per second, and the microseconds of each. Each client has a session and its own
// memory of the server's state; `get` reads keys that `set` wrote before.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/codenotary/immudb/pkg/client"
)

const keysEach = 200

type result struct {
	PerSecond float64   `json:"perSecond"`
	Us        []float64 `json:"us"`
}

func main() {
	if len(os.Args) != 8 {
		log.Fatal("usage: load ADDRESS PORT FOLDER set|get CLIENTS MILLISECONDS BYTES")
	}
	address, folder, work := os.Args[1], os.Args[3], os.Args[4]
	port, clients, ms, size := number(os.Args[2]), number(os.Args[5]), number(os.Args[6]), number(os.Args[7])

	ctx := context.Background()
	open := make([]client.ImmuClient, clients)
	for i := range open {
		dir := filepath.Join(folder, fmt.Sprintf("client-%d", i))
		check(os.MkdirAll(dir, 0o700))
		open[i] = client.NewClient().WithOptions(client.DefaultOptions().WithAddress(address).WithPort(port).WithDir(dir))
		check(open[i].OpenSession(ctx, []byte("immudb"), []byte("immudb"), "defaultdb"))
	}

	var mutex sync.Mutex
	var group sync.WaitGroup
	all := []float64{}
	begin := time.Now()
	until := begin.Add(time.Duration(ms) * time.Millisecond)
	for i, one := range open {
		group.Add(1)
		go func(i int, one client.ImmuClient) {
			defer group.Done()
			random := rand.New(rand.NewSource(int64(i)))
			value := make([]byte, size)
			mine := []float64{}
			for n := 0; time.Now().Before(until); n++ {
				started := time.Now()
				if work == "set" {
					random.Read(value)
					_, err := one.VerifiedSet(ctx, []byte(fmt.Sprintf("ehr-%d-%d", i, n%keysEach)), value)
					check(err)
				} else {
					entry, err := one.VerifiedGet(ctx, []byte(fmt.Sprintf("ehr-%d-%d", i, random.Intn(2))))
					check(err)
					if len(entry.Value) != size {
						log.Fatal("a value of another size")
					}
				}
				mine = append(mine, float64(time.Since(started).Nanoseconds())/1e3)
			}
			mutex.Lock()
			defer mutex.Unlock()
			all = append(all, mine...)
		}(i, one)
	}
	group.Wait()
	seconds := time.Since(begin).Seconds()
	for _, one := range open {
		check(one.CloseSession(ctx))
	}
	check(json.NewEncoder(os.Stdout).Encode(result{PerSecond: float64(len(all)) / seconds, Us: all}))
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
