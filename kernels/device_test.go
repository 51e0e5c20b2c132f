package kernels_test

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/ptx"
)

var modules sync.Map // family -> func() (*ptx.Module, error)

// source is the committed text, or another compiler's: TANDEM_TEST_PTX names a directory with it, such as out/nvcc.
func source(family string) (string, error) {
	text, err := os.ReadFile(filepath.Join(cmp.Or(os.Getenv("TANDEM_TEST_PTX"), "ptx"), family+".ptx"))
	return string(text), err
}

func module(t testing.TB, family string) *ptx.Module {
	load, _ := modules.LoadOrStore(family, sync.OnceValues(func() (*ptx.Module, error) {
		text, err := source(family)
		if err != nil {
			return nil, err
		}
		return ptx.Parse(text)
	}))
	m, err := load.(func() (*ptx.Module, error))()
	require.NoError(t, err)
	return m
}

// device is the interpreter's memory and a seeded source of numbers for one test.
type device struct {
	t   testing.TB
	mem *ptx.Memory
	rng *rand.Rand
}

func newDevice(t testing.TB) *device {
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	t.Logf("seed %#x", h.Sum64())
	return &device{t: t, mem: ptx.NewMemory(1 << 30), rng: rand.New(rand.NewPCG(h.Sum64(), 1))}
}

// up copies a slice to the device, `shift` bytes behind a 256-byte boundary.
func (d *device) up(v any, shift ...int) uint64 {
	b, err := binary.Append(make([]byte, sum(shift)), binary.LittleEndian, v)
	require.NoError(d.t, err)
	a, err := d.mem.Alloc(int64(max(len(b), 1)))
	require.NoError(d.t, err)
	require.NoError(d.t, d.mem.Write(a, b))
	return a + uint64(sum(shift))
}

// space allocates n bytes that nobody wrote.
func (d *device) space(n int, shift ...int) uint64 {
	a, err := d.mem.Alloc(int64(max(n+sum(shift), 1)))
	require.NoError(d.t, err)
	return a + uint64(sum(shift))
}

func down[T any](d *device, at uint64, n int) []T {
	v := make([]T, n)
	b := make([]byte, binary.Size(v))
	require.NoError(d.t, d.mem.Read(at, b))
	_, err := binary.Decode(b, binary.LittleEndian, v)
	require.NoError(d.t, err)
	return v
}

type dim = [3]int

// run launches a kernel with every check of the interpreter on. Arguments must have the sizes that the kernel declares.
func (d *device) run(family, kernel string, grid, block dim, args ...any) {
	d.t.Helper()
	k, err := module(d.t, family).Entry(kernel)
	require.NoError(d.t, err)
	params := k.Params()
	require.Len(d.t, args, len(params), "%s: arguments", kernel)
	var b []byte
	for i, a := range args {
		require.Equal(d.t, params[i].Size, binary.Size(a), "%s: size of argument %d", kernel, i)
		b = append(b, make([]byte, params[i].Offset-len(b))...)
		b, err = binary.Append(b, binary.LittleEndian, a)
		require.NoError(d.t, err)
	}
	for i := range 3 {
		grid[i], block[i] = max(grid[i], 1), max(block[i], 1)
	}
	err = k.Run(&ptx.Launch{Grid: grid, Block: block, Params: b, Memory: d.mem, Options: ptx.Options{Sanitize: true}})
	require.NoError(d.t, err, "%s", kernel)
}

func (d *device) normal(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(d.rng.NormFloat64())
	}
	return v
}

// integers draws whole numbers from -4 to 4: products and sums of them are exact.
func (d *device) integers(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(d.rng.IntN(9) - 4)
	}
	return v
}

