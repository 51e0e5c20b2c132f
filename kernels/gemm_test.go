package kernels_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const noActivation = uint32(255)

// A product is one case for the matrix kernels, with reference operands as [m, k] and [k, n].
type product struct {
	m, n, k, batch   int
	transA, transB   bool
	padA, padB, padO int // elements between rows beyond the necessary
	shift            int // bytes that A, B and out lie off a 256-byte boundary
	alpha, beta      float32
	bias, c          bool
	activation       uint32
	sharedB          bool // one B for the whole batch
}

func (p product) layout() string {
	return map[bool]string{false: "n", true: "t"}[p.transA] + map[bool]string{false: "n", true: "t"}[p.transB]
}

// store lays a [rows, cols] matrix out with rows ld apart, or its transpose.
func store(x []float32, rows, cols int, trans bool, pad int) (out []float32, ld int) {
	if !trans {
		ld = cols + pad
		out = make([]float32, rows*ld)
		for i, v := range x {
			out[i/cols*ld+i%cols] = v
		}
		return out, ld
	}
	ld = rows + pad
	out = make([]float32, cols*ld)
	for i, v := range x {
		out[i%cols*ld+i/cols] = v
	}
	return out, ld
}

// try runs one kernel on one case with small integers, where every sum is exact, and requires the exact result; what lies
// between the rows of out must stay.
func (p product) try(t testing.TB, d *device, family, kernel string, tile int, f format) {
	t.Helper()
	if p.alpha == 0 {
		p.alpha = 1
	}
	p.batch = max(p.batch, 1)
	var a, b, c, as, bs []float32
	var lda, ldb int
	for z := range p.batch {
		x := d.integers(p.m * p.k)
		s, ld := store(x, p.m, p.k, p.transA, p.padA)
		a, as, lda = append(a, x...), append(as, s...), ld
		if z > 0 && p.sharedB {
			continue
		}
		y := d.integers(p.k * p.n)
		s, ld = store(y, p.k, p.n, p.transB, p.padB)
		b, bs, ldb = append(b, y...), append(bs, s...), ld
	}
	ldo := p.n + p.padO
	c = d.integers(p.batch * p.m * ldo)
	bias := d.integers(p.n)
	poison := make([]float32, p.batch*p.m*ldo)
	for i := range poison {
		poison[i] = 99
	}
	out := f.put(d, poison, p.shift)
	strideB := len(bs) / p.batch
	if p.sharedB {
		strideB = 0
	}
	var biasAt, cAt uint64
	if p.bias {
		biasAt = f.put(d, bias)
	}
	if p.c {
		cAt = f.put(d, c)
	}
	grid, block := dim{ceilDiv(p.n, tile), ceilDiv(p.m, tile), p.batch}, 256
	switch {
	case family == "gemm_skinny":
		block = 128
	case strings.HasPrefix(kernel, "gemm_mma16"):
		grid, block = dim{ceilDiv(p.n, 32), ceilDiv(p.m, 16), p.batch}, 128
	}
	d.run(family, kernel, grid, dim{block},
		out, f.put(d, as, p.shift), f.put(d, bs, p.shift), cAt, biasAt, uint32(p.m), uint32(p.n), uint32(p.k), uint32(lda), uint32(ldb), uint32(ldo), uint32(ldo),
		uint64(len(as)/p.batch), uint64(strideB), uint64(p.m*ldo), uint64(p.m*ldo), float64(p.alpha), float64(p.beta), p.activation)
	got := f.get(d, out, len(poison))
	for z := range p.batch {
		for i := range p.m {
			for j := range ldo {
				at := (z*p.m+i)*ldo + j
				if j >= p.n {
					require.EqualValues(t, 99, got[at], "%s: wrote past the row", kernel)
					continue
				}
				var v float64
				for k := range p.k {
					v += float64(a[(z*p.m+i)*p.k+k]) * float64(b[z*strideB/max(strideB, 1)*p.k*p.n+k*p.n+j])
				}
				v *= float64(p.alpha)
				if p.bias {
					v += float64(bias[j])
				}
				if p.activation == 22 {
					v = max(v, 0)
				}
				if p.c {
					v += float64(p.beta) * float64(c[at])
				}
				require.Equal(t, f.storeRound(v), got[at], "%s %+v: [%d][%d][%d]", kernel, p, z, i, j)
			}
		}
	}
}

func layouts(f func(transA, transB bool)) {
	for i := range 4 {
		f(i&1 != 0, i&2 != 0)
	}
}

