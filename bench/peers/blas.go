package peers

import (
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/tandem-compute/tandem/bench"
)

// blasLibrary says how to find one of the native BLAS libraries and how to set its threads.
type blasLibrary struct {
	name, variable string
	files          []string
	setThreads     string   // takes an integer
	unset          []string // environment variables that would hold the library back, read when it loads
}

var (
	openBLASLibrary = blasLibrary{
		name: "openblas", variable: "TANDEM_PEER_OPENBLAS",
		files: []string{
			"libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0",
			"/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
			"/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "/usr/local/opt/openblas/lib/libopenblas.dylib",
		},
		setThreads: "openblas_set_num_threads",
		unset:      []string{"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"},
	}
	blisLibrary = blasLibrary{
		name: "blis", variable: "TANDEM_PEER_BLIS",
		files: []string{
			"libblis.so.4", "libblis.so", "libblis-mt.so",
			"/usr/lib/x86_64-linux-gnu/blis-pthread/libblis.so.4",
			"/opt/homebrew/opt/blis/lib/libblis.dylib", "/usr/local/opt/blis/lib/libblis.dylib",
		},
		setThreads: "bli_thread_set_num_threads",
		unset:      []string{"BLIS_ARCH_TYPE", "BLIS_NUM_THREADS", "OMP_NUM_THREADS"},
	}
)

// blasPeer calls the Fortran interface: its arguments are pointers throughout, so that a call needs no conversion.
type blasPeer struct {
	name                       string
	setThreads                 uintptr
	sgemm, dgemm, sgemv, dgemv uintptr
}

func openBLAS(l blasLibrary) (bench.Impl, error) {
	for _, v := range l.unset {
		if err := os.Unsetenv(v); err != nil {
			return nil, err
		}
	}
	lib, err := openLibrary(l.variable, l.files...)
	if err != nil {
		return nil, err
	}
	p := &blasPeer{name: l.name}
	for name, f := range map[string]*uintptr{
		l.setThreads: &p.setThreads,
		"sgemm_":     &p.sgemm, "dgemm_": &p.dgemm, "sgemv_": &p.sgemv, "dgemv_": &p.dgemv,
	} {
		if *f, err = lib.symbol(name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *blasPeer) Name() string { return p.name }
func (p *blasPeer) Close()       {}

func (p *blasPeer) Prepare(c bench.Case, threads int) (bench.Runner, error) {
	g, ok := c.Spec.(bench.GEMM)
	if !ok {
		return nil, unsupported(c)
	}
	var ways []func()
	switch c.DType {
	case bench.F32:
		ways = blasWays(newProduct[float32](c, g), p.sgemm, p.sgemv)
	case bench.F64:
		ways = blasWays(newProduct[float64](c, g), p.dgemm, p.dgemv)
	default:
		return nil, unsupported(c)
	}
	r := &blasRunner{setThreads: p.setThreads, threads: threads}
	r.with(func() { r.work = quickest(ways) })
	return r, nil
}

type blasRunner struct {
	setThreads uintptr
	threads    int
	work       func()
}

func (r *blasRunner) Run(n int) (elapsed time.Duration, err error) {
	r.with(func() { elapsed = timed(n, r.work) })
	return elapsed, nil
}

func (r *blasRunner) Close() {}

// with calls f under the runner's thread count, without changing OS threads on the way.
func (r *blasRunner) with(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	call(r.setThreads, uintptr(r.threads))
	f()
}

// blasWays lists the routines that can do a product: the matrix routine and, where an operand is a vector, the
// vector routine, which some libraries do not reach through the matrix one.
func blasWays[T float32 | float64](p *product[T], gemm, gemv uintptr) []func() {
	ways := []func(){gemmCall(p, gemm)}
	switch nt, tn := p.Layout == bench.NT, p.Layout == bench.TN; {
	case p.M == 1 && nt:
		ways = append(ways, gemvCall(gemv, 'T', p.K, p.N, p.b, p.a, p.c))
	case p.M == 1:
		ways = append(ways, gemvCall(gemv, 'N', p.N, p.K, p.b, p.a, p.c))
	case p.N == 1 && tn:
		ways = append(ways, gemvCall(gemv, 'N', p.M, p.K, p.a, p.b, p.c))
	case p.N == 1:
		ways = append(ways, gemvCall(gemv, 'T', p.K, p.M, p.a, p.b, p.c))
	}
	return ways
}

// fortran holds what the pointers of a call point at. It is on the heap, since the call's closure holds it.
type fortran[T any] struct {
	transA, transB byte
	m, n, k        int32
	lda, ldb, inc  int32
	one, zero      T
}

// gemmCall computes the row-major c = a b as the column-major cᵀ = bᵀ aᵀ, which is the same memory.
func gemmCall[T float32 | float64](p *product[T], gemm uintptr) func() {
	f := &fortran[T]{
		transA: 'N', transB: 'N', m: int32(p.M), n: int32(p.N), k: int32(p.K), lda: int32(p.K), ldb: int32(p.N), one: 1,
	}
	switch p.Layout {
	case bench.NT:
		f.transB, f.ldb = 'T', int32(p.K)
	case bench.TN:
		f.transA, f.lda = 'T', int32(p.M)
	}
	args := []uintptr{
		pointer(&f.transB), pointer(&f.transA), pointer(&f.n), pointer(&f.m), pointer(&f.k),
		pointer(&f.one), address(p.b), pointer(&f.ldb), address(p.a), pointer(&f.lda),
		pointer(&f.zero), address(p.c), pointer(&f.n),
	}
	return func() {
		call(gemm, args...)
		runtime.KeepAlive(f)
		runtime.KeepAlive(p)
	}
}

// gemvCall computes y = op(a) x for a column-major a [m, n].
func gemvCall[T float32 | float64](gemv uintptr, trans byte, m, n int, a, x, y []T) func() {
	f := &fortran[T]{transA: trans, m: int32(m), n: int32(n), inc: 1, one: 1}
	args := []uintptr{
		pointer(&f.transA), pointer(&f.m), pointer(&f.n), pointer(&f.one), address(a), pointer(&f.m),
		address(x), pointer(&f.inc), pointer(&f.zero), address(y), pointer(&f.inc),
	}
	return func() {
		call(gemv, args...)
		runtime.KeepAlive(f)
		runtime.KeepAlive(a)
		runtime.KeepAlive(x)
		runtime.KeepAlive(y)
	}
}

func pointer[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
