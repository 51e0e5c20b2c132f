package ptx

import "math/bits"

// block is a basic block.
type block struct {
	start, end int32 // instructions
	next       int32 // fall-through, or exit
	line       int32
	steps      int32 // instructions before fusing
	reachable  bool
	classes    [numClasses]int32
}

// exit is the block number behind the last one.
func (k *Kernel) exit() int32 { return int32(len(k.blocks)) }

// link resolves targets to block numbers and finds where branches rejoin.
func (k *Kernel) link() {
	at := map[int32]int32{}
	for i, b := range k.blocks {
		at[b.start] = int32(i)
	}
	for i := range k.code {
		in := &k.code[i]
		if in.kind == kindBranch {
			in.target = at[in.target]
		}
		for j, t := range in.targets {
			in.targets[j] = at[t]
		}
	}
	succ := make([][]int32, len(k.blocks))
	for i := range k.blocks {
		b := &k.blocks[i]
		last := &k.code[b.end-1]
		switch {
		case last.kind == kindBranch && last.guard < 0:
			succ[i] = []int32{last.target}
		case last.kind == kindBranch:
			succ[i] = []int32{last.target, b.next}
		case last.kind == kindIndexed:
			succ[i] = last.targets
			if last.guard >= 0 {
				succ[i] = append(append([]int32(nil), succ[i]...), b.next)
			}
		case last.kind == kindReturn && last.guard < 0:
			succ[i] = []int32{k.exit()}
		case last.kind == kindReturn:
			succ[i] = []int32{k.exit(), b.next}
		default:
			succ[i] = []int32{b.next}
		}
		b.steps = b.end - b.start
		for j := b.start; j < b.end; j++ {
			b.classes[classOf(&k.code[j])]++
		}
	}
	k.reach(succ)
	k.grain = 2
	for i := range k.code {
		if x := k.code[i].mem; x != nil && (x.space == spaceShared || x.space == spaceGeneric) {
			k.grain = min(k.grain, uint(bits.TrailingZeros8(x.size)))
		}
	}
	for i, rejoin := range postDominators(succ) {
		k.code[k.blocks[i].end-1].rejoin = rejoin
	}
}

func (k *Kernel) reach(succ [][]int32) {
	work := []int32{0}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if i == k.exit() || k.blocks[i].reachable {
			continue
		}
		k.blocks[i].reachable = true
		work = append(work, succ[i]...)
	}
}

// postDominators gives each block's immediate post-dominator; the exit has number len(succ). A block that cannot reach
// the exit gets the exit. It is the iterative algorithm of Cooper, Harvey and Kennedy on the reversed graph.
func postDominators(succ [][]int32) []int32 {
	n := int32(len(succ))
	pred := make([][]int32, n+1)
	for i, list := range succ {
		for _, s := range list {
			pred[s] = append(pred[s], int32(i))
		}
	}
	order := reversePostorder(pred, n) // from the exit backwards
	number := make([]int32, n+1)
	for i := range number {
		number[i] = -1
	}
	for i, b := range order {
		number[b] = int32(i)
	}
	ipdom := make([]int32, n+1)
	for i := range ipdom {
		ipdom[i] = -1
	}
	ipdom[n] = n
	meet := func(a, b int32) int32 {
		for a != b {
			for number[a] > number[b] {
				a = ipdom[a]
			}
			for number[b] > number[a] {
				b = ipdom[b]
			}
		}
		return a
	}
	for changed := true; changed; {
		changed = false
		for _, b := range order[1:] {
			best := int32(-1)
			for _, s := range succ[b] {
				switch {
				case number[s] < 0 || ipdom[s] < 0:
				case best < 0:
					best = s
				default:
					best = meet(best, s)
				}
			}
			if best != ipdom[b] {
				ipdom[b], changed = best, true
			}
		}
	}
	for i := range ipdom {
		if ipdom[i] < 0 {
			ipdom[i] = n
		}
	}
	return ipdom[:n]
}

// reversePostorder walks the graph from root without recursion.
func reversePostorder(next [][]int32, root int32) []int32 {
	type visit struct{ node, child int32 }
	seen := make([]bool, len(next))
	seen[root] = true
	stack := []visit{{root, 0}}
	var order []int32
	for len(stack) > 0 {
		v := &stack[len(stack)-1]
		if int(v.child) == len(next[v.node]) {
			order = append(order, v.node)
			stack = stack[:len(stack)-1]
			continue
		}
		c := next[v.node][v.child]
		v.child++
		if !seen[c] {
			seen[c] = true
			stack = append(stack, visit{c, 0})
		}
	}
	for i, j := 0, len(order)-1; i < j; i, j = i+1, j-1 {
		order[i], order[j] = order[j], order[i]
	}
	return order
}
