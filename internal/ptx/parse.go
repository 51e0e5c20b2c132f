package ptx

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxVariable bounds a declared variable: hostile text must not make the parser allocate without limit.
const maxVariable = 1 << 26

// Parse reads PTX text. An error names the line.
func Parse(src string) (*Module, error) {
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	m := &Module{sum: sha256.Sum256([]byte(src)), lines: strings.Split(src, "\n"), scope: newScope(nil), funcs: map[string]*function{}, kernels: map[string]*Kernel{}}
	p := &parser{toks: toks, m: m}
	if err := p.module(); err != nil {
		return nil, err
	}
	return m, nil
}

// parser keeps the first error; after it every token reads as the end of the file, so all loops end.
type parser struct {
	toks []token
	pos  int
	m    *Module
	err  error
}

func (p *parser) peek() token {
	if p.err != nil {
		return p.toks[len(p.toks)-1]
	}
	return p.toks[p.pos]
}

func (p *parser) next() token {
	t := p.peek()
	if p.pos < len(p.toks)-1 {
		p.pos++
	}
	return t
}

func (p *parser) fail(line int, format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{line, fmt.Sprintf(format, args...)}
	}
}

func (p *parser) accept(punct string) bool {
	if p.peek().is(punct) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(punct string) {
	if t := p.next(); !t.is(punct) {
		p.fail(t.line, "%q where %q is wanted", t.text, punct)
	}
}

func (p *parser) word() string {
	t := p.next()
	if t.kind != tokWord {
		p.fail(t.line, "%q where a name is wanted", t.text)
	}
	return t.text
}

func (p *parser) module() error {
	for p.peek().kind != tokEOF {
		switch t := p.peek(); t.text {
		case ".version":
			p.next()
			p.m.Version = p.next().text
		case ".target":
			p.next()
			p.m.Target = p.word()
			for p.accept(",") {
				p.word()
			}
		case ".address_size":
			p.next()
			if n := p.next(); n.text != "64" {
				p.fail(n.line, "address size %s: only 64 is known", n.text)
			}
		case ".file", ".loc":
			p.skipLine()
		case ".section":
			for p.peek().kind != tokEOF && !p.peek().is("{") {
				p.next()
			}
			p.skipBraces()
		case ".pragma":
			p.skipStatement()
		default:
			p.declaration()
		}
	}
	return p.err
}

func (p *parser) skipLine() {
	for line := p.peek().line; p.peek().kind != tokEOF && p.peek().line == line; {
		p.next()
	}
}

func (p *parser) skipStatement() {
	for t := p.next(); t.kind != tokEOF && !t.is(";"); {
		t = p.next()
	}
}

func (p *parser) skipBraces() {
	p.expect("{")
	for depth := 1; depth > 0 && p.peek().kind != tokEOF; {
		switch t := p.next(); {
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		}
	}
}

// declaration reads a variable or a function at module scope.
func (p *parser) declaration() {
	extern := false
	for {
		switch t := p.peek(); t.text {
		case ".visible", ".weak", ".common":
			p.next()
		case ".extern":
			extern = true
			p.next()
		case ".entry", ".func":
			p.function()
			return
		case ".global", ".const", ".shared":
			p.variables(p.m.scope, extern)
			return
		default:
			p.fail(t.line, "unknown directive %q", t.text)
			return
		}
	}
}

func (p *parser) function() {
	t := p.next()
	f := &function{entry: t.text == ".entry", line: t.line, scope: newScope(p.m.scope)}
	if p.peek().is("(") {
		f.rets = p.params(f)
	}
	f.name = p.word()
	if p.peek().is("(") {
		f.params = p.params(f)
	}
	for !p.peek().is("{") && !p.peek().is(";") && p.peek().kind != tokEOF {
		switch t := p.next(); t.text { // the other performance directives do not matter here
		case ".maxntid", ".reqntid":
			f.maxThreads = 1
			for more := true; more; more = p.accept(",") {
				f.maxThreads *= min(max(p.integer(), 1), maxThreads+1)
			}
		}
	}
	if old := p.m.funcs[f.name]; old != nil && old.defined {
		if p.peek().is("{") {
			p.fail(f.line, "%s is defined twice", f.name)
		}
		p.next()
		return
	}
	p.m.funcs[f.name] = f
	if p.accept(";") {
		return
	}
	f.defined = true
	if f.entry {
		p.m.entries = append(p.m.entries, f.name)
	}
	p.body(f)
}

// params reads the parenthesised list of a function; parameters may also be registers in old PTX, which is refused.
func (p *parser) params(f *function) (list []*variable) {
	p.expect("(")
	for !p.accept(")") {
		t := p.next()
		if t.text != ".param" {
			p.fail(t.line, "%q where .param is wanted", t.text)
			return nil
		}
		v := p.variable(spaceParam, t.line)
		f.scope.vars[v.name] = v
		list = append(list, v)
		if !p.accept(",") && !p.peek().is(")") {
			p.fail(t.line, "parameter list without an end")
		}
	}
	return list
}

var spaceOf = map[string]space{".global": spaceGlobal, ".const": spaceConst, ".shared": spaceShared, ".local": spaceLocal, ".param": spaceParam}

// variables reads ".shared .align 16 .b8 a[64], b;".
func (p *parser) variables(sc *scope, extern bool) {
	t := p.next()
	sp := spaceOf[t.text]
	for more := true; more; more = p.accept(",") {
		v := p.variable(sp, t.line)
		v.extern = extern
		if v.size == 0 && !extern {
			p.fail(v.line, "%s has no size", v.name)
		}
		if sp == spaceGlobal || sp == spaceConst {
			if old := sc.vars[v.name]; old != nil && old.space == sp { // declared before it is defined
				*old = *v
				continue
			}
			p.m.globals = append(p.m.globals, v)
		}
		sc.vars[v.name] = v
	}
	p.expect(";")
}

// variable reads attributes, element type, name, dimensions and an initial value.
func (p *parser) variable(sp space, line int) *variable {
	v := &variable{space: sp, line: line}
	elem, lanes := "", 1
	for elem == "" && p.peek().kind == tokWord && strings.HasPrefix(p.peek().text, ".") {
		switch w := p.word(); w {
		case ".align":
			v.align = p.integer()
		case ".v2", ".v4", ".v8":
			lanes = int(w[2] - '0')
		case ".attribute":
			for !p.accept(")") && p.peek().kind != tokEOF {
				p.next()
			}
		default:
			elem = w[1:]
		}
	}
	if p.peek().text == ".ptr" { // .ptr .global .align 16: what a pointer parameter points to
		for p.peek().kind == tokWord && strings.HasPrefix(p.peek().text, ".") {
			if p.word() == ".align" {
				p.integer()
			}
		}
	}
	bits := typeBits(elem)
	if bits < 8 {
		p.fail(line, "unknown element type %q", elem)
	}
	v.name = p.word()
	v.size = bits / 8 * lanes
	if v.align == 0 {
		v.align = max(v.size, 1)
	}
	if v.align&(v.align-1) != 0 || v.align < 0 || v.align > 1<<16 {
		p.fail(line, "alignment %d", v.align)
	}
	v.elem = elem
	v.size = p.dimensions(line, v.size)
	if p.accept("=") {
		p.initial(v, elem, bits/8)
	}
	return v
}

func (p *parser) dimensions(line, size int) int {
	for p.accept("[") {
		if p.accept("]") { // open: extern, or given by the initial value
			size = 0
			continue
		}
		n := p.integer()
		if n < 0 || size > 0 && n > maxVariable/size {
			p.fail(line, "variable too large")
			return 0
		}
		size *= n
		p.expect("]")
	}
	return size
}

func (p *parser) integer() int {
	t := p.next()
	n, kind, ok := parseNumber(t.text)
	if t.kind != tokNumber || !ok || kind != numInt || n > 1<<40 {
		p.fail(t.line, "%q where an integer is wanted", t.text)
		return 0
	}
	return int(n)
}

// initial reads the value behind =: numbers, nested braces, and symbols.
func (p *parser) initial(v *variable, elem string, size int) {
	depth := 0
	for {
		switch t := p.peek(); {
		case t.is("{"):
			p.next()
			depth++
			continue
		case t.is("}"):
			p.next()
			depth--
		case t.kind == tokWord:
			p.initialSymbol(v, size)
		default:
			p.initialNumber(v, elem, size)
		}
		for depth > 0 && p.accept("}") {
			depth--
		}
		if p.err != nil || depth <= 0 || !p.accept(",") {
			break
		}
	}
	if v.size == 0 {
		v.size = len(v.data)
	}
	if depth != 0 || len(v.data) > v.size {
		p.fail(v.line, "initial value of %s does not fit", v.name)
	}
}

func (p *parser) initialSymbol(v *variable, size int) {
	t := p.next()
	r := reloc{at: len(v.data), symbol: t.text}
	if t.text == "generic" && p.accept("(") {
		r.symbol, r.generic = p.word(), true
		p.expect(")")
	}
	if p.accept("+") {
		r.add = int64(p.integer())
	}
	if size != 8 {
		p.fail(t.line, "address in a %d-byte element", size)
	}
	v.relocs = append(v.relocs, r)
	v.data = append(v.data, make([]byte, 8)...)
}

func (p *parser) initialNumber(v *variable, elem string, size int) {
	o := p.number()
	bits := o.bits
	switch {
	case elem == "f32":
		bits = uint64(o.f32bits())
	case elem == "f64":
		bits = o.f64bits()
	}
	v.data = append(v.data, binary.LittleEndian.AppendUint64(nil, bits)[:size]...)
}

// typeBits gives the width of a fundamental type, 0 for an unknown one, 1 for pred.
func typeBits(t string) int {
	switch t {
	case "pred":
		return 1
	case "f16", "bf16":
		return 16
	case "f16x2", "bf16x2", "tf32", "u16x2", "s16x2":
		return 32
	}
	if len(t) < 2 || strings.IndexByte("busf", t[0]) < 0 {
		return 0
	}
	switch n, _ := strconv.Atoi(t[1:]); n {
	case 8, 16, 32, 64, 128:
		return n
	}
	return 0
}

// parseNumber reads PTX's numbers: decimal, 0x, 0b, octal, 0f (float32 bits), 0d (float64 bits), decimal fractions.
func parseNumber(s string) (bits uint64, kind numberKind, ok bool) {
	if len(s) > 2 && s[0] == '0' {
		switch s[1] {
		case 'f', 'F':
			n, err := strconv.ParseUint(s[2:], 16, 32)
			return n, numF32, err == nil && len(s) == 10
		case 'd', 'D':
			n, err := strconv.ParseUint(s[2:], 16, 64)
			return n, numF64, err == nil && len(s) == 18
		}
	}
	if n, err := strconv.ParseUint(strings.TrimSuffix(s, "U"), 0, 64); err == nil {
		return n, numInt, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return math.Float64bits(f), numF64, err == nil
}

func (p *parser) number() operand {
	neg := p.accept("-")
	t := p.next()
	bits, kind, ok := parseNumber(t.text)
	if t.kind != tokNumber || !ok {
		p.fail(t.line, "%q where a number is wanted", t.text)
	}
	if neg {
		switch kind {
		case numInt:
			bits = -bits
		case numF32:
			bits ^= 1 << 31
		case numF64:
			bits ^= 1 << 63
		}
	}
	return operand{kind: argNumber, bits: bits, num: kind}
}

func (o operand) f32bits() uint32 {
	switch o.num {
	case numF32:
		return uint32(o.bits)
	case numF64:
		return math.Float32bits(float32(math.Float64frombits(o.bits)))
	}
	return uint32(o.bits)
}

func (o operand) f64bits() uint64 {
	if o.num == numF32 {
		return math.Float64bits(float64(math.Float32frombits(uint32(o.bits))))
	}
	return o.bits
}
