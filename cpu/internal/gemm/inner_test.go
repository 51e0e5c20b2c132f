package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestInner multiplies blocks of small integers, whose sums no rounding touches, by parts of a packed operand.
func TestInner(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		for _, size := range [][3]int{{1, 1, 1}, {1, 128, 64}, {6, 16, 8}, {24, 100, 17}, {25, 33, 128}} {
			t.Run(fmt.Sprint(size), func(t *testing.T) {
				testInner[float32](t, e, size[0], size[1], size[2])
				testInner[float64](t, e, size[0], size[1], size[2])
			})
		}
	})
}

func testInner[T float32 | float64](t *testing.T, e *Engine, m, n, k int) {
	r := rand.New(rand.NewPCG(uint64(m), uint64(n*k)))
	numbers := func(n int) []T {
		x := make([]T, n)
		for i := range x {
			x[i] = T(r.IntN(9) - 4)
		}
		return x
	}
	a, b, c := numbers(m*(k+2)), numbers(k*(n+3)), numbers(m*n)
	for _, transposed := range []bool{false, true} {
		operand := Of(b, n+3, 1) // [k, n]
		if transposed {
			operand = Of(b, k, 1).T()
		}
		for _, part := range []struct{ n, k Span }{{Span{0, n}, Span{0, k}}, {Span{n / 2, n}, Span{k / 3, k}}, {Span{0, n/2 + 1}, Span{0, k / 2}}, {Span{0, n}, Span{}}} {
			for _, add := range []bool{false, true} {
				x := new(Inner)
				memory := make([]byte, e.StripsSize(operand.Type, k, n))
				strips := x.Pack(e, unsafe.Pointer(unsafe.SliceData(memory)), operand, k, n)
				got := append([]T{}, c...)
				x.Multiply(e, Of(got, n, 1), Of(a, k+2, 1), strips, m, part.n, part.k, add)
				for i := range m {
					for j := part.n.From; j < part.n.To; j++ {
						want := T(0)
						if add {
							want = c[i*n+j]
						}
						for l := part.k.From; l < part.k.To; l++ {
							want += a[i*(k+2)+l-part.k.From] * *(*T)(operand.at(l, j))
						}
						require.Equal(t, want, got[i*n+j], "element %d, %d of %v, transposed %v, add %v", i, j, part, transposed, add)
					}
					for j := part.n.To; j < n; j++ {
						require.Equal(t, c[i*n+j], got[i*n+j], "element %d, %d is not the product's", i, j)
					}
				}
			}
		}
	}
}
