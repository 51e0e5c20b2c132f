package op

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// offsets lists where a type's elements lie, in row-major order.
func offsets(t *Type) []int {
	all := make([]int, t.Elems())
	for i := range all {
		rest := i
		for d := int(t.Rank) - 1; d >= 0; d-- {
			all[i] += rest % t.Dims[d] * t.Strides[d]
			rest /= t.Dims[d]
		}
	}
	return all
}

// randomType is a small type as views make them: permuted, sliced with steps, stretched.
func randomType(r *rand.Rand) Type {
	dims := make([]int, r.IntN(5))
	for i := range dims {
		dims[i] = 1 + r.IntN(4)
	}
	t := Make(F32, dims...)
	for range r.IntN(4) {
		if t.Rank == 0 {
			break
		}
		i, j := r.IntN(int(t.Rank)), r.IntN(int(t.Rank))
		switch r.IntN(4) {
		case 0:
			t.Dims[i], t.Dims[j] = t.Dims[j], t.Dims[i]
			t.Strides[i], t.Strides[j] = t.Strides[j], t.Strides[i]
		case 1:
			t.Dims[i] = (t.Dims[i] + 1) / 2
			t.Strides[i] *= 2
		case 2:
			t.Dims[i] = max(1, t.Dims[i]-1)
		case 3:
			if t.Dims[i] == 1 {
				t.Dims[i], t.Strides[i] = 3, 0
			}
		}
	}
	return t
}

func TestMake(t *testing.T) {
	x := Make(F16, 2, 3, 4)
	require.Equal(t, [MaxRank]int{12, 4, 1}, x.Strides)
	require.Equal(t, []int{2, 3, 4}, x.Shape())
	require.Equal(t, []int{24, 48, 24, 6, 4}, []int{x.Elems(), x.Bytes(), x.Span(), x.Rows(), x.Last()})
	require.Equal(t, "f16[2,3,4]", x.String())
	scalar := Make(I64)
	require.Equal(t, []int{1, 8, 1, 1, 1}, []int{scalar.Elems(), scalar.Bytes(), scalar.Span(), scalar.Rows(), scalar.Last()})
	require.Equal(t, "i64[]", scalar.String())
	empty := Make(Bool, 3, 0, 2)
	require.Equal(t, []int{0, 0, 0, 0, 2}, []int{empty.Elems(), empty.Bytes(), empty.Span(), empty.Rows(), empty.Last()})
	x.Format = Packed
	require.Equal(t, "f16[2,3,4]:packed", x.String())
	require.False(t, x.Contiguous())
	require.Panics(t, func() { Make(F32, -1) })
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		d    DType
		dims []int
		kind error
	}{
		{0, nil, ErrDType}, {F8E4M3, []int{1}, ErrDType}, {255, []int{1}, ErrDType},
		{F32, []int{1, 1, 1, 1, 1, 1, 1}, ErrShape},
		{F32, []int{2, -1}, ErrShape},
		{F32, []int{0, -1}, ErrShape},
		{U8, []int{MaxBytes + 1}, ErrShape},
		{F64, []int{MaxBytes / 4}, ErrShape},
		{U8, []int{1 << 62, 4}, ErrShape}, // the product would wrap to 0
		{U8, []int{1 << 32, 1 << 32}, ErrShape},
		{U8, []int{0, 1 << 32, 1 << 32}, ErrShape}, // strides would overflow
	} {
		_, err := New(c.d, c.dims...)
		require.ErrorIs(t, err, c.kind, "%v%v", c.d, c.dims)
	}
	for _, dims := range [][]int{{MaxBytes}, {1 << 23, 1 << 23}, {0, MaxBytes}, {MaxBytes, 0}} {
		_, err := New(U8, dims...)
		require.NoError(t, err, "%v", dims)
	}
	long := DimsOf(make([]int, 300)...)
	_, err := long.Type(F32)
	require.ErrorIs(t, err, ErrShape)
}

func TestContiguousByBruteForce(t *testing.T) {
	for seed := range uint64(2000) {
		x := randomType(rand.New(rand.NewPCG(seed, 2)))
		at, want, span := offsets(&x), true, 0
		for i, o := range at {
			want = want && o == i
			span = max(span, o+1)
		}
		require.Equal(t, want, x.Contiguous(), "seed %d: %v %v", seed, x, x.Strides)
		require.Equal(t, span, x.Span(), "seed %d", seed)
	}
}

