package ptx

import "strings"

var memOps = map[string]func(d *decoder, s *stmt, in *inst){
	"ld":            decodeLoad,
	"ldu":           decodeLoad,
	"st":            decodeStore,
	"atom":          decodeAtom,
	"red":           decodeAtom,
	"cp":            decodeCpAsync,
	"ldmatrix":      decodeLdmatrix,
	"prefetch":      decodeNothing,
	"prefetchu":     decodeNothing,
	"discard":       decodeNothing,
	"applypriority": decodeNothing,
	"membar":        decodeFence,
	"fence":         decodeFence,
}

// decodeNothing is for hints.
func decodeNothing(_ *decoder, _ *stmt, in *inst) {
	in.run = func(*warp, *inst, uint32) {}
}

func decodeFence(_ *decoder, _ *stmt, in *inst) {
	in.run = func(w *warp, _ *inst, _ uint32) { w.b.release() }
}

// memory reads the suffixes of a memory access into in.mem.
func (d *decoder) memory(s *stmt, in *inst) typ {
	t := d.typeOf(s)
	if t.lanes == 2 || t.kind == 'p' {
		d.unknown(s)
	}
	x := &memInfo{id: d.k.accesses, size: uint8(t.bits / 8), n: 1, signed: t.kind == 's', merge: 1}
	d.k.accesses++
	in.mem = x
	for _, p := range s.op[1 : len(s.op)-1] {
		switch p {
		case "global":
			x.space = spaceGlobal
		case "shared", "shared::cta":
			x.space = spaceShared
		case "local":
			x.space = spaceLocal
		case "const":
			x.space = spaceConst
		case "param", "param::entry", "param::func":
			x.space = spaceParam
		case "volatile", "relaxed", "acquire", "release", "mmio":
			x.sync = true
		case "v2", "v4", "v8":
			x.n = p[1] - '0'
		case "weak", "cta", "gpu", "sys", "cluster", "nc", "ca", "cg", "cs", "lu", "cv", "wb", "wt":
		default:
			if !isCacheHint(p) {
				d.unknown(s)
			}
		}
	}
	if x.bytes() > 32 {
		d.unknown(s)
	}
	return t
}

// isCacheHint accepts L1::evict_last, L2::128B, level::eviction_priority and their like.
func isCacheHint(p string) bool {
	return strings.HasPrefix(p, "L1::") || strings.HasPrefix(p, "L2::") || strings.HasPrefix(p, "level::")
}

// addressOf sets a to the row of the address and imm to the offset. A variable decides the space: .param of a call
// and .local lie in local memory.
func (d *decoder) addressOf(in *inst, o operand, sp space) space {
	if o.kind != argMem {
		d.fail("operand is not an address")
	}
	in.imm = o.off
	switch {
	case o.name == "":
		in.a, in.fa = d.constRow(file64, constant{}), file64
	case d.isRegister(o.name):
		row, class := d.reg(o.name)
		if class != 32 && class != 64 {
			d.fail("address in a %d-bit register", class)
		}
		in.a, in.fa = row, fileOf(int(class))
	default:
		o.off = 0
		c, own := d.address(o)
		if sp != own && sp != spaceGeneric && !(sp == spaceParam && own == spaceLocal) {
			d.fail("%s is not in %v memory", o.name, sp)
		}
		in.a, in.fa = d.constRow(file64, c), file64
		return own
	}
	return sp
}

// elements sets vec to the rows of a scalar or vector operand.
func (d *decoder) elements(in *inst, o operand, t typ, def bool) {
	list := []operand{o}
	if o.kind == argVec {
		list = o.vec
	}
	if len(list) != int(in.mem.n) {
		d.fail("%d elements, %d wanted", len(list), in.mem.n)
	}
	for _, e := range list {
		row, f := uint16(0), fileOf(t.bits)
		switch {
		case def && e.name == "_":
			row = d.sink(f)
		case def:
			r, class := d.reg(e.name)
			if int(class) < t.bits && class != 16 {
				d.fail("%s has %d bits, the access %d", e.name, class, t.bits)
			}
			row, f = r, fileOf(int(class))
			if class == 16 {
				in.flags |= flagNarrow
			}
		default:
			row, f = d.anySrc(e, t)
		}
		if in.fv != fileNone && in.fv != f {
			d.fail("elements of different widths")
		}
		in.vec, in.fv = append(in.vec, row), f
	}
	if def {
		in.vdef = uint8(len(in.vec))
	}
}

func decodeLoad(d *decoder, s *stmt, in *inst) {
	t := d.memory(s, in)
	if len(s.args) < 2 || len(s.args) > 3 {
		d.want(s, 2)
	}
	d.elements(in, s.args[0], t, true)
	in.mem.space = d.addressOf(in, s.args[1], in.mem.space)
	if in.mem.space == spaceParam && !d.isRegister(s.args[1].name) {
		d.loadParam(in, s.args[1])
		return
	}
	in.run = runLoad
}

