package kernels_test

import (
	"math"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
)

// philox is Philox4x32-10 from its paper.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		hi0, lo0 := bits.Mul32(0xD2511F53, c[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}

// The known answers of Random123's kat_vectors.
func TestPhiloxKnownAnswers(t *testing.T) {
	require.Equal(t, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, philox([4]uint32{}, [2]uint32{}))
	const m = math.MaxUint32
	require.Equal(t, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, philox([4]uint32{m, m, m, m}, [2]uint32{m, m}))
}

func word(key []int64, i int) uint32 {
	q := uint64(i / 4)
	return philox([4]uint32{uint32(q), uint32(q >> 32), uint32(key[2]), uint32(key[1])}, [2]uint32{uint32(key[0]), uint32(key[0] >> 32)})[i%4]
}

func TestRandom(t *testing.T) {
	d := newDevice(t)
	keys := []int64{0x123456789ABCDEF, 7, 9, -5, 1 << 33, 3}
	const rows, n = 2, 1021
	key := d.up(keys)
	out := d.space(8 * rows * n)
	run := func(kernel string, stride int, more ...any) {
		d.run("sample", kernel, dim{1, rows}, dim{256}, append([]any{out, key, uint64(stride), uint32(rows), uint64(n)}, more...)...)
	}
	for _, stride := range []int{0, 3} {
		of := func(i int) uint32 { return word(keys[i/n*stride:], i%n) }
		unit := func(i int) float32 { return float32(of(i)>>8) * 0x1p-24 }
		run("random_bits", stride)
		for i, got := range down[uint32](d, out, rows*n) {
			require.Equal(t, of(i), got)
		}
		run("random_uniform_f32", stride, float32(-2), float32(3))
		for i, got := range down[float32](d, out, rows*n) {
			require.Equal(t, -2+float32(5*unit(i)), got)
		}
		run("random_uniform_f64", stride, float32(0), float32(1))
		for i, got := range down[float64](d, out, rows*n) {
			require.Equal(t, float64(unit(i)), got)
		}
		run("random_bernoulli", stride, float32(0.3))
		for i, got := range down[uint8](d, out, rows*n) {
			require.Equal(t, unit(i) < 0.3, got == 1)
		}
		run("random_normal_f32", stride, float32(1), float32(2))
		for i, got := range down[float32](d, out, rows*n) {
			row, k := i/n, i%n
			a, b := word(keys[row*stride:], k&^1), word(keys[row*stride:], k|1)
			r := math.Sqrt(-2 * math.Log(float64(a>>8+1)*0x1p-24))
			s, c := math.Sincos(float64(float32(b>>8) * float32(2*math.Pi*0x1p-24)))
			want := 1 + 2*r*c
			if k%2 == 1 {
				want = 1 + 2*r*s
			}
			require.InDelta(t, want, got, 1e-5)
		}
	}
}

func TestDropout(t *testing.T) {
	d := newDevice(t)
	const n = 1000
	key := []int64{42, 1, 2}
	for _, f := range []format{f32, f16, bf16} {
		x := d.normal(n)
		out := d.space(n * f.size)
		d.run("sample", "dropout_"+f.name, dim{1, 1}, dim{256}, out, f.put(d, x), d.up(key), uint64(0), uint32(1), uint64(n), float32(0.25))
		xs, kept := f.round(x), 0
		for i, got := range f.get(d, out, n) {
			if float32(word(key, i)>>8)*0x1p-24 < 0.25 {
				require.Zero(t, got)
				continue
			}
			kept++
			require.InDelta(t, xs[i]/0.75, got, 2*f.upper*math.Abs(xs[i]))
		}
		require.InDelta(t, 750, kept, 60)
	}
}
