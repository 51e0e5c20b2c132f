package peers

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/tandem-compute/tandem/bench"
)

// oneDNN's C interface, versions 2 and 3: constants of dnnl_types.h.
const (
	dnnlCPU           = 1
	dnnlInOrder       = 1
	dnnlBF16, dnnlF32 = 2, 3

	dnnlArgSrc, dnnlArgWeights, dnnlArgDst = 1, 33, 17

	dnnlMaxDims = 12
	// Version 2 hands descriptors about as structs: these are larger than any of its releases made them.
	dnnlMemoryDescSize, dnnlOpDescSize = 2048, 16384
)

// oneDNNPeer runs the matmul primitive. OpenMP keeps a team of threads for each thread that calls it, so all calls
// come from one.
type oneDNNPeer struct {
	fn     dnnlFunctions
	thread *osThread
	engine uintptr
	stream uintptr
}

// dnnlFunctions are addresses of what the peer calls; version 3 is told by its way to make a matmul.
type dnnlFunctions struct {
	setThreads                             uintptr
	engineCreate, streamCreate, streamWait uintptr
	memoryDesc, matmulDesc, primitiveDesc  uintptr
	primitive, memory, execute             uintptr
	destroyPrimitiveDesc, destroyPrimitive uintptr
	destroyMemory, destroyMemoryDesc       uintptr
	destroyStream, destroyEngine           uintptr
	v3                                     bool
}

