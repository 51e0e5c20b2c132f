package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/tandem-compute/tandem"
)

var (
	uplos      = []blas.Uplo{blas.Upper, blas.Lower}
	sides      = []blas.Side{blas.Left, blas.Right}
	transposes = []blas.Transpose{blas.NoTrans, blas.Trans}
	diags      = []blas.Diag{blas.NonUnit, blas.Unit}
)

// shape is one random call: sizes that reach several blocks with ragged ends, and strides wider than rows.
type shape struct {
	m, n, k          int
	gapA, gapB, gapC int
	alpha, beta      float64
	seed             uint64
}

func shapes(t *testing.T) []shape {
	const seed = 7
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	scales := []float64{1, -1, 0.1, 2, 1.0 / 3} // 0.1 and 1/3 are no float32
	var all []shape
	for i := range 8 {
		size := func() int { return 1 + r.IntN(150) }
		all = append(all, shape{size(), size(), size(), r.IntN(3), r.IntN(3), r.IntN(3),
			scales[i%len(scales)], []float64{0, 1, 0.3, -2}[i%4], r.Uint64()})
	}
	return append(all, shape{m: 64, n: 128, k: 65, alpha: 1, seed: 1}, shape{m: 129, n: 1, k: 200, alpha: 0.1, beta: 1, seed: 2},
		shape{m: 1, n: 150, k: 150, alpha: 1, beta: 0.5, seed: 3})
}

// matrixOf is a rows x cols matrix with rows ld apart; between rows, and past the last, is NaN.
func matrixOf[T float](seed uint64, rows, cols, ld int) []T {
	x, r := make([]T, rows*ld+3), rand.New(rand.NewPCG(seed, 2))
	for i := range x {
		x[i] = T(math.NaN())
		if i/ld < rows && i%ld < cols {
			x[i] = T(r.NormFloat64())
		}
	}
	return x
}

// requireClose compares two results of sums of about terms products of standard normal numbers; NaN must be where NaN was.
func requireClose[T float](t *testing.T, want, got []T, terms int, what string) {
	t.Helper()
	eps := 0x1p-52
	if any(*new(T)) == any(float32(0)) {
		eps = 0x1p-23
	}
	tol := 16 * eps * float64(terms+4)
	for i := range want {
		w, g := float64(want[i]), float64(got[i])
		if math.IsNaN(w) && math.IsNaN(g) {
			continue
		}
		if !(math.Abs(w-g) <= tol*max(1, math.Abs(w))) {
			require.Failf(t, what, "element %d is %g, gonum's %g", i, g, w)
		}
	}
}

// against runs every routine of an engine and gonum's on the same operands.
func against[T float](t *testing.T, e *engine[T]) {
	for _, c := range shapes(t) {
		alpha, beta := T(c.alpha), T(c.beta)
		name := fmt.Sprintf("%dx%dx%d alpha %g beta %g", c.m, c.n, c.k, c.alpha, c.beta)
		for _, tA := range transposes {
			againstGeneral(t, e, &c, tA, alpha, beta, name)
			for _, ul := range uplos {
				againstUpdates(t, e, &c, ul, tA, alpha, beta, name)
				for _, side := range sides {
					againstTriangles(t, e, &c, side, ul, tA, alpha, beta, name)
				}
			}
		}
	}
}

// both calls f with ours and gonum's routines, each on its own copy of c, and compares.
func both[T float](t *testing.T, e *engine[T], c []T, terms int, what string, f func(r routines[T], c []T)) {
	t.Helper()
	got, want := append([]T(nil), c...), append([]T(nil), c...)
	f(routines[T]{e.gemm, e.gemv, e.syrk, e.syr2k, e.symm, e.trmm, e.trsm}, got)
	f(reference(e), want)
	requireClose(t, want, got, terms, what)
}

