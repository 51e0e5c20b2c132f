package weights

import (
	"fmt"
	"math"

	"github.com/tandem-compute/tandem"
)

// Type is how a tensor's elements are stored: plain numbers, or GGUF's blocks of quantised ones.
type Type uint8

const (
	F64 Type = iota + 1
	F32
	F16
	BF16
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q8_1
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	Q8_K
	numTypes
)

// kinds says of each type how many elements a block has and how many bytes, what safetensors and ggml call it, and the
// dtype that a device has for it.
var kinds = [numTypes]struct {
	name         string
	elems, bytes int
	safetensors  string
	ggml         int // -1: GGUF has none
	dtype        tandem.DType
}{
	F64:  {"f64", 1, 8, "F64", 28, tandem.F64},
	F32:  {"f32", 1, 4, "F32", 0, tandem.F32},
	F16:  {"f16", 1, 2, "F16", 1, tandem.F16},
	BF16: {"bf16", 1, 2, "BF16", 30, tandem.BF16},
	I64:  {"i64", 1, 8, "I64", 27, tandem.I64},
	I32:  {"i32", 1, 4, "I32", 26, tandem.I32},
	I16:  {"i16", 1, 2, "I16", 25, 0},
	I8:   {"i8", 1, 1, "I8", 24, tandem.I8},
	U64:  {"u64", 1, 8, "U64", -1, 0},
	U32:  {"u32", 1, 4, "U32", -1, 0},
	U16:  {"u16", 1, 2, "U16", -1, 0},
	U8:   {"u8", 1, 1, "U8", -1, tandem.U8},
	Bool: {"bool", 1, 1, "BOOL", -1, tandem.Bool},
	Q4_0: {"q4_0", 32, 18, "", 2, 0},
	Q4_1: {"q4_1", 32, 20, "", 3, 0},
	Q5_0: {"q5_0", 32, 22, "", 6, 0},
	Q5_1: {"q5_1", 32, 24, "", 7, 0},
	Q8_0: {"q8_0", 32, 34, "", 8, 0},
	Q8_1: {"q8_1", 32, 36, "", 9, 0},
	Q2_K: {"q2_k", 256, 84, "", 10, 0},
	Q3_K: {"q3_k", 256, 110, "", 11, 0},
	Q4_K: {"q4_k", 256, 144, "", 12, 0},
	Q5_K: {"q5_k", 256, 176, "", 13, 0},
	Q6_K: {"q6_k", 256, 210, "", 14, 0},
	Q8_K: {"q8_k", 256, 292, "", 15, 0},
}

func (t Type) valid() bool { return t > 0 && t < numTypes }

// String is like f32 or q4_0.
func (t Type) String() string {
	if !t.valid() {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return kinds[t].name
}

// Block is how many neighbouring elements of a row are stored together, in how many bytes.
func (t Type) Block() (elems, bytes int) {
	if !t.valid() {
		return 0, 0
	}
	return kinds[t].elems, kinds[t].bytes
}

// DType is what a device calls t, 0 for types that it has no plain numbers for.
func (t Type) DType() tandem.DType {
	if !t.valid() {
		return 0
	}
	return kinds[t].dtype
}

// TypeOf is how numbers of dtype d are stored.
func TypeOf(d tandem.DType) (Type, error) {
	for t := Type(1); t < numTypes; t++ {
		if kinds[t].dtype == d && d != 0 {
			return t, nil
		}
	}
	return 0, fmt.Errorf("weights: no storage for %v", d)
}

// Bytes is the size of a tensor of type t. The last dimension is whole blocks.
func (t Type) Bytes(dims ...int) (int, error) {
	elems, size := t.Block()
	if elems == 0 {
		return 0, formatErr("%v", t)
	}
	n, empty := 1, false
	for _, d := range dims {
		switch {
		case d < 0:
			return 0, formatErr("dimension %d is negative", d)
		case d == 0:
			empty = true
		case n > math.MaxInt/d:
			return 0, formatErr("%v of %v overflows", t, dims)
		default:
			n *= d
		}
	}
	switch {
	case elems > 1 && (len(dims) == 0 || dims[len(dims)-1]%elems != 0):
		return 0, formatErr("rows of %v are no whole blocks of %d %v elements", dims, elems, t)
	case empty:
		return 0, nil
	case n/elems > math.MaxInt/size:
		return 0, formatErr("%v of %v overflows", t, dims)
	}
	return n / elems * size, nil
}

func fromSafetensors(name string) (Type, bool) {
	for t := Type(1); t < numTypes; t++ {
		if kinds[t].safetensors == name && name != "" {
			return t, true
		}
	}
	return 0, false
}

func fromGGML(id uint32) (Type, bool) {
	for t := Type(1); t < numTypes; t++ {
		if kinds[t].ggml == int(id) {
			return t, true
		}
	}
	return 0, false
}
