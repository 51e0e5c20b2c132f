package ptx

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unsafe"
)

// MMAModel says how a matrix instruction sums float products. NVIDIA does not specify it. Products are exact in all.
type MMAModel uint8

const (
	MMAExact      MMAModel = iota // float64 sum in ascending k, rounded once to nearest
	MMATruncate8                  // groups of 8 products and the accumulator, aligned to the largest, cut with 1 extra bit
	MMATruncate16                 // groups of 16, cut with 2 extra bits
	MMAChain                      // a chain of float32 fused multiply-adds in ascending k
)

func (m MMAModel) String() string {
	return [...]string{"exact", "truncate8", "truncate16", "chain"}[m&3]
}

const mmaMaxK = 64

// mmaShape is a decoded mma.sync. A 32-bit register of A or B is an 8 x 4e tile, e elements per lane: lane l holds row
// (of B: column) l/4, columns (rows) e*(l%4)... The registers of A follow each other down m, then along k; those of B
// along k. C and D have two elements per lane: row l/4, columns 2(l%4) and the next; then row l/4+8.
type mmaShape struct {
	m, k       int
	a, b       typ
	acc        typ // f32, f16, s32 or f64
	accD       typ
	bitop      string // b1: "and" or "xor"
	sat        bool
	na, nb, nc int // registers of each operand
}

// decodeMMA handles mma.sync.aligned.mMnNkK.row.col{.satfinite}.dtype.atype.btype.ctype{.bitop.popc}.
func decodeMMA(d *decoder, s *stmt, in *inst) {
	d.want(s, 4)
	if len(s.op) < 10 || s.op[1] != "sync" || s.op[2] != "aligned" || s.op[4] != "row" || s.op[5] != "col" {
		d.unknown(s)
	}
	x := &mmaShape{}
	n := len(s.op)
	if s.typ() == "popc" {
		x.bitop = s.op[n-2]
		if n -= 2; x.bitop != "and" && x.bitop != "xor" {
			d.unknown(s)
		}
	}
	names := s.op[n-4 : n]
	for _, p := range s.op[6 : n-4] {
		if p != "satfinite" {
			d.unknown(s)
		}
		x.sat = true
	}
	if names[1] == "b1" && names[2] == "b1" {
		x.a, x.b = typ{'b', 1, 1}, typ{'b', 1, 1}
	} else {
		x.a, x.b = d.mmaType(s, names[1]), d.mmaType(s, names[2])
	}
	x.accD, x.acc = d.mmaType(s, names[0]), d.mmaType(s, names[3])
	if !x.fit(s.op[3]) {
		d.unknown(s)
	}
	in.mma = x
	file := typ{'b', 32, 1}
	if x.a.bits == 64 {
		file.bits = 64
	}
	for i, count := range []int{accRegs(x.accD, x.m), x.na, x.nb, x.nc} {
		list := s.args[i].vec
		if s.args[i].kind != argVec {
			list = []operand{s.args[i]}
		}
		if len(list) != count {
			d.fail("operand %d has %d registers, %d wanted", i, len(list), count)
		}
		for _, o := range list {
			if i == 0 {
				in.vec = append(in.vec, d.dst(o, file))
			} else {
				in.vec = append(in.vec, d.src(o, file))
			}
		}
	}
	in.fv, in.vdef = fileOf(file.bits), uint8(accRegs(x.accD, x.m))
	in.run = runMMA
}

func (d *decoder) mmaType(s *stmt, name string) typ {
	switch name {
	case "s4":
		return typ{'s', 4, 1}
	case "u4":
		return typ{'u', 4, 1}
	}
	t, ok := parseType(name)
	if !ok {
		d.unknown(s)
	}
	return t
}

