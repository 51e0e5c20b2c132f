package ptx

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func iota32(n int, f func(i int) int32) []int32 {
	v := make([]int32, n)
	for i := range v {
		v[i] = f(i)
	}
	return v
}

// modes are the options every feature must work under.
var modes = map[string]Options{
	"plain":    {},
	"sanitize": {Sanitize: true, Meter: &Meter{}, Coverage: &Coverage{}},
	"precise":  {Sanitize: true, Precise: true},
	"seed":     {Sanitize: true, Seed: 11},
	"workers":  {Workers: 3},
}

// eachMode runs a feature under all modes, on the PTX of both compilers.
func eachMode(t *testing.T, f func(t *testing.T, o Options, kernel func(name string) *Kernel)) {
	for _, file := range []string{"features.ptx", "features_nvcc.ptx"} {
		for name, o := range modes {
			t.Run(file+"/"+name, func(t *testing.T) {
				f(t, o, func(name string) *Kernel { return load(t, file, name) })
			})
		}
	}
}

func TestTableAndStruct(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("table"), NewMemory(0)
		y := alloc(t, m, 4*64)
		type pair struct {
			A int32
			B float32
			C uint64
		}
		require.NoError(t, launch1(t, k, m, 64, o, y, pair{-7, 2.75, 1 << 20}))
		primes := []int32{2, 3, 5, 7, 11, 13, 17, 19}
		for i, got := range download[int32](t, m, y, 64) {
			x := int32(i)
			want := []int32{-7, 2, 1 << 20, x * 7, x ^ 0x55, x * x, -x, x << 3, 99}[i%9] + primes[i&7]
			require.Equal(t, want, got, i)
		}
	})
}

func TestLocalMemory(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("local"), NewMemory(0)
		require.GreaterOrEqual(t, k.Local(), 64)
		x := iota32(50, func(i int) int32 { return int32(i*i%23 - 5) })
		y := alloc(t, m, 4*40)
		require.NoError(t, launch1(t, k, m, 40, o, upload(t, m, x), y, int32(50)))
		for i, got := range download[int32](t, m, y, 40) {
			var want int32
			for j := range 16 {
				want = want*3 + x[(i+(int(x[i])+j*5)&15)%50]
			}
			require.Equal(t, want, got, i)
		}
	})
}

func TestCalls(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("calls"), NewMemory(0)
		y := alloc(t, m, 4*48)
		require.NoError(t, launch1(t, k, m, 48, o, y))
		twice := func(x, n int32) (s int32) {
			for i := range n {
				s += x ^ i
			}
			return s
		}
		for i, got := range download[int32](t, m, y, 48) {
			v := int32(i)
			switch v % 3 {
			case 0:
				v = twice(v, v&7)
			case 1:
				v = twice(v, 3) - twice(v+1, 2)
			}
			require.Equal(t, v, got, i)
		}
	})
}

func TestGenericAddresses(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("generic"), NewMemory(0)
		y := alloc(t, m, 4*64)
		g := upload(t, m, iota32(64, func(i int) int32 { return int32(-i) }))
		require.NoError(t, launch1(t, k, m, 64, o, g, y))
		for i, got := range download[int32](t, m, y, 64) {
			x := int32(i)
			require.Equal(t, []int32{-x, (63 - x) * 10, x*100 + x&1}[i%3], got, i)
		}
	})
}

func TestLoops(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("loops"), NewMemory(0)
		const n = 37
		x := iota32(n, func(i int) int32 { return int32(i*7%40 - 2*(i/30)) })
		y := alloc(t, m, 4*n)
		require.NoError(t, launch1(t, k, m, n, o, upload(t, m, x), y, int32(n)))
		want := func(t int) (s int32) {
			for i := range n {
				v := x[(t+i)%n]
				if v < 0 {
					return int32(-1000 - i)
				}
				if v%5 == 0 {
					continue
				}
				for j := int32(0); j < v && j*j <= v; j++ {
					s += j
				}
				if s > 200 {
					break
				}
			}
			return s
		}
		for i, got := range download[int32](t, m, y, n) {
			require.Equal(t, want(i), got, i)
		}
	})
}

func TestDynamicShared(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("dynamic_shared"), NewMemory(0)
		const n = 300
		y := alloc(t, m, 4*n)
		l := &Launch{Block: [3]int{96}, Shared: 4 * n, Params: params(t, k, y, int32(n)), Memory: m, Options: o}
		require.NoError(t, k.Run(l))
		for i, got := range download[int32](t, m, y, n) {
			require.Equal(t, int32((n-1-i)*(n-1-i)), got)
		}
		l.Shared = 4*n - 4
		var f *Fault
		require.ErrorAs(t, k.Run(l), &f)
		require.Equal(t, OutOfBounds, f.Kind)
	})
}

