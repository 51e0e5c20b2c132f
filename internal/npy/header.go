package npy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parser reads the header's text, a dictionary as Python writes it:
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
type parser struct {
	text string
	err  error
}

// parseHeader wants the three keys, each once, in any order.
func parseHeader(text string) (*Array, error) {
	p := &parser{text: text}
	a := &Array{}
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.accept("}") {
		key := p.quoted()
		p.expect(":")
		if p.err == nil && seen[key] {
			p.fail("key %q comes twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			a.DType = p.descr()
		case "fortran_order":
			p.order()
		case "shape":
			a.Shape = p.tuple()
		default:
			p.fail("unknown key %q", key)
		}
		if !p.accept(",") {
			p.expect("}")
			break
		}
	}
	p.space()
	switch {
	case p.err != nil:
	case p.text != "":
		p.fail("%.20q behind the dictionary", p.text)
	case len(seen) != 3:
		p.fail("it lacks one of descr, fortran_order and shape")
	}
	if p.err != nil {
		return nil, fmt.Errorf("npy: header: %w", p.err)
	}
	return a, nil
}

// fail keeps the first error; after it the text is at its end, so that all loops end.
func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.text = ""
}

func (p *parser) space() { p.text = strings.TrimLeft(p.text, " \t\r\n") }

func (p *parser) accept(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.text, token)
	p.text = rest
	return ok
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		p.fail("%.20q where %q is wanted", p.text, token)
	}
}

// quoted reads a string. Escapes are not needed by any key or dtype, so they are refused.
func (p *parser) quoted() string {
	p.space()
	if p.text == "" || p.text[0] != '\'' && p.text[0] != '"' {
		p.fail("%.20q where a string is wanted", p.text)
		return ""
	}
	s, rest, ok := strings.Cut(p.text[1:], p.text[:1])
	if !ok || strings.ContainsAny(s, "\\\n") {
		p.fail("%.20q is no string", p.text)
		return ""
	}
	p.text = rest
	return s
}

func (p *parser) descr() string {
	p.space()
	if strings.HasPrefix(p.text, "[") {
		p.fail("the dtype is structured; save one field, a['name'], instead")
		return ""
	}
	return p.quoted()
}

func (p *parser) order() {
	switch {
	case p.accept("False"):
	case p.accept("True"):
		p.fail("the array is in Fortran order; numpy.ascontiguousarray turns it")
	default:
		p.fail("%.20q where True or False is wanted", p.text)
	}
}

// tuple reads the shape: (), (3,), (3, 4).
func (p *parser) tuple() []int {
	shape := []int{}
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		shape = append(shape, p.dimension())
		if !p.accept(",") {
			p.expect(")")
			break
		}
	}
	return shape
}

func (p *parser) dimension() int {
	p.space()
	end := 0
	for end < len(p.text) && (p.text[end] >= '0' && p.text[end] <= '9' || p.text[end] == '-') {
		end++
	}
	digits := p.text[:end]
	d, err := strconv.Atoi(digits)
	switch {
	case errors.Is(err, strconv.ErrRange):
		p.fail("dimension %.20s is too large", digits)
	case err != nil:
		p.fail("%.20q where a dimension is wanted", p.text)
	default:
		p.text = p.text[end:]
	}
	return d
}
