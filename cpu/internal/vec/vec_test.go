package vec

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
)

// source returns a generator seeded by the test's name, and logs the seed.
func source(t testing.TB) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	t.Logf("seed %#x", h.Sum64())
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

// specials are the numbers where functions change their ways.
var specials = []float64{
	0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.6, 2, 4, 20, -20, 88.73, 89, -103.97, -104, -105, 128, -150, 131072, 131073, -3e8, 1e30,
	math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -1e-40, 0x1p-126, -0x1p-126, 1e-20,
	16777216, 16777217, 8388607.5, 4194304.5, 3.0e-8, -0.9999999, math.Pi, 1e10,
}

// kinds of input: a bit of everything, and finite numbers of moderate size.
var kinds = map[string]func(r *rand.Rand) float64{
	"special": func(r *rand.Rand) float64 {
		if r.IntN(3) == 0 {
			return specials[r.IntN(len(specials))]
		}
		return float64(math.Float32frombits(r.Uint32()))
	},
	"normal": func(r *rand.Rand) float64 { return r.NormFloat64() * 3 },
	"wide":   func(r *rand.Rand) float64 { return math.Ldexp(r.NormFloat64(), r.IntN(60)-30) },
}

// emulated returns the tables of a level that this machine may lack, their kernels executed by another processor; none without such a processor.
var emulated = func() map[string]*Funcs { return nil }

// variants lists every table but the definition itself.
func variants() map[string]*Funcs {
	m := map[string]*Funcs{}
	maps.Copy(m, emulated())
	for _, l := range isa.Available() {
		m[l.String()] = For(l)
		m[l.String()+" streaming"] = Streaming(l)
	}
	return m
}

var lengths = func() []int {
	var ns []int
	for n := range 71 {
		ns = append(ns, n)
	}
	return append(ns, 127, 128, 129, 255, 256, 257, 511, 512, 513, 777, 1024, 1291, 4099)
}()

const guard = 16

// guarded is a slice of n elements, off from alignment by shift elements, between guards.
func guarded(elem reflect.Type, n, shift int) (whole, inner reflect.Value) {
	whole = reflect.MakeSlice(reflect.SliceOf(elem), guard+shift+n+guard, guard+shift+n+guard)
	return whole, whole.Slice3(guard+shift, guard+shift+n, guard+shift+n)
}

func set(v reflect.Value, r *rand.Rand, kind func(*rand.Rand) float64) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(float32(kind(r))))
	case reflect.Int, reflect.Int8, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()))
	default:
		v.SetUint(r.Uint64())
	}
}

// same is equality of bits, a NaN being any NaN.
func same(a, b reflect.Value) bool {
	if a.CanFloat() {
		x, y := a.Float(), b.Float()
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	}
	return a.Interface() == b.Interface()
}

// checkTwin calls two functions of one type on equal arguments and compares all that they return or touch.
func checkTwin(t *testing.T, name string, want, got reflect.Value, r *rand.Rand, n int, kind func(*rand.Rand) float64) {
	typ := want.Type()
	var args [2][]reflect.Value
	var touched [2][]reflect.Value
	for i := range typ.NumIn() {
		p := typ.In(i)
		if p.Kind() != reflect.Slice {
			x := reflect.New(p).Elem()
			set(x, r, kind)
			if p.Kind() == reflect.Uint {
				x.SetUint(x.Uint() % 8) // a shift
			}
			args[0], args[1] = append(args[0], x), append(args[1], x)
			continue
		}
		shift := r.IntN(5)
		whole, inner := guarded(p.Elem(), n, shift)
		for j := range whole.Len() {
			set(whole.Index(j), r, kind)
		}
		twin, twinInner := guarded(p.Elem(), n, shift)
		reflect.Copy(twin, whole)
		touched[0], touched[1] = append(touched[0], whole), append(touched[1], twin)
		args[0], args[1] = append(args[0], inner), append(args[1], twinInner)
	}
	out := [2][]reflect.Value{want.Call(args[0]), got.Call(args[1])}
	for i := range out[0] {
		if !same(out[0][i], out[1][i]) {
			t.Errorf("%s, n = %d: returns %v, want %v", name, n, out[1][i], out[0][i])
		}
	}
	for i := range touched[0] {
		for j := range touched[0][i].Len() {
			if a, b := touched[0][i].Index(j), touched[1][i].Index(j); !same(a, b) {
				t.Fatalf("%s, n = %d: argument %d, element %d of guard %d: %v, want %v", name, n, i, j-guard, guard, b, a)
			}
		}
	}
}

// TestVariantsAgree holds every function of every table to the bits of plain Go.
func TestVariantsAgree(t *testing.T) {
	want := reflect.ValueOf(For(isa.Generic)).Elem()
	for variant, f := range variants() {
		t.Run(variant, func(t *testing.T) {
			if f.Level == isa.Generic {
				t.Skip("the definition itself")
			}
			r := source(t)
			got := reflect.ValueOf(f).Elem()
			for i := range want.NumField() {
				if part := want.Type().Field(i); part.Type.Kind() == reflect.Struct {
					for j := range part.Type.NumField() {
						if field := part.Type.Field(j); field.IsExported() {
							checkField(t, fmt.Sprintf("%s.%s", part.Name, field.Name), want.Field(i).Field(j), got.Field(i).Field(j), r)
						}
					}
				}
			}
		})
	}
}

func checkField(t *testing.T, name string, want, got reflect.Value, r *rand.Rand) {
	require.False(t, want.IsNil(), "%s is missing", name)
	require.False(t, got.IsNil(), "%s is missing", name)
	if want.Pointer() == got.Pointer() && want.Type().NumIn() > 0 && name[0] != 'F' {
		return // integers have no assembly yet
	}
	for _, kind := range []string{"special", "normal", "wide"} {
		for _, n := range lengths {
			if n == 0 && (name[len(name)-2:] == "Of") && name[0] != 'F' {
				continue
			}
			checkTwin(t, name, want, got, r, n, kinds[kind])
		}
	}
}

// TestConversionsAgree covers the members of the table that are not in a part.
func TestConversionsAgree(t *testing.T) {
	g := For(isa.Generic)
	for variant, f := range variants() {
		t.Run(variant, func(t *testing.T) {
			r := source(t)
			for name, pair := range map[string][2]any{
				"F32FromF16": {g.F32FromF16, f.F32FromF16}, "F32FromBF16": {g.F32FromBF16, f.F32FromBF16},
				"F16FromF32": {g.F16FromF32, f.F16FromF32}, "BF16FromF32": {g.BF16FromF32, f.BF16FromF32},
				"F64FromF32": {g.F64FromF32, f.F64FromF32}, "F32FromF64": {g.F32FromF64, f.F32FromF64},
			} {
				for _, kind := range kinds {
					for _, n := range lengths {
						checkTwin(t, name, reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1]), r, n, kind)
					}
				}
			}
		})
	}
}