// loadParam turns loads of parameters at fixed places into moves from constant rows.
func (d *decoder) loadParam(in *inst, o operand) {
	c, _ := d.address(o)
	var from []uint16
	for e := range in.mem.n {
		off := int(c.value) + int(e)*int(in.mem.size)
		if off < 0 || off+int(in.mem.size) > d.k.paramSize || off%int(in.mem.size) != 0 {
			d.fail("parameter access out of bounds or misaligned")
		}
		from = append(from, d.constRow(in.fv, constant{kind: constParam, value: uint64(off), size: in.mem.size, signed: in.mem.signed, narrow: in.flags&flagNarrow != 0}))
	}
	to, f := in.vec, in.fv
	in.mem, in.vec, in.vdef, in.fv, in.fa = nil, nil, 0, fileNone, fileNone
	if len(to) == 1 {
		in.d, in.fd, in.a, in.fa = to[0], f, from[0], f
		if f == file64 {
			d.set64(in, rows.mov64)
		} else {
			in.kind, in.f = kindRow, rows.mov
		}
		return
	}
	n := len(to)
	in.vec, in.fv, in.vdef = append(to, from...), f, uint8(n)
	in.run = func(w *warp, in *inst, m uint32) {
		for e := range n {
			if in.fv == file64 {
				w.tmp64 = w.q[in.vec[n+e]]
			} else {
				w.tmp = w.r[in.vec[n+e]]
			}
			w.putFile(in.fv, in.vec[e], m)
		}
	}
}

func decodeStore(d *decoder, s *stmt, in *inst) {
	t := d.memory(s, in)
	if len(s.args) < 2 || len(s.args) > 3 {
		d.want(s, 2)
	}
	in.mem.space = d.addressOf(in, s.args[0], in.mem.space)
	if in.mem.space == spaceConst || in.mem.space == spaceParam {
		d.fail("store to %v memory", in.mem.space)
	}
	d.elements(in, s.args[1], t, false)
	in.run = runStore
}

// decodeCpAsync handles cp.async and its commit and wait.
func decodeCpAsync(d *decoder, s *stmt, in *inst) {
	if len(s.op) < 3 || s.op[1] != "async" {
		d.unknown(s)
	}
	switch s.op[2] {
	case "commit_group":
		d.want(s, 0)
		in.run = func(w *warp, _ *inst, m uint32) { w.commitCopies(m) }
	case "wait_group":
		d.want(s, 1)
		in.imm = int64(min(d.literal(s.args[0]), 1<<20))
		in.run = func(w *warp, in *inst, m uint32) { w.waitCopies(in, m, int(in.imm)) }
	case "wait_all":
		d.want(s, 0)
		in.run = func(w *warp, in *inst, m uint32) {
			w.commitCopies(m)
			w.waitCopies(in, m, 0)
		}
	case "ca", "cg":
		decodeCopy(d, s, in)
	default:
		d.unknown(s)
	}
}

// decodeCopy handles cp.async.ca.shared.global [dst], [src], size{, src-size or ignore predicate}.
func decodeCopy(d *decoder, s *stmt, in *inst) {
	for _, p := range s.op[3:] {
		if p != "shared" && p != "global" && p != "cta" && !strings.HasPrefix(p, "shared::") && !isCacheHint(p) {
			d.unknown(s)
		}
	}
	if len(s.args) < 3 || len(s.args) > 5 {
		d.want(s, 3)
	}
	n := d.literal(s.args[2])
	if n != 16 && (s.op[2] == "cg" || n != 4 && n != 8) {
		d.fail("cp.async of %d bytes", n)
	}
	in.mem = &memInfo{id: d.k.accesses, space: spaceGlobal, size: uint8(n), n: 1, merge: 1}
	d.k.accesses += 2 // the shared side has its own caches
	// The source goes through a, the destination through b with its offset beside it.
	if d.addressOf(in, s.args[0], spaceShared) != spaceShared {
		d.fail("destination is not shared memory")
	}
	in.b, in.fb, in.imm2 = in.a, in.fa, in.imm
	if d.addressOf(in, s.args[1], spaceGlobal) != spaceGlobal {
		d.fail("source is not global memory")
	}
	if len(s.args) > 3 {
		if o := s.args[3]; o.kind == argName && d.isPredicate(o.name) {
			in.ps, in.psNeg = d.pred(o), o.neg
		} else if !s.has("L2::cache_hint") || len(s.args) == 5 {
			in.c, in.fc = d.src(o, typ{'u', 32, 1}), file32
		}
	}
	in.run = runCopy
}

func (d *decoder) isPredicate(name string) bool {
	class, sc := d.cur.scope.reg(name)
	return sc != nil && class == 1
}