// fit checks the shape against the types and counts the registers.
func (x *mmaShape) fit(shape string) bool {
	var n int
	if m, rest, ok := strings.Cut(strings.TrimPrefix(shape, "m"), "n"); ok {
		x.m, _ = strconv.Atoi(m)
		ns, ks, _ := strings.Cut(rest, "k")
		n, _ = strconv.Atoi(ns)
		x.k, _ = strconv.Atoi(ks)
	}
	per := 32 / x.a.bits // elements per register
	if x.a.bits == 64 {
		per = 1
	}
	if n != 8 || x.m != 8 && x.m != 16 || x.k%(4*per) != 0 || x.k == 0 || x.a.bits != x.b.bits || x.a.lanes != 1 || x.b.lanes != 1 {
		return false
	}
	steps := x.k / (4 * per)
	x.na, x.nb, x.nc = x.m/8*steps, steps, accRegs(x.acc, x.m)
	f32acc := x.acc == typ{'f', 32, 1} && x.accD == x.acc
	s32acc := x.acc == typ{'s', 32, 1} && x.accD == x.acc
	switch {
	case x.a.bits == 64:
		return x.m == 8 && steps == 1 && x.a == typ{'f', 64, 1} && x.a == x.b && x.acc == x.a && x.accD == x.a
	case x.a.bits == 1:
		return s32acc && x.bitop != "" && steps <= 2 && (x.m == 16 || steps == 1)
	case !x.a.float():
		return s32acc && (x.a.bits == 8 || x.a.bits == 4) && x.a.kind != 'b' && x.b.kind != 'b' && steps <= 2 && (x.m == 16 || steps == 1)
	case x.a != x.b || x.m != 16 || steps > 2:
		return false
	case x.a == typ{'f', 16, 1}:
		half := typ{'f', 16, 1}
		return (f32acc || x.acc == half && x.accD == half || x.acc == half && x.accD.bits == 32 || x.accD == half && x.acc.bits == 32)
	}
	return f32acc && (x.a.kind == 'h' || x.a.kind == 't')
}

func accRegs(t typ, m int) int {
	if t.bits == 16 {
		return m / 8
	}
	return m / 4
}

func runMMA(w *warp, in *inst, m uint32) {
	if m != fullMask {
		w.fault(in, DivergentBarrier, firstLane(^m), 0, "mma.sync needs the whole warp, lanes %08x are here", m)
	}
	switch x := in.mma; {
	case x.a.bits == 64:
		w.mmaF64(in)
	case x.a.bits == 1:
		w.mmaBits(in)
	default:
		w.mmaTile(in)
	}
}

// mmaTile is the common case: unpack to float64, multiply, pack. Integer products and sums are exact in float64, too.
func (w *warp) mmaTile(in *inst) {
	x, s := in.mma, &w.b.mma
	nd := int(in.vdef)
	per := 32 / x.a.bits
	for i, row := range in.vec[nd : nd+x.na] {
		dst := &s.a[i%(x.m/8)*8][i/(x.m/8)*4*per]
		switch {
		case x.a.kind == 'h':
			rows.tileBF16(dst, aStride, &w.r[row])
		case x.a.kind == 'f':
			rows.tileF16(dst, aStride, &w.r[row])
		default:
			unpackTile(x.a, dst, mmaMaxK, 1, &w.r[row])
		}
	}
	for i, row := range in.vec[nd+x.na : nd+x.na+x.nb] {
		dst := &s.b[i*4*per][0]
		switch {
		case x.b.kind == 'h':
			rows.tileBF16T(dst, bStride, &w.r[row])
		case x.b.kind == 'f':
			rows.tileF16T(dst, bStride, &w.r[row])
		default:
			unpackTile(x.b, dst, 1, 8, &w.r[row])
		}
	}
	loadAcc(x.acc, w.r, in.vec[nd+x.na+x.nb:], &s.acc)
	model := w.b.l.Options.MMA
	if !x.a.float() {
		model = MMAExact
	}
	if model == MMAExact {
		rows.dot(&s.acc, &s.a, &s.b, x.k)
	} else {
		for r := range x.m {
			for c := range 8 {
				s.acc[r][c] = float64(modelDot(&s.a[r], &s.b, c, x.k, float32(s.acc[r][c]), model))
			}
		}
	}
	storeAcc(x, w.r, in.vec[:nd], &s.acc)
}