func TestAtomics(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("atomics"), NewMemory(0)
		zero := func(n int) uint64 { return upload(t, m, make([]byte, n)) }
		sum, wrap, fsum, big, hist := zero(4), zero(4), zero(4), zero(8), zero(16)
		l := &Launch{Grid: [3]int{5}, Block: [3]int{70}, Params: params(t, k, sum, wrap, fsum, big, hist), Memory: m, Options: o}
		require.NoError(t, k.Run(l))
		require.Equal(t, int32(5*69*70/2), download[int32](t, m, sum, 1)[0])
		require.Equal(t, uint32(350%10), download[uint32](t, m, wrap, 1)[0])
		require.Equal(t, float32(175), download[float32](t, m, fsum, 1)[0])
		require.Equal(t, uint64(69)<<33, download[uint64](t, m, big, 1)[0])
		require.Equal(t, []int32{90, 90, 85, 85}, download[int32](t, m, hist, 4))
		addr, size, err := k.module.Global(m, "counter")
		require.NoError(t, err)
		require.EqualValues(t, 4, size)
		require.Equal(t, uint32(355), download[uint32](t, m, addr, 1)[0])
	})
}

// TestTurns needs blocks that communicate to make progress on one worker, in either direction.
func TestTurns(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		for _, reverse := range []int32{0, 1} {
			k, m := kernel("turns"), NewMemory(0)
			turn, total := upload(t, m, []int32{0}), upload(t, m, []int32{0})
			l := &Launch{Grid: [3]int{8}, Block: [3]int{32}, Params: params(t, k, turn, total, reverse), Memory: m, Options: o}
			require.NoError(t, k.Run(l))
			want := int32(0)
			for i := range int32(8) {
				want = want*2 + i
			}
			require.Equal(t, want, download[int32](t, m, total, 1)[0])
		}
	})
}

// TestPublish is plain data behind a fence and a flag: no race.
func TestPublish(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options, kernel func(string) *Kernel) {
		k, m := kernel("publish"), NewMemory(0)
		data, flag, out := alloc(t, m, 4*64), upload(t, m, []int32{0}), alloc(t, m, 4*64*3)
		l := &Launch{Grid: [3]int{4}, Block: [3]int{64}, Params: params(t, k, data, flag, out), Memory: m, Options: o}
		require.NoError(t, k.Run(l))
		for i, got := range download[int32](t, m, out, 64*3) {
			require.Equal(t, int32(i%64*3+i/64+1), got)
		}
	})
}

func TestFaults(t *testing.T) {
	sanitize := Options{Sanitize: true}
	run := func(name string, o Options, grid, threads int, values func(m *Memory) []any) *Fault {
		k, m := load(t, "features.ptx", name), NewMemory(0)
		err := k.Run(&Launch{Grid: [3]int{grid}, Block: [3]int{threads}, Params: params(t, k, values(m)...), Memory: m, Options: o})
		var f *Fault
		require.ErrorAs(t, err, &f, name)
		require.Equal(t, name, f.Kernel)
		t.Log(err)
		return f
	}
	y := func(n int) func(m *Memory) []any { return func(m *Memory) []any { return []any{alloc(t, m, n)} } }
	ints := func(v ...int32) func(m *Memory) []any { return func(m *Memory) []any { return []any{upload(t, m, v)} } }

	f := run("out_of_bounds", Options{}, 1, 64, func(m *Memory) []any { return []any{alloc(t, m, 4*100), int32(50)} })
	require.Equal(t, OutOfBounds, f.Kind)
	require.Equal(t, [3]int{50, 0, 0}, f.Thread)
	require.Contains(t, f.Instr, "st.global")

	f = run("out_of_bounds", Options{}, 1, 1, func(m *Memory) []any {
		a := alloc(t, m, 64)
		require.NoError(t, m.Free(a))
		return []any{a, int32(0)}
	})
	require.Equal(t, OutOfBounds, f.Kind)
	require.Contains(t, f.Detail, "freed")

	f = run("misaligned", Options{}, 1, 2, y(64))
	require.Equal(t, Misaligned, f.Kind)
	require.Equal(t, 1, f.Thread[0])

	f = run("uninitialised", sanitize, 1, 8, func(m *Memory) []any {
		a := alloc(t, m, 32)
		require.NoError(t, m.Write(a, make([]byte, 20)))
		return []any{a, alloc(t, m, 32)}
	})
	require.Equal(t, Uninitialised, f.Kind)
	require.Equal(t, 5, f.Thread[0])

	require.Equal(t, SharedRace, run("shared_race", sanitize, 1, 64, ints(1)).Kind)
	f = run("shared_race", Options{Sanitize: true, Precise: true}, 1, 64, ints(1))
	require.Equal(t, SharedRace, f.Kind)
	require.NotZero(t, f.Line)

	require.Equal(t, DivergentBarrier, run("divergent_barrier", Options{}, 1, 32, ints(append(make([]int32, 31), 1)...)).Kind)
	require.Equal(t, GlobalRace, run("block_race", sanitize, 2, 32, y(128)).Kind)
	require.Equal(t, Deadlock, run("spin", Options{}, 2, 32, ints(0)).Kind)
	require.Equal(t, BudgetExceeded, run("spin", Options{Budget: 1000}, 1, 32, ints(0)).Kind)

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
	k, m := load(t, "features.ptx", "spin"), NewMemory(0)
	err := launch1(t, k, m, 32, Options{Ctx: ctx}, upload(t, m, []int32{0}))
	require.True(t, errors.Is(err, context.DeadlineExceeded), err)
}

