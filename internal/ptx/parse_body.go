package ptx

import "strings"

// body reads the statements of a function.
func (p *parser) body(f *function) {
	p.expect("{")
	sc := f.scope
	for depth := 1; depth > 0; {
		t := p.peek()
		switch {
		case t.kind == tokEOF:
			p.fail(t.line, "%s has no end", f.name)
			return
		case t.is("{"):
			p.next()
			depth++
			sc = newScope(sc)
		case t.is("}"):
			p.next()
			depth--
			sc = sc.parent
		case t.is(";"):
			p.next()
		case t.is("@"):
			p.instruction(f, sc)
		case t.kind != tokWord:
			p.fail(t.line, "unexpected %q", t.text)
		case t.text[0] == '.':
			p.bodyDirective(sc)
		case p.toks[p.pos+1].is(":"):
			p.label(f, sc)
		default:
			p.instruction(f, sc)
		}
	}
}

func (p *parser) label(f *function, sc *scope) {
	t := p.next()
	p.expect(":")
	switch p.peek().text {
	case ".branchtargets":
		p.next()
		var list []string
		for more := true; more; more = p.accept(",") {
			list = append(list, p.word())
		}
		sc.tables[t.text] = list
		p.expect(";")
	case ".callprototype", ".calltargets":
		p.skipStatement()
	default:
		if _, ok := sc.labels[t.text]; ok {
			p.fail(t.line, "label %s is defined twice", t.text)
		}
		sc.labels[t.text] = len(f.body)
	}
}

func (p *parser) bodyDirective(sc *scope) {
	switch t := p.peek(); t.text {
	case ".reg":
		p.registers(sc)
	case ".local", ".shared", ".param", ".global", ".const":
		p.variables(sc, false)
	case ".loc", ".file":
		p.skipLine()
	case ".pragma":
		p.skipStatement()
	default:
		p.fail(t.line, "unknown directive %q", t.text)
	}
}

// registers reads ".reg .b32 %r<37>, x;".
func (p *parser) registers(sc *scope) {
	p.next()
	t := p.next()
	bits := typeBits(strings.TrimPrefix(t.text, "."))
	if bits == 0 {
		p.fail(t.line, "unknown register type %q", t.text)
	}
	class := regClass(bits)
	if bits == 8 {
		class = 16
	}
	for more := true; more; more = p.accept(",") {
		name := p.word()
		if !p.accept("<") {
			sc.regs[name] = class
			continue
		}
		n := p.integer()
		p.expect(">")
		sc.ranges[name] = regRange{class, n}
	}
	p.expect(";")
}

func (p *parser) instruction(f *function, sc *scope) {
	s := stmt{scope: sc, line: p.peek().line}
	if p.accept("@") {
		s.gneg = p.accept("!")
		s.guard = p.word()
	}
	s.op = strings.Split(p.word(), ".")
	for !p.accept(";") {
		s.args = append(s.args, p.operand(0))
		if p.err != nil {
			return
		}
		if !p.accept(",") && !p.peek().is(";") {
			p.fail(p.peek().line, "%q after an operand", p.peek().text)
		}
	}
	f.body = append(f.body, s)
}

func (p *parser) operand(depth int) operand {
	if depth > 4 {
		p.fail(p.peek().line, "operands nested too deeply")
		return operand{}
	}
	switch t := p.peek(); {
	case t.is("["):
		return p.memory()
	case t.is("{"):
		return operand{kind: argVec, vec: p.list("{", "}", depth)}
	case t.is("("):
		return operand{kind: argList, vec: p.list("(", ")", depth)}
	case t.is("-") || t.kind == tokNumber:
		return p.number()
	case t.is("!"):
		p.next()
		return operand{name: p.word(), neg: true}
	}
	o := operand{name: p.word()}
	switch {
	case p.accept("|"):
		o.pair = p.word()
	case p.peek().is("+") || p.peek().is("-"):
		o.off = p.offset()
	}
	return o
}

func (p *parser) list(open, end string, depth int) (list []operand) {
	p.expect(open)
	for !p.accept(end) {
		list = append(list, p.operand(depth+1))
		if !p.accept(",") && !p.peek().is(end) {
			p.fail(p.peek().line, "%q in a list", p.peek().text)
			return nil
		}
	}
	return list
}

// memory reads [name], [name+8], [name-8], [name+-8] or [1234].
func (p *parser) memory() operand {
	p.expect("[")
	o := operand{kind: argMem}
	if p.peek().kind == tokWord {
		o.name = p.word()
		if p.peek().is("+") || p.peek().is("-") {
			o.off = p.offset()
		}
	} else {
		o.off = int64(p.number().bits)
	}
	p.expect("]")
	return o
}

func (p *parser) offset() int64 {
	p.accept("+")
	return int64(p.number().bits)
}