// reference is gonum's routines, with gemv as a gemm: gonum's Sgemv clears more of y than its elements when A is
// transposed.
func reference[T float](e *engine[T]) routines[T] {
	native := e.native
	native.gemv = func(tA blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
		rows, cols := flip(tA == blas.Trans, m, n)
		native.gemm(tA, blas.NoTrans, rows, 1, cols, alpha, a, lda, x, incX, beta, y, incY)
	}
	return native
}

func againstGeneral[T float](t *testing.T, e *engine[T], c *shape, tA blas.Transpose, alpha, beta T, name string) {
	rows, cols := flip(tA == blas.Trans, c.m, c.k)
	lda, ldc := cols+c.gapA, c.n+c.gapC
	a := matrixOf[T](c.seed, rows, cols, lda)
	for _, tB := range transposes {
		rows, cols := flip(tB == blas.Trans, c.k, c.n)
		ldb := cols + c.gapB
		b := matrixOf[T](c.seed+1, rows, cols, ldb)
		both(t, e, matrixOf[T](c.seed+2, c.m, c.n, ldc), c.k, fmt.Sprintf("gemm %c%c %s", tA, tB, name), func(r routines[T], y []T) {
			r.gemm(tA, tB, c.m, c.n, c.k, alpha, a, lda, b, ldb, beta, y, ldc)
		})
	}
	incX, incY := 1+c.gapB, 1+c.gapC
	x := matrixOf[T](c.seed+3, c.k, 1, incX)
	both(t, e, matrixOf[T](c.seed+4, c.m, 1, incY), c.k, fmt.Sprintf("gemv %c %s", tA, name), func(r routines[T], y []T) {
		r.gemv(tA, rows, cols, alpha, a, lda, x, incX, beta, y, incY)
	})
}

func againstUpdates[T float](t *testing.T, e *engine[T], c *shape, ul blas.Uplo, trans blas.Transpose, alpha, beta T, name string) {
	rows, cols := flip(trans == blas.Trans, c.n, c.k)
	ld, ldc := cols+c.gapA, c.n+c.gapC
	a, b := matrixOf[T](c.seed+5, rows, cols, ld), matrixOf[T](c.seed+6, rows, cols, ld)
	y := matrixOf[T](c.seed+7, c.n, c.n, ldc)
	both(t, e, y, c.k, fmt.Sprintf("syrk %c%c %s", ul, trans, name), func(r routines[T], y []T) {
		r.syrk(ul, trans, c.n, c.k, alpha, a, ld, beta, y, ldc)
	})
	both(t, e, y, 2*c.k, fmt.Sprintf("syr2k %c%c %s", ul, trans, name), func(r routines[T], y []T) {
		r.syr2k(ul, trans, c.n, c.k, alpha, a, ld, b, ld, beta, y, ldc)
	})
}

// triangleOf is a matrix that holds one triangle, the other being NaN. Off the diagonal it is small, so that systems
// are well conditioned.
func triangleOf[T float](seed uint64, ul blas.Uplo, n, ld int) []T {
	a := matrixOf[T](seed, n, n, ld)
	for i := range n {
		for j := range n {
			switch {
			case (ul == blas.Upper) != (j > i) && i != j:
				a[i*ld+j] = T(math.NaN())
			case i != j:
				a[i*ld+j] /= T(n)
			default:
				a[i*ld+j] += 4
			}
		}
	}
	return a
}

func againstTriangles[T float](t *testing.T, e *engine[T], c *shape, side blas.Side, ul blas.Uplo, tA blas.Transpose, alpha, beta T, name string) {
	order := c.m
	if side == blas.Right {
		order = c.n
	}
	lda, ldb, ldc := order+c.gapA, c.n+c.gapB, c.n+c.gapC
	a, b := triangleOf[T](c.seed+8, ul, order, lda), matrixOf[T](c.seed+9, c.m, c.n, ldb)
	what := fmt.Sprintf("%c%c%c %s", side, ul, tA, name)
	if tA == blas.NoTrans {
		both(t, e, matrixOf[T](c.seed+10, c.m, c.n, ldc), order, "symm "+what, func(r routines[T], y []T) {
			r.symm(side, ul, c.m, c.n, alpha, a, lda, b, ldb, beta, y, ldc)
		})
	}
	for _, d := range diags {
		both(t, e, b, order, fmt.Sprintf("trmm %c%s", d, what), func(r routines[T], y []T) {
			r.trmm(side, ul, tA, d, c.m, c.n, alpha, a, lda, y, ldb)
		})
		both(t, e, b, order, fmt.Sprintf("trsm %c%s", d, what), func(r routines[T], y []T) {
			r.trsm(side, ul, tA, d, c.m, c.n, alpha, a, lda, y, ldb)
		})
	}
}