// decodeLdmatrix handles ldmatrix.sync.aligned.m8n8.x1|x2|x4{.trans}.shared.b16.
func decodeLdmatrix(d *decoder, s *stmt, in *inst) {
	d.want(s, 2)
	d.only(s, "sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "cta")
	n := 1
	for _, p := range s.op {
		if p == "x2" || p == "x4" {
			n = int(p[1] - '0')
		}
	}
	if s.typ() != "b16" || !s.has("m8n8") || s.args[0].kind != argVec || len(s.args[0].vec) != n {
		d.unknown(s)
	}
	if s.has("trans") {
		in.flags |= flagTrans
	}
	in.mem = &memInfo{id: d.k.accesses, space: spaceShared, size: 16, n: 1, merge: 1}
	d.k.accesses++
	for _, o := range s.args[0].vec {
		in.vec = append(in.vec, d.dst(o, typ{'b', 32, 1}))
	}
	in.fv, in.vdef = file32, uint8(n)
	in.mem.space = d.addressOf(in, s.args[1], spaceShared)
	in.run = runLdmatrix
}

// atomicOp is a read-modify-write: what becomes of the old value.
type atomicOp struct {
	typ  typ
	f    func(old, b, c uint64) uint64
	want bool // the old value is wanted
}

// decodeAtom handles atom d, [a], b{, c} and red [a], b.
func decodeAtom(d *decoder, s *stmt, in *inst) {
	name := ""
	rest := stmt{op: []string{s.op[0]}}
	for _, p := range s.op[1:] {
		switch p {
		case "and", "or", "xor", "cas", "exch", "add", "inc", "dec", "min", "max":
			name = p
		case "acq_rel", "noftz":
		default:
			rest.op = append(rest.op, p)
		}
	}
	t, ok := parseType(s.typ())
	if !ok || name == "" || t.bits < 16 {
		d.unknown(s)
	}
	x := *s
	x.op = append(rest.op[:len(rest.op)-1:len(rest.op)-1], "b"+widthName(t.width()))
	d.memory(&x, in)
	if in.mem.n != 1 {
		d.unknown(s)
	}
	in.mem.sync = true
	in.mem.rmw = &atomicOp{typ: t, f: atomicFunc(name, t), want: s.op[0] == "atom"}
	if in.mem.rmw.f == nil {
		d.unknown(s)
	}
	args := s.args
	if in.mem.rmw.want {
		d.want(s, 3+b2n(name == "cas"))
		in.d, in.fd = d.dst(args[0], t), fileOf(t.width())
		args = args[1:]
	} else {
		d.want(s, 2)
	}
	in.mem.space = d.addressOf(in, args[0], in.mem.space)
	in.b, in.fb = d.src(args[1], t), fileOf(t.width())
	if name == "cas" {
		in.c, in.fc = d.src(args[2], t), fileOf(t.width())
	}
	in.run = runAtomic
}

func widthName(bits int) string { return map[int]string{16: "16", 32: "32", 64: "64"}[bits] }

func b2n(b bool) int {
	if b {
		return 1
	}
	return 0
}

// atomicFunc builds the operation of atom.name.type, nil if there is none.
func atomicFunc(name string, t typ) func(old, b, c uint64) uint64 {
	if t.float() {
		switch {
		case name == "add" && t.lanes == 1:
			add := arith("add", t, floatMode{})
			return func(old, b, _ uint64) uint64 { return add(old, b, 0) }
		case name == "add":
			add := arith("add", typ{t.kind, 16, 1}, floatMode{})
			return func(old, b, _ uint64) uint64 { return add(old>>16, b>>16, 0)<<16 | add(old&0xffff, b&0xffff, 0) }
		case name == "exch":
			return func(_, b, _ uint64) uint64 { return b }
		}
		return nil
	}
	ext := t.extend
	return map[string]func(old, b, c uint64) uint64{
		"and":  func(old, b, _ uint64) uint64 { return old & b },
		"or":   func(old, b, _ uint64) uint64 { return old | b },
		"xor":  func(old, b, _ uint64) uint64 { return old ^ b },
		"exch": func(_, b, _ uint64) uint64 { return b },
		"add":  func(old, b, _ uint64) uint64 { return t.truncate(old + b) },
		"cas": func(old, b, c uint64) uint64 {
			if old == b {
				return c
			}
			return old
		},
		"inc": func(old, b, _ uint64) uint64 {
			if old >= b {
				return 0
			}
			return old + 1
		},
		"dec": func(old, b, _ uint64) uint64 {
			if old == 0 || old > b {
				return b
			}
			return old - 1
		},
		"min": func(old, b, _ uint64) uint64 {
			if less(t, ext(b), ext(old)) {
				return b
			}
			return old
		},
		"max": func(old, b, _ uint64) uint64 {
			if less(t, ext(old), ext(b)) {
				return b
			}
			return old
		},
	}[name]
}
