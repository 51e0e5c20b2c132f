package peers

import (
	"runtime"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/tandem-compute/tandem/bench"
)

// gonumPeer is gonum's own BLAS, in Go. It works in as many goroutines as GOMAXPROCS allows.
type gonumPeer struct{}

func (gonumPeer) Name() string { return "gonum" }
func (gonumPeer) Close()       {}

func (gonumPeer) Prepare(c bench.Case, threads int) (bench.Runner, error) {
	g, ok := c.Spec.(bench.GEMM)
	if !ok {
		return nil, unsupported(c)
	}
	var work func()
	switch c.DType {
	case bench.F32:
		work = gonumWork(newProduct[float32](c, g), gonum.Implementation{}.Sgemm)
	case bench.F64:
		work = gonumWork(newProduct[float64](c, g), gonum.Implementation{}.Dgemm)
	default:
		return nil, unsupported(c)
	}
	return &gonumRunner{work: work, threads: threads}, nil
}

// gonumGemm is the signature of Sgemm and Dgemm.
type gonumGemm[T any] func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)

func gonumWork[T float32 | float64](p *product[T], gemm gonumGemm[T]) func() {
	transA, transB, lda, ldb := blas.NoTrans, blas.NoTrans, p.K, p.N
	switch p.Layout {
	case bench.NT:
		transB, ldb = blas.Trans, p.K
	case bench.TN:
		transA, lda = blas.Trans, p.M
	}
	return func() { gemm(transA, transB, p.M, p.N, p.K, 1, p.a, lda, p.b, ldb, 0, p.c, p.N) }
}

type gonumRunner struct {
	work    func()
	threads int
}

func (r *gonumRunner) Run(n int) (time.Duration, error) {
	before := runtime.GOMAXPROCS(r.threads)
	defer runtime.GOMAXPROCS(before)
	return timed(n, r.work), nil
}

func (r *gonumRunner) Close() {}
