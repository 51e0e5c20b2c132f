package tandem

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is the bytes of a fuzz input, read as choices; it gives zeros when it ends.
type script struct{ b []byte }

func (f *script) next(n int) int {
	if len(f.b) == 0 {
		return 0
	}
	v := int(f.b[0])
	f.b = f.b[1:]
	return v % n
}

// size is a dimension, now and then an impossible one.
func (f *script) size() int {
	return [...]int{0, 1, 2, 3, 4, 6, 1, 2, 3, -1, -7, math.MaxInt, 1 << 40}[f.next(13)]
}

func (f *script) sizes() []int {
	dims := make([]int, f.next(8))
	for i := range dims {
		dims[i] = f.size()
	}
	return dims
}

// fuzzScope runs one op of the script in s on operands from xs, which hold good, bad and foreign handles.
func fuzzScope(s *Scope, f *script, xs []Tensor) Tensor {
	x, y, z := xs[f.next(len(xs))], xs[f.next(len(xs))], xs[f.next(len(xs))]
	dt := []DType{F32, F32, F64, F16, BF16, I64, I32, I8, U8, Bool, 0, 77}[f.next(12)]
	n := f.next(35 + fuzzedRows)
	switch n {
	case 0:
		return s.Add(x, y)
	case 1:
		return s.MatMul(x, y)
	case 2:
		return s.MatMulWith(x, y, Gemm{TransA: f.next(2) == 1, TransB: f.next(2) == 1, Bias: z, Beta: 1, C: xs[f.next(len(xs))], Act: Act(f.next(9))})
	case 3:
		return s.Reshape(x, f.sizes()...)
	case 4:
		return s.Permute(x, f.sizes()...)
	case 5:
		return s.SliceStep(x, f.size(), f.size(), f.size(), f.size())
	case 6:
		dims := f.sizes()
		for i := range dims { // a stretched view costs nothing, but what reads it may take hours
			if dims[i] == 1<<40 {
				dims[i] = 5
			}
		}
		return s.Expand(x, dims...)
	case 7:
		return s.Transpose(x, f.size(), f.size())
	case 8:
		return s.Sum(x, f.sizes()...)
	case 9:
		return s.Cast(x, dt)
	case 10:
		return s.Fill(dt, 2, f.sizes()...)
	case 11:
		return s.Softmax(x)
	case 12:
		return s.RMSNorm(x, y, 1e-6)
	case 13:
		return s.Where(x, y, z)
	case 14:
		return s.Into(x).Add(y, z)
	case 15:
		return s.Into(x).Copy(y)
	case 16:
		return s.Into(x).Reshape(y, f.sizes()...)
	case 17:
		s.Release(x)
		return y
	case 18:
		return s.StopGradient(x)
	case 19:
		s.Record(x, y)
		return z
	case 20:
		for _, g := range s.Gradients(x, y) {
			return g
		}
	case 21:
		s.Backward(x, func(p, g Tensor) { s.Into(p).Sub(p, g) })
		return y
	case 22:
		return s.Nest(func(n *Scope) Tensor {
			y := fuzzScope(n, f, append(xs[:len(xs):len(xs)], fuzzScope(n, f, xs)))
			if f.next(8) == 7 {
				return fuzzScope(s, f, xs) // the wrong scope
			}
			return y
		})
	case 23:
		return s.Do(double, x)
	case 24:
		return s.From(x)
	case 25:
		return s.Clamp(x, -1, float64(f.size()))
	case 26:
		return s.Iota(dt, f.size(), 0, 1)
	case 27:
		return s.Pack(x)
	case 28:
		return s.Uniform(x, 0, 1, f.sizes()...)
	case 29:
		return s.AddScaled(x, y, z)
	case 30:
		return s.SwiGLU(x, y)
	case 31:
		_ = Read(s, x, make([]float32, f.next(8)))
		return y
	case 32:
		return s.Exp(x)
	case 33:
		return s.Eq(x, y)
	case 34:
		return s.Mul(x, y)
	}
	return fuzzRows(s, f, n-35, x, y, z)
}

const opBytes = 14 // of a script

