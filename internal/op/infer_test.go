package op

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inference is an op, the types of its operands, and the types of its results; or the kind of error, as !shape, !dtype
// or !unsupported, and what its text says.
type inference struct {
	op       Op
	in, want string
}

var errorKinds = map[string]error{"!shape": ErrShape, "!dtype": ErrDType, "!unsupported": ErrUnsupported}

// types reads types as String writes them, separated by spaces. Packed ones have Format Packed.
func types(s string) []Type {
	var ts []Type
	for _, f := range strings.Fields(s) {
		f, packed := strings.CutSuffix(f, ":packed")
		name, list, _ := strings.Cut(strings.TrimSuffix(f, "]"), "[")
		d, ok := ParseDType(name)
		if !ok {
			panic(name)
		}
		var dims []int
		for _, n := range strings.Split(list, ",") {
			if n != "" {
				v, err := strconv.Atoi(n)
				if err != nil {
					panic(err)
				}
				dims = append(dims, v)
			}
		}
		t := Make(d, dims...)
		if packed {
			t.Format = Packed
		}
		ts = append(ts, t)
	}
	return ts
}

func typeNames(ts []Type) string {
	var names []string
	for _, t := range ts {
		names = append(names, t.String())
	}
	return strings.Join(names, " ")
}

func inferences() (all []inference) {
	for _, family := range [][]inference{elementwiseInferences, viewInferences, reduceInferences, segmentInferences, gemmInferences,
		normInferences, ropeInferences, attentionInferences, softmaxInferences, indexInferences, sampleInferences} {
		all = append(all, family...)
	}
	return all
}

func TestInfer(t *testing.T) {
	for _, c := range inferences() {
		t.Run(c.op.Name()+"("+c.in+")", func(t *testing.T) {
			before := Make(U8, 7) // Infer appends
			got, err := c.op.Infer([]Type{before}, types(c.in))
			kind, text, bad := strings.Cut(c.want, ":")
			if want, ok := errorKinds[kind]; ok && bad {
				require.ErrorIs(t, err, want)
				require.ErrorContains(t, err, strings.TrimSpace(text))
				return
			}
			require.NoError(t, err)
			require.Equal(t, before, got[0])
			require.Equal(t, c.want, typeNames(got[1:]))
			cost := c.op.Cost(types(c.in), got[1:])
			require.GreaterOrEqual(t, cost.Flops, int64(0))
			require.GreaterOrEqual(t, cost.Bytes, int64(0))
		})
	}
}

// TestInferIsTested wants a right and a wrong use of every kind of op.
func TestInferIsTested(t *testing.T) {
	right, wrong := map[Kind]bool{}, map[Kind]bool{}
	for _, c := range inferences() {
		if strings.HasPrefix(c.want, "!") {
			wrong[c.op.Kind()] = true
		} else {
			right[c.op.Kind()] = true
		}
	}
	for _, o := range All() {
		require.True(t, right[o.Kind()], "no right use of %s", o.Name())
		require.True(t, wrong[o.Kind()], "no wrong use of %s", o.Name())
	}
}

// TestEveryOpCountsItsOperands: too few and too many are errors, of every op.
func TestEveryOpCountsItsOperands(t *testing.T) {
	for _, o := range All() {
		n := len(strings.Fields(o.Args()))
		if o.Kind() == KindConcat {
			n = MaxConcat
		}
		for _, k := range []int{n - 1, n + 1, 0} {
			if k < 0 || k == n || o.Kind() == KindConcat && k == n-1 {
				continue
			}
			in := make([]Type, k)
			for i := range in {
				in[i] = Make(F32, 2, 2)
			}
			_, err := o.Infer(nil, in)
			require.ErrorIs(t, err, ErrShape, "%s of %d operands", o.Name(), k)
			require.ErrorContains(t, err, "operands", o.Name())
		}
	}
}

// TestInferNeverPanics gives every op operands that make no sense. What it accepts has a price, and results that are
// types.
func TestInferNeverPanics(t *testing.T) {
	accepted := map[string]bool{}
	for _, o := range All() {
		for seed := range uint64(1500) {
			r := rand.New(rand.NewPCG(seed, 6))
			in := make([]Type, len(strings.Fields(o.Args())))
			d := DTypes[r.IntN(len(DTypes))]
			for i := range in {
				if r.IntN(3) == 0 {
					d = DTypes[r.IntN(len(DTypes))]
				}
				dims := make([]int, r.IntN(MaxRank+1))
				for j := range dims {
					dims[j] = r.IntN(3)
				}
				in[i] = Make(d, dims...)
				if r.IntN(10) == 0 {
					in[i].Format = Packed
				}
			}
			out, err := o.Infer(nil, in)
			if err != nil {
				require.True(t, errors.Is(err, ErrShape) || errors.Is(err, ErrDType) || errors.Is(err, ErrUnsupported), "%s: %v", o.Name(), err)
				continue
			}
			accepted[o.Name()] = true
			for i := range out {
				require.NoError(t, out[i].Check(), o.Name())
				require.True(t, out[i].DType.Valid(), o.Name())
			}
			o.Cost(in, out)
			if w, ok := o.(Window); ok {
				w.Window(in)
			}
		}
	}
	require.Greater(t, len(accepted), 60, "most ops accept some")
}
