package bench

import (
	"context"
	"fmt"

	"github.com/tandem-compute/tandem/bench/internal/ceiling"
)

// Ceilings are what the machine can do, measured by loops that do nothing else. Bandwidths count the bytes that a
// program asks for: a copy's are those read and those written, without what a cache reads to write.
type Ceilings struct {
	Variant string // of the FMA loops: avx512, avx2, or generic
	Levels  []Ceiling
}

// Ceiling is one thread count's part of Ceilings.
type Ceiling struct {
	Threads    int
	F32, F64   float64 // FMA peak, 1e9 flops per second
	Read, Copy float64 // memory bandwidth, 1e9 bytes per second
}

// MeasureCeilings measures 1, 2, 4, … and the given number of threads, one to two seconds each. It holds 512 MiB
// while it runs.
func MeasureCeilings(ctx context.Context, threads int) (Ceilings, error) {
	if threads < 1 {
		return Ceilings{}, fmt.Errorf("bench: ceilings of %d threads: want at least 1", threads)
	}
	c := Ceilings{Variant: ceiling.Variant()}
	mem := ceiling.NewMemory()
	for n := 1; ; n = min(2*n, threads) {
		if err := ctx.Err(); err != nil {
			return Ceilings{}, err
		}
		c.Levels = append(c.Levels, Ceiling{
			Threads: n,
			F32:     ceiling.FlopsF32(n) / 1e9, F64: ceiling.FlopsF64(n) / 1e9,
			Read: mem.Read(n) / 1e9, Copy: mem.Copy(n) / 1e9,
		})
		if n == threads {
			return c, nil
		}
	}
}

// At is the ceiling of a thread count, if it was measured.
func (c Ceilings) At(threads int) (Ceiling, bool) {
	for _, l := range c.Levels {
		if l.Threads == threads {
			return l, true
		}
	}
	return Ceiling{}, false
}

// Peak is the flops ceiling of a dtype; f16 and bf16 are held to the f32 peak, which is what hardware without units
// for them has. It is 0 where it is not known: the generic loop does not reach the machine's peak, so it is no ceiling.
func (c Ceilings) Peak(d DType, threads int) float64 {
	l, ok := c.At(threads)
	switch {
	case !ok || c.Variant == ceiling.Generic:
		return 0
	case d == F64:
		return l.F64
	}
	return l.F32
}

// Bandwidth is the memory ceiling of a case, 0 where it is not known: the copy's for work that writes a quarter or more
// of its bytes, else the read's. A case whose operands stay in cache may pass it.
func (c Ceilings) Bandwidth(k Case, threads int) float64 {
	l, _ := c.At(threads)
	if 4*k.Written >= k.Bytes {
		return l.Copy
	}
	return l.Read
}