// mmaScratch holds the unpacked operands of one instruction.
type mmaScratch struct {
	a   [16][mmaMaxK]float64
	b   [mmaMaxK][8]float64
	acc [16][8]float64
}

// Bytes between the rows of A and of B in a mmaScratch.
const (
	aStride = mmaMaxK * 8
	bStride = 8 * 8
)

// unpackTile widens the elements of a register: row l/4, columns per*(l%4) and on.
func unpackTile(t typ, dst *float64, rowStep, colStep int, reg *Row) {
	per := 32 / t.bits
	for l, u := range reg {
		for j := range per {
			e := u >> (j * t.bits)
			var v float64
			switch {
			case t.kind == 'h':
				v = float64(f32(e << 16))
			case t.kind == 't':
				v = float64(f32(e &^ 0x1fff))
			case t.kind == 'f':
				v = halfValue[e&0xffff]
			default:
				v = float64(int64(t.extend(uint64(e))))
			}
			at := (l>>2)*rowStep + (l&3*per+j)*colStep
			*(*float64)(unsafe.Add(unsafe.Pointer(dst), at*8)) = v
		}
	}
}

// goTile is rowSet.tile* in Go.
func goTile(t typ, transposed bool) func(dst *float64, stride int, src *Row) {
	return func(dst *float64, stride int, src *Row) {
		if transposed {
			unpackTile(t, dst, 1, stride/8, src)
		} else {
			unpackTile(t, dst, stride/8, 1, src)
		}
	}
}

// halfValue tabulates f16.
var halfValue = func() (table [1 << 16]float64) {
	for i := range table {
		table[i] = formatF16.value(uint32(i))
	}
	return table
}()

// loadAcc unpacks C.
func loadAcc(t typ, r []Row, regs []uint16, acc *[16][8]float64) {
	if t == (typ{'f', 32, 1}) {
		for i := 0; i < len(regs); i += 2 {
			rows.loadAcc(&acc[4*i], &r[regs[i]], &r[regs[i+1]])
		}
		return
	}
	for i, row := range regs {
		for l, u := range &r[row] {
			c := l & 3 * 2
			if t.bits == 16 {
				acc[l>>2+8*i][c] = halfValue[u&0xffff]
				acc[l>>2+8*i][c+1] = halfValue[u>>16]
			} else {
				acc[l>>2+i>>1*8][c+i&1] = float64(int32(u))
			}
		}
	}
}

// goLoadAcc is rowSet.loadAcc in Go: lane l of the registers holds columns 2(l%4) and the next of row l/4.
func goLoadAcc(acc *[8]float64, r0, r1 *Row) {
	out := unsafe.Slice(acc, 8)
	for l := range r0 {
		out[l>>2][l&3*2], out[l>>2][l&3*2+1] = float64(f32(r0[l])), float64(f32(r1[l]))
	}
}

// goStoreAcc is rowSet.storeAcc in Go.
func goStoreAcc(acc *[8]float64, r0, r1 *Row) {
	in := unsafe.Slice(acc, 8)
	for l := range r0 {
		r0[l], r1[l] = b32(float32(in[l>>2][l&3*2])), b32(float32(in[l>>2][l&3*2+1]))
	}
}

// storeAcc rounds and packs D.
func storeAcc(x *mmaShape, r []Row, regs []uint16, acc *[16][8]float64) {
	if x.accD == (typ{'f', 32, 1}) {
		for i := 0; i < len(regs); i += 2 {
			rows.storeAcc(&acc[4*i], &r[regs[i]], &r[regs[i+1]])
		}
		return
	}
	for i, row := range regs {
		d := &r[row]
		for l := range d {
			c := l & 3 * 2
			if x.accD.bits == 16 {
				lo := formatF16.round(acc[l>>2+8*i][c], roundNearest)
				hi := formatF16.round(acc[l>>2+8*i][c+1], roundNearest)
				d[l] = hi<<16 | lo
				continue
			}
			v := acc[l>>2+i>>1*8][c+i&1]
			if x.sat {
				v = max(math.MinInt32, min(math.MaxInt32, v))
			}
			d[l] = uint32(int64(v))
		}
	}
}

