package ptx

import "strings"

// Kernel is a decoded entry point. It is immutable and safe for concurrent use.
type Kernel struct {
	name      string
	module    *Module
	code      []inst
	blocks    []block
	params    []Param
	paramSize int
	static    int // bytes of static shared memory
	dynamic   int // where dynamic shared memory begins
	local     int // bytes of local memory per thread
	threads   int // most threads per block

	regs32, regs64, preds int        // rows of registers; constants follow
	const32, const64      []constant // constant rows
	blockConsts           []int      // those of const32 that differ between blocks
	clear32, clear64      []uint16   // registers that may be read before they are written
	accesses              int        // memory instructions
	grain                 uint       // log2 of the smallest shared access: the unit of race checks
	fmaRecs               [][4]uint32
}

// Name returns the entry's name.
func (k *Kernel) Name() string { return k.name }

// Params lists the parameters in order.
func (k *Kernel) Params() []Param { return append([]Param(nil), k.params...) }

// StaticShared returns the bytes of statically declared shared memory.
func (k *Kernel) StaticShared() int { return k.static }

// MaxThreads returns the most threads per block: .maxntid, or 1024.
func (k *Kernel) MaxThreads() int { return k.threads }

// Local returns the bytes of local memory per thread.
func (k *Kernel) Local() int { return k.local }

// maxLiveness bounds the words of one live set per block.
const maxLiveness = 1 << 24

// constKind says where the value of a constant row comes from.
type constKind uint8

const (
	constValue   constKind = iota
	constSpecial           // special register; value is its number
	constParam             // value is the offset in the parameter block
	constDynamic           // offset from the start of dynamic shared memory
	constGlobal            // address of a module variable
)

// constant is a row that does not change while a block runs.
type constant struct {
	kind   constKind
	value  uint64
	size   uint8 // constParam: bytes; signed: extend so
	signed bool
	narrow bool // constParam: the register has 16 bits
	v      *variable
}

type regKey struct {
	env   *env
	scope *scope
	name  string
}

// decoder turns statements into instructions. It reports errors by panicking with a *SyntaxError, which decode
// recovers: nearly every line of it can fail.
type decoder struct {
	m      *Module
	k      *Kernel
	flat   []flatStmt
	cur    *stmt
	env    *env
	regs   map[regKey]uint16
	preds  map[regKey]int16
	consts map[file]map[constant]uint16
	shared map[*variable]int
	root   *env
	calls  int
}

func decode(m *Module, f *function) (k *Kernel, err error) {
	d := &decoder{
		m: m, k: &Kernel{name: f.name, module: m, threads: maxThreads}, root: newEnv(f, 0),
		regs: map[regKey]uint16{}, preds: map[regKey]int16{}, shared: map[*variable]int{},
		consts: map[file]map[constant]uint16{file32: {}, file64: {}},
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *SyntaxError:
			k, err = nil, r
		default:
			panic(r)
		}
	}()
	if f.maxThreads > 0 {
		d.k.threads = min(f.maxThreads, maxThreads)
	}
	for _, v := range f.params {
		off := alignUp(d.k.paramSize, v.align)
		d.k.params = append(d.k.params, Param{v.name, v.elem, v.size, v.align, off})
		d.k.paramSize = off + v.size
	}
	d.flatten(d.root)
	last := stmt{line: f.line, op: []string{"ret"}, scope: f.scope}
	if n := len(f.body); n > 0 {
		last.line = f.body[n-1].line
	}
	d.flat = append(d.flat, flatStmt{&last, d.root, nil})
	d.layShared()
	d.statements()
	k = d.k
	if (max(k.regs32, k.regs64)/64+1)*len(k.blocks) > maxLiveness {
		d.fail("%s is too large", k.name)
	}
	k.local = alignUp(k.local, 16)
	k.link()
	k.mergeNeighbours()
	k.compact()
	k.fuse()
	for i, c := range k.const32 {
		if c.kind == constSpecial && c.value >= regCtaidX && c.value <= regCtaidZ {
			k.blockConsts = append(k.blockConsts, i)
		}
	}
	return k, nil
}

// statements decodes everything and cuts it into blocks.
func (d *decoder) statements() {
	leader := d.leaders()
	k := d.k
	for i := range d.flat {
		s := &d.flat[i]
		d.cur, d.env = s.stmt, s.env
		if leader[i] {
			if n := len(k.blocks); n > 0 {
				k.blocks[n-1].end = int32(len(k.code))
			}
			k.blocks = append(k.blocks, block{start: int32(len(k.code)), line: int32(s.line), next: int32(len(k.blocks) + 1)})
		}
		in := inst{line: int32(s.line), guard: -1, pd: -1, pq: -1, ps: -1}
		if s.guard != "" {
			in.guard, in.guardNeg = d.pred(operand{name: s.guard}), s.gneg
		}
		d.statement(s, &in)
		k.code = append(k.code, in)
	}
	k.blocks[len(k.blocks)-1].end = int32(len(k.code))
}