func openOneDNN() (bench.Impl, error) {
	lib, err := openLibrary("TANDEM_PEER_ONEDNN", "libdnnl.so.3", "libdnnl.so.2", "libdnnl.so",
		"/opt/homebrew/opt/onednn/lib/libdnnl.dylib", "/usr/local/opt/onednn/lib/libdnnl.dylib")
	if err != nil {
		return nil, err
	}
	p := &oneDNNPeer{}
	if p.fn, err = loadDNNL(lib); err != nil {
		return nil, err
	}
	p.thread = newOSThread()
	err = p.thread.do(func() error {
		if s := call(p.fn.engineCreate, pointer(&p.engine), dnnlCPU, 0); s != 0 {
			return dnnlError("engine", s)
		}
		if s := call(p.fn.streamCreate, pointer(&p.stream), p.engine, dnnlInOrder); s != 0 {
			return dnnlError("stream", s)
		}
		return nil
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func loadDNNL(lib *library) (dnnlFunctions, error) {
	var f dnnlFunctions
	names := map[string]*uintptr{
		"omp_set_num_threads": &f.setThreads, // of the OpenMP runtime that the library is linked to
		"dnnl_engine_create":  &f.engineCreate, "dnnl_stream_create": &f.streamCreate, "dnnl_stream_wait": &f.streamWait,
		"dnnl_primitive_create": &f.primitive, "dnnl_memory_create": &f.memory, "dnnl_primitive_execute": &f.execute,
		"dnnl_primitive_desc_destroy": &f.destroyPrimitiveDesc, "dnnl_primitive_destroy": &f.destroyPrimitive,
		"dnnl_memory_destroy": &f.destroyMemory, "dnnl_stream_destroy": &f.destroyStream,
		"dnnl_engine_destroy": &f.destroyEngine,
	}
	if matmul, err := lib.symbol("dnnl_matmul_primitive_desc_create"); err == nil {
		f.v3, f.matmulDesc = true, matmul
		names["dnnl_memory_desc_create_with_strides"] = &f.memoryDesc
		names["dnnl_memory_desc_destroy"] = &f.destroyMemoryDesc
	} else {
		names["dnnl_matmul_desc_init"] = &f.matmulDesc
		names["dnnl_memory_desc_init_by_strides"] = &f.memoryDesc
		names["dnnl_primitive_desc_create"] = &f.primitiveDesc
	}
	for name, address := range names {
		var err error
		if *address, err = lib.symbol(name); err != nil {
			return f, err
		}
	}
	return f, nil
}

func dnnlError(what string, status uintptr) error {
	return fmt.Errorf("oneDNN: %s: status %d", what, status)
}

func (p *oneDNNPeer) Name() string { return "onednn" }

func (p *oneDNNPeer) Close() {
	p.thread.close()
	if p.stream != 0 {
		call(p.fn.destroyStream, p.stream)
	}
	if p.engine != 0 {
		call(p.fn.destroyEngine, p.engine)
	}
}

func (p *oneDNNPeer) Prepare(c bench.Case, threads int) (bench.Runner, error) {
	g, ok := c.Spec.(bench.GEMM)
	if !ok {
		return nil, unsupported(c)
	}
	r := &dnnlRunner{peer: p, threads: threads}
	var err error
	switch {
	case c.DType == bench.F32:
		err = dnnlPrepare(r, newProduct[float32](c, g), dnnlF32)
	case c.DType == bench.BF16 && cpu.X86.HasAVX512F: // elsewhere it is the library's reference loop, minutes long
		err = dnnlPrepare(r, newProductBF16(c, g), dnnlBF16)
	default:
		return nil, unsupported(c)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// dnnlRunner is a matmul primitive bound to its operands.
type dnnlRunner struct {
	peer      *oneDNNPeer
	threads   int
	operands  any       // kept reachable for memories
	plan      *dnnlPlan // while the primitive is made
	primitive uintptr
	memories  [3]uintptr
	args      [3]dnnlExecArg
}

// dnnlExecArg is dnnl_exec_arg_t.
type dnnlExecArg struct {
	arg    int32
	memory uintptr
}

func dnnlPrepare[T any](r *dnnlRunner, g *product[T], dtype uintptr) error {
	r.operands = g
	strideA, strideB := g.strides()
	mats := [3]dnnlMatrix{
		{dnnlArgSrc, g.M, g.K, strideA, address(g.a)},
		{dnnlArgWeights, g.K, g.N, strideB, address(g.b)},
		{dnnlArgDst, g.M, g.N, [2]int{g.N, 1}, address(g.c)},
	}
	return r.peer.thread.do(func() error {
		call(r.peer.fn.setThreads, uintptr(r.threads)) // a primitive is planned for the threads there are
		return r.create(mats, dtype)
	})
}

// dnnlMatrix describes an operand: its role, its logical shape and where its elements are.
type dnnlMatrix struct {
	arg        int32
	rows, cols int
	strides    [2]int
	data       uintptr
}

// dnnlPlan is what the library reads and writes while a primitive is made. It hangs on the runner, and so is on the
// heap: a stack may move under a foreign call.
type dnnlPlan struct {
	descs         [3]dnnlDesc
	op            [dnnlOpDescSize]byte // version 2
	primitiveDesc uintptr
}

// dnnlDesc is a memory descriptor: the struct itself in version 2, a pointer to the library's in version 3.
type dnnlDesc struct {
	body           [dnnlMemoryDescSize]byte
	ptr            uintptr
	shape, strides [dnnlMaxDims]int64
}

func (r *dnnlRunner) create(mats [3]dnnlMatrix, dtype uintptr) error {
	fn := &r.peer.fn
	r.plan = &dnnlPlan{}
	defer r.dropPlan()
	for i, m := range mats {
		d := &r.plan.descs[i]
		if s := d.describe(fn, m, dtype); s != 0 {
			return dnnlError("memory descriptor", s)
		}
		if s := call(fn.memory, pointer(&r.memories[i]), d.handle(fn), r.peer.engine, m.data); s != 0 {
			return dnnlError("memory", s)
		}
		r.args[i] = dnnlExecArg{m.arg, r.memories[i]}
	}
	if s := r.describe(); s != 0 {
		return dnnlError("matmul descriptor", s)
	}
	if s := call(fn.primitive, pointer(&r.primitive), r.plan.primitiveDesc); s != 0 {
		return dnnlError("matmul", s)
	}
	return nil
}

// describe makes the matmul's primitive descriptor and returns a status.
func (r *dnnlRunner) describe() uintptr {
	fn, p := &r.peer.fn, r.plan
	src, weights, dst := p.descs[0].handle(fn), p.descs[1].handle(fn), p.descs[2].handle(fn)
	const none = 0 // bias, attributes, hint
	if fn.v3 {
		return call(fn.matmulDesc, pointer(&p.primitiveDesc), r.peer.engine, src, weights, none, dst, none)
	}
	if s := call(fn.matmulDesc, pointer(&p.op), src, weights, none, dst); s != 0 {
		return s
	}
	return call(fn.primitiveDesc, pointer(&p.primitiveDesc), pointer(&p.op), none, r.peer.engine, none)
}

func (r *dnnlRunner) dropPlan() {
	fn := &r.peer.fn
	if r.plan.primitiveDesc != 0 {
		call(fn.destroyPrimitiveDesc, r.plan.primitiveDesc)
	}
	for _, d := range r.plan.descs {
		if d.ptr != 0 {
			call(fn.destroyMemoryDesc, d.ptr)
		}
	}
	r.plan = nil
}

func (d *dnnlDesc) describe(fn *dnnlFunctions, m dnnlMatrix, dtype uintptr) uintptr {
	d.shape = [dnnlMaxDims]int64{int64(m.rows), int64(m.cols)}
	d.strides = [dnnlMaxDims]int64{int64(m.strides[0]), int64(m.strides[1])}
	out := pointer(&d.body)
	if fn.v3 {
		out = pointer(&d.ptr)
	}
	return call(fn.memoryDesc, out, 2, pointer(&d.shape), dtype, pointer(&d.strides))
}

func (d *dnnlDesc) handle(fn *dnnlFunctions) uintptr {
	if fn.v3 {
		return d.ptr
	}
	return pointer(&d.body)
}

func (r *dnnlRunner) Run(n int) (elapsed time.Duration, err error) {
	fn := &r.peer.fn
	err = r.peer.thread.do(func() error {
		call(fn.setThreads, uintptr(r.threads))
		var status uintptr
		args := pointer(&r.args)
		start := time.Now()
		for range n {
			status |= call(fn.execute, r.primitive, r.peer.stream, uintptr(len(r.args)), args)
		}
		status |= call(fn.streamWait, r.peer.stream)
		elapsed = time.Since(start)
		runtime.KeepAlive(r)
		if status != 0 {
			return dnnlError("execute", status)
		}
		return nil
	})
	return elapsed, err
}

func (r *dnnlRunner) Close() {
	fn := &r.peer.fn
	if r.primitive != 0 {
		call(fn.destroyPrimitive, r.primitive)
	}
	for _, m := range r.memories {
		if m != 0 {
			call(fn.destroyMemory, m)
		}
	}
}