func TestAgainstGonum(t *testing.T) {
	im := open(t)
	im.f32.minVector, im.f64.minVector = 0, 0
	t.Run("double", func(t *testing.T) { against(t, &im.f64) })
	t.Run("single", func(t *testing.T) { against(t, &im.f32) })
	im.reached(t)
	far := open(t)
	far.f32.eager(1)
	far.f64.eager(1)
	far.f32.host, far.f64.host = false, false
	far.f32.native = reference(&far.f32) // gemv stays on this side
	t.Run("double copied", func(t *testing.T) { against(t, &far.f64) })
	t.Run("single copied", func(t *testing.T) { against(t, &far.f32) })
	far.reached(t)
}

// What is wrong with a call is said in gonum's words.
func TestPanicsAreGonums(t *testing.T) {
	im, native := open(t), gonum.Implementation{}
	im.f64.eager(2)
	ok := make([]float64, 64)
	calls := []struct {
		name string
		f    func(im blas.Float64)
	}{
		{"transpose", func(im blas.Float64) { im.Dgemm('X', blas.NoTrans, 8, 8, 8, 1, ok, 8, ok, 8, 0, ok, 8) }},
		{"m", func(im blas.Float64) { im.Dgemm(blas.NoTrans, blas.NoTrans, -1, 8, 8, 1, ok, 8, ok, 8, 0, ok, 8) }},
		{"lda", func(im blas.Float64) { im.Dgemm(blas.NoTrans, blas.NoTrans, 8, 8, 8, 1, ok, 7, ok, 8, 0, ok, 8) }},
		{"short b", func(im blas.Float64) { im.Dgemm(blas.NoTrans, blas.NoTrans, 8, 8, 8, 1, ok, 8, ok[:63], 8, 0, ok, 8) }},
		{"short c", func(im blas.Float64) { im.Dgemm(blas.Trans, blas.Trans, 8, 8, 8, 1, ok, 8, ok, 8, 0, ok[:60], 8) }},
		{"increment", func(im blas.Float64) { im.Dgemv(blas.NoTrans, 8, 8, 1, ok, 8, ok, 0, 0, ok, 1) }},
		{"short x", func(im blas.Float64) { im.Dgemv(blas.NoTrans, 8, 8, 1, ok, 8, ok[:14], 2, 0, ok, 1) }},
		{"triangle", func(im blas.Float64) { im.Dsyrk('X', blas.NoTrans, 8, 8, 1, ok, 8, 0, ok, 8) }},
		{"ldc", func(im blas.Float64) { im.Dsyr2k(blas.Upper, blas.NoTrans, 8, 8, 1, ok, 8, ok, 8, 0, ok, 7) }},
		{"side", func(im blas.Float64) { im.Dsymm('X', blas.Upper, 8, 8, 1, ok, 8, ok, 8, 0, ok, 8) }},
		{"diagonal", func(im blas.Float64) { im.Dtrsm(blas.Left, blas.Upper, blas.NoTrans, 'X', 8, 8, 1, ok, 8, ok, 8) }},
		{"short a", func(im blas.Float64) {
			im.Dtrmm(blas.Right, blas.Upper, blas.NoTrans, blas.Unit, 8, 8, 1, ok[:50], 8, ok, 8)
		}},
	}
	for _, c := range calls {
		var want any
		func() {
			defer func() { want = recover() }()
			c.f(native)
		}()
		require.NotNil(t, want, c.name)
		require.PanicsWithValue(t, want, func() { c.f(im) }, c.name)
	}
}

