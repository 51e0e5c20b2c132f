package tandem

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBudget(t *testing.T) {
	d := openTest(t, Budget(64<<10))
	r := rng(27)
	x, y := normal(t, d, r, 64, 64), normal(t, d, r, 16, 16) // 16 KB and 1 KB
	grow := func(s *Scope) error {
		for z := x; s.Err() == nil; {
			z = s.Add(z, x)
		}
		return nil
	}
	for range 3 {
		before := d.Stats()
		err := d.Run(bg, grow)
		require.ErrorIs(t, err, ErrOutOfMemory)
		for _, want := range []string{"tandem: alloc: 16384 bytes wanted", "budget 65536", "16384 bytes  f32[64,64]", "1024 bytes  f32[16,16]", "temporaries and programs", "(cpu)"} {
			require.ErrorContains(t, err, want)
		}
		require.Less(t, strings.Index(err.Error(), "f32[64,64]"), strings.Index(err.Error(), "f32[16,16]"), "largest first")
		require.Equal(t, before.Live, d.Stats().Live, "nothing is lost")
		require.LessOrEqual(t, d.Stats().Reserved, 64<<10)
		_, err = Zeros(d, F32, 64, 256)
		require.ErrorIs(t, err, ErrOutOfMemory)
		_, err = d.Compile(func(s *Scope) error { a := s.Add(x, x); b := s.Add(a, x); s.Add(a, s.Add(b, a)); return nil })
		require.ErrorIs(t, err, ErrOutOfMemory)
		require.NoError(t, d.Run(bg, func(s *Scope) error { s.Add(x, x); s.Add(y, y); return nil }), "works again")
	}
	requireIdle(t, d)
	more := 0
	var many []Tensor
	for {
		z, err := Zeros(d, F32, 256)
		if err != nil {
			require.ErrorIs(t, err, ErrOutOfMemory)
			require.ErrorContains(t, err, "more tensors")
			break
		}
		many = append(many, z)
		more++
	}
	require.Equal(t, 47, more)
	closeAll(t, many...)
	require.NoError(t, d.Run(bg, func(s *Scope) error { s.Add(s.Add(x, x), x); return nil }))
	_, err := Open(OnDevice("cpu"), Budget(0))
	require.Error(t, err)
}

// What arenas and the pool keep for reuse is no use to an allocation of another size: it makes room instead.
func TestReusedMemoryMakesRoom(t *testing.T) {
	d := openTest(t, Budget(64<<10))
	small := tensor(t, d, make([]float32, 64), 64)
	fill := func(s *Scope) { // 48 KB in small blocks, all idle again
		s.Nest(func(s *Scope) Tensor {
			for range 190 {
				s.Neg(small)
			}
			return Tensor{}
		})
	}
	big := func(s *Scope) Tensor { return s.Fill(F32, 1, 12, 1024) } // 48 KB
	require.NoError(t, d.Run(bg, func(s *Scope) error { fill(s); big(s); return nil }), "an arena's own blocks")
	require.NoError(t, d.Run(bg, func(s *Scope) error { fill(s); return nil }))
	require.NoError(t, d.Run(bg, func(s *Scope) error { big(s); return nil }), "the pool's")
	require.NoError(t, d.Run(bg, func(s *Scope) error { fill(s); return nil }))
	x, err := Zeros(d, F32, 12, 1024)
	require.NoError(t, err, "an idle arena's")
	require.NoError(t, x.Close())
	var kept Tensor
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		b := s.Fill(F32, 1, 5, 1024)
		fill2 := func(s *Scope) Tensor {
			for range 90 {
				s.Neg(small)
			}
			return Tensor{}
		}
		s.Nest(fill2)
		kept = s.Keep(s.Reshape(b, 1024, 5)) // a view: Keep copies
		return nil
	}))
	require.NoError(t, kept.Close())
	p, err := d.Compile(func(s *Scope) error { big(s); return nil })
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, d.Trim())
	require.Equal(t, 256, d.Stats().Reserved)
}

func TestStats(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, make([]float32, 256), 16, 16)
	s0 := d.Stats()
	require.Equal(t, 1, s0.Tensors)
	require.Equal(t, 1024, s0.Live)
	require.EqualValues(t, 1024, s0.Uploaded)
	p := compile(t, d, func(s *Scope) error { s.Add(s.Add(x, x), x); return nil })
	require.NoError(t, p.Run(bg))
	out := make([]float32, 256)
	require.NoError(t, d.Run(bg, func(s *Scope) error { s.Exp(x); s.Transpose(x, 0, 1); return Read(s, s.Add(x, x), out) }))
	s1 := d.Stats()
	require.EqualValues(t, 4, s1.Ops-s0.Ops, "two replayed, two eager; views are no kernels")
	require.EqualValues(t, 1024, s1.Downloaded)
	require.Equal(t, 3072, s1.Live, "the program has its memory")
	require.Equal(t, 5120, s1.Peak)
	require.Equal(t, 5120, s1.Reserved)
	require.EqualValues(t, 4, s1.PoolMisses)
	require.NoError(t, d.Run(bg, func(s *Scope) error { s.Exp(x); return nil }))
	require.EqualValues(t, 1, d.Stats().PoolHits-s1.PoolHits)
}

func TestTrace(t *testing.T) {
	var w bytes.Buffer
	d, err := Open(OnDevice("cpu"), Trace(&w))
	require.NoError(t, err)
	x, err := FromSlice(d, []float32{1, 2, 3, 4}, 2, 2)
	require.NoError(t, err)
	require.NoError(t, d.Run(bg, func(s *Scope) error { s.Do(double, s.MatMul(x, x)); return nil }))
	p, err := d.Compile(func(s *Scope) error { s.Softmax(x); return nil })
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.NoError(t, d.Close())
	var events []struct {
		Name, Ph, Tid string
		Ts, Dur       float64
		Args          struct {
			Operands     string
			Flops, Bytes int
		}
	}
	require.NoError(t, json.Unmarshal(w.Bytes(), &events), w.String())
	var names []string
	for i, e := range events {
		names = append(names, e.Name)
		require.Equal(t, "X", e.Ph)
		require.GreaterOrEqual(t, e.Dur, 0.0)
		require.True(t, i == 0 || e.Ts >= events[i-1].Ts+events[i-1].Dur)
	}
	require.Equal(t, []string{"matmul", "double", "softmax"}, names)
	require.Equal(t, "a is f32[2,2], b is f32[2,2]", events[0].Args.Operands)
	require.Equal(t, 16, events[0].Args.Flops)
	require.Equal(t, 48, events[0].Args.Bytes)

	w.Reset()
	d, err = Open(OnDevice("cpu"), Trace(&w))
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, json.Unmarshal(w.Bytes(), &events))
	require.Empty(t, events)
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

// A trace that cannot be written is not cut short without a word.
func TestTraceErrors(t *testing.T) {
	d, err := Open(OnDevice("cpu"), Trace(full{}))
	require.NoError(t, err)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.Fill(F32, 0, 1); return nil }), errFull)
	require.ErrorIs(t, d.Close(), errFull)
}
