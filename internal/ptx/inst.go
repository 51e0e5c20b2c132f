package ptx

import "strconv"

// kind is what the dispatch loop looks at. Everything that is neither a hot row nor control flow has its own run.
type kind uint8

const (
	kindRun    kind = iota // in.run(w, in, mask)
	kindRow                // in.f(d, a, b, c)
	kindFmaRun             // a run of unguarded fused multiply-adds
	kindGone               // joined with an earlier one; removed before execution
	kindBranch
	kindIndexed // brx.idx
	kindReturn
	kindBarrier
)

// file says which register file an operand is in.
type file uint8

const (
	fileNone file = iota
	file32
	file64
)

// constBit marks a row number that indexes the kernel's constants until decoding ends.
const constBit = 0x8000

// inst is one decoded instruction. d, a, b, c and vec are row numbers, p* are predicate numbers, -1 for none.
type inst struct {
	kind           kind
	fd, fa, fb, fc file
	guardNeg       bool
	fma            bool // plain fma.rn.f32
	guard          int16
	d, a, b, c     uint16
	pd, pq, ps     int16 // destinations and source
	psNeg          bool
	line           int32
	f              rowFunc
	run            func(w *warp, in *inst, m uint32)

	f64   row64Func
	wide  wideFunc
	shift shiftFunc
	thin  thinFunc

	vec  []uint16 // elements of ld, st, mma...
	fv   file
	vdef uint8 // so many leading elements of vec are written

	imm   int64 // address offset, shuffle mode, barrier mode...
	imm2  int64 // offset of the second address of cp.async
	mem   *memInfo
	mma   *mmaShape
	cmp   compare
	logic byte // setp: 'a'nd, 'o'r, 'x'or with ps
	flags uint8

	target  int32 // block number
	targets []int32
	rejoin  int32 // block where both sides of a branch meet again
}

// Flags of several instructions.
const (
	flagTrans uint8 = 1 << iota // ldmatrix
	flagCarryIn
	flagCarryOut
	flagUnaligned // barrier without .aligned
	flagNarrow    // the loaded elements go to 16-bit registers
)

// memInfo describes a memory access.
type memInfo struct {
	id     int // indexes the per-block caches
	space  space
	size   uint8 // bytes per element
	n      uint8 // elements per lane
	signed bool
	joined bool  // made of scalar loads: aligned as they are
	sync   bool  // volatile, relaxed, acquire or release: an atomic access
	merge  uint8 // the meter counts this many neighbouring scalar accesses as one; 0: counted with an earlier one
	rmw    *atomicOp
}

func (x *memInfo) bytes() uint32 { return uint32(x.size) * uint32(x.n) }

// visit calls f for each row operand.
func (in *inst) visit(f func(row *uint16, file file, def bool)) {
	if in.kind == kindGone {
		return
	}
	if in.fa != fileNone {
		f(&in.a, in.fa, false)
	}
	if in.fb != fileNone {
		f(&in.b, in.fb, false)
	}
	if in.fc != fileNone {
		f(&in.c, in.fc, false)
	}
	for i := int(in.vdef); i < len(in.vec); i++ {
		f(&in.vec[i], in.fv, false)
	}
	for i := 0; i < int(in.vdef); i++ {
		f(&in.vec[i], in.fv, true)
	}
	if in.fd != fileNone {
		f(&in.d, in.fd, true)
	}
}

// typ is an instruction type: kind 'u', 's', 'b', 'f' (f16, f32, f64), 'h' (bf16), 't' (tf32), 'p' (pred); lanes is 2
// for the packed types.
type typ struct {
	kind  byte
	bits  int
	lanes int
}

func parseType(s string) (typ, bool) {
	switch s {
	case "pred":
		return typ{'p', 1, 1}, true
	case "f16x2":
		return typ{'f', 16, 2}, true
	case "bf16":
		return typ{'h', 16, 1}, true
	case "bf16x2":
		return typ{'h', 16, 2}, true
	case "tf32":
		return typ{'t', 32, 1}, true
	}
	n := typeBits(s)
	if n < 8 || n > 64 {
		return typ{}, false
	}
	if bits, err := strconv.Atoi(s[1:]); err != nil || bits != n {
		return typ{}, false
	}
	return typ{s[0], n, 1}, true
}

func (t typ) float() bool { return t.kind == 'f' || t.kind == 'h' || t.kind == 't' }

// width is the register width that holds a value of the type.
func (t typ) width() int { return t.bits * t.lanes }

// extend widens a value of an integer type to 64 bits.
func (t typ) extend(v uint64) uint64 {
	s := 64 - t.bits
	if t.kind == 's' {
		return uint64(int64(v<<s) >> s)
	}
	return v << s >> s
}

// truncate cuts a result to the type's bits.
func (t typ) truncate(v uint64) uint64 {
	s := 64 - t.bits
	return v << s >> s
}

// format gives the 16-bit float format of a type.
func (t typ) format() smallFloat {
	if t.kind == 'h' {
		return formatBF16
	}
	return formatF16
}