// goDot is rowSet.dot in Go. Products of these formats are exact, so it does not matter whether they are fused.
func goDot(acc *[16][8]float64, a *[16][mmaMaxK]float64, b *[mmaMaxK][8]float64, k int) {
	for r := range acc {
		for kk := range k {
			x := a[r][kk]
			for c := range acc[r] {
				acc[r][c] += x * b[kk][c]
			}
		}
	}
}

// modelDot sums one element by a model other than the exact one.
func modelDot(a *[mmaMaxK]float64, b *[mmaMaxK][8]float64, col, k int, c float32, model MMAModel) float32 {
	group, extra := 8, 1
	switch model {
	case MMAChain:
		for i := range k {
			c = fmaF32(float32(a[i]), float32(b[i][col]), c, roundNearest)
		}
		return c
	case MMATruncate16:
		group, extra = 16, 2
	}
	for i := 0; i < k; i += group {
		var p [17]float64
		n := min(group, k-i)
		for j := range n {
			p[j] = a[i+j] * b[i+j][col]
		}
		p[n] = float64(c)
		c = truncatedSum(p[:n+1], extra)
	}
	return c
}

// truncatedSum aligns the terms to the largest exponent, cuts what lies below 24 + extra bits, and truncates the sum.
func truncatedSum(p []float64, extra int) float32 {
	largest, plain := 0.0, 0.0
	for _, x := range p {
		plain += x
		if a := math.Abs(x); !(a <= largest) {
			largest = a
		}
	}
	if largest == 0 || !finite(largest) {
		return float32(plain)
	}
	e := int(math.Float64bits(largest)>>52) - 1023
	shift := 23 + extra - max(e, -126)
	scale := math.Float64frombits(uint64(1023+shift) << 52) // 2^shift: scaling is exact
	var sum int64
	for _, x := range p {
		sum += int64(x * scale) // conversion truncates
	}
	return round32(math.Ldexp(float64(sum), -shift), roundZero)
}

// mmaBits counts the ones of and or xor of rows of A and columns of B.
func (w *warp) mmaBits(in *inst) {
	x := in.mma
	nd := int(in.vdef)
	var out [4]Row
	for i := range nd {
		c := &w.r[in.vec[nd+x.na+x.nb+i]]
		for l := range c {
			row, col := l>>2, l&3*2+i&1
			sum := c[l]
			for step := range x.nb {
				a := &w.r[in.vec[nd+step*(x.m/8)+i>>1]]
				b := &w.r[in.vec[nd+x.na+step]]
				for t := range 4 {
					u, v := a[row*4+t], b[col*4+t]
					if x.bitop == "xor" {
						u ^= v
					} else {
						u &= v
					}
					sum += uint32(bits.OnesCount32(u))
				}
			}
			out[i][l] = sum
		}
	}
	for i := range nd {
		w.r[in.vec[i]] = out[i]
	}
}

// mmaF64 is m8n8k4 in double precision: a chain of fused multiply-adds in ascending k.
func (w *warp) mmaF64(in *inst) {
	a, b := &w.q[in.vec[2]], &w.q[in.vec[3]]
	var out [2]Row64
	for i := range 2 {
		c := &w.q[in.vec[4+i]]
		for l := range c {
			row, col := l>>2, l&3*2+i
			sum := f64(c[l])
			for k := range 4 {
				sum = math.FMA(f64(a[row*4+k]), f64(b[col*4+k]), sum)
			}
			out[i][l] = b64(sum)
		}
	}
	w.q[in.vec[0]], w.q[in.vec[1]] = out[0], out[1]
}
