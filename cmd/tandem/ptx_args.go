package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/tandem-compute/tandem/internal/npy"
	"github.com/tandem-compute/tandem/internal/ptx"
	"github.com/tandem-compute/tandem/internal/ref"
)

// element is a type that --arg can name.
type element struct {
	dtype     string // its name in .npy files
	precision int    // bits of a float's significand, 0 for an integer
	size      int
}

var elements = map[string]element{
	"i8": {"|i1", 0, 1}, "i16": {"<i2", 0, 2}, "i32": {"<i4", 0, 4}, "i64": {"<i8", 0, 8},
	"u8": {"|u1", 0, 1}, "u16": {"<u2", 0, 2}, "u32": {"<u4", 0, 4}, "u64": {"<u8", 0, 8},
	"f16": {"<f2", 11, 2}, "bf16": {"<V2", 8, 2}, "f32": {"<f4", 24, 4}, "f64": {"<f8", 53, 8},
}

// argument is one --arg: the bytes of a scalar or a struct, or a buffer, whose address is the parameter.
type argument struct {
	spec   string
	scalar string // type of a scalar
	value  []byte // of a scalar or a struct
	buffer *npy.Array
	empty  bool   // nobody wrote the buffer
	addr   uint64 // of the buffer
}

func parseArguments(specs []string) ([]*argument, error) {
	args := make([]*argument, len(specs))
	for i, spec := range specs {
		a, err := parseArgument(spec)
		if err != nil {
			return nil, fmt.Errorf("--arg %s: %w", spec, err)
		}
		args[i] = a
	}
	return args, nil
}

func parseArgument(spec string) (*argument, error) {
	a := &argument{spec: spec}
	if name, text, ok := strings.Cut(spec, "="); ok && elements[name].size > 0 {
		bits, err := parseScalar(name, text)
		a.scalar, a.value = name, elements[name].bytes(bits)
		return a, err
	}
	path, byValue := strings.CutPrefix(spec, "value:")
	if byValue || strings.HasSuffix(spec, ".npy") {
		array, err := npy.ReadFile(path)
		switch {
		case err != nil:
			return nil, err
		case byValue:
			a.value = array.Data
		default:
			a.buffer = array
		}
		return a, nil
	}
	return a, a.fill(strings.Split(spec, ":"))
}

// parseScalar gives the bits of a number.
func parseScalar(name, text string) (bits uint64, err error) {
	e := elements[name]
	var x float64
	var n int64
	switch {
	case name[0] == 'i':
		n, err = strconv.ParseInt(text, 0, e.size*8)
		bits = uint64(n)
	case name[0] == 'u':
		bits, err = strconv.ParseUint(text, 0, e.size*8)
	case name == "f32":
		x, err = strconv.ParseFloat(text, 32)
		bits = e.float(x)
	default:
		x, err = strconv.ParseFloat(text, 64)
		bits = e.float(x)
	}
	if err != nil {
		return 0, fmt.Errorf("%q is no %s", text, name)
	}
	return bits, nil
}

