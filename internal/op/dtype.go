package op

// DType is the type of one element. The numbers are stable: files and traces may hold them.
type DType uint8

const (
	F64  DType = 1
	F32  DType = 2
	F16  DType = 3 // IEEE 754 binary16
	BF16 DType = 4 // the upper half of a binary32
	I64  DType = 5
	I32  DType = 6
	I8   DType = 7
	U8   DType = 8
	Bool DType = 9 // one byte, 0 or 1

	// Numbers kept for formats to come.
	F8E4M3 DType = 16
	F8E5M2 DType = 17
	MXFP4  DType = 18
)

// DTypes lists the types that tensors can have today.
var DTypes = []DType{F64, F32, F16, BF16, I64, I32, I8, U8, Bool}

var dtypes = [32]struct {
	name string
	size int
}{
	F64: {"f64", 8}, F32: {"f32", 4}, F16: {"f16", 2}, BF16: {"bf16", 2},
	I64: {"i64", 8}, I32: {"i32", 4}, I8: {"i8", 1}, U8: {"u8", 1}, Bool: {"bool", 1},
	F8E4M3: {"f8e4m3", 0}, F8E5M2: {"f8e5m2", 0}, MXFP4: {"mxfp4", 0},
}

// Size is the bytes of one element, 0 for a type that tensors cannot have.
func (d DType) Size() int {
	if int(d) < len(dtypes) {
		return dtypes[d].size
	}
	return 0
}

func (d DType) String() string {
	if int(d) < len(dtypes) && dtypes[d].name != "" {
		return dtypes[d].name
	}
	return "invalid"
}

// Valid reports whether tensors can have this type.
func (d DType) Valid() bool { return d.Size() > 0 }

// Float reports whether d is a floating-point type.
func (d DType) Float() bool { return d >= F64 && d <= BF16 }

// Int reports whether d is an integer type; bool is none.
func (d DType) Int() bool { return d >= I64 && d <= U8 }

// ParseDType reads a name as String writes it.
func ParseDType(name string) (DType, bool) {
	for _, d := range DTypes {
		if d.String() == name {
			return d, true
		}
	}
	return 0, false
}
