//go:build cuda && cgo && linux

package gpu

import (
	"context"
	"flag"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
	"github.com/tandem-compute/tandem/internal/ptx"
	"github.com/tandem-compute/tandem/internal/sim"
	"github.com/tandem-compute/tandem/kernels"
)

// only are the names of the cases to run.
var only = regexp.MustCompile("")

func init() {
	flag.TextVar(only, "op", only, "run only the cases whose names match a `regular expression`")
}

// checked finds what a device would not notice: reads of memory that nobody wrote, races.
func checked() sim.Config { return sim.Config{Options: ptx.Options{Sanitize: true}} }

// open installs a fresh simulator and opens its device, which must leave no memory behind.
func open(t testing.TB, c sim.Config) *Backend {
	require.NoError(t, sim.Install(c))
	b, _, err := Open(0, Options{Name: "sim", Explain: sim.Faulted})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		require.Zero(t, sim.Stats().Allocations, "device allocations left")
		require.Zero(t, sim.Stats().HostLive, "page-locked bytes left")
	})
	return b
}

// Every kernel that this package names exists, and takes no more parameters than a launch can hold.
func TestSymbols(t *testing.T) {
	modules := map[string]*ptx.Module{}
	for _, k := range symbols {
		m, ok := modules[k.family]
		if !ok {
			text, err := kernels.PTX(k.family)
			require.NoError(t, err)
			m, err = ptx.Parse(text)
			require.NoError(t, err)
			modules[k.family] = m
		}
		e, err := m.Entry(k.name)
		require.NoError(t, err)
		require.LessOrEqual(t, len(e.Params()), maxWords, k.name)
	}
}

// Every case of the parity table whose op has a kernel agrees with the oracle: with work done at once, as late as the
// program allows, and, for products, on a device so small that large tiles pay; what tensor cores do, however they may
// sum. Together the cases reach every kernel, and every basic block of it that can be reached.
func TestParity(t *testing.T) {
	all := func(*parity.Case) bool { return true }
	quick := func(c *parity.Case) bool { return c.Quick }
	products := func(c *parity.Case) bool { return c.Op.Kind() == op.KindMatMul }
	if testing.Short() {
		all = quick
	}
	reached, coverage := make([]bool, len(symbols)), new(ptx.Coverage)
	for _, v := range []struct {
		name   string
		wanted func(*parity.Case) bool
		change func(*sim.Config)
	}{
		{"all", all, func(*sim.Config) {}},
		{"late", quick, func(c *sim.Config) { c.Deferred = true }},
		{"small", products, func(c *sim.Config) { c.SMs = 1 }},
		{"truncate8", onTensorCores, func(c *sim.Config) { c.MMA = ptx.MMATruncate8 }},
		{"truncate16", onTensorCores, func(c *sim.Config) { c.MMA = ptx.MMATruncate16 }},
		{"chain", onTensorCores, func(c *sim.Config) { c.MMA = ptx.MMAChain }},
	} {
		t.Run(v.name, func(t *testing.T) {
			config := checked()
			config.Coverage = coverage
			v.change(&config)
			b := open(t, config)
			agree(t, b, v.wanted)
			for i := range symbols {
				reached[i] = reached[i] || b.functions[i].Load() != nil
			}
		})
	}
	if only.String() != "" || testing.Short() {
		return // with all cases alone
	}
	for i, k := range symbols {
		require.True(t, reached[i], "no case reaches %s", k.name)
	}
	requireReached(t, coverage)
}

// onTensorCores are the cases of ops that may run there.
func onTensorCores(c *parity.Case) bool {
	if d := c.In; len(d) == 0 || d[0].DType != op.F16 && d[0].DType != op.BF16 {
		return false
	}
	switch o := c.Op.(type) {
	case *op.MatMul, *op.GroupedMatMul, *op.GroupedOuter:
		return true
	case *op.Attention:
		return o.HalfWeights
	}
	return false
}

// Loops over more batches than a grid has places for are cut in pieces, which join without a seam.
func TestLaunchesInPieces(t *testing.T) {
	defer func(n int) { maxGridYZ = n }(maxGridYZ)
	for _, maxGridYZ = range []int{1, 2} {
		t.Run(strconv.Itoa(maxGridYZ), func(t *testing.T) {
			agree(t, open(t, checked()), func(c *parity.Case) bool {
				switch c.Op.Kind() {
				case op.KindMatMul, op.KindReduce, op.KindCumSum:
					return c.In[0].DType == op.F32 || c.In[0].DType == op.I64
				}
				return false
			})
		})
	}
}