// play runs the ops of a script but those in skip. It returns the first that fails, -1 when none does, and reads every
// f32 result into out.
func play(s *Scope, in []byte, xs []Tensor, skip map[int]bool, out *[][]float32) int {
	*out = nil
	for n := 0; n*opBytes < len(in) && n < 40; n++ {
		if skip[n] {
			continue
		}
		y := fuzzScope(s, &script{in[n*opBytes : min(len(in), (n+1)*opBytes)]}, xs)
		_ = y.Dim(0) * y.Dim(-1) * y.Elems() // what is computed with sizes does not divide by zero
		if s.Err() != nil {
			for range 3 { // and ops go on
				y = fuzzScope(s, &script{in[:min(len(in), opBytes)]}, append(xs[:len(xs):len(xs)], y))
			}
			return n
		}
		xs = append(xs[:len(xs):len(xs)], y)
	}
	for _, x := range xs {
		if x.Valid() && x.DType() == F32 && x.Type().Format == 0 && x.Elems() < 1<<16 && x.Device() == s.Device() {
			v := make([]float32, x.Elems())
			_ = Read(s, x, v)
			*out = append(*out, v)
		}
	}
	return -1
}

// FuzzScope drives random ops with good and bad operands, eagerly and recorded: nothing panics, every error is typed,
// nothing leaks. An op that fails is left out and the script begins anew, so that long sequences remain; their
// Program gives what the eager run gave, to the bit.
func FuzzScope(f *testing.F) {
	r := rng(40)
	for range 60 {
		seed := make([]byte, 40*opBytes)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d := openTest(t, Threads(1), Budget(1<<20))
		foreign := tensor(t, openTest(t, Threads(1)), []float32{1, 2}, 2)
		closed, err := Zeros(d, F32, 2, 2)
		require.NoError(t, err)
		require.NoError(t, closed.Close())
		a, b := tensor(t, d, make([]float32, 4), 2, 2), tensor(t, d, make([]float32, 6), 2, 3)
		xs := []Tensor{a, b, tensor(t, d, []float32{0.5}, 1), tensor(t, d, []float32{1, 2}, 2), tensor(t, d, []int64{1, 2, 3}, 3),
			tensor(t, d, []bool{true, false}, 2), tensor(t, d, []float32{}, 0, 2), closed, foreign, {},
			tensor(t, d, []int32{0, 1, 2}, 3), tensor(t, d, []int32{1, 0}, 2), tensor(t, d, make([]float32, 16), 1, 2, 4, 2)}
		live := d.Stats().Live
		var eager, replayed [][]float32
		skip := map[int]bool{}
		reset := func() {
			require.NoError(t, Write(a, []float32{1, 2, 3, 4}))
			require.NoError(t, Write(b, []float32{1, 2, 3, 4, 5, 6}))
			require.NoError(t, Write(xs[2], []float32{0.5}))
			require.NoError(t, Write(xs[3], []float32{1, 2}))
			require.NoError(t, Write(xs[4], []int64{1, 2, 3}))
			require.NoError(t, Write(xs[5], []bool{true, false}))
			require.NoError(t, Write(xs[10], []int32{0, 1, 2}))
			require.NoError(t, Write(xs[11], []int32{1, 0}))
			require.NoError(t, Write(xs[12], make([]float32, 16)))
		}
		for failed := 0; failed >= 0; {
			reset()
			check(t, d.Run(bg, func(s *Scope) error { failed = play(s, in, xs, skip, &eager); return nil }))
			skip[failed] = true
			requireIdle(t, d)
			require.Equal(t, live, d.Stats().Live)
		}
		reset()
		p, err := d.Compile(func(s *Scope) error { play(s, in, xs, skip, &replayed); return nil })
		if err == nil { // From and large Programs fail here only
			err = p.Run(bg)
			require.NoError(t, p.Close())
		}
		check(t, err)
		if err == nil {
			require.Equal(t, bitsOf(eager), bitsOf(replayed))
		}
		requireIdle(t, d)
		require.Equal(t, live, d.Stats().Live)
	})
}

func bitsOf(xs [][]float32) (b []uint32) {
	for _, v := range xs {
		for _, x := range v {
			b = append(b, math.Float32bits(x))
		}
	}
	return b
}

// check refuses errors that are not of a kind that users can test for.
func check(t *testing.T, err error) {
	if err == nil {
		return
	}
	for _, kind := range []error{ErrShape, ErrDType, ErrDevice, ErrUnsupported, ErrOutOfMemory, ErrClosed, ErrScope, ErrAlias} {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Errorf("an error of no kind: %v", err)
}
