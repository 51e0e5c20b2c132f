package bench

import (
	"fmt"
	"regexp"
	"strings"
)

// DType names the element type of a case's operands.
type DType string

const (
	F64  DType = "f64"
	F32  DType = "f32"
	F16  DType = "f16"
	BF16 DType = "bf16"
)

// Size is the width of an element in bytes, 0 for a type that the suite does not know.
func (d DType) Size() int {
	switch d {
	case F64:
		return 8
	case F32:
		return 4
	case F16, BF16:
		return 2
	}
	return 0
}

// Case is one piece of work to measure. It is data alone: an [Impl] reads the Spec and makes its own operands.
type Case struct {
	Name   string // family/dtype/shape[/option…]
	Family string
	DType  DType
	Spec   Spec

	Flops   float64 // arithmetic of one iteration, by the textbook count; 0 where the work is comparisons and moves
	Bytes   float64 // the least that one iteration must read and write, each operand once
	Written float64 // the part of Bytes that is written
}

// NewCase names a spec for a dtype and counts its work.
func NewCase(d DType, s Spec) (Case, error) {
	if d.Size() == 0 {
		return Case{}, fmt.Errorf("bench: dtype %q: want f64, f32, f16 or bf16", d)
	}
	if err := s.valid(); err != nil {
		return Case{}, fmt.Errorf("bench: %s: %w", s.Family(), err)
	}
	c := s.cost(float64(d.Size()))
	return Case{
		Name:   strings.Join([]string{s.Family(), string(d), s.String()}, "/"),
		Family: s.Family(), DType: d, Spec: s,
		Flops: c.flops, Bytes: c.read + c.written, Written: c.written,
	}, nil
}

// ParseCase reads a case from its name, the inverse of [Case.Name]. gemm/f32/random/17 names the eighteenth of the
// seeded random shapes.
func ParseCase(name string) (Case, error) {
	family, rest, _ := strings.Cut(name, "/")
	dtype, shape, ok := strings.Cut(rest, "/")
	if !ok {
		return Case{}, fmt.Errorf("bench: case %q: want family/dtype/shape", name)
	}
	parse, ok := parsers[family]
	if !ok {
		return Case{}, fmt.Errorf("bench: case %q: no family %q", name, family)
	}
	s, err := parse(shape)
	if err != nil {
		return Case{}, fmt.Errorf("bench: case %q: %w", name, err)
	}
	c, err := NewCase(DType(dtype), s)
	if err != nil {
		return Case{}, err
	}
	if c.Name != name && !strings.HasPrefix(shape, randomPrefix) {
		return Case{}, fmt.Errorf("bench: case %q: its name is spelled %q", name, c.Name)
	}
	c.Name = name
	return c, nil
}

// Intensity is the case's flops per byte, the horizontal axis of a roofline.
func (c Case) Intensity() float64 { return c.Flops / c.Bytes }

// Filter keeps the cases whose name the regular expression matches; an empty one keeps all.
func Filter(cases []Case, expr string) ([]Case, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("bench: filter: %w", err)
	}
	var kept []Case
	for _, c := range cases {
		if re.MatchString(c.Name) {
			kept = append(kept, c)
		}
	}
	return kept, nil
}