func TestRowStrideByBruteForce(t *testing.T) {
	for seed := range uint64(2000) {
		x := randomType(rand.New(rand.NewPCG(seed, 3)))
		at, n := offsets(&x), x.Last()
		stride := n
		if x.Rows() > 1 {
			stride = at[n]
		}
		want := true
		for i, o := range at {
			want = want && o == i/n*stride+i%n
		}
		got, ok := x.RowStride()
		require.Equal(t, want, ok, "seed %d: %v %v", seed, x, x.Strides)
		if ok && x.Rows() > 1 {
			require.Equal(t, stride, got, "seed %d: %v %v", seed, x, x.Strides)
		}
	}
}

// randomShape splits n elements into dimensions at random, with some of one.
func randomShape(r *rand.Rand, n int) []int {
	var dims []int
	for len(dims) < MaxRank-1 && (n > 1 || r.IntN(3) == 0) {
		d := 1
		if n > 1 && r.IntN(4) > 0 {
			for d = 2 + r.IntN(n-1); n%d != 0; {
				d--
			}
		}
		dims = append(dims, d)
		n /= d
	}
	if n > 1 {
		dims = append(dims, n)
	}
	r.Shuffle(len(dims), func(i, j int) { dims[i], dims[j] = dims[j], dims[i] })
	return dims
}

// TestRestrideByBruteForce finds the only strides that a view of the new shape could have, from the places of its
// elements, and asks whether all elements lie by them.
func TestRestrideByBruteForce(t *testing.T) {
	views := 0
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 4))
		x := randomType(r)
		y := Make(F32, randomShape(r, x.Elems())...)
		at, want := offsets(&x), y
		inner := 1
		for d := int(y.Rank) - 1; d >= 0; d-- {
			if y.Dims[d] > 1 {
				want.Strides[d] = at[inner] - at[0]
			}
			inner *= y.Dims[d]
		}
		possible := true
		for i, o := range offsets(&want) {
			possible = possible && at[i] == o
		}
		got, ok := restride(&x, &y)
		require.Equal(t, possible, ok, "seed %d: %v%v as %v", seed, x, x.Strides, y)
		if ok {
			views++
			y.Strides = got
			require.Equal(t, at, offsets(&y), "seed %d: %v%v as %v%v", seed, x, x.Strides, y, got)
		}
	}
	require.Greater(t, views, 500, "views are among the cases")
}

func TestBroadcastByBruteForce(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 5))
		a, b := randomType(r), randomType(r)
		got, err := Broadcast(&a, &b)
		rank := max(int(a.Rank), int(b.Rank))
		var dims []int
		possible := true
		for i := rank; i >= 1; i-- {
			x, y := a.fromEnd(i), b.fromEnd(i)
			possible = possible && (x == y || x == 1 || y == 1)
			dims = append(dims, max(x, y))
		}
		require.Equal(t, possible, err == nil, "seed %d: %v and %v", seed, a, b)
		if err != nil {
			require.ErrorIs(t, err, ErrShape)
			continue
		}
		require.Equal(t, Make(F32, dims...), got)
		require.True(t, a.BroadcastTo(&got) && b.BroadcastTo(&got))
		require.Equal(t, got.SameShape(&a), got.BroadcastTo(&a), "seed %d: %v to %v", seed, got, a)
		stretched := got // every element comes from the one with its coordinates cut to a's
		stretched.Strides = a.StridesIn(&got)
		for i, o := range offsets(&stretched) {
			want, rest := 0, i
			for d := 1; d <= rank; d++ {
				c := rest % got.fromEnd(d)
				rest /= got.fromEnd(d)
				if a.fromEnd(d) > 1 {
					want += c * a.Strides[int(a.Rank)-d]
				}
			}
			require.Equal(t, want, o, "seed %d", seed)
		}
	}
}

func TestBroadcastOfNothing(t *testing.T) {
	zero, one, two := Make(F32, 0, 3), Make(F32, 1), Make(F32, 2, 3)
	got, err := Broadcast(&zero, &one)
	require.NoError(t, err)
	require.Equal(t, zero, got)
	_, err = Broadcast(&zero, &two)
	require.ErrorIs(t, err, ErrShape)
}

func TestAxis(t *testing.T) {
	x := Make(F32, 2, 3)
	for a, want := range map[int]int{0: 0, 1: 1, -1: 1, -2: 0} {
		got, err := x.Axis(a)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, a := range []int{2, -3} {
		_, err := x.Axis(a)
		require.ErrorIs(t, err, ErrShape)
	}
}

func TestDTypes(t *testing.T) {
	for _, d := range DTypes {
		got, ok := ParseDType(d.String())
		require.True(t, ok)
		require.Equal(t, d, got)
		require.True(t, d.Valid())
		require.False(t, d.Float() && d.Int())
	}
	for _, d := range []DType{0, F8E4M3, MXFP4, 31, 32, 255} {
		require.False(t, d.Valid(), "%v", d)
	}
	_, ok := ParseDType("invalid")
	require.False(t, ok)
}