func TestNoFaultWithoutCause(t *testing.T) {
	m := NewMemory(0)
	k := load(t, "features.ptx", "shared_race")
	y := upload(t, m, make([]int32, 64)) // zero: the barrier is there
	require.NoError(t, launch1(t, k, m, 64, Options{Sanitize: true}, y))
	k = load(t, "features.ptx", "divergent_barrier")
	y = upload(t, m, iota32(32, func(int) int32 { return 1 }))
	require.NoError(t, launch1(t, k, m, 32, Options{Sanitize: true}, y))
}

func TestLaunchErrors(t *testing.T) {
	k, m := load(t, "features.ptx", "spin"), NewMemory(0)
	for _, l := range []*Launch{
		{Block: [3]int{32}, Params: make([]byte, 8)},
		{Block: [3]int{32}, Params: make([]byte, 4), Memory: m},
		{Block: [3]int{32, 64}, Params: make([]byte, 8), Memory: m},
		{Block: [3]int{-1}, Params: make([]byte, 8), Memory: m},
		{Grid: [3]int{1 << 20, 1 << 20}, Params: make([]byte, 8), Memory: m},
		{Block: [3]int{32}, Shared: 1 << 20, Params: make([]byte, 8), Memory: m},
	} {
		require.Error(t, k.Run(l))
	}
	_, err := k.module.Entry("nothing")
	require.Error(t, err)
}

func TestMemory(t *testing.T) {
	m := NewMemory(1000)
	a, err := m.Alloc(600)
	require.NoError(t, err)
	require.Zero(t, a%256)
	_, err = m.Alloc(600)
	require.ErrorIs(t, err, ErrOutOfMemory)
	_, err = m.Alloc(0)
	require.Error(t, err)
	require.NoError(t, m.Fill(a+1, []byte{1, 2, 3}, 4))
	b := make([]byte, 14)
	require.NoError(t, m.Read(a, b))
	require.Equal(t, []byte{0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 0}, b)
	require.NoError(t, m.Copy(a+3, a+1, 6))
	require.NoError(t, m.Read(a, b))
	require.Equal(t, []byte{0, 1, 2, 1, 2, 3, 1, 2, 3, 3, 1, 2, 3, 0}, b)
	require.Error(t, m.Write(a+599, []byte{1, 2}))
	require.Error(t, m.Read(a-1, b))
	require.Error(t, m.Free(a+256))
	require.NoError(t, m.Free(a))
	require.Error(t, m.Free(a))
	c, err := m.Alloc(600)
	require.NoError(t, err)
	require.NotEqual(t, a, c)
	require.EqualValues(t, 600, m.Used())
}

// TestCopyKeepsInit: copied uninitialised bytes are still uninitialised.
func TestCopyKeepsInit(t *testing.T) {
	m := NewMemory(0)
	a, b, y := alloc(t, m, 32), alloc(t, m, 32), alloc(t, m, 32)
	require.NoError(t, m.Write(a, make([]byte, 16)))
	require.NoError(t, m.Copy(b, a, 32))
	k := load(t, "features.ptx", "uninitialised")
	require.NoError(t, launch1(t, k, m, 4, Options{Sanitize: true}, b, y))
	var f *Fault
	require.ErrorAs(t, launch1(t, k, m, 5, Options{Sanitize: true}, b, y), &f)
	require.Equal(t, Uninitialised, f.Kind)
}

func TestCoverage(t *testing.T) {
	c := &Coverage{}
	k, m := load(t, "features.ptx", "divergent_barrier"), NewMemory(0)
	y := upload(t, m, make([]int32, 32)) // nobody takes the branch
	require.NoError(t, launch1(t, k, m, 32, Options{Coverage: c}, y))
	require.NotEmpty(t, c.Missed())
	require.NoError(t, m.Write(y, []byte{1, 0, 0, 0}))
	require.Error(t, launch1(t, k, m, 32, Options{Coverage: c}, y))
	for i := range 32 {
		require.NoError(t, m.Write(y+uint64(4*i), []byte{1, 0, 0, 0}))
	}
	require.NoError(t, launch1(t, k, m, 32, Options{Coverage: c}, y))
	require.Empty(t, c.Missed())
}