// leaders marks the statements that start a block: targets, and what follows control flow.
func (d *decoder) leaders() map[int]bool {
	leader := map[int]bool{0: true}
	for i := range d.flat {
		s := &d.flat[i]
		d.cur, d.env = s.stmt, s.env
		switch s.op[0] {
		case "bra":
			leader[int(d.targetOf(s))] = true
			leader[i+1] = true
		case "brx":
			for _, name := range d.branchTargets(s.stmt) {
				leader[int(d.position(name))] = true
			}
			leader[i+1] = true
		case "ret":
			if s.env != d.root {
				leader[int(s.env.pos[len(s.env.f.body)])] = true
			}
			leader[i+1] = true
		case "exit", "bar", "barrier", "trap", "brkpt":
			leader[i+1] = true
		}
	}
	delete(leader, len(d.flat))
	return leader
}

func (d *decoder) targetOf(s *flatStmt) int32 {
	if s.skip != nil {
		return s.skip.pos[len(s.skip.f.body)]
	}
	if len(s.args) != 1 {
		d.fail("one label is wanted")
	}
	return d.position(s.args[0].name)
}

// position gives the flat position of a label.
func (d *decoder) position(label string) int32 {
	i, sc := d.cur.scope.label(label)
	if sc == nil {
		d.fail("no label %s", label)
	}
	return d.env.pos[i]
}

func (d *decoder) branchTargets(s *stmt) []string {
	if len(s.args) != 2 || s.args[1].kind != argName {
		d.fail("index and label list are wanted")
	}
	list := s.scope.table(s.args[1].name)
	if len(list) == 0 {
		d.fail("no .branchtargets %s", s.args[1].name)
	}
	return list
}

// statement decodes one statement into in.
func (d *decoder) statement(s *flatStmt, in *inst) {
	switch s.op[0] {
	case "bra":
		in.kind, in.target = kindBranch, d.targetOf(s)
	case "brx":
		in.kind = kindIndexed
		in.a, in.fa = d.src(s.args[0], typ{'u', 32, 1}), file32
		for _, name := range d.branchTargets(s.stmt) {
			in.targets = append(in.targets, d.position(name))
		}
	case "ret":
		in.kind = kindReturn
		if s.env != d.root {
			in.kind, in.target = kindBranch, s.env.pos[len(s.env.f.body)]
		}
	case "exit":
		in.kind = kindReturn
	default:
		f := opcodes[s.op[0]]
		if f == nil {
			d.fail("unknown instruction %s", strings.Join(s.op, "."))
		}
		f(d, s.stmt, in)
	}
}

// opcodes maps the first word of an opcode to its decoder.
var opcodes map[string]func(d *decoder, s *stmt, in *inst)

func init() {
	opcodes = map[string]func(d *decoder, s *stmt, in *inst){}
	for _, table := range []map[string]func(d *decoder, s *stmt, in *inst){intOps, bitOps, floatOps, moveOps, memOps, warpOps} {
		for name, f := range table {
			opcodes[name] = f
		}
	}
}

// unknown refuses the statement.
func (d *decoder) unknown(s *stmt) { d.fail("unknown instruction %s", strings.Join(s.op, ".")) }

// want checks the number of operands.
func (d *decoder) want(s *stmt, n int) {
	if len(s.args) != n {
		d.fail("%d operands, %d wanted", len(s.args), n)
	}
}

// typeOf parses the last suffix.
func (d *decoder) typeOf(s *stmt) typ {
	t, ok := parseType(s.typ())
	if !ok {
		d.fail("unknown type in %s", strings.Join(s.op, "."))
	}
	return t
}

// only refuses suffixes that are not listed; the first word and the last (the type) are not looked at.
func (d *decoder) only(s *stmt, allowed ...string) {
	if len(s.op) < 3 {
		return
	}
next:
	for _, p := range s.op[1 : len(s.op)-1] {
		for _, a := range allowed {
			if p == a {
				continue next
			}
		}
		d.unknown(s)
	}
}

func fileOf(bits int) file {
	if bits > 32 {
		return file64
	}
	return file32
}

// reg gives the row of a register of any width but predicates.
func (d *decoder) reg(name string) (row uint16, class regClass) {
	class, sc := d.cur.scope.reg(name)
	switch {
	case sc == nil:
		d.fail("undeclared register %s", name)
	case class == 1:
		d.fail("%s is a predicate", name)
	case class > 64:
		d.fail("%s: %d-bit registers are not supported", name, class)
	}
	key := regKey{d.env, sc, name}
	row, ok := d.regs[key]
	if !ok {
		n := &d.k.regs32
		if class == 64 {
			n = &d.k.regs64
		}
		row = uint16(*n)
		*n++
		if *n >= constBit {
			d.fail("too many registers")
		}
		d.regs[key] = row
	}
	return row, class
}

