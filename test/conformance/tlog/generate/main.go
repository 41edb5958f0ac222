// Writes merkle.json: proofs and damaged proofs with the verdict of another implementation,
// github.com/transparency-dev/merkle (Apache-2.0). Run: go run . > ../merkle.json
// The output depends on nothing but the version in go.mod.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"sort"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

type inclusion struct {
	What  string   `json:"what"`
	Index uint64   `json:"index"`
	Size  uint64   `json:"size"`
	Leaf  []byte   `json:"leaf"`
	Proof [][]byte `json:"proof"`
	Root  []byte   `json:"root"`
	OK    bool     `json:"ok"`
}

type consistency struct {
	What    string   `json:"what"`
	OldSize uint64   `json:"oldSize"`
	NewSize uint64   `json:"newSize"`
	OldRoot []byte   `json:"oldRoot"`
	NewRoot []byte   `json:"newRoot"`
	Proof   [][]byte `json:"proof"`
	OK      bool     `json:"ok"`
}

type output struct {
	Source      string        `json:"source"`
	Roots       [][]byte      `json:"roots"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

// tree answers the hash of any complete subtree.
type tree func(id compact.NodeID) []byte

var hasher = rfc6962.DefaultHasher
var factory = compact.RangeFactory{Hash: hasher.HashChildren}

// small is the tree whose leaf i is the one byte i.
func small(id compact.NodeID) []byte {
	if id.Level == 0 {
		return hasher.HashLeaf([]byte{byte(id.Index)})
	}
	left := small(compact.NewNodeID(id.Level-1, id.Index*2))
	return hasher.HashChildren(left, small(compact.NewNodeID(id.Level-1, id.Index*2+1)))
}

// uniform is the tree whose leaves are all the same: it can be of any size.
func uniform(id compact.NodeID) []byte {
	hash := hasher.HashLeaf([]byte("same"))
	for level := uint(0); level < id.Level; level++ {
		hash = hasher.HashChildren(hash, hash)
	}
	return hash
}

func (t tree) root(size uint64) []byte {
	if size == 0 {
		return hasher.EmptyRoot()
	}
	r, err := factory.NewRange(0, size, t.hashes(compact.RangeNodes(0, size, nil)))
	check(err)
	root, err := r.GetRootHash(nil)
	check(err)
	return root
}

func (t tree) hashes(ids []compact.NodeID) [][]byte {
	out := [][]byte{}
	for _, id := range ids {
		out = append(out, t(id))
	}
	return out
}

func (t tree) inclusion(index, size uint64) inclusion {
	nodes, err := proof.Inclusion(index, size)
	check(err)
	p, err := nodes.Rehash(t.hashes(nodes.IDs), hasher.HashChildren)
	check(err)
	return inclusion{"good", index, size, t(compact.NewNodeID(0, index)), p, t.root(size), true}
}

func (t tree) consistency(oldSize, newSize uint64) consistency {
	nodes, err := proof.Consistency(oldSize, newSize)
	check(err)
	p, err := nodes.Rehash(t.hashes(nodes.IDs), hasher.HashChildren)
	check(err)
	return consistency{"good", oldSize, newSize, t.root(oldSize), t.root(newSize), p, true}
}

func (v inclusion) judged(what string) inclusion {
	v.What = what
	v.OK = proof.VerifyInclusion(hasher, v.Index, v.Size, v.Leaf, v.Proof, v.Root) == nil
	return v
}

func (v consistency) judged(what string) consistency {
	v.What = what
	v.OK = proof.VerifyConsistency(hasher, v.OldSize, v.NewSize, v.Proof, v.OldRoot, v.NewRoot) == nil
	return v
}

// damagedProofs are a proof's neighbours, by name.
func damagedProofs(p [][]byte, others ...[]byte) map[string][][]byte {
	out := map[string][][]byte{"empty": {}}
	if len(p) > 0 {
		out["truncated"] = p[:len(p)-1]
		out["first cut"] = p[1:]
	}
	for i, other := range append(others, hasher.HashLeaf([]byte("garbage")), []byte{}) {
		out[fmt.Sprintf("trailing %d", i)] = append(append([][]byte{}, p...), other)
		out[fmt.Sprintf("preceding %d", i)] = append([][]byte{other}, p...)
	}
	for i := range p {
		changed := append([][]byte{}, p...)
		changed[i] = flipped(p[i])
		out[fmt.Sprintf("bit of %d", i)] = changed
	}
	return out
}

func names(proofs map[string][][]byte) []string {
	out := []string{}
	for name := range proofs {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

func flipped(b []byte) []byte {
	out := append([]byte{}, b...)
	out[len(out)/2] ^= 0x10
	return out
}

func main() {
	out := output{Source: "github.com/transparency-dev/merkle v0.0.2"}
	t, u := tree(small), tree(uniform)
	for size := uint64(0); size <= 17; size++ {
		out.Roots = append(out.Roots, t.root(size))
		for at := uint64(1); at <= size; at++ {
			out.Inclusion = append(out.Inclusion, t.inclusion(at-1, size).judged("good"))
			out.Consistency = append(out.Consistency, t.consistency(at, size).judged("good"))
		}
	}
	const max = uint64(1)<<53 - 1
	for _, size := range []uint64{1 << 31, 1<<31 + 1, 1 << 32, 1<<32 + 5, 1<<52 + 12345, max} {
		for _, index := range []uint64{0, size / 3, size - 1} {
			out.Inclusion = append(out.Inclusion, u.inclusion(index, size).judged("large"))
			out.Consistency = append(out.Consistency, u.consistency(index+1, size).judged("large"))
		}
	}
	for _, pair := range [][2]uint64{{0, 1}, {0, 8}, {5, 8}, {2, 3}, {1, 5}, {6, 7}, {4, 5}, {11, 13}} {
		good := t.inclusion(pair[0], pair[1])
		i, n := good.Index, good.Size
		for _, other := range [][2]uint64{
			{i + 1, n}, {i - 1, n}, {i ^ 2, n}, {n, n}, {i, n + 1}, {i, n - 1}, {i, n * 2}, {i, n / 2}, {i, 0}, {n - 1, n},
		} {
			v := good
			v.Index, v.Size = other[0], other[1]
			out.add(v, fmt.Sprintf("%d of %d as %d of %d", i, n, v.Index, v.Size))
		}
		damaged := damagedProofs(good.Proof, good.Leaf, good.Root)
		for _, what := range names(damaged) {
			v := good
			v.Proof = damaged[what]
			out.add(v, what)
		}
		v := good
		v.Leaf = flipped(good.Leaf)
		out.add(v, "leaf")
		v = good
		v.Root = flipped(good.Root)
		out.add(v, "root")
		v = good
		v.Leaf, v.Root = good.Root, good.Leaf
		out.add(v, "leaf and root swapped")

		grown := t.consistency(pair[0]+1, pair[1])
		for _, sizes := range [][2]uint64{
			{i + 2, n}, {i, n}, {(i + 1) ^ 2, n}, {i + 1, n + 1}, {i + 1, n - 1}, {i + 1, n * 2}, {i + 1, n / 2}, {n, i + 1}, {n, n},
		} {
			v := grown
			v.OldSize, v.NewSize = sizes[0], sizes[1]
			out.addGrowth(v, fmt.Sprintf("%d to %d as %d to %d", i+1, n, v.OldSize, v.NewSize))
		}
		damaged = damagedProofs(grown.Proof, grown.OldRoot, grown.NewRoot)
		for _, what := range names(damaged) {
			v := grown
			v.Proof = damaged[what]
			out.addGrowth(v, what)
		}
		g := grown
		g.OldRoot = flipped(grown.OldRoot)
		out.addGrowth(g, "old root")
		g = grown
		g.NewRoot = flipped(grown.NewRoot)
		out.addGrowth(g, "new root")
		g = grown
		g.OldRoot, g.NewRoot = grown.NewRoot, grown.OldRoot
		out.addGrowth(g, "roots swapped")
	}
	encoder := json.NewEncoder(os.Stdout)
	check(encoder.Encode(out))
}

// add leaves out sizes that JSON cannot carry to JavaScript (0 - 1 wraps around).
func (o *output) add(v inclusion, what string) {
	if v.Index < 1<<53 && v.Size < 1<<53 {
		o.Inclusion = append(o.Inclusion, v.judged(what))
	}
}

// addGrowth leaves out old size 0 too: this version accepts an empty proof from it, later ones and we refuse.
func (o *output) addGrowth(v consistency, what string) {
	if v.OldSize > 0 && v.OldSize < 1<<53 && v.NewSize < 1<<53 {
		o.Consistency = append(o.Consistency, v.judged(what))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