func TestGemm(t *testing.T) {
	for _, c := range []struct {
		kernel string
		tile   int
		f      format
	}{{"gemm128", 128, f32}, {"gemm64", 64, f32}, {"gemm64", 64, f64}, {"gemm64", 64, f16}, {"gemm64", 64, bf16}} {
		t.Run(c.kernel+"_"+c.f.name, func(t *testing.T) {
			layouts(func(ta, tb bool) {
				d := newDevice(t)
				for _, p := range []product{
					{m: 1, n: 1, k: 1, activation: noActivation},
					{m: 3, n: 5, k: 0, bias: true, activation: noActivation},
					{m: c.tile, n: c.tile, k: 8, activation: noActivation},
					{m: c.tile + 1, n: c.tile + 5, k: 19, alpha: 2, beta: -1, bias: true, c: true, activation: 22, padO: 3},
					{m: 33, n: 20, k: 72, padA: 3, padB: 1, batch: 2, activation: noActivation},
					{m: 20, n: 36, k: 16, padA: 4, padB: 4, shift: c.f.size, batch: 3, sharedB: true, activation: noActivation},
				} {
					p.transA, p.transB = ta, tb
					p.try(t, d, "gemm", fmt.Sprintf("%s_%s_%s", c.kernel, p.layout(), c.f.name), c.tile, c.f)
				}
			})
		})
	}
}

func TestGemmTensorCores(t *testing.T) {
	for _, f := range []format{f16, bf16} {
		t.Run(f.name, func(t *testing.T) {
			layouts(func(ta, tb bool) {
				d := newDevice(t)
				for _, p := range []product{
					{m: 8, n: 8, k: 0, bias: true, activation: noActivation},
					{m: 128, n: 128, k: 8, activation: noActivation},
					{m: 136, n: 72, k: 72, alpha: 2, beta: -1, bias: true, c: true, activation: 22, padO: 3},
					{m: 16, n: 24, k: 136, padA: 8, padB: 8, batch: 2, activation: noActivation},
				} {
					p.transA, p.transB = ta, tb
					p.try(t, d, "gemm_mma", "gemm_mma_"+p.layout()+"_"+f.name, 128, f)
				}
			})
			// Sizes that are no multiples of eight, with rows that are.
			d := newDevice(t)
			p := product{m: 13, n: 21, k: 37, padA: 3, padB: 3, activation: noActivation}
			p.try(t, d, "gemm_mma", "gemm_mma_nn_"+f.name, 128, f)
			p.transB = true
			p.try(t, d, "gemm_mma", "gemm_mma_nt_"+f.name, 128, f)
		})
	}
}

func TestGemmSkinny(t *testing.T) {
	for _, c := range []struct {
		family, kernel string
		f              format
	}{{"gemm_skinny", "gemm_skinny", f32}, {"gemm_mma", "gemm_mma16", f16}, {"gemm_mma", "gemm_mma16", bf16}} {
		t.Run(c.kernel+"_"+c.f.name, func(t *testing.T) {
			for _, transB := range []bool{false, true} {
				d := newDevice(t)
				for _, p := range []product{
					{m: 1, n: 32, k: 64, activation: noActivation},
					{m: 8, n: 8, k: 0, bias: true, activation: noActivation},
					{m: 3, n: 40, k: 72, alpha: 2, beta: -1, bias: true, c: true, activation: 22, padO: 3},
					{m: 8, n: 32, k: 456, padA: 8, padB: 8, batch: 2, activation: noActivation},
					{m: 5, n: 13, k: 13, padA: 3, padB: 3, activation: noActivation},
				} {
					p.transB = transB
					p.try(t, d, c.family, c.kernel+"_"+p.layout()+"_"+c.f.name, 32, c.f)
				}
			}
		})
	}
}

// Both tiles of the tensor cores give a row the same bits, wherever in the tile it lies and whatever k is a multiple of.
func TestGemmTilesOnTensorCoresAgree(t *testing.T) {
	const m, n = 20, 40
	for _, f := range []format{f16, bf16} {
		for _, k := range []int{8, 32, 40, 104, 392} {
			d := newDevice(t)
			a, b := f.put(d, d.normal(m*k)), f.put(d, d.normal(k*n))
			product := func(kernel string, grid dim, block, first, rows int) []float64 {
				out := d.space(rows * n * f.size)
				d.run("gemm_mma", kernel+"_nn_"+f.name, grid, dim{block}, out, a+uint64(first*k*f.size), b, uint64(0), uint64(0), uint32(rows), uint32(n), uint32(k),
					uint32(k), uint32(n), uint32(n), uint32(n), uint64(0), uint64(0), uint64(0), uint64(0), float64(1), float64(0), noActivation)
				return f.get(d, out, rows*n)
			}
			large := product("gemm_mma", dim{1, 1, 1}, 256, 0, m)
			require.Equal(t, large, product("gemm_mma16", dim{2, 2, 1}, 128, 0, m), "%s, k = %d", f.name, k)
			require.Equal(t, large[3*n:4*n], product("gemm_mma16", dim{2, 1, 1}, 128, 3, 1), "%s, k = %d, one row", f.name, k)
		}
	}
}