// pred gives the number of a predicate register.
func (d *decoder) pred(o operand) int16 {
	class, sc := d.cur.scope.reg(o.name)
	if sc == nil || class != 1 {
		d.fail("%s is not a predicate", o.name)
	}
	key := regKey{d.env, sc, o.name}
	n, ok := d.preds[key]
	if !ok {
		n = int16(d.k.preds)
		if d.k.preds++; d.k.preds >= constBit {
			d.fail("too many predicates")
		}
		d.preds[key] = n
	}
	return n
}

// dst gives the row of a destination of the type. The register may not be narrower or wider.
func (d *decoder) dst(o operand, t typ) uint16 {
	if o.kind != argName || o.neg {
		d.fail("destination is not a register")
	}
	if o.name == "_" {
		return d.sink(fileOf(t.width()))
	}
	row, class := d.reg(o.name)
	if int(class) != t.width() {
		d.fail("%s has %d bits, the instruction %d", o.name, class, t.width())
	}
	return row
}

// sink is a register nobody reads.
func (d *decoder) sink(f file) uint16 {
	key := regKey{name: "_32"}
	n := &d.k.regs32
	if f == file64 {
		key.name, n = "_64", &d.k.regs64
	}
	row, ok := d.regs[key]
	if !ok {
		row = uint16(*n)
		*n++
		d.regs[key] = row
	}
	return row
}

// src gives the row of a source of the type: register, immediate, special register or address.
func (d *decoder) src(o operand, t typ) uint16 {
	f := fileOf(t.width())
	switch {
	case o.kind == argNumber:
		return d.constRow(f, constant{value: d.immediate(o, t)})
	case o.kind != argName || o.neg:
		d.fail("operand is not a register or an immediate")
	case o.name[0] == '%' || d.isRegister(o.name):
		if c, wide, ok := specialConstant(o.name); ok && !d.isRegister(o.name) {
			if wide != (f == file64) {
				d.fail("%s in a %d-bit operand", o.name, t.width())
			}
			return d.constRow(f, c)
		}
		row, class := d.reg(o.name)
		if int(class) != t.width() {
			d.fail("%s has %d bits, the instruction %d", o.name, class, t.width())
		}
		return row
	case o.name == "WARP_SZ":
		return d.constRow(f, constant{value: 32})
	}
	c, _ := d.address(o)
	return d.constRow(f, c)
}

func (d *decoder) isRegister(name string) bool {
	_, sc := d.cur.scope.reg(name)
	return sc != nil
}

// anySrc is src for instructions that read any register at least as wide as the type; it also returns the file.
func (d *decoder) anySrc(o operand, t typ) (uint16, file) {
	if o.kind == argName && d.isRegister(o.name) {
		row, class := d.reg(o.name)
		if int(class) < min(t.width(), 16) {
			d.fail("%s has %d bits, the instruction %d", o.name, class, t.width())
		}
		return row, fileOf(int(class))
	}
	return d.src(o, t), fileOf(t.width())
}

func (d *decoder) immediate(o operand, t typ) uint64 {
	switch {
	case t.float() && t.bits == 64:
		return o.f64bits()
	case t.kind == 'f' && t.bits == 32:
		return uint64(o.f32bits())
	}
	return t.truncate(o.bits)
}

func (d *decoder) constRow(f file, c constant) uint16 {
	row, ok := d.consts[f][c]
	if !ok {
		list := &d.k.const32
		if f == file64 {
			list = &d.k.const64
		}
		row = uint16(len(*list)) | constBit
		*list = append(*list, c)
		if len(*list) >= constBit {
			d.fail("too many constants")
		}
		d.consts[f][c] = row
	}
	return row
}

// address gives the address of a variable in its own state space.
func (d *decoder) address(o operand) (constant, space) {
	v := d.cur.scope.variable(o.name)
	if v == nil {
		d.fail("unknown name %s", o.name)
	}
	off := uint64(o.off)
	switch v.space {
	case spaceShared:
		if v.extern {
			return constant{kind: constDynamic, value: off}, spaceShared
		}
		return constant{value: uint64(d.shared[v]) + off}, spaceShared
	case spaceLocal:
		return constant{value: uint64(d.localOffset(place{d.env, v})) + off}, spaceLocal
	case spaceGlobal, spaceConst:
		return constant{kind: constGlobal, value: off, v: v}, v.space
	}
	p := d.env.resolve(v)
	if p.env == d.root {
		for _, kp := range d.k.params {
			if kp.Name == v.name && d.root.f.scope.vars[v.name] == p.v {
				return constant{value: uint64(kp.Offset) + off}, spaceParam
			}
		}
	}
	return constant{value: uint64(d.localOffset(p)) + off}, spaceLocal
}
