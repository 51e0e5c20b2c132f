package main

import (
	"bytes"
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type instruction = func(ops ...Op)

// elem is a type that is computed with.
type elem struct {
	name                      string
	size                      int
	move, broadcast, fma, mul instruction
	maskMove                  func(from, mask, to Op) // AVX2's only masked access
	zeroMove                  func(from, mask, to Op) // AVX-512: lanes that the mask leaves out become 0
}

var (
	f32 = elem{"f32", 4, VMOVUPS, VBROADCASTSS, VFMADD231PS, VMULPS, VMASKMOVPS, VMOVUPS_Z}
	f64 = elem{"f64", 8, VMOVUPD, VBROADCASTSD, VFMADD231PD, VMULPD, VMASKMOVPD, VMOVUPD_Z}
)

// width is a vector length.
type width struct {
	prefix string // of the kernels' names
	bytes  int
	reg    func() reg.VecVirtual
}

var (
	ymm = width{"", 32, YMM}
	zmm = width{"z", 64, ZMM}
)

func (w width) zero(v reg.VecVirtual) {
	if w.bytes == 64 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// maskTable is 32 bytes each of ones, zeros and ones: loading at 32-n leaves the first n bytes set, at 32+n the last n.
func maskTable() {
	GLOBL("maskTable", RODATA|NOPTR)
	for i := range 12 {
		DATA(8*i, U64(map[bool]uint64{true: ^uint64(0)}[i/4 != 1]))
	}
}

// loadMask selects the first n elements of a ymm register, where n is in a register; lastMask the last n.
func loadMask(e elem, n reg.GPVirtual) reg.VecVirtual {
	offset := GP64()
	MOVQ(n, offset)
	NEGQ(offset)
	return lastMask(e, offset)
}

func lastMask(e elem, n reg.GPVirtual) reg.VecVirtual {
	table, m := GP64(), YMM()
	LEAQ(NewDataAddr(NewStaticSymbol("maskTable"), 32), table)
	VMOVDQU(Mem{Base: table, Index: n, Scale: uint8(e.size)}, m)
	return m
}

// parameters holds the parameter of every function: name and type. avo does not know the types of package gemm, so
// functions are built with *byte and renamed in the output.
var parameters = map[string][2]string{}

// function begins a function with one parameter, a pointer.
func function(name, parameter, typ string) {
	parameters[name] = [2]string{parameter, typ}
	TEXT(name, NOSPLIT, "func("+parameter+" *byte)")
	Pragma("noescape")
	current = parameter
}

var current string // the parameter of the function being built

// rename puts the parameters' types into a generated file.
func rename(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for name, p := range parameters {
		text = bytes.ReplaceAll(text, fmt.Appendf(nil, "func %s(%s *byte)", name, p[0]), fmt.Appendf(nil, "func %s(%s *%s)", name, p[0], p[1]))
	}
	return os.WriteFile(file, text, 0o644)
}

func arguments() args { return args{Load(Param(current), GP64())} }

// args reads the fields of the structure that a kernel's only parameter points to.
type args struct{ base reg.Register }

func (a args) field(offset int) Mem { return Mem{Base: a.base, Disp: offset} }

func (a args) load(offset int) reg.GPVirtual {
	r := GP64()
	MOVQ(a.field(offset), r)
	return r
}

// rows addresses rows 0..n-1 from p at a distance that a register holds, with the fewest extra registers.
type rows struct {
	base, stride, stride3, stride5, far reg.GPVirtual
}

func newRows(base, stride reg.GPVirtual, n int) rows {
	r := rows{base: base, stride: stride}
	if n > 3 {
		r.stride3 = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, r.stride3)
	}
	if n > 5 {
		r.stride5 = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 4}, r.stride5)
	}
	if n > 7 {
		r.far = GP64()
		r.reset()
	}
	return r
}

// rowsFrom is newRows with the stride in a field of the arguments.
func rowsFrom(base reg.GPVirtual, p args, stride, n int) rows {
	if n == 1 {
		return rows{base: base}
	}
	return newRows(base, p.load(stride), n)
}

// reset sets the second base pointer after the first was set anew.
func (r rows) reset() {
	if r.far != nil {
		LEAQ(Mem{Base: r.stride3, Index: r.stride, Scale: 4}, r.far)
		ADDQ(r.base, r.far)
	}
}

func (r rows) at(i, disp int) Mem {
	base := r.base
	if i >= 7 {
		base, i = r.far, i-7
	}
	switch i {
	case 0:
		return Mem{Base: base, Disp: disp}
	case 1, 2, 4:
		return Mem{Base: base, Index: r.stride, Scale: uint8(i), Disp: disp}
	case 3, 6:
		return Mem{Base: base, Index: r.stride3, Scale: uint8(i / 3), Disp: disp}
	}
	return Mem{Base: base, Index: r.stride5, Scale: 1, Disp: disp}
}

// step moves all rows on by n bytes.
func (r rows) step(n int) {
	ADDQ(U32(uint32(n)), r.base)
	if r.far != nil {
		ADDQ(U32(uint32(n)), r.far)
	}
}