// float gives the bits of a float of the type, rounded to nearest even.
func (e element) float(x float64) uint64 {
	switch e.dtype {
	case "<f2":
		return uint64(ref.ToF16(x))
	case "<V2":
		return uint64(ref.ToBF16(x))
	case "<f4":
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(x)
}

// bytes are an element's bytes.
func (e element) bytes(bits uint64) []byte {
	return binary.LittleEndian.AppendUint64(nil, bits)[:e.size]
}

// fill makes a buffer of "zeros:f32:32x32", "empty:f32:1024" or "uniform:f32:1024:SEED".
func (a *argument) fill(parts []string) error {
	want := map[string]int{"zeros": 3, "empty": 3, "uniform": 4}[parts[0]]
	if want == 0 {
		return errors.New("neither a scalar such as i32=5, nor a file.npy, nor zeros:f32:1024, empty:f32:1024 or uniform:f32:1024:SEED")
	}
	if len(parts) != want {
		return fmt.Errorf("%s has %d parts between colons, want %d", parts[0], len(parts), want)
	}
	e, ok := elements[parts[1]]
	if !ok {
		return fmt.Errorf("no type is called %q", parts[1])
	}
	shape, size, err := parseShape(parts[2], e.size)
	if err != nil {
		return err
	}
	a.buffer = &npy.Array{DType: e.dtype, Shape: shape, Data: make([]byte, size)}
	a.empty = parts[0] == "empty"
	if parts[0] != "uniform" {
		return nil
	}
	seed, err := strconv.ParseUint(parts[3], 0, 64)
	if err != nil {
		return fmt.Errorf("%q is no seed", parts[3])
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	for at := 0; at < size; at += e.size {
		copy(a.buffer.Data[at:], e.bytes(e.draw(rng)))
	}
	return nil
}

// draw draws the bits of an integer from all there are, of a float from the multiples of its precision in [0, 1).
func (e element) draw(rng *rand.Rand) uint64 {
	if e.precision == 0 {
		return rng.Uint64()
	}
	return e.float(math.Ldexp(float64(rng.Uint64()>>(64-e.precision)), -e.precision))
}

// parseShape reads dimensions such as 32x32, and gives the bytes of elements of a size.
func parseShape(text string, size int) (shape []int, bytes int, err error) {
	bytes = size
	for part := range strings.SplitSeq(text, "x") {
		n, err := strconv.Atoi(part)
		switch {
		case err != nil || n < 1:
			return nil, 0, fmt.Errorf("%q is no shape such as 1024 or 32x32", text)
		case int64(n) > ptxMemory/int64(bytes):
			return nil, 0, fmt.Errorf("%s elements do not fit in %d bytes of memory", text, ptxMemory)
		}
		shape = append(shape, n)
		bytes *= n
	}
	return shape, bytes, nil
}

// bind holds the arguments to the kernel's parameters, puts the buffers into memory and lays out the parameter block.
func bind(k *ptx.Kernel, args []*argument, mem *ptx.Memory) ([]byte, error) {
	params := k.Params()
	if len(params) != len(args) {
		text := fmt.Sprintf("%s takes %d parameters, and there are %d --arg:", k.Name(), len(params), len(args))
		for i, p := range params {
			text += fmt.Sprintf("\n  %d  %-8s %s", i, typeOf(p), p.Name)
		}
		return nil, errors.New(text)
	}
	var block []byte
	for i, p := range params {
		a := args[i]
		if !a.fits(p) {
			return nil, fmt.Errorf("--arg %s: parameter %d of %s, %s, is %s", a.spec, i, k.Name(), p.Name, typeOf(p))
		}
		if err := a.place(mem); err != nil {
			return nil, fmt.Errorf("--arg %s: %w", a.spec, err)
		}
		block = append(block, make([]byte, p.Offset-len(block))...)
		block = append(block, a.value...)
	}
	return block, nil
}

// typeOf is a parameter's type as the PTX declares it.
func typeOf(p ptx.Param) string {
	if n := elementBits(p.Type) / 8; n > 0 && p.Size != n {
		return fmt.Sprintf("%s[%d]", p.Type, p.Size/n)
	}
	return p.Type
}

// elementBits is the width in the name of a PTX type.
func elementBits(name string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz"))
	return n
}

// fits says whether the argument can be the parameter. Bits without a type take every scalar of their size, integers
// take integers.
func (a *argument) fits(p ptx.Param) bool {
	switch {
	case a.buffer != nil:
		return p.Size == 8 && elementBits(p.Type) == 64 && p.Type[0] != 'f'
	case len(a.value) != p.Size:
		return false
	case a.scalar == "" || p.Type[0] == 'b' && p.Type != "bf16":
		return true
	case p.Type[0] == 'u' || p.Type[0] == 's':
		return elements[a.scalar].precision == 0 && elementBits(p.Type) == 8*p.Size
	}
	return p.Type == a.scalar
}

// place puts a buffer into memory. Its address is then the argument's value; that of nothing is 0.
func (a *argument) place(mem *ptx.Memory) (err error) {
	if a.buffer == nil {
		return nil
	}
	if n := len(a.buffer.Data); n > 0 {
		if a.addr, err = mem.Alloc(int64(n)); err != nil {
			return err
		}
		if !a.empty {
			err = mem.Write(a.addr, a.buffer.Data)
		}
	}
	a.value = binary.LittleEndian.AppendUint64(nil, a.addr)
	return err
}
