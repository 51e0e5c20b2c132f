//go:build amd64 && !purego

package gemm

import (
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The bytes of VDPBF16PS are those of GNU as.
func TestEmulatorReadsDotProducts(t *testing.T) {
	for _, c := range []struct {
		line               string
		second, first, sum int
	}{
		{"LONG $0x486ef262; WORD $0xc152", 1, 2, 0},
		{"LONG $0x400e3262; WORD $0xc952", 17, 30, 9},
		{"LONG $0x48064262; WORD $0xf852", 8, 15, 31},
		{"LONG $0x48568262; WORD $0xe252", 26, 5, 20},
	} {
		in, err := parseDotProduct(c.line + " // a comment")
		require.NoError(t, err)
		require.Equal(t, []int{c.second, c.first, c.sum}, []int{in.args[0].reg, in.args[1].reg, in.args[2].reg}, c.line)
	}
	for _, line := range []string{
		"LONG $0x486ef263; WORD $0xc152", // not EVEX
		"LONG $0x286ef262; WORD $0xc152", // ymm
		"LONG $0x496ef262; WORD $0xc152", // a mask
		"LONG $0x486ef262; WORD $0x0152", // memory
		"LONG $0x486ef262; WORD $0xc172",
		"LONG $0x486ef262",
	} {
		_, err := parseDotProduct(line)
		require.Error(t, err, line)
	}
}

// One lane, by hand: x and y are above, below of a pair; the upper product is added first, each sum is rounded once.
func TestEmulatedDotProduct(t *testing.T) {
	inf, nan, zero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range []struct {
		sum  float32
		x, y [2]float32
		want float32
	}{
		{1, [2]float32{2, 3}, [2]float32{5, 7}, 32},
		{1, [2]float32{0x1p24, 1}, [2]float32{1, 1}, 0x1p24},     // 1 + 2^24 is a tie, and so is 2^24 + 1
		{1, [2]float32{1, 0x1p24}, [2]float32{1, 1}, 0x1p24 + 2}, // 2 + 2^24 is exact
		{-1, [2]float32{0x1.02p0, 0}, [2]float32{0x1.02p0, 0}, 0x1.01p-6},
		{0x1p-24, [2]float32{0x1p12, 0}, [2]float32{0x1p-12, 0}, 1}, // half an ulp, to even
		{0x1.8p-24, [2]float32{0x1p12, 0}, [2]float32{0x1p-12, 0}, 1 + 0x1p-23},
		{0x1p-127, [2]float32{0, 0}, [2]float32{0, 0}, 0},                    // the sum was subnormal
		{1, [2]float32{0x1p-127, 0}, [2]float32{0x1p127, 0}, 1},              // an operand
		{1, [2]float32{0, 0x1p127}, [2]float32{0, 0x1p-127}, 1},              //
		{0, [2]float32{0x1p-64, 0}, [2]float32{0x1p-63, 0}, 0},               // the result
		{0, [2]float32{0x1p-64, 0x1p-64}, [2]float32{0x1p-62, 0}, 0x1p-126},  //
		{-0x1.8p-126, [2]float32{0x1p-64, -1}, [2]float32{0x1p-62, 0}, zero}, // -2^-127
		{zero, [2]float32{-1, 0}, [2]float32{0, 0}, 0},
		{zero, [2]float32{-1, -1}, [2]float32{0, 0}, zero},
		{0, [2]float32{inf, 1}, [2]float32{2, 1}, inf},
		{0, [2]float32{inf, 0}, [2]float32{0, 0}, nan},
		{3, [2]float32{inf, -inf}, [2]float32{1, 1}, nan},
		{math.MaxFloat32, [2]float32{0x1p103, -1}, [2]float32{1, 1}, inf}, // half an ulp beyond the largest
	} {
		pairOf := func(v [2]float32) uint32 { return math.Float32bits(v[0]) | math.Float32bits(v[1])>>16 }
		got := dotProduct(c.sum, pairOf(c.x), pairOf(c.y))
		if math.IsNaN(float64(c.want)) {
			require.True(t, math.IsNaN(float64(got)), "%v", c)
			continue
		}
		require.Equal(t, math.Float32bits(c.want), math.Float32bits(got), "%v: got %v", c, got)
	}
}

// All lanes of registers of both halves of the file, through the interpreter.
func TestEmulatorRunsDotProducts(t *testing.T) {
	code, err := parseFunction(`	MOVQ p+0(FP), AX
	VMOVUPS (AX), Z17
	VMOVUPS 64(AX), Z30
	VMOVUPS 128(AX), Z9
	LONG $0x400e3262; WORD $0xc952 // VDPBF16PS Z17, Z30, Z9
	VPORD Z17, Z30, Z30
	VMOVUPS Z9, 128(AX)
	VMOVUPS Z30, 64(AX)
	RET
`)
	require.NoError(t, err)
	var memory [3][16]uint32
	for i := range 16 {
		memory[0][i] = math.Float32bits(float32(i)) | math.Float32bits(2)>>16
		memory[1][i] = math.Float32bits(3) | math.Float32bits(float32(-i))>>16
		memory[2][i] = math.Float32bits(100)
	}
	before := memory
	run(code, unsafe.Pointer(&memory))
	for i := range 16 {
		require.Equal(t, math.Float32bits(float32(100+3*i-2*i)), memory[2][i])
		require.Equal(t, before[0][i]|before[1][i], memory[1][i])
	}
}
