package ptx

import (
	"fmt"
	"math/bits"
)

// FaultKind says what a kernel did wrong.
type FaultKind uint8

const (
	OutOfBounds FaultKind = iota + 1
	Misaligned
	Uninitialised    // reads memory that nobody wrote
	SharedRace       // two warps touch a shared word between two barriers, one writes
	GlobalRace       // two blocks touch a global word without synchronisation, one writes
	DivergentBarrier // a barrier, or another warp-wide instruction, without the whole warp
	Deadlock         // warps or blocks wait for each other
	BadLane          // a shuffle or vote names lanes that do not take part
	BudgetExceeded
	Cancelled
	Trap
	Unsupported
)

var faultNames = [...]string{
	OutOfBounds: "out of bounds", Misaligned: "misaligned access", Uninitialised: "uninitialised read",
	SharedRace: "shared-memory race", GlobalRace: "race between blocks", DivergentBarrier: "divergent barrier",
	Deadlock: "deadlock", BadLane: "lane does not take part", BudgetExceeded: "instruction budget exceeded",
	Cancelled: "cancelled", Trap: "trap", Unsupported: "unsupported",
}

func (k FaultKind) String() string {
	if int(k) < len(faultNames) && faultNames[k] != "" {
		return faultNames[k]
	}
	return fmt.Sprintf("fault %d", uint8(k))
}

// Fault is an error of a running kernel.
type Fault struct {
	Kind    FaultKind
	Kernel  string
	Line    int    // of the PTX text, 0 if no instruction is to blame
	Instr   string // its text
	Block   [3]int
	Thread  [3]int // -1 where it concerns a whole warp or block
	Address uint64 // in its state space
	Detail  string
	cause   error
}

func (f *Fault) Error() string {
	s := fmt.Sprintf("ptx: %s: %v", f.Kernel, f.Kind)
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	if f.Line > 0 {
		s += fmt.Sprintf(" (line %d: %s)", f.Line, f.Instr)
	}
	s += fmt.Sprintf(", block %v", f.Block)
	if f.Thread[0] >= 0 {
		s += fmt.Sprintf(", thread %v", f.Thread)
	}
	return s
}

// Unwrap gives the context's error of a cancelled launch.
func (f *Fault) Unwrap() error { return f.cause }

// fault stops the launch. Workers recover the panic: an instruction deep inside a block has no other way out.
func (w *warp) fault(in *inst, kind FaultKind, lane int, address uint64, format string, args ...any) {
	b := w.b
	f := b.fault(kind, fmt.Sprintf(format, args...))
	f.Line, f.Address = int(in.line), address
	f.Instr = b.l.kernel.module.line(f.Line)
	if lane >= 0 {
		for i := range f.Thread {
			f.Thread[i] = int(b.special(regTidX+uint64(i), w.id, lane))
		}
	}
	panic(f)
}

func (b *blockState) fault(kind FaultKind, detail string) *Fault {
	return &Fault{Kind: kind, Kernel: b.l.kernel.name, Block: b.coord, Thread: [3]int{-1, -1, -1}, Detail: detail}
}

func firstLane(m uint32) int { return bits.TrailingZeros32(m) & 31 }