// The f32 kernels are one chain of fma in the order of k: the tile does not show in the bits, and real numbers are within the
// chain's bound.
func TestGemmOrder(t *testing.T) {
	d := newDevice(t)
	const m, n, k = 20, 32, 100
	a, b := d.normal(m*k), d.normal(k*n)
	var bits [3][]float64
	for i, c := range []struct {
		family, kernel string
		rows, block    int
	}{{"gemm", "gemm64_nn_f32", m, 256}, {"gemm", "gemm128_nn_f32", m, 256}, {"gemm_skinny", "gemm_skinny_nn_f32", 8, 128}} {
		out := d.space(4 * m * n)
		d.run(c.family, c.kernel, dim{1, 1, 1}, dim{c.block}, out, d.up(a), d.up(b), uint64(0), uint64(0), uint32(c.rows), uint32(n), uint32(k), uint32(k), uint32(n), uint32(n), uint32(n),
			uint64(0), uint64(0), uint64(0), uint64(0), float64(1), float64(0), noActivation)
		bits[i] = f32.get(d, out, c.rows*n)
	}
	require.Equal(t, bits[0], bits[1])
	require.Equal(t, bits[0][:8*n], bits[2])
	want, size := make([]float64, m*n), make([]float64, m*n)
	for i := range want {
		for j := range k {
			x := float64(a[i/n*k+j]) * float64(b[j*n+i%n])
			want[i] += x
			size[i] += math.Abs(x)
		}
	}
	near(t, want, bits[0], func(i int) float64 { return 4 * 0x1p-24 * size[i] })
}

// Every kernel's own copy of the activations gives the bits of the unary kernels.
func TestGemmActivations(t *testing.T) {
	d := newDevice(t)
	const n, k = 40, 8
	for _, c := range []struct {
		family, kernel string
		layouts        []string
		formats        []format
		block          int
	}{
		{"gemm", "gemm64", []string{"nn", "nt", "tn", "tt"}, []format{f32, f16, bf16}, 256},
		{"gemm", "gemm128", []string{"nn", "nt", "tn", "tt"}, []format{f32}, 256},
		{"gemm_mma", "gemm_mma", []string{"nn", "nt", "tn", "tt"}, []format{f16, bf16}, 256},
		{"gemm_mma", "gemm_mma16", []string{"nn", "nt"}, []format{f16, bf16}, 128},
		{"gemm_skinny", "gemm_skinny", []string{"nn", "nt"}, []format{f32}, 128},
	} {
		for _, f := range c.formats {
			for _, layout := range c.layouts {
				// A is a single 1, so that the product is the first row of B.
				x := d.normal(n)
				a, lda := store(append([]float32{1}, make([]float32, k-1)...), 1, k, layout[0] == 't', map[bool]int{true: 7}[layout[0] == 't'])
				b, ldb := store(append(x, make([]float32, (k-1)*n)...), k, n, layout[1] == 't', 0)
				for _, u := range unaries {
					switch u.name {
					case "sigmoid", "tanh", "silu", "gelu", "gelutanh", "relu":
					default:
						continue
					}
					out, alone := d.space(f.size*n), d.space(f.size*n)
					kernel := c.kernel + "_" + layout + "_" + f.name
					d.run(c.family, kernel, dim{ceilDiv(n, 32), 1, 1}, dim{c.block}, out, f.put(d, a), f.put(d, b), uint64(0), uint64(0), uint32(1), uint32(n), uint32(k),
						uint32(lda), uint32(ldb), uint32(n), uint32(n), uint64(0), uint64(0), uint64(0), uint64(0), float64(1), float64(0), u.code)
					d.run("unary", u.name+"_"+f.name, dim{1}, dim{256}, alone, f.put(d, x), uint64(n))
					require.Equal(t, f.get(d, alone, n), f.get(d, out, n), "%s of %s", u.name, kernel)
				}
			}
		}
	}
}
