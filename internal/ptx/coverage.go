package ptx

import (
	"crypto/sha256"
	"sync"
)

// Coverage counts how often each basic block of each kernel ran; launches add to it. The zero value is ready, and it is
// safe for concurrent use. The same text parsed twice is the same kernel.
type Coverage struct {
	mu      sync.Mutex
	kernels map[coverageKey]*kernelCoverage
	order   []*kernelCoverage
}

type coverageKey struct {
	text [sha256.Size]byte
	name string
}

type kernelCoverage struct {
	kernel *Kernel
	counts []uint64
}

// BlockCoverage is one basic block: its first line and text, and how many warps ran it.
type BlockCoverage struct {
	Kernel string
	Line   int
	Text   string
	Count  uint64
}

func (c *Coverage) add(k *Kernel, counts []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := coverageKey{k.module.sum, k.name}
	kc := c.kernels[key]
	if kc == nil {
		kc = &kernelCoverage{k, make([]uint64, len(k.blocks))}
		if c.kernels == nil {
			c.kernels = map[coverageKey]*kernelCoverage{}
		}
		c.kernels[key] = kc
		c.order = append(c.order, kc)
	}
	for i, n := range counts {
		kc.counts[i] += n
	}
}

// Blocks lists the reachable blocks of all kernels that ran, in the order of their first launch.
func (c *Coverage) Blocks() []BlockCoverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []BlockCoverage
	for _, kc := range c.order {
		k := kc.kernel
		for i, b := range k.blocks {
			if b.reachable {
				list = append(list, BlockCoverage{k.name, int(b.line), k.module.line(int(b.line)), kc.counts[i]})
			}
		}
	}
	return list
}

// Missed lists the reachable blocks that never ran.
func (c *Coverage) Missed() []BlockCoverage {
	var list []BlockCoverage
	for _, b := range c.Blocks() {
		if b.Count == 0 {
			list = append(list, b)
		}
	}
	return list
}