func sum(v []int) int {
	s := 0
	for _, x := range v {
		s += x
	}
	return s
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// Half precision, by the definition of the formats: round to nearest even in float64, where every step is exact.

func roundTo(x float64, precision, minExp, maxExp int) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	_, e := math.Frexp(x) // 2^(e-1) <= |x| < 2^e
	ulp := math.Ldexp(1, max(e-1, minExp)-precision+1)
	y := math.RoundToEven(x/ulp) * ulp
	if math.Abs(y) >= math.Ldexp(1, maxExp+1) {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return y
}

func f16bits(x float64) uint16 {
	y := roundTo(x, 11, -14, 15)
	sign := uint16(math.Float64bits(y) >> 63 << 15)
	switch a := math.Abs(y); {
	case math.IsNaN(y):
		return 0x7FFF
	case math.IsInf(y, 0):
		return sign | 0x7C00
	case a < 0x1p-14:
		return sign | uint16(a*0x1p24)
	default:
		f, e := math.Frexp(a)
		return sign | uint16(e+14)<<10 | uint16(f*2048)&0x3FF
	}
}

func f16value(h uint16) float64 {
	v := float64(h & 0x3FF)
	switch e := int(h >> 10 & 31); {
	case e == 31 && h&0x3FF != 0:
		return math.NaN()
	case e == 31:
		v = math.Inf(1)
	case e == 0:
		v *= 0x1p-24
	default:
		v = math.Ldexp(1024+v, e-25)
	}
	if h>>15 != 0 {
		v = -v
	}
	return v
}

func bf16bits(x float64) uint16 {
	if math.IsNaN(x) {
		return 0x7FFF
	}
	return uint16(math.Float32bits(float32(roundTo(x, 8, -126, 127))) >> 16)
}

func bf16value(h uint16) float64 { return float64(math.Float32frombits(uint32(h) << 16)) }

// A format knows how one storage type is written and read.
type format struct {
	name  string
	size  int
	upper float64 // unit roundoff
	put   func(d *device, v []float32, shift ...int) uint64
	get   func(d *device, at uint64, n int) []float64
}

func halves(v []float32, bits func(float64) uint16) []uint16 {
	h := make([]uint16, len(v))
	for i, x := range v {
		h[i] = bits(float64(x))
	}
	return h
}

func values[T any](v []T, value func(T) float64) []float64 {
	f := make([]float64, len(v))
	for i, x := range v {
		f[i] = value(x)
	}
	return f
}

var (
	f32 = format{"f32", 4, 0x1p-24, func(d *device, v []float32, s ...int) uint64 { return d.up(v, s...) },
		func(d *device, at uint64, n int) []float64 {
			return values(down[float32](d, at, n), func(x float32) float64 { return float64(x) })
		}}
	f64 = format{"f64", 8, 0x1p-53, func(d *device, v []float32, s ...int) uint64 {
		return d.up(values(v, func(x float32) float64 { return float64(x) }), s...)
	}, func(d *device, at uint64, n int) []float64 { return down[float64](d, at, n) }}
	f16 = format{"f16", 2, 0x1p-11, func(d *device, v []float32, s ...int) uint64 { return d.up(halves(v, f16bits), s...) },
		func(d *device, at uint64, n int) []float64 { return values(down[uint16](d, at, n), f16value) }}
	bf16 = format{"bf16", 2, 0x1p-8, func(d *device, v []float32, s ...int) uint64 { return d.up(halves(v, bf16bits), s...) },
		func(d *device, at uint64, n int) []float64 { return values(down[uint16](d, at, n), bf16value) }}
	floats = []format{f32, f64, f16, bf16}
)

// round is v as the format holds it.
func (f format) round(v []float32) []float64 {
	return values(v, func(x float32) float64 {
		switch f.name {
		case "f16":
			return f16value(f16bits(float64(x)))
		case "bf16":
			return bf16value(bf16bits(float64(x)))
		}
		return float64(x)
	})
}

// near requires got to lie within tolerance of want, element by element.
func near(t testing.TB, want, got []float64, tolerance func(i int) float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if d := math.Abs(want[i] - got[i]); !(d <= tolerance(i)) {
			require.Failf(t, "too far", "element %d: got %v, want %v, difference %g, allowed %g", i, got[i], want[i], d, tolerance(i))
		}
	}
}