func TestDeviceErrorsPanic(t *testing.T) {
	dev, err := tandem.Open(tandem.OnDevice("cpu"))
	require.NoError(t, err)
	im, err := New(dev)
	require.NoError(t, err)
	require.NoError(t, dev.Close())
	x := make([]float64, 64*64)
	defer func() {
		err, ok := recover().(error)
		require.True(t, ok)
		require.ErrorIs(t, err, tandem.ErrClosed)
	}()
	im.Dgemm(blas.NoTrans, blas.NoTrans, 64, 64, 64, 1, x, 64, x, 64, 0, make([]float64, 64*64), 64)
}

// gonum's own programs give the answers they gave before.
func TestMatOnDevice(t *testing.T) {
	im := open(t)
	defer blas64.Use(gonum.Implementation{})
	const n = 130
	x, y := mat.NewDense(n, n, random[float64](21, n*n)), mat.NewDense(n, n, random[float64](22, n*n))
	answers := func() map[string]*mat.Dense {
		out := map[string]*mat.Dense{}
		var mul, inv, solved mat.Dense
		mul.Mul(x, y.T())
		require.NoError(t, inv.Inverse(x))
		var qr mat.QR
		qr.Factorize(x)
		var q, r, product mat.Dense
		qr.QTo(&q)
		qr.RTo(&r)
		product.Mul(&q, &r)
		var gram mat.SymDense
		gram.SymOuterK(1, x)
		var chol mat.Cholesky
		require.True(t, chol.Factorize(&gram))
		require.NoError(t, chol.SolveTo(&solved, y))
		var svd mat.SVD
		require.True(t, svd.Factorize(x, mat.SVDThin))
		out["mul"], out["inverse"], out["qr"], out["solved"] = &mul, &inv, &product, &solved
		out["singular"] = mat.NewDense(n, 1, svd.Values(nil))
		return out
	}
	want := answers()
	ops := im.f64.dev.Stats().Ops
	blas64.Use(im)
	for name, got := range answers() {
		scale := mat.Norm(want[name], 2)
		require.True(t, mat.EqualApprox(want[name], got, 1e-8*scale), "%s differs", name)
	}
	require.Greater(t, im.f64.dev.Stats().Ops, ops, "the device computed nothing")
	require.True(t, mat.EqualApprox(x, want["qr"], 1e-10))
}

func TestConcurrentCalls(t *testing.T) {
	im := open(t, tandem.Threads(2))
	const n, callers = 96, 6
	x, y := random[float64](31, n*n), random[float64](32, n*n)
	want := make([]float64, n*n)
	im.Dgemm(blas.NoTrans, blas.Trans, n, n, n, 0.1, x, n, y, n, 0, want, n)
	var wg sync.WaitGroup
	got := make([][]float64, callers)
	for i := range got {
		wg.Go(func() {
			got[i] = make([]float64, n*n)
			for range 5 {
				im.Dgemm(blas.NoTrans, blas.Trans, n, n, n, 0.1, x, n, y, n, 0, got[i], n)
				im.Dsyrk(blas.Upper, blas.NoTrans, n, n, 1, x, n, 0, make([]float64, n*n), n)
			}
		})
	}
	wg.Wait()
	for i := range got {
		require.Equal(t, want, got[i], "caller %d: the same bits whoever else computes", i)
	}
}

func TestSteadyCallsAllocateLittle(t *testing.T) {
	im := open(t)
	const n = 64
	x, c := random[float64](41, n*n), make([]float64, n*n)
	allocs := testing.AllocsPerRun(20, func() {
		im.Dgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, x, n, x, n, 1, c, n)
	})
	require.LessOrEqual(t, allocs, 4.0, "a block for each of three operands, and now and then a pooled call")
}
