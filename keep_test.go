package tandem

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func closeAll(t testing.TB, xs ...Tensor) {
	for _, x := range xs {
		require.NoError(t, x.Close())
	}
}

func TestKeep(t *testing.T) {
	d := openTest(t)
	a := tensor(t, d, []float32{1, 2, 3, 4}, 2, 2)
	var eager, replayed []Tensor
	f := func(out *[]Tensor) func(*Scope) error {
		return func(s *Scope) error {
			moved := s.Keep(s.Nest(func(s *Scope) Tensor { return s.Add(a, a) }))
			s.Mul(moved, moved)
			y := s.Mul(a, a)
			view := s.Keep(s.Transpose(y, 0, 1))
			shared := s.Slice(y, 0, 0, 1)
			whole := s.Keep(y) // a view shares its memory
			s.Into(shared).Fill(F32, 7, 1, 2)
			*out = []Tensor{moved, view, whole, s.Keep(s.Fill(I32, 5)), s.Keep(s.Slice(s.Neg(a), 0, 1, 1))}
			require.Equal(t, a, s.Keep(a), "a persistent tensor is kept already")
			return nil
		}
	}
	require.NoError(t, d.Run(bg, f(&eager)))
	p, err := d.Compile(f(&replayed))
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	check := func(xs []Tensor, scale float32) {
		require.Equal(t, []float32{2 * scale, 4 * scale, 6 * scale, 8 * scale}, all[float32](t, xs[0]))
		require.Equal(t, []float32{scale * scale, 9 * scale * scale, 4 * scale * scale, 16 * scale * scale}, all[float32](t, xs[1]))
		require.Equal(t, []float32{scale * scale, 4 * scale * scale, 9 * scale * scale, 16 * scale * scale}, all[float32](t, xs[2]))
		require.Equal(t, []int32{5}, all[int32](t, xs[3]))
		require.Equal(t, []int{0, 2}, xs[4].Shape())
	}
	check(eager, 1)
	check(replayed, 1)
	require.NoError(t, Write(a, []float32{2, 4, 6, 8}))
	require.NoError(t, p.Run(bg))
	check(eager, 1)
	check(replayed, 2)
	closeAll(t, eager...)
	closeAll(t, replayed[0])
	require.ErrorIs(t, p.Run(bg), ErrClosed, "what a Program keeps must stay open")
	require.NoError(t, p.Close())
	require.False(t, replayed[1].Valid(), "and ends with it")
}

// A packed weight is opaque, but kept like any other.
func TestKeepPacked(t *testing.T) {
	d, r := openTest(t), rng(13)
	a, w := normal(t, d, r, 3, 37), normal(t, d, r, 37, 21)
	var packed, recorded Tensor
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		packed = s.Keep(s.Pack(w))
		require.Equal(t, "f32[37,21]:packed", packed.Type().String())
		return nil
	}))
	p, err := d.Compile(func(s *Scope) error { recorded = s.Keep(s.Pack(w)); return nil })
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		want := read[float32](t, s, s.MatMul(a, s.Pack(w)))
		require.Equal(t, want, read[float32](t, s, s.MatMul(a, packed)))
		require.Equal(t, want, read[float32](t, s, s.MatMul(a, recorded)))
		return nil
	}))
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { return Read(s, packed, make([]float32, 37*21)) }), ErrDType)
	for name, f := range map[string]func(s *Scope){
		"add":    func(s *Scope) { s.Add(packed, packed) },
		"copy":   func(s *Scope) { s.Copy(packed) },
		"view":   func(s *Scope) { s.Reshape(packed, 21, 37) },
		"first":  func(s *Scope) { s.MatMul(packed, w) },
		"custom": func(s *Scope) { s.Do(double, packed) },
	} {
		require.ErrorIs(t, d.Run(bg, func(s *Scope) error { f(s); return nil }), ErrUnsupported, name)
	}
	require.Error(t, Write(packed, make([]float32, 37*21)))
	closeAll(t, packed)
	require.NoError(t, p.Close())
}

// A Keep that fails leaves nothing behind, and what a failed Compile kept is closed.
func TestKeepAfterErrors(t *testing.T) {
	d := openTest(t)
	a := tensor(t, d, []float32{1, 2, 3, 4}, 2, 2)
	ctx, cancel := context.WithCancel(bg)
	require.ErrorIs(t, d.Run(ctx, func(s *Scope) error {
		v := s.Transpose(s.Neg(a), 0, 1)
		cancel()
		s.Keep(v)
		return nil
	}), context.Canceled)
	require.Equal(t, 1, d.Stats().Tensors)
	_, err := d.Compile(func(s *Scope) error { s.Keep(s.Neg(a)); s.MatMul(s.Keep(s.Neg(a)), Tensor{}); return nil })
	require.ErrorIs(t, err, ErrClosed)
	require.Equal(t, 1, d.Stats().Tensors)
}

// What a nested scope releases of an outer one leaves no trace for others to stumble over.
func TestReleaseAcrossScopes(t *testing.T) {
	d, r := openTest(t), rng(14)
	a := tensor(t, d, []float32{1, 2}, 2)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		live := map[float32]Tensor{} // value -> tensor
		next := float32(0)
		add := func(s *Scope) Tensor {
			next++
			x := s.AddScalar(s.MulScalar(a, 0), float64(next))
			live[next] = x
			return x
		}
		release := func(s *Scope) {
			for v, x := range live { // any one
				s.Release(x)
				require.False(t, x.Valid())
				delete(live, v)
				return
			}
		}
		for range 400 {
			switch r.IntN(4) {
			case 0:
				add(s)
			case 1:
				release(s)
			case 2:
				before := next
				keep := s.Nest(func(s *Scope) Tensor {
					add(s)
					release(s)
					y := add(s)
					release(s)
					return y
				})
				for v, x := range live { // the nested scope's own, but for its result
					if v > before && x != keep {
						require.False(t, x.Valid())
						delete(live, v)
					}
				}
			default:
				s.Release(Tensor{})
				s.Release(a)
			}
			for v, x := range live {
				require.True(t, x.Valid(), "%v", v)
				require.Equal(t, x, s.stack[x.slot.at], "the arena's stack lost a tensor")
				require.Equal(t, []float32{v, v}, read[float32](t, s, x))
			}
		}
		return nil
	}))
}

// A temporary that is kept twice is two tensors.
func TestKeepTwice(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{1, 2}, 2)
	live := d.Stats().Live
	var k [2]Tensor
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		y := s.Add(x, x)
		k[0] = s.Keep(y)
		k[1] = s.Keep(y)
		return nil
	}))
	require.NoError(t, k[0].Close())
	z, err := FromSlice(d, []float32{5, 5}, 2)
	require.NoError(t, err)
	got, err := ReadAll[float32](k[1])
	require.NoError(t, err)
	require.Equal(t, []float32{2, 4}, got)
	require.NoError(t, k[1].Close())
	require.NoError(t, z.Close())
	require.Equal(t, live, d.Stats().Live)
}