// agree runs the wanted cases; ops without a kernel are left out, with the reason in the log.
func agree(t *testing.T, b *Backend, wanted func(*parity.Case) bool) {
	cases, ran, asked, missing := append(parity.Cases(), roads()...), 0, 0, map[string]string{}
	for i := range cases {
		c := &cases[i]
		if !wanted(c) || !only.MatchString(c.Name) {
			continue
		}
		asked++
		switch res := parity.Run(context.Background(), b, c); res.Status {
		case parity.Failed:
			t.Errorf("%s: %s\n  again: tandem check --device sim --op '^%s$'", c.Name, res.Reason, c.Name)
		case parity.Unsupported:
			missing[c.Op.Name()] = res.Reason
		default:
			ran++
		}
	}
	t.Logf("%d of %d cases ran; ops without a kernel for some type: %v", ran, asked, missing)
	require.Positive(t, ran)
}

// Every op has a kernel or says why it has none, and an op of a family that is done has no silent gap.
func TestSupportsAnswers(t *testing.T) {
	b := open(t, checked())
	for _, o := range op.All() {
		if pickers[o.Kind()] != nil {
			continue
		}
		_, err := b.Supports(o, nil, nil)
		require.ErrorIs(t, err, op.ErrUnsupported)
		require.ErrorContains(t, err, o.Name())
	}
}

// A kernel that faults poisons the context: the error names the kernel and has the simulator's account, what follows
// fails without a crash, and closing tells it once more.
func TestFault(t *testing.T) {
	require.NoError(t, sim.Install(checked()))
	b, _, err := Open(0, Options{Name: "sim", Explain: sim.Faulted})
	require.NoError(t, err)
	s, err := b.Stream()
	require.NoError(t, err)
	k, err := b.Alloc(64)
	require.NoError(t, err)
	n := new(op.Node)
	n.Set(&op.Unary{Fn: op.Exp}, 1, 1)
	n.In[0] = op.View{Type: op.Make(op.F32, 8), Block: k, Off: 1}
	n.Out[0] = op.View{Type: op.Make(op.F32, 8), Block: k, Off: 32}
	n.Kernel, err = b.Supports(n.Op, []op.Type{n.In[0].Type}, []op.Type{n.Out[0].Type})
	require.NoError(t, err)
	require.NoError(t, s.Exec(n), "a launch does not wait")
	err = s.Sync()
	require.ErrorIs(t, err, op.ErrDevice)
	require.ErrorIs(t, err, cuda.ErrMisalignedAddress)
	require.ErrorContains(t, err, "exp_f32")
	for _, later := range []error{s.Exec(n), s.Upload(&n.In[0], make([]byte, 32)), s.Download(make([]byte, 32), &n.In[0]), s.Close(), b.Free(k)} {
		require.ErrorIs(t, later, op.ErrDevice)
	}
	require.ErrorIs(t, b.Close(), op.ErrDevice)
	require.Zero(t, sim.Stats().Allocations, "the context is gone, and all it held")
}

// Devices that are not there or cannot run the kernels are refused with what is wrong; newer ones run them.
func TestOpen(t *testing.T) {
	for _, v := range []struct {
		config sim.Config
		device int
		text   string
	}{{sim.Config{}, 1, "no CUDA device 1"}, {sim.Config{}, -1, "no CUDA device -1"}, {sim.Config{Capability: [2]int{7, 5}}, 0, "the kernels need 8.0"}} {
		require.NoError(t, sim.Install(v.config))
		_, _, err := Open(v.device, Options{})
		require.ErrorIs(t, err, op.ErrDevice)
		require.ErrorContains(t, err, v.text)
	}
	require.NoError(t, sim.Install(sim.Config{Devices: 2, Capability: [2]int{9, 0}}))
	b, why, err := Open(1, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	require.Equal(t, "cuda:1", b.Name())
	require.Contains(t, why, "compute capability 9.0")
	s, err := b.Stream()
	require.NoError(t, err)
	require.NoError(t, s.Exec(node(t, b, s, &op.Fill{Dims: op.DimsOf(3), DType: op.F32})))
	require.NoError(t, s.Close())
}
